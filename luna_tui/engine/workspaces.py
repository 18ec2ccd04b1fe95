"""Where attempts work: in the plan's workspace, or in one of their own whose changes are looked at later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from luna_tui.core.events import ChangesAccepted, ChangesDropped, ChangesRefused, WorkspaceChanged
from luna_tui.core.plan import Subtask
from luna_tui.engine.cancel import CancelToken

Settlement = ChangesAccepted | ChangesDropped | ChangesRefused


@dataclass(frozen=True, slots=True)
class Entered:
    """The workspace of one attempt."""

    path: str
    """Absolute."""
    own: bool = False
    """Nobody else works in it, and nothing of it is in the plan's workspace yet."""


class Workspaces(Protocol):
    """Gives every attempt its workspace; all methods are safe from any thread."""

    def enter(self, subtask: Subtask, attempt: int, token: CancelToken) -> Entered:
        """The workspace of an attempt, made if need be; AttemptError(WORKSPACE) in words, or Cancelled."""
        ...

    def leave(self, entered: Entered, ok: bool) -> WorkspaceChanged | None:
        """The attempt is over: remove what was made, keep what was changed; told only when `ok`."""
        ...


class Changes(Protocol):
    """What subtasks changed in workspaces of their own, and what becomes of it."""

    def settle(self, subtask: str, *, accept: bool, by: str) -> Settlement | None:
        """Take over or throw away, and what came of it; None when there is nothing to settle."""
        ...

    def settle_late(self, subtask: str, *, accept: bool, by: str) -> None:
        """The same after the end of the run, when nobody publishes what came of it; waits for that end."""
        ...


class PlanWorkspace:
    """Everybody works in the same one."""

    def __init__(self, path: str) -> None:
        self._entered = Entered(path)

    def enter(self, subtask: Subtask, attempt: int, token: CancelToken) -> Entered:
        """Always the same."""
        return self._entered

    def leave(self, entered: Entered, ok: bool) -> WorkspaceChanged | None:
        """Nothing is looked at."""
        return None
