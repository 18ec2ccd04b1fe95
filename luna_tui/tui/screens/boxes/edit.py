"""The edit box (`e`): the prompt in a text area; what it says is data."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.events import Key, Paste
from textual.message import Message
from textual.widgets import TextArea

from luna_tui.core.clean import clean
from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.edit import MOST, edit_bottom, edit_box, edit_top
from luna_tui.tui.views.boxes.frame import Box, box_width, side_lines
from luna_tui.tui.views.spans import Role
from luna_tui.tui.widgets.lines_panel import LinesPanel

MOST_TEXT = 200_000
"""Characters that a prompt may be pasted up to."""


class PromptArea(TextArea):
    """A text area without markup, colours of its own or keys that mean something to a multiplexer."""

    BINDINGS = [("ctrl+c", "screen.stop_all", "")]

    class Left(Message):
        """esc was pressed."""

    async def _on_key(self, event: Key) -> None:
        if event.key == "escape":
            event.stop()
            event.prevent_default()
            self.post_message(self.Left())
            return
        await super()._on_key(event)

    async def _on_paste(self, event: Paste) -> None:
        event.stop()
        event.prevent_default()
        room = max(0, MOST_TEXT - len(self.text))
        found = self._replace_via_keyboard(clean(event.text)[:room], *self.selection)
        if found:
            self.move_cursor(found.end_location)


class EditBox(BoxScreen):
    """Two steps: the text, then what to do with it; nothing is sent before the second."""

    CSS = (
        BoxScreen.CSS
        + """
    EditBox Horizontal { height: auto; width: auto; }
    EditBox #left, EditBox #right { width: 2; }
    EditBox PromptArea, EditBox PromptArea:focus {
        border: none; padding: 0; background: ansi_default; color: ansi_default; scrollbar-size: 0 0;
    }
    EditBox PromptArea .text-area--cursor { text-style: reverse; }
    """
    )
    MOST = MOST

    def __init__(self, subtask: str, prompt: str) -> None:
        super().__init__()
        self._subtask = subtask
        self._before = prompt
        self.area = PromptArea(
            prompt, show_line_numbers=False, soft_wrap=True, tab_behavior="focus", highlight_cursor_line=False
        )
        self.area.cursor_blink = False
        self._top, self._bottom = LinesPanel("top"), LinesPanel("bottom")
        self._left, self._right = LinesPanel("left"), LinesPanel("right")
        self._middle = Horizontal(self._left, self.area, self._right)
        self.editing = True
        """Keys go to the text."""

    def compose(self) -> ComposeResult:
        """The text in its frame, and the choices in its place."""
        yield self._top
        yield self._middle
        yield self._bottom
        yield self._body

    def on_mount(self) -> None:
        """The cursor stands at the end of the text."""
        self.area.move_cursor(self.area.document.end)
        self.edit()

    def edit(self) -> None:
        """Let keys go to the text."""
        self.editing = True
        self.area.focus()
        self.redraw()

    def on_prompt_area_left(self) -> None:
        """Unchanged text is left at once; else the choices come."""
        if self.area.text == self._before:
            self.dismiss()
            return
        self.editing = False
        self._chosen = "enter"
        self.set_focus(None)
        self.redraw()

    def box(self, state: RunState, now_s: float) -> Box:
        """What can be done with the text."""
        return edit_box(state, state.subtasks[self._subtask], now_s)

    def draw(self) -> None:
        """The text, or the choices."""
        super().draw()
        self._body.display = not self.editing
        for part in (self._top, self._middle, self._bottom):
            part.display = self.editing
        if not self.editing or not self._composed:
            return
        state = self.luna.state_now()[0]
        looks, g, palette = self.looks(), self.glyphs, self.luna.palette
        width = box_width(looks, self.MOST)
        top = edit_top(state.subtasks[self._subtask], width, g)
        bottom = edit_bottom(width, g, tall=looks.height >= 8)
        rows = max(1, min(16, looks.height - len(top.lines) - len(bottom.lines)))
        for panel, shown, size in (
            (self._top, top, width),
            (self._bottom, bottom, width),
            (self._left, side_lines(rows, g, left=True), 2),
            (self._right, side_lines(rows, g, left=False), 2),
        ):
            panel.styles.width = size
            panel.show(shown, palette)
        self.area.styles.width, self.area.styles.height = width - 4, rows
        self._middle.styles.height = rows
        style = palette.style(Role.TEXT)
        background = palette.base.bgcolor
        if background is not None and background.triplet is not None:
            self.area.styles.background = background.triplet.hex
        if style.color is not None and style.color.triplet is not None:
            self.area.styles.color = style.color.triplet.hex

    def typed(self, key: str, character: str) -> bool:
        """esc among the choices goes back to the text."""
        if key == "escape":
            self.edit()
            return True
        return False

    def on_key(self, event: Key) -> None:
        """Keys of the choices; the text takes its own."""
        if not self.editing:
            super().on_key(event)

    def typed_ahead(self, event: Key) -> None:
        """Keys that the text does not take are those of its bindings."""
        if not self.editing:
            super().typed_ahead(event)

    def action_stop_all(self) -> None:
        """ctrl+c in the text."""
        self.luna.action_stop_all()

    def take(self, key: str) -> None:
        """Send, go on, or drop."""
        if key == "e":
            self.edit()
            return
        control = self.luna.commands()
        self.dismiss()
        if key == "enter" and control is not None:
            self.luna.say(self.luna.acts.retry(control, (self._subtask,), prompt=self.area.text))
