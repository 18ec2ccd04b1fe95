"""The limits screen."""

from __future__ import annotations

from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.keys import SCREEN_KEYS, words_of
from luna_tui.tui.views.limits import limits_lines
from luna_tui.tui.views.spans import Line

_ON_KEY_LINE = (
    "go.back", "go.help", "run.workers", "run.mode", "run.budget", "run.pause", "go.timeline", "take.line",
    "move.down", "run.leave",
)  # fmt: skip


class LimitsScreen(PageScreen):
    """Used, reserved, cap, who waits, and what if."""

    KEYS = SCREEN_KEYS["limits"]
    BINDINGS = bindings(KEYS)

    def lines(self) -> list[Line]:
        """Everything known of the limits now."""
        state, now_s = self.luna.state_now()
        return limits_lines(state, now_s, self.looks())

    def foot(self) -> Line:
        """What can be done about them."""
        return key_line(words_of(self.KEYS, *_ON_KEY_LINE), self.looks(), self.glyphs)
