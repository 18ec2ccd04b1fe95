"""What the time of one subtask went into, and how fast it speaks."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.parts import SubtaskState
from luna_tui.core.spans import Try
from luna_tui.core.words import LIMIT_REASONS, WaitReason

CHARS_PER_TOKEN = 4
"""Roughly, until the server has counted."""
_LIMITS = frozenset(f"wait:{r}" for r in (*LIMIT_REASONS, WaitReason.RAMP))
_BACKOFFS = frozenset(f"wait:{r}" for r in (WaitReason.BACKOFF, WaitReason.RETRY_AFTER))
_ASKS = f"wait:{WaitReason.APPROVAL}"
_SPEED_FROM_S = 1.0
"""A stream shorter than this has no speed worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Seconds of a subtask, by what they went into."""

    limit_s: float = 0.0
    first_token_s: float = 0.0
    """From sending to the first token, in the last attempt."""
    stream_s: float = 0.0
    """After it, in the last attempt."""
    whole_s: float = 0.0
    """The last attempt, when it is not known when its first token came."""
    backoff_s: float = 0.0
    held_s: float = 0.0
    """Waits for anything else: a pause, the budget."""
    asked_s: float = 0.0
    """Waits for a person."""
    earlier_s: float = 0.0
    """Attempts before the last one."""


def spent(s: SubtaskState, now_s: float) -> Spent:
    """What the time went into so far."""
    limit = backoff = held = asked = 0.0
    for span in s.spans:
        took = (span.end_at if span.end_at is not None else now_s) - span.start_at
        if span.phase in _LIMITS:
            limit += took
        elif span.phase in _BACKOFFS:
            backoff += took
        elif span.phase == _ASKS:
            asked += took
        elif span.phase.startswith("wait:"):
            held += took
    first = stream = whole = 0.0
    last = s.tries[-1] if s.tries else None
    if last is not None:
        end = last.ended_at if last.ended_at is not None else now_s
        if last.first_output_at is not None:
            first = (
                last.first_output_at - last.started_at - _waited_s(s, last.started_at, last.first_output_at)
            )
            stream = end - last.first_output_at - _waited_s(s, last.first_output_at, end)
        elif last.ended_at is None:
            first = end - last.started_at - _waited_s(s, last.started_at, end)
        else:
            whole = end - last.started_at
    earlier = sum(t.ended_at - t.started_at for t in s.tries[:-1] if t.ended_at is not None)
    return Spent(
        limit_s=limit, first_token_s=first, stream_s=stream, whole_s=whole, backoff_s=backoff, held_s=held,
        asked_s=asked, earlier_s=earlier,
    )  # fmt: skip


def _waited_s(s: SubtaskState, since: float, until: float) -> float:
    """Seconds of waits that began in the midst of an attempt."""
    waits = (span for span in s.spans if span.phase.startswith("wait:") and since < span.start_at < until)
    return sum(min(until, until if w.end_at is None else w.end_at) - w.start_at for w in waits)


def waits_before(s: SubtaskState, attempt: Try) -> float:
    """Seconds of waiting between the attempt before this one (or the beginning) and this one."""
    before = [t.ended_at for t in s.tries if t.number < attempt.number and t.ended_at is not None]
    since = max(before, default=float("-inf"))
    total = 0.0
    for span in s.spans:
        if span.phase.startswith("wait:") and since <= span.start_at < attempt.started_at:
            total += min(span.end_at or attempt.started_at, attempt.started_at) - span.start_at
    return total


def said_tokens(s: SubtaskState) -> tuple[int, bool]:
    """Tokens of the last attempt's answer, and whether the server counted them."""
    counted = s.tries[-1].output_tokens if s.tries else 0
    return (counted, True) if counted and not s.running else (s.chars // CHARS_PER_TOKEN, False)


def tokens_per_s(s: SubtaskState) -> float | None:
    """How fast the last attempt spoke, from its first token to its last one so far."""
    if s.first_output_at is None or s.last_output_at is None:
        return None
    took = s.last_output_at - s.first_output_at
    return said_tokens(s)[0] / took if took >= _SPEED_FROM_S else None
