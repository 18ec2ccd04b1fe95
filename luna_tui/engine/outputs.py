"""Where the full text of an attempt goes; storage implements it, a run that keeps nothing uses none."""

from __future__ import annotations

from typing import Protocol

from luna_tui.core.attempt_use import AttemptUse
from luna_tui.core.events import SubtaskFinished


class OutputStore(Protocol):
    """Keeps what attempts wrote. Methods are called from worker threads, one thread per attempt."""

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """Append raw text of an attempt."""
        ...

    def finish(self, subtask: str, attempt: int) -> str | None:
        """No more text follows; the file's path relative to the run directory, None when nothing was kept."""
        ...

    def save_result(self, result: SubtaskFinished, output: str, used: AttemptUse | None = None) -> None:
        """Keep the result, its whole output and what its last attempt used; durable when it returns."""
        ...


class NoOutputs:
    """Keeps nothing."""

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """Drop the text."""

    def finish(self, subtask: str, attempt: int) -> str | None:
        """No file."""
        return None

    def save_result(self, result: SubtaskFinished, output: str, used: AttemptUse | None = None) -> None:
        """Drop the result."""
