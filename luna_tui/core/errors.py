"""The one error that reaches a person, and the exit codes that reach a script."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of the program; a contract that scripts rely on."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    UNREACHABLE = 69
    NOT_SAVED = 74
    STOPPED_EARLY = 75
    CREDENTIALS = 77
    INVALID = 78
    SOME_FAILED = 100
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143


class LunaError(Exception):
    """A problem a person can act on: what happened, where, and what to do next."""

    def __init__(self, title: str, message: str, hint: str = "", code: ExitCode = ExitCode.INTERNAL) -> None:
        super().__init__(f"{title}: {message}")
        self.title = title
        self.message = message
        self.hint = hint
        self.code = code


@dataclass(frozen=True, slots=True)
class Problem:
    """One located mistake in a file a person wrote."""

    path: str
    """The file as the user named it."""
    line: int
    """1-based; 0 when no line can be named."""
    what: str
    """What is wrong, in one sentence without the location."""
    fix: str = ""
    """The nearest right thing, or what to do."""

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where}: {self.what}" + (f" — {self.fix}" if self.fix else "")


class InvalidInput(LunaError):
    """A plan or config that cannot be used; carries every problem found, in file order."""

    def __init__(self, title: str, problems: tuple[Problem, ...], hint: str = "") -> None:
        super().__init__(title, "\n".join(str(p) for p in problems), hint, ExitCode.INVALID)
        self.problems = problems
