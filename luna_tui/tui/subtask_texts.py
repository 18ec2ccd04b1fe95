"""The texts of one subtask, tab by tab, as somebody reads them; what is on disk is read aside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from luna_tui.core.errors import LunaError
from luna_tui.core.kept import TextPage
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.core.words import GOOD
from luna_tui.tui.aside import aside
from luna_tui.tui.stream import StreamText
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.subtask import EVENTS, PROMPT, RESULT, STREAM, TRIES
from luna_tui.tui.views.subtask_tabs import (
    Document,
    events_document,
    prompt_document,
    result_document,
    tries_document,
)

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp

_T = TypeVar("_T")
ANSWER_CHARS = 512 * 1024
"""Of a longer answer only the beginning is shown."""
_TRIES_READ = 8
"""Tries whose last words are read from their files."""


class SubtaskTexts:
    """What is read of one subtask, and where one is in each of its texts."""

    def __init__(self, luna: LunaApp, subtask: str, redraw: Callable[[], None]) -> None:
        self.subtask = subtask
        self.stream = StreamText(luna.settings.kept, subtask)
        self.at_try = 0
        """Place of the try under the cursor, from the last one back."""
        self.tries = Document()
        self.events = 0
        """Events that were found, when they were last looked at."""
        self._luna = luna
        self._redraw = redraw
        self._pages = {n: Reading() for n in (PROMPT, RESULT, TRIES, EVENTS)}
        self._events_of = -1
        self._answer: tuple[int, str | None, str] = (-1, None, "")
        self._last_said: dict[int, str] = {}
        self._asked_said: set[int] = set()

    def reading(self, tab: int) -> Reading:
        """The text of a tab, as it was when it was last refreshed."""
        return self.stream.reading if tab == STREAM else self._pages[tab]

    def show_try(self, number: int | None) -> None:
        """Read the stream of another try; None = of the last one."""
        if number != self.stream.of_try:
            self.stream = StreamText(self._luna.settings.kept, self.subtask, number)

    def refresh(self, tab: int, state: RunState, s: SubtaskState, now_s: float, width: int) -> None:
        """Bring the text of a tab up to now."""
        if tab == STREAM:
            self.stream.take(s, width)
            if not self.stream.reading.text:
                self.read_older(s)
            self.stream.note_tools(s, now_s, width, glyphs_for(self._luna.settings.ascii))
            return
        page = self._pages[tab]
        page.resize(width)
        if tab == EVENTS:
            if self._events_of == state.seq:
                return
            self._events_of = state.seq
        found = self._document(tab, state, s, now_s)
        page.set_text(found.text, found.marks, found.hangs)

    def read_older(self, s: SubtaskState) -> None:
        """Fetch the page before what is here of the stream."""
        stream = self.stream
        read = stream.older(s)
        if read is not None:
            self._aside(read, stream.got, stream.failed)

    def _document(self, tab: int, state: RunState, s: SubtaskState, now_s: float) -> Document:
        if tab == PROMPT:
            settings = self._luna.settings
            return prompt_document(s, settings.folder, settings.prompt_of(s.id))
        if tab == RESULT:
            return result_document(s, *self._answer_of(s))
        if tab == TRIES:
            self._read_last_said(s)
            self.at_try = max(0, min(self.at_try, len(s.tries) - 1))
            self.tries = tries_document(s, now_s, self.at_try, self._last_said)
            return self.tries
        found = events_document(state, s, glyphs_for(self._luna.settings.ascii))
        self.events = len(found.anchors)
        return found

    def _answer_of(self, s: SubtaskState) -> tuple[str | None, str]:
        """The answer and what is missing of it; None while it is being read."""
        kept = self._luna.settings.kept
        said_more = bool(s.tries) and s.tries[-1].turns > 1
        if s.status not in GOOD or (s.tail and s.chars <= len(s.tail) and not (said_more and kept)):
            return s.tail, ""
        if kept is None:
            return s.tail, _("Only its last {n:,} characters are in memory.").format(n=len(s.tail))
        if self._answer[0] == s.attempt:
            return self._answer[1:]
        subtask, attempt, tail = self.subtask, s.attempt, s.tail
        self._answer = (attempt, None, "")

        def got(found: tuple[str, bool] | None) -> None:
            text, whole = found if found is not None else (tail, False)
            where = kept.where(subtask, attempt)
            missing = "" if whole else _("This is not all of it; the whole is in {path}.").format(path=where)
            self._answer = (attempt, text, missing)

        def failed(error: LunaError) -> None:
            self._answer = (attempt, tail, error.message)

        def read() -> tuple[str, bool] | None:
            result = kept.result(subtask, most=ANSWER_CHARS) if said_more else None
            return result or kept.text_from_start(subtask, attempt, most=ANSWER_CHARS)

        self._aside(read, got, failed)
        return None, ""

    def _read_last_said(self, s: SubtaskState) -> None:
        """What earlier tries said last is only in their files."""
        kept, subtask = self._luna.settings.kept, self.subtask
        if kept is None:
            return

        def get(number: int) -> Callable[[], TextPage | None]:
            return lambda: kept.text_before(subtask, number, before="", after=0, end=None)

        def got(number: int) -> Callable[[TextPage | None], None]:
            return lambda page: self._last_said.update({number: page.text if page is not None else ""})

        for t in s.tries[:-1][-_TRIES_READ:]:
            if t.number not in self._asked_said:
                self._asked_said.add(t.number)
                self._aside(get(t.number), got(t.number), lambda error: None)

    def _aside(
        self, work: Callable[[], _T], then: Callable[[_T], None], failed: Callable[[LunaError], None]
    ) -> None:
        """Do it aside, and draw what came of it."""

        def done(result: _T) -> None:
            then(result)
            self._redraw()

        def refused(error: LunaError) -> None:
            failed(error)
            self._redraw()

        aside(self._luna, work, done, refused)
