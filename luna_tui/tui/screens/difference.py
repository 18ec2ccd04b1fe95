"""What is another one in a plan that was made anew: in words, then line by line."""

from __future__ import annotations

from luna_tui.core.plan_editing import Anew
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.frame import key_line
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.plan_edition import difference_lines
from luna_tui.tui.views.spans import Line


class DifferencePage(PageScreen):
    """Leads to the plan with its costs; nothing starts here."""

    KEYS = SCREEN_KEYS["difference"]
    BINDINGS = bindings(KEYS)

    def __init__(self, anew: Anew) -> None:
        super().__init__()
        self._anew = anew

    def lines(self) -> list[Line]:
        """As wide as the screen."""
        return difference_lines(self._anew, max(8, self.space.width))

    def foot(self) -> Line:
        """The way on."""
        found = hints(self.KEYS, self.luna.settings.keymap, "plan.look", "move.down", "run.leave")
        return key_line(found, self.looks(), self.glyphs)

    def action_look(self) -> None:
        """On to the plan."""
        self.dismiss()

    def action_leave(self) -> None:
        """On to the plan, from where one can leave."""
        self.dismiss()
