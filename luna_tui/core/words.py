"""The closed vocabularies of a run: every status, reason and mode that has a name on the wire."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """Share of the account's limits that a run may use."""

    CONSERVATIVE = "conservative"
    BALANCED = "balanced"
    AGGRESSIVE = "aggressive"


class Staffing(StrEnum):
    """Where the number of workers comes from when it is no number."""

    TABLE = "table"
    """What the tier x mode table gives; a tier without a number there is automatic."""
    AUTO = "auto"
    """As many as the rate limits can use."""


class Schedule(StrEnum):
    """When a subtask may start."""

    WAVES = "waves"
    """When its dependencies are done and the wave before its own is over."""
    DAG = "dag"
    """As soon as its dependencies are done; waves are labels."""


class Kind(StrEnum):
    """Who does a subtask."""

    CLAUDE = "claude"
    COMMAND = "command"
    PYTHON = "python"


class Priority(StrEnum):
    """Order of dispatch among subtasks that are ready, most urgent first."""

    CRITICAL = "critical"
    IMPORTANT = "important"
    NICE_TO_HAVE = "nice-to-have"


class OnFailure(StrEnum):
    """What a failed wave does to the waves after it."""

    CONTINUE = "continue"
    STOP = "stop"
    REPLAN = "replan"
    """Nothing more starts, and the rest is planned anew from what is done."""


class Status(StrEnum):
    """How a subtask ended; the `status` of `subtask_finished`."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"
    CACHED = "cached"


class RunStatus(StrEnum):
    """How a run or a wave ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HELD = "held"


class WaitReason(StrEnum):
    """Why a subtask is not being worked on at this moment."""

    SLOT = "slot"
    RPM = "rpm"
    ITPM = "itpm"
    OTPM = "otpm"
    BUDGET = "budget"
    PAUSED = "paused"
    APPROVAL = "approval"
    BACKOFF = "backoff"
    RETRY_AFTER = "retry_after"
    RAMP = "ramp"
    """Use must not grow faster: first answers are awaited, or the server asked for it."""


class Isolation(StrEnum):
    """How a subtask gets a workspace of its own."""

    COPY = "copy"
    """A copy of the workspace."""
    GIT_WORKTREE = "git-worktree"
    """A checkout of what the repository of the workspace has committed."""


class Decision(StrEnum):
    """What became of a request for approval."""

    ALLOW = "allow"
    """Also: a question was answered."""
    DENY = "deny"
    WITHDRAWN = "withdrawn"
    """The subtask ended before anybody decided."""


class GrantScope(StrEnum):
    """How far an allowance reaches."""

    ONCE = "once"
    SUBTASK = "subtask"
    RUN = "run"


class Asking(StrEnum):
    """Who answers what agents ask for."""

    PERSON = "person"
    """Somebody is there, or can come."""
    DENY = "deny"
    """Nobody can be asked."""
    ALLOW = "allow"
    """A person has said yes to all of it beforehand; nobody answers a question by that."""


class Scope(StrEnum):
    """How much of a run a cancellation ends."""

    SUBTASK = "subtask"
    WAVE = "wave"
    RUN = "run"


class Manner(StrEnum):
    """How a cancellation ends it."""

    FINISH = "finish"
    """What is in flight ends by itself; nothing more starts."""
    NOW = "now"
    """What is in flight is ended within a second."""


class Watching(StrEnum):
    """What a front end has to do with the run that it shows."""

    OWN = "own"
    """The run goes on in this process."""
    ATTACHED = "attached"
    """In another process, which takes commands."""
    READ_ONLY = "read_only"
    """In another process, and nothing is asked of it."""
    RECONNECTING = "reconnecting"
    """The other process does not answer at the moment."""
    LOST = "lost"
    """The other process is gone, and the run had not ended."""
    REPLAY = "replay"
    """It is over or elsewhere; its journal is played."""


class ErrorKind(StrEnum):
    """Why an attempt failed; decides whether another attempt is worth making."""

    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    SERVER = "server"
    CONNECTION = "connection"
    UNREACHABLE = "unreachable"
    TRUNCATED = "truncated"
    PROTOCOL = "protocol"
    STALLED = "stalled"
    AUTHENTICATION = "authentication"
    CREDENTIALS_MISSING = "credentials_missing"
    SPEND_LIMIT = "spend_limit"
    INVALID_REQUEST = "invalid_request"
    NOT_FOUND = "not_found"
    TOO_LARGE = "too_large"
    REFUSED = "refused"
    MAX_TOKENS = "max_tokens"
    MAX_TURNS = "max_turns"
    """An agent made all the requests it may make, and was not done."""
    TOOLS = "tools"
    """A tool that the plan names cannot be had: its server does not start, nothing can hold its commands."""
    EMPTY = "empty"
    EXPECTATION = "expectation"
    EXIT_CODE = "exit_code"
    SPAWN = "spawn"
    WORKSPACE = "workspace"
    CRASHED = "crashed"
    INTERRUPTED = "interrupted"
    """It was in flight when the process ended, or when a person wanted a new try."""


GOOD: frozenset[Status] = frozenset({Status.SUCCEEDED, Status.CACHED})
"""Ends after which dependents may run."""

BAD: frozenset[Status] = frozenset({Status.FAILED, Status.TIMED_OUT})
"""Ends that nobody asked for."""

LIMIT_REASONS: frozenset[WaitReason] = frozenset({WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM})
"""Waits caused by the account's rate limits."""

LIMITER_REASONS: frozenset[WaitReason] = LIMIT_REASONS | {WaitReason.RAMP, WaitReason.RETRY_AFTER}
"""Waits in the limiter's line, which is served strictly in order of asking."""

MODE_ALIASES: dict[str, Mode] = {
    "conservador": Mode.CONSERVATIVE,
    "balanceado": Mode.BALANCED,
    "agressivo": Mode.AGGRESSIVE,
}
"""Luna V3's names for the modes, accepted in config, plans and on the command line."""
