"""What the time of a subtask went into: stretches for the timeline, and attempts."""

from __future__ import annotations

from dataclasses import dataclass, field

ENDED = "ended"
"""Phase of a stretch from an end to the retry that undid it."""


@dataclass(slots=True)
class Span:
    """A stretch of a subtask's time spent in one way, for the timeline; `end_at` None = until now."""

    phase: str
    """`wait:<reason>` or `run`; `ended` only in `SubtaskState.undone`."""
    start_at: float
    end_at: float | None = None
    worker: int | None = None
    """Who held the subtask meanwhile."""


@dataclass(slots=True)
class Call:
    """One use of a tool."""

    call: str
    """Names it within the attempt; empty in journals that did not tell."""
    tool: str
    summary: str
    at: float
    end_at: float | None = None
    """None = it is in use."""
    ok: bool = True
    result: str = ""
    after_chars: int = 0
    """Characters of the attempt's text that came before it."""


@dataclass(slots=True)
class Try:
    """One attempt as it went."""

    number: int
    started_at: float
    ended_at: float | None = None
    error_kind: str | None = None
    message: str = ""
    status: int | None = None
    delay_s: float | None = None
    """Pause announced after it; None when nothing follows."""
    waited_s: float = 0.0
    """Seconds in its midst that went into waits that are over: for limits, a pause, a person."""
    waits_since: float | None = None
    """Since when it waits in its midst; None while it works. One that ended so never worked again."""
    first_output_at: float | None = None
    tools: tuple[Span, ...] = ()
    """Stretches in which it waited for a tool; the last ones when there are very many."""
    calls: list[Call] = field(default_factory=list)
    """Uses of tools, in the order in which they began; the last ones when there are very many."""
    turns: int = 1
    """Requests that were admitted."""
    input_tokens: int = 0
    output_tokens: int = 0
    """Both as the server counted them, in all requests of the attempt."""
    cost_usd: float | None = None
    """Known costs added up; None when none is known."""

    @property
    def open(self) -> bool:
        """It has not ended; it may wait."""
        return self.ended_at is None

    def worked_s(self, now_s: float) -> float:
        """Seconds of work in it, up to `now_s`."""
        until = now_s if self.ended_at is None else self.ended_at
        if self.waits_since is not None:
            until = min(until, self.waits_since)
        return until - self.started_at - self.waited_s
