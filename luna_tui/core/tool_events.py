"""Facts of an agent at work: its turns, the tools it uses, what a person decides, what it changed."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.words import Decision, ErrorKind, GrantScope

DETAIL_CHARS = 20_000
"""Longest `detail` of a request; a longer one says how much of it is not shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnStarted:
    """A further request of an attempt was admitted; its first one is the start of the attempt."""

    wave: str
    subtask: str
    attempt: int
    turn: int
    """From 2; 1 where a person was asked before the first request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnFailed:
    """A further request of an attempt failed and is sent again; the conversation is kept."""

    wave: str
    subtask: str
    attempt: int
    turn: int
    error_kind: ErrorKind
    message: str
    status: int | None = None
    """HTTP status, where there is one."""
    delay_s: float | None = None
    """Pause before it is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCalled:
    """An agent uses a tool; several may be in use at once."""

    wave: str
    subtask: str
    attempt: int
    tool: str
    summary: str
    call: str = ""
    """Names the use within the attempt; `tool_finished` has the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    """A tool returned."""

    wave: str
    subtask: str
    attempt: int
    tool: str
    ok: bool
    duration_s: float
    call: str = ""
    result: str = ""
    """What it came to, in a line: `342 lines`, `exit code 1`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    """An agent needs a person: to allow the use of a tool, or to answer a question."""

    wave: str
    subtask: str
    attempt: int
    approval: str
    """Names the request within the run."""
    tool: str
    summary: str
    detail: str = ""
    """All of it: the command, the difference, the question; at most `DETAIL_CHARS` characters.

    Choices that an answer may be stand at the end of a question, one a line, as `1. this`.
    """
    pattern: str = ""
    """What an allowance for the subtask or the run would cover, as a rule; empty = only once."""
    question: bool = False
    """An answer is wanted, not a permission."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalDecided:
    """The request was answered, or is no longer asked."""

    wave: str
    subtask: str
    approval: str
    tool: str
    decision: Decision
    by: str
    scope: GrantScope = GrantScope.ONCE
    pattern: str = ""
    """What is allowed from now on, where the scope is more than once."""
    reason: str = ""
    """What the agent is told: why not, or the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedFile:
    """What happened to one file of a workspace."""

    path: str
    """Relative to the workspace."""
    kind: str
    """`added`, `changed` or `removed`."""
    added: int = 0
    """Lines; 0 for a file that is no text."""
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkspaceChanged:
    """A subtask changed files in a workspace of its own; nothing of that is in the real one yet."""

    wave: str
    subtask: str
    attempt: int
    files: tuple[ChangedFile, ...]
    diff_file: str
    """Relative to the run directory; a unified diff."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesAccepted:
    """What a subtask changed was taken over into the real workspace."""

    subtask: str
    by: str
    files: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesDropped:
    """What a subtask changed was thrown away."""

    subtask: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesRefused:
    """What a subtask changed could not be taken over: the real workspace has changed meanwhile."""

    subtask: str
    by: str
    conflicts: tuple[str, ...]
    """Files that stand in the way, each with why; nothing was taken over."""
