"""What the fold keeps while records come is what a count of everything would find, after any records."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import plan, subtask, wave

from luna_tui.core.counting import count, uncount
from luna_tui.core.events import (
    AttemptFailed,
    Event,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    ThreadReturned,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.insight import countdown_s, dependents, flow, summed_s
from luna_tui.core.outline import outline
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.words import GOOD, ErrorKind, Kind, Mode, RunStatus, Schedule, Status, WaitReason
from luna_tui.tui.views.entries import entries

BAD = (Status.FAILED, Status.TIMED_OUT)


def started(rng: random.Random, schedule: Schedule) -> RunStarted:
    """A plan with some dependencies, in as many waves as it likes."""
    ids: list[str] = []
    waves = []
    for w in range(rng.randint(1, 4)):
        here = []
        for n in range(rng.randint(1, 6)):
            needs = tuple(rng.sample(ids, rng.randint(0, min(2, len(ids)))))
            kind = rng.choice([Kind.CLAUDE, Kind.COMMAND])
            here.append(subtask(f"{w}.{n}", depends_on=needs, kind=kind))
            ids.append(f"{w}.{n}")
        waves.append(wave(f"w{w}", *here))
    return RunStarted(
        started_at="",
        plan=outline(plan(*waves, schedule=schedule)),
        mode=Mode.BALANCED,
        tier="tier2",
        max_workers=4,
        provider="",
        version="",
    )


class Life:
    """A run in which anything may happen to anything, in an order that an engine could tell."""

    def __init__(self, seed: int, schedule: Schedule) -> None:
        self.rng = random.Random(seed)
        self.state = RunState()
        self.at = 0.0
        self.workers = 0
        self.tell(started(self.rng, schedule))
        for w in self.state.waves.values():
            if self.rng.random() < 0.8:
                self.tell(WaveStarted(wave=w.name, parallel=True, reason="", workers=4))

    def tell(self, event: Event) -> None:
        self.at += self.rng.choice([0.0, 0.5, 3.0])
        self.state.apply(Record(self.state.seq + 1, self.at, "r", event))

    def step(self) -> None:
        rng, s = self.rng, self.rng.choice(list(self.state.subtasks.values()))
        about: dict[str, Any] = {"wave": s.wave, "subtask": s.id, "attempt": max(1, s.attempt)}
        if s.status is None and s.worker is None:
            self.workers += 1
        worker = s.worker if s.worker is not None else self.workers
        event: Event
        match rng.randint(0, 9):
            case 0 | 1 if s.status is None:
                event = SubtaskWaiting(
                    **about, reason=rng.choice(list(WaitReason)), worker=worker, expected_s=2.0
                )
            case 2 | 3 if s.status is None:
                event = SubtaskStarted(**about, worker=worker, title="", kind=s.planned.kind)
            case 4 if s.running:
                event = SubtaskOutput(**about, text="x")
            case 5 if s.running:
                event = AttemptFailed(**about, error_kind=ErrorKind.SERVER, message="", will_retry=True)
            case 6:
                event = UsageRecorded(**about, model="m", input_tokens=5, output_tokens=7, cost_usd=0.25)
            case 7 if s.status is None:
                status = rng.choice(list(Status))
                event = SubtaskFinished(**about, status=status, duration_s=rng.uniform(0, 9), attempts=1)
            case 8 if s.worker is not None:
                returned = ThreadReturned(**about, worker=s.worker)
                event = returned if s.ghost else ThreadAbandoned(**about, worker=s.worker)
            case 9 if s.status is not None and rng.random() < 0.5:
                self.take_back(s)
                return
            case _:
                w = self.state.waves[s.wave]
                if w.started_at is None or w.ended_at is not None:
                    return
                event = WaveFinished(wave=w.name, status=RunStatus.SUCCEEDED, counts={}, wall_s=0.0)
                if rng.random() < 0.9:
                    return
        self.tell(event)

    def take_back(self, s: SubtaskState) -> None:
        """As a retry does: what ended has not ended."""
        uncount(self.state, s)
        s.status, s.ended_at = None, None
        count(self.state, s)


def agrees(state: RunState, now_s: float) -> None:
    """Everything that is kept, counted again the slow way."""
    subtasks = list(state.subtasks.values())
    live = [s for s in subtasks if s.status is None]
    on = [s for s in live if s.running or s.waiting is not None]
    assert {s.id for s in on} <= set(state.live)
    assert all(s.status is None for s in state.live.values())
    assert state.on == len(on)
    assert state.running == sum(s.running for s in live)
    assert state.ended == len(subtasks) - len(live)
    assert state.counts == Counter(s.status for s in subtasks if s.status is not None)
    for w in state.waves.values():
        wave_agrees(state, w)
    troubled = {s.id for s in subtasks if s.ghost or s.status in BAD}
    assert {s.id for s in state.troubled} == troubled
    assert len(state.troubled) == len(troubled)
    assert all((s.id in state.troubled) == (s.id in troubled) for s in subtasks)
    assert set(state.troubled.ghosts) == {s.id for s in subtasks if s.ghost}
    opened = [w for w in state.waves.values() if w.started_at is not None and w.ended_at is None]
    assert list(state.open_waves) == opened
    begun = [w for w in state.waves.values() if w.started_at is not None]
    assert state.current_wave is (
        opened[0] if opened else begun[-1] if begun else next(iter(state.waves.values()))
    )
    tried = sum(
        (now_s if t.ended_at is None else t.ended_at) - t.started_at for s in subtasks for t in s.tries
    )
    assert summed_s(state, now_s) == pytest.approx(tried)
    for s in subtasks:
        needing = tuple(o.id for o in subtasks if s.id in o.planned.depends_on)
        assert dependents(state, s.id) == needing
        assert s.unmet == sum(state.subtasks[i].status not in GOOD for i in set(s.planned.depends_on))


def wave_agrees(state: RunState, w: WaveState) -> None:
    members = [state.subtasks[i] for i in w.subtasks]
    on = sum(s.status is None and (s.running or s.waiting is not None) for s in members)
    went_well = [s for s in members if s.status is Status.SUCCEEDED and s.duration_s > 0]
    asked = [s for s in went_well if s.planned.kind is Kind.CLAUDE]
    left = [s for s in members if s.status is None]
    assert w.on == on
    assert w.ended == len(members) - len(left)
    assert w.good == sum(s.status in GOOD for s in members)
    assert w.failed == sum(s.status in BAD for s in members)
    assert w.untouched == len(left) - on
    assert w.blocked == sum(s.unmet > 0 for s in left if s.id not in state.live)
    assert w.asking == sum(s.planned.kind is Kind.CLAUDE for s in left)
    assert w.chains.longest == max((s.chain for s in left), default=0)
    assert (w.sums.ends, w.sums.asked) == (len(went_well), len(asked))
    assert w.sums.seconds == pytest.approx(sum(s.duration_s for s in went_well), abs=1e-9)
    assert w.sums.usd == pytest.approx(sum(s.cost_usd or 0.0 for s in asked), abs=1e-9)
    assert w.sums.input_tokens == sum(s.input_tokens for s in asked)
    assert w.sums.output_tokens == sum(s.output_tokens for s in asked)


def flow_agrees(state: RunState, now_s: float) -> None:
    live = [s for s in state.subtasks.values() if s.status is None]
    waiting = [s for s in live if s.waiting is not None]
    current = state.current_wave
    begun = {w.name for w in state.open_waves} or ({current.name} if current else set())
    untouched = [s for s in live if not s.running and s.waiting is None]
    found = flow(state, now_s)
    assert found.on == len(waiting) + sum(s.running for s in live)
    assert found.in_flight == sum(s.running for s in live)
    assert found.queued == sum(s.wave in begun for s in untouched)
    assert found.later == len(untouched) - found.queued
    assert {r: n for r, n, _ in found.waits} == Counter(s.waiting for s in waiting)
    for reason, _, left in found.waits:
        every = [countdown_s(s, now_s) for s in waiting if s.waiting is reason]
        assert left == min(x for x in every if x is not None)


def holders_agree(state: RunState, now_s: float) -> None:
    current = state.current_wave
    here = {w.name for w in state.open_waves} or ({current.name} if current else set())
    held: dict[int, SubtaskState] = {}
    for s in state.subtasks.values():
        if s.worker is not None and (s.wave in here or state.plan.schedule is Schedule.DAG):
            held[s.worker] = s
    assert [(e.worker, e.subtask.id) for e in entries(state, now_s)] == [
        (n, held[n].id) for n in sorted(held)
    ]


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(Schedule), st.integers(0, 120))
def test_what_is_kept_is_what_counting_everything_finds(seed: int, schedule: Schedule, steps: int) -> None:
    life = Life(seed, schedule)
    for _ in range(steps):
        life.step()
    agrees(life.state, life.at + 2.0)
    flow_agrees(life.state, life.at + 0.5)
    holders_agree(life.state, life.at + 0.5)


def test_a_row_of_dependencies_is_as_long_as_what_hangs_on_it() -> None:
    """a, b in one wave, c after b in the next, d after c there: barriers cut the row between the waves."""
    waves = (
        wave("one", subtask("a"), subtask("b")),
        wave("two", subtask("c", depends_on=("b",)), subtask("d", depends_on=("c", "a"))),
    )
    lengths = {}
    for schedule in Schedule:
        start = started(random.Random(0), schedule)
        state = RunState()
        given = RunStarted(
            **{f: getattr(start, f) for f in start.__slots__}
            | {"plan": outline(plan(*waves, schedule=schedule))}
        )
        state.apply(Record(1, 0.0, "r", given))
        lengths[schedule] = {i: s.chain for i, s in state.subtasks.items()}
    assert lengths[Schedule.WAVES] == {"a": 1, "b": 1, "c": 2, "d": 1}
    assert lengths[Schedule.DAG] == {"a": 2, "b": 3, "c": 2, "d": 1}
