"""What is known of a problem, as numbers; the words for them are the views'."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2s

MOST_BEHIND = 1_000
"""Members and dependents looked at for what a group blocks."""


class Cause(StrEnum):
    """What is wrong with a group of subtasks or with the run; the most urgent first."""

    ASK = "ask"
    NOT_SAVED = "not_saved"
    HELD = "held"
    GHOST = "ghost"
    QUIET = "quiet"
    TIMED_OUT = "timed_out"
    FAILED = "failed"
    CHANGES = "changes"
    DEADLINE = "deadline"
    FORECAST = "forecast"
    RETRYING = "retrying"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Subtasks whose last try failed in the same way: for good, or they wait to try again."""

    kind: str
    """Of `ErrorKind`; empty when only the reason is known."""
    status: int | None
    """HTTP status or exit code."""
    message: str
    """Of the last one that failed."""
    tries: int
    """Most tries that one of them made."""
    allowed: int
    """Tries that the plan allows each."""
    last_at: float
    """Instant of the last failure."""
    recent: int
    """Failures of this kind in the last 30 s, over all workers."""
    next_s: float | None = None
    """Seconds until the first of them tries again; None = none will, or unknown."""
    last_s: float | None = None
    """Seconds until the last of them tries again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Streams that say nothing for longer than is usual in their wave."""

    silence_s: float
    """Of the quietest."""
    p95_s: float | None
    """Silence that 95 of 100 attempts of the wave never reached; None = too few attempts seen."""
    attempts: int
    """Attempts seen."""
    tokens: int
    """Received so far, about, from all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Abandoned:
    """Threads that ignore a cancel."""

    asked_s: float
    """Seconds since the first of them ended for everybody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Subtasks that wait for budget."""

    cap_usd: float | None = None
    spent_usd: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Agents that wait for a person."""

    requests: int
    """Open ones; 0 = it is not known yet what is asked."""
    tool: str
    """Of the oldest one, as all that follows."""
    summary: str
    question: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """Subtasks that changed files in a workspace of their own; nobody has accepted or dropped that."""

    files: int
    added: int
    """Lines in all of them."""
    removed: int
    conflicts: tuple[str, ...] = ()
    """Why the last attempt to accept one of them was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overspend:
    """The forecast passes the budget."""

    usd: float
    spread_usd: float
    cap_usd: float
    near: int
    """Number of the subtask, in order of ending, near which the budget is used up."""
    of: int
    after_s: float | None
    """Seconds from now until then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """A wave has less time left than its work needs on its workers."""

    wave: str
    number: int
    left_s: float
    needs_s: float
    unfinished: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """Others use a good part of a limit."""

    name: str
    """`rpm`, `itpm` or `otpm`: where they use most."""
    used: int
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSaved:
    """Events can no longer be written."""

    message: str


Facts = (
    Failure | Silence | Abandoned | Standing | Asking | Unsettled | Overspend | Deadline | Foreign | NotSaved
)


@dataclass(frozen=True, slots=True)
class RetryPrice:
    """What trying a group again would come to, by the means of the waves; None where that is unknown."""

    usd: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something that needs a person: one cause, and everything it hit."""

    key: str
    """The same for the same cause as long as it lasts."""
    cause: Cause
    facts: Facts
    subtasks: tuple[str, ...] = ()
    """Ids in plan order; empty when it is a matter of the run or of a wave."""
    since_at: float | None = None
    """Instant at which it began; None = unknown."""
    blocks: tuple[str, ...] = ()
    """Ids that need one of them directly and have not ended well."""
    behind: int = 0
    """How many cannot run because of it, directly or not; at most `MOST_BEHIND` are counted."""
    critical: bool = False
    """The end of the run or of the wave waits for one of them."""
    price: RetryPrice | None = None
    """None = there is nothing to try again."""
    standing: str = ""
    """What else must stay the same for it to stay dismissed."""

    @property
    def size(self) -> int:
        """Subtasks hit; 1 for a matter of the run."""
        return max(1, len(self.subtasks))

    @property
    def fingerprint(self) -> str:
        """Its members and how they stand; dismissed, it comes back when this changes."""
        known = "\n".join((*self.subtasks, self.standing))
        return blake2s(known.encode(), digest_size=8).hexdigest()
