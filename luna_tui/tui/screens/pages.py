"""Screens that are read: help and report."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Key

from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.pages import help_lines, page, report_lines
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.widgets.lines_panel import LinesPanel


class PageScreen(LunaScreen):
    """Lines that scroll."""

    BINDINGS = [
        ("escape", "back", ""),
        ("j,down", "scroll(1)", ""),
        ("k,up", "scroll(-1)", ""),
        ("pagedown,space", "scroll(10)", ""),
        ("pageup", "scroll(-10)", ""),
        ("g,home", "scroll(-100000)", ""),
    ]

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
        return (Span("esc", Role.KEY), Span(" back   "), Span("j k", Role.KEY), Span(" scroll"))

    def action_back(self) -> None:
        """Up one level."""
        self.dismiss()

    def action_scroll(self, lines: int) -> None:
        """Move by lines."""
        last = max(0, len(self.lines()) - self.app.size.height + 2)
        self.start = max(0, min(last, self.start + lines))
        self.draw()


class HelpScreen(PageScreen):
    """Keys and states."""

    BINDINGS = [("q,question_mark", "back", "")]

    def lines(self) -> list[Line]:
        """Keys of all screens, then states."""
        return help_lines(self.looks())


class ReportScreen(PageScreen):
    """What the run came to. Left alone it may close; any key keeps it."""

    BINDINGS = [("q", "leave", ""), ("enter", "leave", "")]

    def lines(self) -> list[Line]:
        """The report."""
        state, _ = self.luna.state_now()
        return report_lines(state, self.looks(), folder=self.luna.folder)

    def foot(self) -> Line:
        """Keys, and when it closes by itself."""
        left = self.luna.closes_in_s
        closing = f"   closes in {left:.0f} s, any key keeps it" if left is not None else ""
        return (
            Span("q", Role.KEY), Span(" leave   "), Span("esc", Role.KEY), Span(" back to the run"),
            Span(closing, Role.WARN),
        )  # fmt: skip

    def on_key(self, event: Key) -> None:
        """Any key keeps the screen; it then does what it does."""
        self.luna.keep_open()

    def action_leave(self) -> None:
        """Leave the program."""
        self.luna.leave()
