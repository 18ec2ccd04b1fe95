"""Count everything that the fold keeps once more, the slow way."""

from __future__ import annotations

from collections import Counter

import pytest

from luna_tui.core.insight import countdown_s, dependents, flow, summed_s
from luna_tui.core.spans import Try
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.words import GOOD, Kind, Status

BAD = (Status.FAILED, Status.TIMED_OUT)


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
    tried = sum(worked_s(s, t, now_s) for s in subtasks for t in s.tries)
    assert summed_s(state, now_s) == pytest.approx(tried)
    for s in subtasks:
        needing = tuple(o.id for o in subtasks if s.id in o.planned.depends_on)
        assert dependents(state, s.id) == needing
        assert s.unmet == sum(state.subtasks[i].status not in GOOD for i in set(s.planned.depends_on))


def worked_s(s: SubtaskState, t: Try, now_s: float) -> float:
    """From the stretches of the subtask: those of an attempt without its waits."""
    end_at = now_s if t.ended_at is None else t.ended_at
    waits = [
        min(end_at, now_s if span.end_at is None else span.end_at) - span.start_at
        for span in s.spans
        if span.phase != "run" and t.started_at <= span.start_at < end_at
    ]
    return end_at - t.started_at - sum(waits)


def wave_agrees(state: RunState, w: WaveState) -> None:
    members = [state.subtasks[i] for i in w.subtasks]
    assert (w.stands_since is not None) == any(ask.subtask in w.subtasks for ask in state.asks.values())
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
