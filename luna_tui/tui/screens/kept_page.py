"""What pages over the home screen share: they are read, and lead back."""

from __future__ import annotations

from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.help import help_lines
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS, Keys
from luna_tui.tui.views.spans import Line

_BACK = ("go.back", "go.help", "run.leave")


class KeptPage(PageScreen):
    """A page of the home screen."""

    KEYS: Keys = tuple(k for k in SCREEN_KEYS["kept"] if k.id.startswith("move.") or k.id in _BACK)
    BINDINGS = bindings(KEYS)

    def shown_keys(self) -> Keys:
        """Keys that can do something here."""
        return self.KEYS

    def foot(self) -> Line:
        """Keys."""
        keys = self.shown_keys()
        ids = [k.id for k in keys if not k.id.startswith("move.")]
        return key_line(hints(keys, self.luna.settings.keymap, *ids, "move.down"), self.looks(), self.glyphs)

    def action_leave(self) -> None:
        """Up one level."""
        self.dismiss()

    def action_help(self) -> None:
        """Keys of this page."""
        self.app.push_screen(HomeHelp(self.shown_keys()))


class HomeHelp(KeptPage):
    """Keys of the screen it was opened from, and what the words mean."""

    BINDINGS = bindings(KeptPage.KEYS)

    def __init__(self, about: Keys) -> None:
        super().__init__()
        self._about = about

    def lines(self) -> list[Line]:
        """Keys as this user has them, then states of subtasks and words."""
        return help_lines(self._about, self.looks(), keys_shown(self._about, self.luna.settings.keymap))

    def action_help(self) -> None:
        """The key that opened it closes it."""
        self.dismiss()
