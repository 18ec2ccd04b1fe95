"""What attempts had said at the position of a replay: from its journal, so that nothing is told early."""

from __future__ import annotations

from luna_tui.core.events import SubtaskFinished, SubtaskOutput
from luna_tui.core.kept import KeptFiles, TextPage
from luna_tui.session.replay import ReplaySession

PAGE_CHARS = 64 * 1024
"""A page of older text is about this long."""


class ReplayTexts:
    """KeptFiles of a replay: texts come from the journal, up to the position; copies go where they always go.

    A text that is not in the journal, as that of a result taken over from another run, is read from its
    file once its subtask has ended.
    """

    def __init__(self, session: ReplaySession, files: KeptFiles) -> None:
        self._session = session
        self._files = files
        self._said: dict[tuple[str, int], list[int]] = {}
        """Subtask and attempt -> places of the records with its text."""
        self._ended: dict[tuple[str, int], int] = {}
        """Subtask and attempt -> place of the first end of it."""
        for place, record in enumerate(session.records):
            event = record.event
            if isinstance(event, SubtaskOutput):
                self._said.setdefault((event.subtask, event.attempt), []).append(place)
            elif isinstance(event, SubtaskFinished):
                self._ended.setdefault((event.subtask, event.attempt), place)

    def text_before(
        self, subtask: str, attempt: int, *, before: str, after: int, end: int | None
    ) -> TextPage | None:
        """The page before the last `after` characters of what was said so far, or before number `end`."""
        text = self._text(subtask, attempt)
        if text is None:
            if not self._from_file(subtask, attempt):
                return None
            return self._files.text_before(subtask, attempt, before=before, after=after, end=end)
        stop = max(0, len(text) - after) if end is None else min(end, len(text))
        start = max(0, stop - PAGE_CHARS)
        line_end = text.find("\n", start, stop)
        if start and 0 <= line_end < start + PAGE_CHARS // 2:
            start = line_end + 1
        return TextPage(text[start:stop], start)

    def text_from_start(self, subtask: str, attempt: int, *, most: int) -> tuple[str, bool] | None:
        """The first characters of what was said so far."""
        text = self._text(subtask, attempt)
        if text is not None:
            return text[:most], len(text) <= most
        if not self._from_file(subtask, attempt):
            return None
        return self._files.text_from_start(subtask, attempt, most=most)

    def difference(self, name: str, *, most: int) -> tuple[str, bool] | None:
        """The first characters of a file with changes."""
        return self._files.difference(name, most=most)

    def result(self, subtask: str, *, most: int) -> tuple[str, bool] | None:
        """What it came to in the end; asked only once it has ended."""
        return self._files.result(subtask, most=most)

    def where(self, subtask: str, attempt: int) -> str:
        """Path of the whole text."""
        return self._files.where(subtask, attempt)

    def keep_copy(self, text: str) -> str:
        """Write a numbered file beside the run."""
        return self._files.keep_copy(text)

    def suggest(self, name: str) -> str:
        """A file in the current folder that is not there yet."""
        return self._files.suggest(name)

    def write_new(self, path: str, text: str) -> str:
        """Write a new file."""
        return self._files.write_new(path, text)

    def _text(self, subtask: str, attempt: int) -> str | None:
        """What was said up to the position; None when the journal has no text of the attempt."""
        places = self._said.get((subtask, attempt))
        if places is None:
            return None
        records, count = self._session.records, self._session.player.count
        parts: list[str] = []
        for place in places:
            event = records[place].event
            if place < count and isinstance(event, SubtaskOutput):
                parts.append(event.text)
        return "".join(parts)

    def _from_file(self, subtask: str, attempt: int) -> bool:
        """The journal holds nothing of it, and it has ended at the position."""
        ended = self._ended.get((subtask, attempt))
        return ended is not None and ended < self._session.player.count
