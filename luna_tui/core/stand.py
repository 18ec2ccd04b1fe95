"""How one subtask stands at an instant: the judgement behind its glyph."""

from __future__ import annotations

from enum import StrEnum

from luna_tui.core.parts import SubtaskState
from luna_tui.core.words import LIMIT_REASONS, Kind, Status, WaitReason

QUIET_FLOOR_S = 20.0
"""Silence shorter than this is never worth a word."""


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
    if s.tool is not None and s.planned.kind is Kind.CLAUDE:
        return Stand.TOOL
    if s.planned.kind is Kind.CLAUDE and silence_s(s, now_s) > quiet_after_s:
        return Stand.QUIET
    if s.planned.kind is not Kind.CLAUDE and s.last_output_at is None:
        return Stand.TOOL
    return Stand.SENT if s.first_output_at is None else Stand.STREAMING


def silence_s(s: SubtaskState, now_s: float) -> float:
    """Seconds since the running attempt last said or did something."""
    if s.stirred_at is not None:
        return now_s - max(s.stirred_at, s.last_output_at or 0.0)
    started_at = s.tries[-1].started_at if s.tries else now_s
    return now_s - (s.last_output_at if s.last_output_at is not None else started_at)


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
