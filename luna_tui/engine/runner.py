"""The seam between the engine and what does the work: one attempt in, one result or one failure out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from luna_tui.core.expectations import Expected
from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, WaitReason
from luna_tui.engine.cancel import CancelToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What an attempt will take from the rate limits."""

    input_tokens: int
    output_tokens: int
    """Expected, not the maximum."""
    max_output_tokens: int = 0
    """The most it can be; servers that reserve it at admission charge this first."""
    requests: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request took, as the server counted it."""

    model: str
    input_tokens: int
    """Without cache reads; cache writes are not included either."""
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimit:
    """One dimension as the server's headers tell it."""

    limit: int
    remaining: int
    reset_s: float | None = None
    """Seconds until full, from the time of the answer; None when absent or unreadable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """The rate-limit headers of one answer; a dimension without headers is None."""

    rpm: ServerLimit | None = None
    itpm: ServerLimit | None = None
    otpm: ServerLimit | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A 429 as the server explains it."""

    retry_after_s: float | None = None
    """Seconds after which it has room; None when it does not say."""
    dimension: WaitReason | None = None
    """RPM, ITPM or OTPM; None when it does not say."""
    ramp: bool = False
    """The use grew too fast; no limit was reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt of one subtask; everything a runner may know."""

    subtask: Subtask
    wave: str
    attempt: int
    """From 1."""
    worker: int
    workspace: str
    """Absolute path."""
    run_dir: str
    """Absolute path of the run directory; empty when the run keeps nothing."""
    results: Mapping[str, str]
    """Output texts of the subtasks it depends on, by id."""
    expect: Callable[[Subtask], Expected]
    """Tells what a subtask will probably take, by what like attempts took."""


class AttemptContext(Protocol):
    """What a runner may do while it works; every method is safe from the attempt's thread."""

    @property
    def token(self) -> CancelToken:
        """Cancelled when the attempt must end."""
        ...

    def output(self, text: str) -> None:
        """Text that arrived, raw; the engine keeps the whole of it and publishes it cleaned."""
        ...

    def usage(self, usage: Usage, *, final: bool) -> None:
        """Tokens used so far by this attempt (totals, not increments).

        A value that is not final corrects the limiter; the final one is published too. A failed
        attempt reports what it used with `final=True` before it raises.
        """
        ...

    def server_limits(self, limits: ServerLimits, *, refused: bool = False) -> None:
        """Rate-limit headers of an answer, as soon as its head is there; `refused` = it was an error."""
        ...


class AttemptError(Exception):
    """An attempt that failed, in the engine's words; raised by runners."""

    def __init__(
        self,
        kind: ErrorKind,
        message: str,
        *,
        status: int | None = None,
        retryable: bool = False,
        retry_after_s: float | None = None,
        dimension: WaitReason | None = None,
        ramp: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.status = status
        """HTTP status or exit code."""
        self.retryable = retryable
        """Another attempt may succeed."""
        self.retry_after_s = retry_after_s
        """Pause that the server asked for."""
        self.dimension = dimension
        """The limit that a 429 names: RPM, ITPM or OTPM."""
        self.ramp = ramp
        """A 429 because use grew too fast, not because a limit was reached."""


class Runner(Protocol):
    """Does attempts of one kind of subtask; one instance serves all threads."""

    def demand(self, work: Work) -> Demand | None:
        """What the attempt will take from the limits; None = it needs no permit. Raises AttemptError."""
        ...

    def run(self, work: Work, context: AttemptContext) -> str:
        """Do the attempt and return its output text.

        Raises AttemptError when it failed and Cancelled (or anything at all) when the token was
        cancelled. Must not keep state from one attempt to the next.
        """
        ...

    def close(self) -> None:
        """Release what is shared; no attempt runs any more."""
        ...
