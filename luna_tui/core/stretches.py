"""What a subtask's time went into, by cause."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from luna_tui.core.parts import SubtaskState
from luna_tui.core.spans import Span, Try
from luna_tui.core.words import Kind, WaitReason

RUN = "run"
_WAIT = "wait:"


class Cause(StrEnum):
    """What a stretch of a worker's time went into."""

    STREAM = "stream"
    FIRST = "first token"
    TOOL = "tool"
    SLOT = "slot"
    LIMIT = "limit"
    BACKOFF = "backoff"
    PAUSED = "paused"
    HELD = "held"
    ASK = "approval"
    IDLE = "idle"


_CAUSES = {
    WaitReason.SLOT: Cause.SLOT,
    WaitReason.RPM: Cause.LIMIT,
    WaitReason.ITPM: Cause.LIMIT,
    WaitReason.OTPM: Cause.LIMIT,
    WaitReason.RAMP: Cause.LIMIT,
    WaitReason.BUDGET: Cause.HELD,
    WaitReason.PAUSED: Cause.PAUSED,
    WaitReason.APPROVAL: Cause.ASK,
    WaitReason.BACKOFF: Cause.BACKOFF,
    WaitReason.RETRY_AFTER: Cause.BACKOFF,
}


@dataclass(frozen=True, slots=True)
class Stretch:
    """Time spent in one way."""

    cause: Cause
    start_at: float
    end_at: float
    reason: str = ""
    """Of a wait: its `WaitReason`."""

    @property
    def seconds(self) -> float:
        """How long it is, or was so far."""
        return self.end_at - self.start_at


def of_wait(span: Span, end_at: float) -> list[Stretch]:
    """The one stretch of a wait; none when it took no time."""
    reason = span.phase.removeprefix(_WAIT)
    cause = _CAUSES[WaitReason(reason)]
    return [Stretch(cause, span.start_at, end_at, reason)] if end_at > span.start_at else []


def of_run(s: SubtaskState, attempt: Try | None, start_at: float, end_at: float) -> list[Stretch]:
    """The way to the first token, then the stream, with the tools in between; other kinds only work."""
    if s.planned.kind is not Kind.CLAUDE or attempt is None:
        cause = Cause.STREAM if attempt is None else Cause.TOOL
        return [Stretch(cause, start_at, end_at)] if end_at > start_at else []
    told_at = end_at if attempt.first_output_at is None else min(end_at, attempt.first_output_at)
    found: list[Stretch] = []
    at = start_at
    for tool in attempt.tools:
        begin = min(max(at, tool.start_at), end_at)
        stop = min(end_at, end_at if tool.end_at is None else tool.end_at)
        found += _said(at, begin, told_at)
        if stop > begin:
            found.append(Stretch(Cause.TOOL, begin, stop))
        at = max(begin, stop)
    return [*found, *_said(at, end_at, told_at)]


def _said(start_at: float, end_at: float, told_at: float) -> list[Stretch]:
    border = min(max(start_at, told_at), end_at)
    parts = ((Cause.FIRST, start_at, border), (Cause.STREAM, border, end_at))
    return [Stretch(cause, start, end) for cause, start, end in parts if end > start]


def of_last_span(s: SubtaskState, end_at: float) -> list[Stretch]:
    """What the stretch that a subtask is in, or was in last, went into up to an instant."""
    span = s.spans[-1]
    if span.phase != RUN:
        return of_wait(span, end_at)
    return of_run(s, s.tries[-1] if s.tries else None, span.start_at, end_at)
