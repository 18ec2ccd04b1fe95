"""All that a plan says of one subtask, to be read before it starts."""

from __future__ import annotations

from luna_tui.core.plan import Subtask
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.pages import PageScreen
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.plan_edition import whole_text
from luna_tui.tui.views.spans import Line


class SubtaskText(PageScreen):
    """Prompt, command, tools and terms; nothing is changed here."""

    KEYS = tuple(
        k for k in SCREEN_KEYS["help"] if k.id.startswith("move.") or k.id in ("go.back", "run.leave")
    )
    BINDINGS = bindings(KEYS)

    def __init__(self, subtask: Subtask) -> None:
        super().__init__()
        self._subtask = subtask

    def lines(self) -> list[Line]:
        """As wide as the screen."""
        return whole_text(self._subtask, max(8, self.space.width))

    def action_leave(self) -> None:
        """Up one level."""
        self.dismiss()
