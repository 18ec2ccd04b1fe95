"""What earlier processes left of a run, worked out of its records: what the one that goes on must know."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from luna_tui.core.attempt_use import AttemptUse, with_request
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    AttemptFailed,
    JournalRepaired,
    Record,
    RetryRequested,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    SubtaskStarted,
    TurnFailed,
    UsageRecorded,
)
from luna_tui.core.expectations import PerRequest
from luna_tui.core.parts import SubtaskState
from luna_tui.core.state import RunState
from luna_tui.core.words import BAD, GOOD, Decision, ErrorKind, GrantScope, Status

ENDED_PROCESS = "the process ended"
"""Why an attempt was interrupted that was in flight when its process ended."""
_UNCOUNTED = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED, ErrorKind.INTERRUPTED})
"""Failures that use up no retry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """How a run stands as another process goes on with it; a new run that takes over has no records."""

    run: str
    """Id of the run that is gone on with, or whose results are taken over."""
    records: Sequence[Record] = ()
    seq: int = 0
    at: float = 0.0
    """Both of the last record."""
    away_s: float | None = None
    ends: Mapping[str, Status] = field(default_factory=dict)
    """Subtask -> how it ended, as the journal tells."""
    flown: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    """Subtask -> attempts it began, and seconds in them."""
    failures: Mapping[str, int] = field(default_factory=dict)
    """Subtask that has not ended -> failures that used up a retry."""
    begun: Mapping[str, float] = field(default_factory=dict)
    """Wave -> seconds of work since it began."""
    over: Collection[str] = ()
    """Waves that were told to have ended."""
    spent_usd: float = 0.0
    throttled: int = 0
    """429 answers."""
    interrupted: Sequence[AttemptFailed] = ()
    """Attempts that were in flight when a process ended, and of which that was not told yet."""
    repaired: JournalRepaired | None = None
    found: Sequence[tuple[SubtaskFinished, str]] = ()
    """Ends that were not told but whose results are there, with the output."""
    untold: Sequence[UsageRecorded] = ()
    """What the attempts of `found` used beyond what the records tell; `spent_usd` has it."""
    undo: Sequence[str] = ()
    """Ends to be undone: these are tried again, and what was skipped for want of them."""
    by: str = "resume"
    """Who undoes them."""
    asked: int = 0
    """Requests that agents put to a person."""
    grants: Sequence[ApprovalDecided] = ()
    """Allowances that reach further than the request they were given for."""
    results: Mapping[str, str] = field(default_factory=dict)
    """Subtask that ended well -> its output, where something that will run needs it."""


@dataclass(slots=True)
class Traces:
    """What the records say beyond their fold."""

    in_flight: dict[str, SubtaskStarted] = field(default_factory=dict)
    """Subtask -> its attempt that was told to have begun, and not to have ended."""
    failures: dict[str, int] = field(default_factory=dict)
    attempts: dict[str, int] = field(default_factory=dict)
    """Subtask -> attempts of its last end that was told."""
    skipped: set[str] = field(default_factory=set)
    """A person asked that these are skipped."""
    prompts: dict[str, str] = field(default_factory=dict)
    """Subtask -> the prompt a person gave it instead of the plan's."""
    asked: int = 0
    grants: list[ApprovalDecided] = field(default_factory=list)
    used: dict[str, AttemptUse] = field(default_factory=dict)
    """Subtask -> what its last attempt used that is told to have used anything."""
    ended_at: str = ""
    """`started_at` of the last process."""
    ended_after_s: float = 0.0
    """Seconds of that process until its last record."""


def traces_of(records: Iterable[Record]) -> Traces:
    """Go through the records once."""
    found = Traces()
    began_at = last_at = 0.0
    for record in records:
        last_at = record.at
        match record.event:
            case RunStarted() as e:
                found.ended_at, began_at = e.started_at, record.at
            case SubtaskStarted() as e:
                found.in_flight[e.subtask] = e
            case AttemptFailed() as e:
                found.in_flight.pop(e.subtask, None)
                if e.error_kind not in _UNCOUNTED:
                    found.failures[e.subtask] = found.failures.get(e.subtask, 0) + 1
            case UsageRecorded() as e:
                found.used[e.subtask] = with_request(found.used.get(e.subtask), e)
            case TurnFailed() as e:
                if e.error_kind not in _UNCOUNTED:
                    found.failures[e.subtask] = found.failures.get(e.subtask, 0) + 1
            case ApprovalRequested():
                found.asked += 1
            case ApprovalDecided() as e:
                if e.decision is Decision.ALLOW and e.scope is not GrantScope.ONCE:
                    found.grants.append(e)
            case SubtaskFinished() as e:
                found.in_flight.pop(e.subtask, None)
                found.failures.pop(e.subtask, None)
                found.attempts[e.subtask] = e.attempts
            case RetryRequested() as e:
                _note_retry(found, e)
            case SkipRequested() as e:
                found.skipped.update(e.subtasks)
    found.ended_after_s = last_at - began_at
    return found


def _note_retry(found: Traces, e: RetryRequested) -> None:
    found.skipped.difference_update(e.requeued)
    for i in e.requeued:
        found.in_flight.pop(i, None)
        found.failures.pop(i, None)
    if e.prompt is not None:
        found.prompts.update(dict.fromkeys(e.subtasks, e.prompt))


def lessons(records: Iterable[Record]) -> Iterator[tuple[str, PerRequest, float]]:
    """Of each subtask that went well, what the requests of its last attempt used, and seconds.

    The seconds are of work: without waits in the midst of the attempt.
    """
    state = RunState()
    used: dict[str, PerRequest] = {}
    for record in records:
        state.apply(record)
        match record.event:
            case SubtaskStarted() as e:
                used.pop(e.subtask, None)
            case UsageRecorded() as e:
                used[e.subtask] = used.get(e.subtask, PerRequest()).plus(e)
            case SubtaskFinished(status=Status.SUCCEEDED) as e:
                s = state.subtasks.get(e.subtask)
                last = s.tries[-1] if s is not None and s.tries else None
                seconds = e.duration_s if e.attempts <= 1 or last is None else last.worked_s(record.at)
                yield e.subtask, used.pop(e.subtask, PerRequest()), seconds


def interrupted_by(traces: Traces) -> tuple[AttemptFailed, ...]:
    """What there is to tell of the attempts that were in flight."""
    return tuple(
        AttemptFailed(
            wave=e.wave,
            subtask=e.subtask,
            attempt=e.attempt,
            error_kind=ErrorKind.INTERRUPTED,
            message=ENDED_PROCESS,
            will_retry=True,
        )
        for e in traces.in_flight.values()
    )


def ends_of(state: RunState) -> dict[str, Status]:
    """How each ended that has."""
    return {s.id: s.status for s in state.subtasks.values() if s.status is not None}


def flown_of(state: RunState) -> dict[str, tuple[int, float]]:
    """Attempts and the seconds in them, an open one taken up to the last record."""
    return {s.id: _flown(s, state.at) for s in state.subtasks.values() if s.tries or s.attempt}


def _flown(s: SubtaskState, at: float) -> tuple[int, float]:
    if s.status is not None:
        return s.attempt, s.duration_s
    spent_s = sum(t.worked_s(at) for t in s.tries)
    return max([s.attempt, *(t.number for t in s.tries)]), spent_s


def unfinished(state: RunState) -> tuple[str, ...]:
    """Ends that nobody meant for good, because the run was stopped: what `resume` undoes."""
    return tuple(s.id for s in state.subtasks.values() if s.status is Status.CANCELLED)


def gone_wrong(state: RunState, traces: Traces) -> tuple[str, ...]:
    """What `retry` undoes: failures, and what was given up for a wave's timeout or a strict plan."""
    return tuple(
        s.id
        for s in state.subtasks.values()
        if s.status in BAD
        or (s.status is Status.SKIPPED and s.id not in traces.skipped and not _wants(state, s))
    )


def _wants(state: RunState, s: SubtaskState, but: Container[str] = ()) -> bool:
    """Whether something it needs ended badly, `but` these."""
    needs = (state.subtasks.get(i) for i in s.planned.depends_on)
    return any(
        n is not None and n.status is not None and n.status not in GOOD and n.id not in but for n in needs
    )


def coming_back(state: RunState, undo: Iterable[str]) -> set[str]:
    """What goes back in line when these ends are undone: they, and what was skipped for want of them.

    Whatever needs something that ended badly and does not come back stays as it is.
    """
    named = dict.fromkeys(i for i in undo if i in state.subtasks)
    back: set[str] = set()
    line = deque(named)
    while line:
        s = state.subtasks[line.popleft()]
        barred = s.status is Status.SKIPPED and _wants(state, s)
        if s.id not in back and (s.id in named or barred) and not _wants(state, s, but=back):
            back.add(s.id)
            line.extend(state.feeds.get(s.id, ()))
    return back
