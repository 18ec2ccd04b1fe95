"""The one door for commands: what a person or a script may ask of a run that is under way."""

from __future__ import annotations

from typing import Protocol

from luna_tui.core.words import Manner, Mode, Scope


class RunControl(Protocol):
    """Commands return at once; their effect comes back only as events.

    `by` names who asked: "user", "signal", "config". All methods are safe from any thread.
    """

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """End a subtask, a wave or the run."""
        ...

    def set_mode(self, mode: Mode, *, by: str) -> None:
        """Use another share of the limits, and the worker count the table gives it."""
        ...

    def set_workers(self, workers: int, *, by: str) -> None:
        """Use another number of workers, at least 1."""
        ...

    def pause(self, *, by: str) -> None:
        """Admit nothing more; what is in flight goes on."""
        ...

    def resume(self, *, by: str) -> None:
        """Admit again."""
        ...
