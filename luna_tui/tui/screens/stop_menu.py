"""The stop menu, a box over the screen below; leaving while the run is on opens it too."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.stop_menu import Choice, choices, stop_box


class StopMenu(BoxScreen):
    """Nothing is stopped by opening it; the safe choice is under the cursor."""

    def __init__(
        self,
        subtasks: Sequence[str] = (),
        *,
        wave: str | None = None,
        leaving: bool = False,
        cursor: str = "esc",
    ) -> None:
        super().__init__()
        self._wave = wave
        self._subtasks = tuple(subtasks)
        self._leaving = leaving
        self._chosen = cursor
        self._offered: tuple[Choice, ...] = ()

    def box(self, state: RunState, now_s: float) -> Box:
        """The choices with what they cost now."""
        self._offered = choices(state, self._subtasks, now_s, wave=self._wave, leaving=self._leaving)
        return stop_box(self._offered, state, leaving=self._leaving)

    def pressed(self, key: str, character: str) -> None:
        """ctrl+c again and again: finish all, then all now, then leave hard."""
        if not self._composed:
            self.offer()
        if key != "ctrl+c":
            super().pressed(key, character)
        elif self._keys[self.at] == "A":
            self.luna.leave_hard()
        else:
            self._chosen = "A" if self._keys[self.at] == "a" else "a"
            self.draw()

    def take(self, key: str) -> None:
        """Stop this, or leave."""
        choice = next(c for c in self._offered if c.key == key)
        self.dismiss()
        if key == "d":
            self.luna.detach()
            return
        control = self.luna.commands()
        if control is not None:
            self.luna.say(self.luna.acts.stop(control, choice))
