"""One subtask: its stream, prompt, result, tries and events."""

from __future__ import annotations

from textual.app import ComposeResult

from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.filtering import ask_find
from luna_tui.tui.subtask_texts import SubtaskTexts
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.subtask import (
    STREAM,
    TABS,
    TRIES,
    Tab,
    body_room,
    nothing_said,
    subtask_view,
    with_cursor,
)
from luna_tui.tui.widgets.lines_panel import LinesPanel


class SubtaskScreen(ActingScreen):
    """Facts above, one of five tabs below; looking never changes the run."""

    KEYS = SCREEN_KEYS["subtask"]
    BINDINGS = bindings(KEYS)

    def __init__(self, subtask: str) -> None:
        super().__init__()
        self._body = LinesPanel("subtask")
        self._texts: SubtaskTexts | None = None
        self.subtask = subtask
        self.tab = STREAM
        self.query_text = ""
        """What is looked for, on every tab."""

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    @property
    def texts(self) -> SubtaskTexts:
        """What is read of this subtask."""
        if self._texts is None or self._texts.subtask != self.subtask:
            self._texts = SubtaskTexts(self.luna, self.subtask, self.redraw)
        return self._texts

    @property
    def reading(self) -> Reading:
        """The text of the open tab."""
        return self.texts.reading(self.tab)

    @property
    def room(self) -> int:
        """Lines for it."""
        return body_room(self.space.height)

    def rewound(self) -> None:
        """Texts that were read may not have been said yet."""
        self._texts = None

    def draw(self) -> None:
        """Show the subtask as it is now."""
        state, now_s = self.luna.state_now()
        s = state.subtasks.get(self.subtask)
        if s is not None:
            tab = self._tab(state, s, now_s)
            self._body.show(subtask_view(state, s.id, now_s, self.looks(), tab), self.luna.palette)

    def _tab(self, state: RunState, s: SubtaskState, now_s: float) -> Tab:
        """What is open, with as many lines as there is room for."""
        texts, tab = self.texts, self.tab
        texts.refresh(tab, state, s, now_s, self.space.width)
        reading = self.reading
        if reading.query != self.query_text:
            reading.find(self.query_text)
        at, lines = reading.first(self.room), reading.shown(self.room)
        count = len(lines)
        if tab == STREAM:
            lines, count = self._stream_lines(s, at, lines)
        place = ""
        if count:
            place = _("{a}-{b} of {n}").format(a=at + 1, b=at + count, n=len(reading.rows))
        stream = texts.stream
        return Tab(tab, tuple(lines), place, self._found(s), stream.reading.following,
                   stream.of_try, texts.events)  # fmt: skip

    def _stream_lines(self, s: SubtaskState, at: int, lines: list[Line]) -> tuple[list[Line], int]:
        """With what stands before the first row and after the last; and how many rows those are."""
        reading, stream = self.reading, self.texts.stream
        note = stream.note(s)
        if at + len(lines) == len(reading.rows) and stream.of_try is None:
            lines = with_cursor(s, lines, self.space.width, self.glyphs)
        if not note:
            return lines or nothing_said(s, reading), len(lines)
        above: Line = (Span(f"{self.glyphs.cut} {note}", Role.DIM),)
        if len(lines) < self.room:
            return [above, *lines], len(lines)
        if at == 0 and not reading.following:
            return [above, *lines[:-1]], len(lines) - 1
        return lines, len(lines)

    def _found(self, s: SubtaskState) -> str:
        if not self.query_text:
            return ""
        reading = self.reading
        if not reading.hits:
            text = _("not found: {text}").format(text=self.query_text)
        else:
            text = _("{n} of {m}").format(n=reading.hit_number() or "-", m=len(reading.hits))
        older = self.tab == STREAM and self.texts.stream.has_older(s)
        return text + _(", older text not searched") if older else text

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask that is shown."""
        return (self.subtask,)

    def picked(self, key: str) -> None:
        """Look at another subtask, on the same tab."""
        self.subtask = key
        self.draw()

    def action_down(self) -> None:
        """A row down; on the tries, the try before."""
        self._scroll(1)

    def action_up(self) -> None:
        """A row up; on the tries, the try after."""
        self._scroll(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._scroll(max(1, self.room - 2))

    def action_page_up(self) -> None:
        """A page up."""
        self._scroll(-max(1, self.room - 2))

    def action_first(self) -> None:
        """To the beginning of what is here; what is older is fetched."""
        self._scroll(-len(self.reading.rows) - 1)

    def action_last(self) -> None:
        """To the end, and follow it."""
        self._scroll(len(self.reading.rows) + 1)

    def action_follow(self) -> None:
        """Follow the end of the stream, or stay."""
        self._open(STREAM)
        self.reading.follow(not self.reading.following, self.room)
        self.draw()

    def action_tab_1(self) -> None:
        """The stream of the last try."""
        self.texts.show_try(None)
        self._open(0)

    def action_tab_2(self) -> None:
        """The prompt."""
        self._open(1)

    def action_tab_3(self) -> None:
        """The result."""
        self._open(2)

    def action_tab_4(self) -> None:
        """The tries."""
        self._open(3)

    def action_tab_5(self) -> None:
        """The events."""
        self._open(4)

    def action_next_tab(self) -> None:
        """Next tab, round at the end."""
        self._open((self.tab + 1) % len(TABS))

    def action_previous_tab(self) -> None:
        """Previous tab."""
        self._open((self.tab - 1) % len(TABS))

    def action_open_try(self) -> None:
        """Read what the try under the cursor said."""
        tries = self.luna.state_now()[0].subtasks[self.subtask].tries
        if self.tab == TRIES and tries:
            self.texts.show_try(tries[-1 - self.texts.at_try].number if self.texts.at_try else None)
            self._open(STREAM)

    def action_find(self) -> None:
        """Ask what to look for."""
        ask_find(self, self.query_text, self._look_for, self._count)

    def action_next(self) -> None:
        """Next place found."""
        self._to_hit(1)

    def action_previous(self) -> None:
        """Previous place found."""
        self._to_hit(-1)

    def taken_line(self) -> str:
        """The row of the place found, else the last row that is shown."""
        reading = self.reading
        rows = reading.rows[reading.first(self.room) :][: self.room]
        hit = reading.at_hit
        found = [row for row in rows if hit is not None and row.start <= hit < row.end]
        texts = [reading.text_of(row) for row in found or reversed(rows)]
        return next((text for text in texts if text.strip()), "")

    def taken_all(self) -> str:
        """The whole text of the open tab, as far as it is here."""
        state, now_s = self.luna.state_now()
        s = state.subtasks[self.subtask]
        self._tab(state, s, now_s)
        note = self.texts.stream.note(s) if self.tab == STREAM else ""
        above = f"{self.glyphs.cut} {note}\n" if note else ""
        return above + self.reading.text

    def taken_name(self) -> str:
        """`2.19-stream`."""
        s = self.luna.state_now()[0].subtasks[self.subtask]
        return f"{s.label}-{TABS[self.tab]}"

    def _open(self, tab: int) -> None:
        self.tab = tab
        self.draw()

    def _scroll(self, rows: int) -> None:
        texts, reading = self.texts, self.reading
        if self.tab == TRIES and abs(rows) == 1:
            texts.at_try += rows
            self.draw()
            anchors = texts.tries.anchors
            if anchors:
                reading.show(anchors[texts.at_try], self.room)
        else:
            s = self.luna.state_now()[0].subtasks[self.subtask]
            if self.tab == STREAM and rows < 0 and reading.first(self.room) + rows < 0:
                texts.read_older(s)
            reading.scroll(rows, self.room)
        self.draw()

    def _count(self, text: str) -> int:
        probe = Reading()
        probe.set_text(self.reading.text)
        probe.find(text)
        return len(probe.hits)

    def _look_for(self, text: str) -> None:
        self.query_text = text
        self.reading.find(text)
        self._to_hit(1)

    def _to_hit(self, by: int) -> None:
        if self.query_text and not self.reading.go_to_hit(by, self.room):
            self.luna.say(_("{text} is not in this text.").format(text=self.query_text))
        self.draw()
