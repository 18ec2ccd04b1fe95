"""What is kept of a run on disk, as a front end may ask for it; storage implements it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class TextPage:
    """A part of what an attempt said, clean."""

    text: str
    start: int | None
    """Byte of its file at which it begins; 0 = nothing is before it, None = there are no pages before it."""


class KeptFiles(Protocol):
    """Files of one run. Every method may wait for the disk and raises LunaError in words: call it aside."""

    def text_before(
        self, subtask: str, attempt: int, *, before: str, after: int, end: int | None
    ) -> TextPage | None:
        """The page of an attempt's text that ends where `before` begins, or at byte `end`.

        `before` is the beginning of what is known and `after` how many characters are known; an empty
        one asks for the last page. None = nothing of the attempt is kept, or `before` was not found.
        """
        ...

    def text_from_start(self, subtask: str, attempt: int, *, most: int) -> tuple[str, bool] | None:
        """The first `most` characters of an attempt's text, and whether that is all; None = not kept."""
        ...

    def difference(self, name: str, *, most: int) -> tuple[str, bool] | None:
        """The first `most` characters of a `diff_file`, clean, and whether that is all; None = not there."""
        ...

    def result(self, subtask: str, *, most: int) -> tuple[str, bool] | None:
        """The first `most` characters of what a subtask came to, and whether that is all; None = not kept.

        That of an agent is the last of all that it said.
        """
        ...

    def where(self, subtask: str, attempt: int) -> str:
        """Path of the attempt's text, for people; it need not be there."""
        ...

    def keep_copy(self, text: str) -> str:
        """Write a numbered file beside the run; its path."""
        ...

    def suggest(self, name: str) -> str:
        """A path in the folder the program was started in, for a new file."""
        ...

    def write_new(self, path: str, text: str) -> str:
        """Write a file that was not there before, whole or not at all; its full path."""
        ...
