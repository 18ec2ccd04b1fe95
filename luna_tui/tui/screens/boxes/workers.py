"""The workers box (`w`)."""

from __future__ import annotations

from luna_tui.core.state import RunState
from luna_tui.core.words import Staffing
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.mode import staffing
from luna_tui.tui.views.boxes.workers import MOST, count_of, workers_box


class WorkersBox(BoxScreen):
    """A number that is tried out; nothing changes before enter."""

    def __init__(self, wanted: int | Staffing | None = None) -> None:
        super().__init__()
        self.wanted = wanted
        """None = as it is."""
        self._fresh = True
        """The next digit begins a number."""

    def box(self, state: RunState, now_s: float) -> Box:
        """What the number would bring."""
        if self.wanted is None:
            self.wanted = staffing(state, self.tiers)
        return workers_box(state, now_s, self.wanted, self.tiers, self.glyphs)

    def typed(self, key: str, character: str) -> bool:
        """Digits, + and -, `a` and `t`."""
        if character.isascii() and character.isdigit():
            self._digit(character)
        elif key == "backspace":
            self._use(self._number() // 10)
            self._fresh = False
        elif character in ("+", "="):
            self._use(self._number() + 1)
        elif character == "-":
            self._use(self._number() - 1)
        elif character in ("a", "t"):
            self.wanted, self._fresh = (Staffing.AUTO if character == "a" else Staffing.TABLE), True
        else:
            return False
        self._chosen = "enter"
        return True

    def take(self, key: str) -> None:
        """`a` and `t` only show what they would bring; enter applies."""
        if key != "enter":
            self.typed(key, key)
            self.draw()
            return
        control = self.luna.commands()
        before = staffing(self.luna.state_now()[0], self.tiers)
        wanted = self.wanted
        self.dismiss()
        if control is None or wanted is None or wanted == before:
            return
        self.luna.say(
            self.luna.acts.set_workers(control, before, max(1, wanted) if isinstance(wanted, int) else wanted)
        )

    def _number(self) -> int:
        state = self.luna.state_now()[0]
        wanted = staffing(state, self.tiers) if self.wanted is None else self.wanted
        if isinstance(wanted, int):
            return wanted
        return count_of(wanted, state, self.tiers) or len(state.workers)

    def _digit(self, digit: str) -> None:
        before = 0 if self._fresh or not isinstance(self.wanted, int) else self.wanted
        self._use(before * 10 + int(digit))
        self._fresh = False

    def _use(self, number: int) -> None:
        self.wanted, self._fresh = max(0, min(MOST, number)), True
