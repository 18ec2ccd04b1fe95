"""The budget box (`b`)."""

from __future__ import annotations

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.budget import amount, budget_box
from luna_tui.tui.views.boxes.effects import budget_of
from luna_tui.tui.views.boxes.frame import Box

DIGITS = 9
"""Longest amount that can be typed."""


class BudgetBox(BoxScreen):
    """An amount that is tried out; nothing changes before enter."""

    def __init__(self, wanted: str | None = None) -> None:
        super().__init__()
        self.text = wanted
        """As typed; None = as it is."""
        self._fresh = wanted is None

    def box(self, state: RunState, now_s: float) -> Box:
        """What the cap would do."""
        if self.text is None:
            before = budget_of(state)
            self.text = "" if before is None else f"{before:.2f}"
        return budget_box(state, now_s, self.text, self.glyphs)

    def typed(self, key: str, character: str) -> bool:
        """Digits and one point; the first digit begins anew, backspace edits what stands there."""
        text = self.text or ""
        if key == "backspace":
            self.text = text[:-1]
        elif character in (".", ",") or (character.isascii() and character.isdigit()):
            text = "" if self._fresh else text
            character = "." if character == "," else character
            if len(text) < DIGITS and not (character == "." and "." in text):
                self.text = text + character
        else:
            return False
        self._fresh = False
        self._chosen = "enter"
        return True

    def take(self, key: str) -> None:
        """Apply it."""
        control = self.luna.commands()
        before, wanted = budget_of(self.luna.state_now()[0]), amount(self.text or "")
        self.dismiss()
        if control is not None and wanted != before:
            self.luna.say(self.luna.acts.set_budget(control, before, wanted))
