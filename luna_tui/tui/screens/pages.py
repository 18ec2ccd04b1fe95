"""What screens that are read share."""

from __future__ import annotations

from textual.app import ComposeResult

from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.pages import page
from luna_tui.tui.views.spans import Line
from luna_tui.tui.widgets.lines_panel import LinesPanel


class PageScreen(ActingScreen):
    """Lines that scroll."""

    def __init__(self) -> None:
        super().__init__()
        self._body = LinesPanel("page")
        self.start = 0
        """First line shown."""

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def draw(self) -> None:
        """Show the page from its first line on."""
        looks = self.looks(scroll=self.start)
        panel = page(self.lines(), looks, self.foot())
        self._body.show(panel, self.luna.palette)

    def lines(self) -> list[Line]:
        """All lines."""
        raise NotImplementedError

    def foot(self) -> Line:
        """The last line."""
        return key_line(
            hints(self.KEYS, self.luna.settings.keymap, "go.back", "move.down", "run.leave"),
            self.looks(),
            self.glyphs,
        )

    def taken_all(self) -> str:
        """All lines, also those out of sight."""
        return "\n".join("".join(span.text for span in line) for line in self.lines())

    def action_down(self) -> None:
        """A line down."""
        self._scroll(1)

    def action_up(self) -> None:
        """A line up."""
        self._scroll(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._scroll(self.space.height - 3)

    def action_page_up(self) -> None:
        """A page up."""
        self._scroll(3 - self.space.height)

    def action_first(self) -> None:
        """To the beginning."""
        self._scroll(-len(self.lines()))

    def action_last(self) -> None:
        """To the end."""
        self._scroll(len(self.lines()))

    def _scroll(self, lines: int) -> None:
        last = max(0, len(self.lines()) - self.space.height + 2)
        self.start = max(0, min(last, self.start + lines))
        self.draw()
