"""The mode box (`m`)."""

from __future__ import annotations

from luna_tui.core.state import RunState
from luna_tui.core.words import Mode
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.mode import mode_box


class ModeBox(BoxScreen):
    """The present mode is under the cursor, unless another one was asked for."""

    def __init__(self, present: Mode, wanted: Mode | None = None) -> None:
        super().__init__()
        self._chosen = (wanted or present).value[0]

    def box(self, state: RunState, now_s: float) -> Box:
        """The modes with their effect."""
        return mode_box(state, now_s, self.tiers, self.glyphs)

    def take(self, key: str) -> None:
        """Apply it."""
        control = self.luna.commands()
        before = self.luna.state_now()[0].mode
        mode = next(m for m in Mode if m.value[0] == key)
        self.dismiss()
        if control is not None and mode is not before:
            self.luna.say(self.luna.acts.set_mode(control, before, mode))
