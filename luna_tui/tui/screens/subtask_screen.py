"""One subtask: its stream, prompt, result, tries and events."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult

from luna_tui.core.kept import TextPage
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.core.words import GOOD
from luna_tui.tui.aside import aside
from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.screens.asking import AskLine
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.stream import StreamText
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.subtask import (
    EVENTS,
    PROMPT,
    RESULT,
    STREAM,
    TABS,
    TRIES,
    Tab,
    body_room,
    nothing_said,
    subtask_view,
    with_cursor,
)
from luna_tui.tui.views.subtask_tabs import (
    Document,
    events_document,
    prompt_document,
    result_document,
    tries_document,
)
from luna_tui.tui.views.trouble import attention
from luna_tui.tui.widgets.lines_panel import LinesPanel

ANSWER_CHARS = 512 * 1024
"""Of a longer answer only the beginning is shown."""
_TRIES_READ = 8
"""Tries whose last words are read from their files."""
_PROBLEMS = 10_000


class SubtaskScreen(ActingScreen):
    """Facts above, one of five tabs below; looking never changes the run."""

    KEYS = SCREEN_KEYS["subtask"]
    BINDINGS = bindings(KEYS)

    def __init__(self, subtask: str) -> None:
        super().__init__()
        self._body = LinesPanel("subtask")
        self.tab = STREAM
        self.query_text = ""
        """What is looked for on every tab."""
        self._look_at(subtask)

    def _look_at(self, subtask: str, of_try: int | None = None) -> None:
        self.subtask = subtask
        self._stream: StreamText | None = None
        self._of_try = of_try
        self._pages = {n: Reading() for n in (PROMPT, RESULT, TRIES, EVENTS)}
        self._drawn_events: tuple[int, Document] = (-1, Document())
        self.at_try = 0
        """Place of the try under the cursor, from the last one back."""
        self._answer: tuple[int, str, str] | None = None
        self._asked_answer = -1
        self._last_said: dict[int, str] = {}
        self._asked_said: set[int] = set()

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def draw(self) -> None:
        """Show the subtask as it is now."""
        state, now_s = self.luna.state_now()
        if self.subtask in state.subtasks:
            s = state.subtasks[self.subtask]
            panel = subtask_view(state, self.subtask, now_s, self.looks(), self._tab(state, s, now_s))
            self._body.show(panel, self.luna.palette)

    def _tab(self, state: RunState, s: SubtaskState, now_s: float) -> Tab:
        """What is open, with as many lines as there is room for."""
        self._refresh(state, s, now_s)
        reading, room = self.reading, self.room
        above = self.stream.note(s) if self.tab == STREAM else ""
        if above and len(reading.rows) >= room and reading.following:
            above = ""
        room -= bool(above and reading.first(room) == 0)
        lines = reading.shown(room)
        if above and reading.first(self.room) == 0:
            cut = self.glyphs.cut
            note: Line = (Span(f"{cut} {above}", Role.DIM),)
            lines = [note, *lines]
        at = reading.first(room)
        last = min(len(reading.rows), at + room)
        if self.tab == STREAM:
            if not reading.rows and not above:
                lines = nothing_said(s, reading)
            if last == len(reading.rows) and self.stream.of_try is None:
                lines = with_cursor(s, lines, self.app.size.width, self.glyphs)
        place = _("{a}-{b} of {n}").format(a=at + 1, b=last, n=len(reading.rows)) if last else ""
        return Tab(
            self.tab, tuple(lines), place, self._found(s), self.stream.reading.following,
            self.stream.of_try, 0 if self.tab != EVENTS else self._drawn_events[1].text.count("\n") + 1,
        )  # fmt: skip

    @property
    def stream(self) -> StreamText:
        """The stream that is read."""
        if self._stream is None:
            self._stream = StreamText(self.luna.settings.kept, self.subtask, self._of_try)
        return self._stream

    @property
    def reading(self) -> Reading:
        """The text of the tab that is open."""
        return self.stream.reading if self.tab == STREAM else self._pages[self.tab]

    @property
    def room(self) -> int:
        """Lines for it."""
        return body_room(self.app.size.height)
