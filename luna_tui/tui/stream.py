"""The stream of one subtask as it is read: what the run holds in memory, and older pages from its file."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.core.errors import LunaError
from luna_tui.core.kept import KeptFiles, TextPage
from luna_tui.core.state import SubtaskState
from luna_tui.core.tongue import _
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.tool_lines import tool_notes

_KNOWN_CHARS = 512
"""Characters by which the beginning of what is known is found in the file."""


class StreamText:
    """One attempt's text, growing at its end as the run goes on and at its beginning as somebody reads."""

    def __init__(self, kept: KeptFiles | None, subtask: str, of_try: int | None = None) -> None:
        self._kept = kept
        self._subtask = subtask
        self.of_try = of_try
        """An older try, read from its file; None = the last one."""
        self._begin(of_try or 0)

    def _begin(self, attempt: int) -> None:
        self.reading = Reading(follows=True)
        self.attempt = attempt
        self._seen = 0
        self._end: int | None = None
        self._front = 0
        self._whole = False
        self.loading = False
        self._trouble = ""

    def take(self, s: SubtaskState, width: int) -> None:
        """Take in what was said since."""
        if self.of_try is None:
            if s.attempt != self.attempt or s.chars < self._seen:
                self._begin(s.attempt)
            more = s.chars - self._seen
            if more > len(s.tail):
                query = self.reading.query
                self._begin(s.attempt)
                self.reading.find(query)
                more = len(s.tail)
            self._seen = s.chars
            self.reading.resize(width)
            if more:
                self.reading.append(s.tail[-more:])
        else:
            self.reading.resize(width)
        if self.reading.base > self._front:
            self._front, self._end, self._whole = self.reading.base, None, False

    def note_tools(self, s: SubtaskState, now_s: float, width: int, g: Glyphs) -> None:
        """Have the uses of tools stand where they came in the text; unknown places are left out."""
        number = self.of_try if self.of_try is not None else s.attempt
        calls = next((t.calls for t in s.tries if t.number == number), [])
        reading = self.reading
        if self.of_try is None and (self._seen or not reading.text):
            begins_at = reading.base + len(reading.text) - self._seen
        elif self._whole:
            begins_at = reading.base
        else:
            calls, begins_at = [], 0
        text_from = begins_at if not self.has_older(s) else reading.base
        reading.set_notes(tool_notes(calls, begins_at, text_from, now_s, width, g))

    def has_older(self, s: SubtaskState) -> bool:
        """Something was said before what is here."""
        if self._whole:
            return False
        if self.of_try is not None:
            return True
        if not self._seen:
            return bool(s.tries) and not s.running
        return self._seen > len(self.reading.text) or self.reading.base > 0

    def older(self, s: SubtaskState) -> Callable[[], TextPage | None] | None:
        """What reads the page before, to be called aside; None when there is none or it is on its way."""
        kept = self._kept
        if kept is None or self.loading or self._trouble or not self.has_older(s):
            return None
        self.loading = True
        subtask, attempt, end = self._subtask, self.attempt, self._end
        before, after = self.reading.text[:_KNOWN_CHARS], len(self.reading.text)
        return lambda: kept.text_before(subtask, attempt, before=before, after=after, end=end)

    def got(self, page: TextPage | None) -> None:
        """Put a page before what is here."""
        self.loading = False
        if page is None:
            self._trouble = _("what came before is not in its file")
            return
        if self.reading.text:
            self.reading.prepend(page.text)
        else:
            self.reading.append(page.text)
        self._front, self._end, self._whole = self.reading.base, page.start, page.start == 0
        if page.start is None:
            self._trouble = _("the rest is in {path}").format(path=self.path)

    def failed(self, error: LunaError) -> None:
        """Say why there is no more."""
        self.loading = False
        self._trouble = error.message

    @property
    def path(self) -> str:
        """Where the whole text is."""
        return self._kept.where(self._subtask, self.attempt) if self._kept is not None else ""

    def note(self, s: SubtaskState) -> str:
        """What stands above the first row; empty when nothing was said before it."""
        if not self.has_older(s):
            return ""
        if self.loading:
            return _("reading older text from its file")
        before = self._seen - len(self.reading.text)
        count = _("{n:,} characters").format(n=before) if before > 0 else _("more text")
        if self._trouble:
            return _("{count} before this: {why}").format(count=count, why=self._trouble)
        if self._kept is None:
            return _("{count} before this, no longer in memory").format(count=count)
        return _("{count} before this: k reads them from the file").format(count=count)
