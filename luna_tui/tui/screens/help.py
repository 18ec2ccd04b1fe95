"""The help screen."""

from __future__ import annotations

from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.help import help_lines
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS, Keys
from luna_tui.tui.views.spans import Line


class HelpScreen(PageScreen):
    """Keys of the screen it was opened from, states and words."""

    KEYS = SCREEN_KEYS["help"]
    BINDINGS = bindings(KEYS)

    def __init__(self, about: Keys) -> None:
        super().__init__()
        self._about = about

    def lines(self) -> list[Line]:
        """Keys as this user has them, then states, then words."""
        return help_lines(self._about, self.looks(), keys_shown(self._about, self.luna.settings.keymap))

    def action_help(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()

    def action_leave(self) -> None:
        """Up one level: whoever reads the help does not want to leave the program."""
        self.dismiss()
