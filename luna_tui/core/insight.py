"""Judgements that every front end shares: how a subtask stands, what the run waits for, when it may end."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.words import LIMIT_REASONS, Kind, Schedule, Status, WaitReason

QUIET_FLOOR_S = 20.0
"""Silence shorter than this is never worth a word."""
ENDS_FOR_FORECAST = 3


class Stand(StrEnum):
    """How a subtask stands right now; each has a glyph of its own."""

    QUEUED = "queued"
    LIMIT = "limit"
    HELD = "held"
    ASK = "ask"
    PAUSED = "paused"
    BACKOFF = "backoff"
    SENT = "sent"
    STREAMING = "streaming"
    TOOL = "tool"
    QUIET = "quiet"
    GHOST = "ghost"
    OK = "ok"
    CACHED = "cached"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


_ENDS = {
    Status.SUCCEEDED: Stand.OK,
    Status.CACHED: Stand.CACHED,
    Status.FAILED: Stand.FAILED,
    Status.TIMED_OUT: Stand.TIMED_OUT,
    Status.CANCELLED: Stand.CANCELLED,
    Status.SKIPPED: Stand.SKIPPED,
}
_WAITS = {
    WaitReason.BUDGET: Stand.HELD,
    WaitReason.APPROVAL: Stand.ASK,
    WaitReason.PAUSED: Stand.PAUSED,
    WaitReason.BACKOFF: Stand.BACKOFF,
    WaitReason.RETRY_AFTER: Stand.BACKOFF,
    WaitReason.SLOT: Stand.QUEUED,
    WaitReason.RAMP: Stand.LIMIT,
}


def stand(
    s: SubtaskState, now_s: float, *, quiet_after_s: float = QUIET_FLOOR_S, paused: bool = False
) -> Stand:
    """How a subtask stands at `now_s`."""
    if s.ghost or (s.status is None and s.cancel_requested and (s.running or s.waiting)):
        return Stand.GHOST
    if s.status is not None:
        return _ENDS[s.status]
    if s.waiting is not None:
        return Stand.LIMIT if s.waiting in LIMIT_REASONS else _WAITS[s.waiting]
    if not s.running:
        return Stand.PAUSED if paused else Stand.QUEUED
    if s.planned.kind is Kind.CLAUDE and silence_s(s, now_s) > quiet_after_s:
        return Stand.QUIET
    if s.tool is not None or (s.planned.kind is not Kind.CLAUDE and s.last_output_at is None):
        return Stand.TOOL
    return Stand.SENT if s.first_output_at is None else Stand.STREAMING


def silence_s(s: SubtaskState, now_s: float) -> float:
    """Seconds since the running attempt last said something."""
    started_at = s.tries[-1].started_at if s.tries else now_s
    return now_s - (s.last_output_at if s.last_output_at is not None else started_at)


def quiet_after_s(state: RunState, wave: WaveState | None) -> float:
    """Silence that is unusual in this wave: the 95th percentile of its whole attempts, at least 20 s."""
    if wave is None:
        return QUIET_FLOOR_S
    lengths = [
        t.ended_at - t.started_at
        for i in wave.subtasks
        for t in state.subtasks[i].tries
        if t.ended_at is not None and state.subtasks[i].status is Status.SUCCEEDED
    ]
    if len(lengths) < ENDS_FOR_FORECAST:
        return QUIET_FLOOR_S
    return max(QUIET_FLOOR_S, sorted(lengths)[int(0.95 * (len(lengths) - 1))])


def elapsed_s(s: SubtaskState, now_s: float) -> float:
    """Seconds since the subtask took a worker, or all it took once it has ended."""
    in_line_at = s.undone[-1].end_at or 0.0 if s.undone else 0.0
    waits = (span.start_at for span in s.spans if span.start_at >= in_line_at)
    began = s.started_at if s.started_at is not None else next(waits, now_s)
    return max(0.0, (s.ended_at if s.ended_at is not None else now_s) - began)


def countdown_s(s: SubtaskState, now_s: float) -> float | None:
    """Seconds left of an announced wait."""
    if s.waiting is None or s.expected_s is None:
        return None
    return max(0.0, s.waiting_since + s.expected_s - now_s)


@dataclass(frozen=True, slots=True)
class Flow:
    """What the workers are doing, in numbers that add up."""

    on: int
    """Subtasks that hold a worker."""
    in_flight: int
    waits: tuple[tuple[WaitReason, int, float | None], ...]
    """(reason, subtasks, seconds until the first of them goes on)."""
    queued: int
    """Not yet taken, in the waves that are open."""
    later: int
    """In waves that have not begun."""


def flow(state: RunState, now_s: float) -> Flow:
    """The numbers of the waiting line."""
    live = [s for s in state.subtasks.values() if s.status is None]
    waiting = [s for s in live if s.waiting is not None]
    counts = Counter(s.waiting for s in waiting if s.waiting is not None)
    soonest: dict[WaitReason, float] = {}
    for s in waiting:
        left = countdown_s(s, now_s)
        if s.waiting is not None and left is not None:
            soonest[s.waiting] = min(left, soonest.get(s.waiting, left))
    wave = state.current_wave
    begun = {w.name for w in state.open_waves} or ({wave.name} if wave else set())
    untouched = [s for s in live if not s.running and s.waiting is None]
    here = sum(1 for s in untouched if s.wave in begun)
    running = sum(1 for s in live if s.running)
    return Flow(
        on=running + len(waiting),
        in_flight=running,
        waits=tuple((r, n, soonest.get(r)) for r, n in counts.most_common()),
        queued=here,
        later=len(untouched) - here,
    )


def forecast(state: RunState, now_s: float) -> tuple[float, float] | None:
    """Seconds to the end of the run and their spread; None before three ends of this run."""
    lengths = [
        s.duration_s for s in state.subtasks.values() if s.status is Status.SUCCEEDED and s.duration_s > 0
    ]
    if len(lengths) < ENDS_FOR_FORECAST or state.finished is not None:
        return None
    mean, spread = statistics.fmean(lengths), statistics.pstdev(lengths)
    total = 0.0
    for group, workers in _one_after_another(state):
        left = [s for s in group if s.status is None]
        if not left:
            continue
        work = sum(max(mean * 0.2, mean - elapsed_s(s, now_s)) if s.running else mean for s in left)
        total += max(work / workers, mean * 0.2)
    return total, spread * max(1.0, total / mean) ** 0.5


def _one_after_another(state: RunState) -> Iterator[tuple[list[SubtaskState], int]]:
    """Subtasks that may run at the same time, and how many of them will."""
    at_once = state.max_workers
    if state.automatic:
        useful = state.limits.useful_workers if state.limits is not None else None
        at_once = min(at_once, useful or sum(1 for s in state.subtasks.values() if s.running))
    if state.plan.schedule is Schedule.DAG:
        yield list(state.subtasks.values()), max(1, at_once)
        return
    for wave in state.waves.values():
        workers = min(at_once, len(wave.subtasks), wave.most or at_once) if wave.parallel else 1
        yield [state.subtasks[i] for i in wave.subtasks], max(1, workers)


def summed_s(state: RunState, now_s: float) -> float:
    """Seconds in attempts so far, over all subtasks."""
    total = 0.0
    for s in state.subtasks.values():
        for t in s.tries:
            total += (t.ended_at if t.ended_at is not None else now_s) - t.started_at
    return total


def dependents(state: RunState, subtask_id: str) -> tuple[str, ...]:
    """Ids that need this subtask directly."""
    return tuple(s.id for s in state.subtasks.values() if subtask_id in s.planned.depends_on)
