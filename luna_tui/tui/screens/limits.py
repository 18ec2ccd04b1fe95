"""The limits screen."""

from __future__ import annotations

from luna_tui.core.lanes import nearest_limit
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.limits import limits_lines
from luna_tui.tui.views.spans import Line
from luna_tui.tui.views.text import plain

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

    def taken_line(self) -> str:
        """The row of the limit that is nearest, for the clipboard."""
        name = nearest_limit(self.luna.state_now()[0]).upper() or "RPM"
        rows = (plain(line).rstrip() for line in self.lines())
        return next((row for row in rows if row.startswith(name)), "")

    def foot(self) -> Line:
        """What can be done about them."""
        return key_line(hints(self.KEYS, self.luna.settings.keymap, *_ON_KEY_LINE), self.looks(), self.glyphs)
