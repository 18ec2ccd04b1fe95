"""The seam between the engine and what does the work: one attempt in, one result or one failure out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from luna_tui.core.expectations import Expected
from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, WaitReason
from luna_tui.engine.cancel import CancelToken

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What a request will take from the rate limits, and of the budget."""

    input_tokens: int
    """Without what the service has kept of earlier requests, which costs nothing of the limits."""
    output_tokens: int
    """Expected, not the maximum."""
    max_output_tokens: int = 0
    """The most it can be; servers that reserve it at admission charge this first."""
    requests: int = 1
    dear_output_tokens: int = 0
    """What nine of ten such requests stay within; money is reserved for it, or for what is expected."""
    kept_tokens: int = 0
    """Input that is read from what the service has kept."""
    written_tokens: int = 0
    """Those of `input_tokens` that the service will keep, and charges for as that."""
    searches: int = 0
    """Searches of the web for which money is reserved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a request took, as the server counted it."""

    model: str
    input_tokens: int
    """Without cache reads; cache writes are not included either."""
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    searches: int = 0
    """Searches of the web that the service did and charges for."""


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
class Missed:
    """An answer of the attempt before that was not what the plan expects."""

    output: str
    why: str
    """One sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What an agent wants of a person: to use a tool, or an answer."""

    tool: str
    summary: str
    """One line."""
    detail: str = ""
    """The whole of it: the command, the difference, the question."""
    pattern: str = ""
    """What an allowance for more than once would cover, as a rule; empty = it can only be for once."""
    question: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a person said to a request, or what holds where nobody is there to be asked."""

    allowed: bool
    """Also: the question was answered."""
    text: str = ""
    """Why not, or the answer; the agent reads it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One attempt of one subtask; everything a runner may know."""

    subtask: Subtask
    wave: str
    attempt: int
    """From 1."""
    worker: int
    workspace: str
    """Absolute path; while the demand is worked out, the plan's."""
    run_dir: str
    """Absolute path of the run directory; empty when the run keeps nothing."""
    results: Mapping[str, str]
    """Output texts of the subtasks it depends on, by id."""
    expect: Callable[[Subtask], Expected]
    """Tells what a subtask will probably take, by what like attempts took."""
    own_workspace: bool = False
    """Nobody else works in it, and nothing of it is in the plan's before a person has accepted it."""
    missed: Missed | None = None
    """Why there is this attempt, when the one before answered something else than was expected."""

    @property
    def values(self) -> dict[str, str]:
        """What texts of the subtask may name: results of others, and the run's directory."""
        return {f"results.{i}": text for i, text in self.results.items()} | {"run.dir": self.run_dir}


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
        """Tokens used so far by the current request (totals, not increments).

        A value that is not final corrects the limiter; the final one is published too. A failed
        request reports what it used with `final=True` before it raises.
        """
        ...

    def turn(self, number: int, demand: Demand, send: Callable[[], T]) -> T:
        """Send one more request of this attempt, the `number`th, when limits, budget and gate let it.

        `send` does it, and reports `usage` and `server_limits` as for the first one. What another
        try may mend is tried again here, for as long as the subtask has retries; the conversation
        is the runner's and is kept. Waiting does not count against the timeout. Raises what `send`
        raised last, or Cancelled.
        """
        ...

    def ask(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Put all of these to a person at once and wait; a reply to each, in order.

        What a person has allowed for the subtask or the run is not asked again. Where nobody can
        be asked, permission is denied and questions have no answer. Waiting does not count against
        any timeout. Not during a request; asked before the first one, that is sent with `turn` too,
        since what was reserved for it is given back. Raises Cancelled.
        """
        ...

    def tool_called(self, call: str, tool: str, summary: str) -> None:
        """A tool is in use from now on; `call` names the use within the attempt. Several may be at once."""
        ...

    def tool_finished(self, call: str, *, ok: bool, result: str = "") -> None:
        """It returned; `result` says in a line what it came to."""
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


class MissedExpectation(AttemptError):
    """An output that came, and is not what the plan expects."""

    def __init__(self, output: str, why: str) -> None:
        super().__init__(ErrorKind.EXPECTATION, why, retryable=True)
        self.output = output


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
