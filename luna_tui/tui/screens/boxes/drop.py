"""The drop box (`D` on the changes)."""

from __future__ import annotations

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.drop import drop_box
from luna_tui.tui.views.boxes.frame import Box


class DropBox(BoxScreen):
    """Enter keeps the changes; only the letter drops them."""

    SAFE = "esc"
    OVER_TOO = True

    def __init__(self, subtask: str) -> None:
        super().__init__()
        self._subtask = subtask

    def box(self, state: RunState, now_s: float) -> Box:
        """What would be lost."""
        return drop_box(state, state.changes[self._subtask])

    def take(self, key: str) -> None:
        """Drop them, if nobody has decided meanwhile."""
        control = self.luna.settles_changes()
        self.dismiss()
        if control is not None and not self.luna.state_now()[0].changes[self._subtask].settled:
            self.luna.say(self.luna.acts.settle_changes(control, self._subtask, accept=False))
