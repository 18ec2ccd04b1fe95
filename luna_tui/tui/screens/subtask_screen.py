"""One subtask, with its stream."""

from __future__ import annotations

from textual.app import ComposeResult

from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.subtask import stream_lines, subtask_view
from luna_tui.tui.widgets.lines_panel import LinesPanel


class SubtaskScreen(ActingScreen):
    """Facts above, stream below; follows until told not to."""

    KEYS = SCREEN_KEYS["subtask"]
    BINDINGS = bindings(KEYS)

    def __init__(self, subtask: str) -> None:
        super().__init__()
        self._body = LinesPanel("subtask")
        self.subtask = subtask
        self.back = 0
        """Lines scrolled back from the end; 0 follows."""
        self.follow = True

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def draw(self) -> None:
        """Show the subtask as it is now."""
        state, now_s = self.luna.state_now()
        looks = self.looks(follow=self.follow, scroll=self.back)
        panel = subtask_view(state, self.subtask, now_s, looks)
        self._body.show(panel, self.luna.palette)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask that is shown."""
        return (self.subtask,)

    def action_down(self) -> None:
        """A line towards the end."""
        self._scroll(-1)

    def action_up(self) -> None:
        """A line towards the beginning."""
        self._scroll(1)

    def action_page_down(self) -> None:
        """A page towards the end."""
        self._scroll(-(self.app.size.height // 2))

    def action_page_up(self) -> None:
        """A page towards the beginning."""
        self._scroll(self.app.size.height // 2)

    def action_first(self) -> None:
        """To the beginning of what is kept."""
        self._scroll(self._length())

    def action_last(self) -> None:
        """To the end, and follow."""
        self._scroll(-self._length())

    def action_follow(self) -> None:
        """Follow or stay."""
        self.follow = not self.follow
        self.back = 0 if self.follow else 1
        self.draw()

    def _scroll(self, lines: int) -> None:
        self.back = max(0, min(self._length(), self.back + lines))
        self.follow = self.back == 0
        self.draw()

    def _length(self) -> int:
        state, _ = self.luna.state_now()
        return len(stream_lines(state.subtasks[self.subtask], self.app.size.width, self.glyphs))
