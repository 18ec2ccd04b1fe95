"""What the fold keeps while records come is what a count of everything would find, after any records."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from recount import agrees, flow_agrees
from support import plan, subtask, wave

from luna_tui.core.counting import count, uncount
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
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
    TurnStarted,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.outline import outline
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.trying import in_flight
from luna_tui.core.words import Decision, ErrorKind, Kind, Mode, RunStatus, Schedule, Status, WaitReason
from luna_tui.tui.views.entries import entries


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
        self.first = started(self.rng, schedule)
        self.tell(self.first)
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
        match rng.randint(0, 13):
            case 11 | 12 | 13 if s.status is None and in_flight(s):
                event = self.of_agent(s, about)
            case 10:
                if rng.random() < 0.3:
                    self.go_on()
                return
            case 0 | 1 if s.status is None:
                event = SubtaskWaiting(
                    **about, reason=rng.choice(list(WaitReason)), worker=worker, expected_s=2.0
                )
            case 2 | 3 if s.status is None and not in_flight(s):
                event = SubtaskStarted(**about, worker=worker, title="", kind=s.planned.kind)
            case 4 if s.running:
                event = SubtaskOutput(**about, text="x")
            case 5 if in_flight(s):
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

    def of_agent(self, s: SubtaskState, about: dict[str, Any]) -> Event:
        """A turn, something it asks, or the answer to that."""
        asked = [ask.approval for ask in self.state.asks.values() if ask.subtask == s.id]
        if asked and self.rng.random() < 0.6:
            return ApprovalDecided(
                wave=s.wave, subtask=s.id, approval=self.rng.choice(asked), tool="t", by="ana",
                decision=self.rng.choice([Decision.ALLOW, Decision.DENY]),
            )  # fmt: skip
        if self.rng.random() < 0.5:
            return ApprovalRequested(**about, approval=f"a{self.state.seq}", tool="t", summary="")
        return TurnStarted(**about, turn=2)

    def go_on(self) -> None:
        """As another process does: nothing is in flight any more."""
        open_tries = [(s, s.attempt) for s in self.state.subtasks.values() if in_flight(s)]
        self.tell(replace(self.first, resumed_from="r", away_s=60.0))
        for s, attempt in open_tries:
            self.tell(
                AttemptFailed(
                    wave=s.wave,
                    subtask=s.id,
                    attempt=attempt,
                    error_kind=ErrorKind.INTERRUPTED,
                    message="the process ended",
                    will_retry=True,
                )
            )

    def take_back(self, s: SubtaskState) -> None:
        """As a retry does: what ended has not ended."""
        uncount(self.state, s)
        s.status, s.ended_at = None, None
        count(self.state, s)


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
