"""Paint a view's lines; repaint only those that changed."""

from __future__ import annotations

import re

from rich.segment import Segment
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from luna_tui.tui.theme import Palette
from luna_tui.tui.views.spans import Panel

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Last line of defence: views hold clean text, and nothing else may reach the terminal."""


def _harmless(text: str) -> str:
    return text if text.isprintable() else _CONTROL.sub("\ufffd", text)


class LinesPanel(Widget):
    """Rows of a view. Shows what it is given and says what was clicked; it knows nothing of a run."""

    DEFAULT_CSS = "LinesPanel { height: auto; width: 1fr; }"

    class Picked(Message):
        """An entry was clicked; nothing but the cursor may follow from it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self._panel = Panel(())
        self._palette = Palette(None)
        self.display = False

    @property
    def panel(self) -> Panel:
        """What is shown."""
        return self._panel

    def show(self, panel: Panel, palette: Palette) -> None:
        """Show these lines from now on; sends nothing when nothing changed."""
        before, self._panel = self._panel, panel
        repaint = palette is not self._palette
        self._palette = palette
        if len(panel.lines) != len(before.lines):
            self.styles.height = len(panel.lines)
            self.display = bool(panel.lines)
            self.refresh(layout=True)
        elif repaint:
            self.refresh()
        else:
            pairs = enumerate(zip(before.lines, panel.lines, strict=True))
            changed = [Region(0, row, self.size.width, 1) for row, (old, new) in pairs if old != new]
            if changed:
                self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """One row, padded to the width of the widget."""
        base = self._palette.base
        if y >= len(self._panel.lines):
            return Strip.blank(self.size.width, base)
        segments = [
            Segment(_harmless(span.text), self._palette.style(span.role)) for span in self._panel.lines[y]
        ]
        return Strip(segments).adjust_cell_length(self.size.width, base)

    def on_click(self, event: Click) -> None:
        """Select what is under the mouse, with the first button only."""
        if event.button != 1:
            return
        for cell in self._panel.cells:
            inside_rows = cell.row <= event.y < cell.row + cell.height
            if inside_rows and cell.column <= event.x < cell.column + cell.width:
                self.post_message(self.Picked(cell.key))
                return
