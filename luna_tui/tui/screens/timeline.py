"""The timeline screen."""

from __future__ import annotations

from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.views.frame import framed, key_line, title
from luna_tui.tui.views.keys import SCREEN_KEYS, words_of
from luna_tui.tui.views.spans import Looks, Panel


class TimelineScreen(ListScreen):
    """Being built."""

    KEYS = SCREEN_KEYS["timeline"]
    BINDINGS = bindings(KEYS)

    def entries(self) -> tuple[str, ...]:
        """None yet."""
        return ()

    def view(self, looks: Looks) -> Panel:
        """An empty frame."""
        state = self.luna.state_now()[0]
        head = title(state, "timeline".upper(), "", looks, self.glyphs)
        keys = key_line(words_of(self.KEYS, "go.back", "go.help"), looks, self.glyphs)
        return framed(head, Panel(()), keys, looks, self.glyphs)
