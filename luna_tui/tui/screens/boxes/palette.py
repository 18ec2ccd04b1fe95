"""The command palette (`:`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.screens.boxes.performing import perform
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.palette import MOST, completed, matches, nearest, palette_box, understood
from luna_tui.tui.views.keymap import keys_shown

if TYPE_CHECKING:
    from luna_tui.tui.screens.acting import ActingScreen

LONGEST = 200
"""Characters that can be typed."""


class PaletteBox(BoxScreen):
    """A line to type and the commands that match; enter opens what the key of the command would open."""

    CSS = f"{BoxScreen.CSS} PaletteBox {{ align: center top; }}"
    MOST = MOST

    def __init__(self, below: ActingScreen) -> None:
        super().__init__()
        self._below = below
        self.text = ""
        self._back = 0
        """How far back in the history the line is; 0 = not."""

    def box(self, state: RunState, now_s: float) -> Box:
        """The line and its matches."""
        shown = keys_shown(self._below.KEYS, self.luna.settings.keymap)
        return palette_box(self.text, matches(self.text), shown, self.glyphs)

    def pressed(self, key: str, character: str) -> None:
        """Letters are typed; only arrows move."""
        if key == "escape":
            self.dismiss()
        elif key == "enter":
            self._enter()
        elif key == "down" and self._back:
            self._recall(-1)
        elif key == "up" and (self._back or self.at == 0):
            self._recall(1)
        elif character or key in ("backspace", "tab"):
            self.typed(key, character)
            self.draw()
        else:
            super().pressed(key, "")

    def typed(self, key: str, character: str) -> bool:
        """One more character, one less, or the command completed."""
        found = matches(self.text)
        if key == "tab":
            self._use(completed(self.text, found[self.at]) if found else nearest(self.text) or self.text)
        elif key == "backspace":
            self._use(self.text[:-1])
        elif character and len(self.text) < LONGEST:
            self._use(self.text + character)
        else:
            return False
        return True

    def take(self, key: str) -> None:
        """Enter is handled here; letters are typed."""

    def _use(self, text: str) -> None:
        self.text, self.at, self._chosen, self._back = text, 0, "", 0

    def _recall(self, by: int) -> None:
        typed = self.luna.acts.typed
        back = max(0, min(len(typed), self._back + by))
        if back != self._back:
            self._use(typed[-back] if back else "")
            self._back = back
            self.draw()

    def _enter(self) -> None:
        found = matches(self.text)
        if not found:
            self._use(self.text)
            self.draw()
            return
        command = understood(self.text, found[self.at])
        self.luna.acts.typed.append(f"{command.name} {command.argument}".strip())
        self.dismiss()
        perform(self._below, command)
