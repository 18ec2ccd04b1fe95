"""The stop menu, a box over the screen below."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.events import Key
from textual.screen import ModalScreen

from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.stop_menu import WIDTH, Choice, choices, stop_menu_view
from luna_tui.tui.widgets.lines_panel import LinesPanel


class StopMenu(LunaScreen, ModalScreen[None]):
    """Nothing is stopped by opening it; the safe choice is under the cursor."""

    CSS_PATH = "stop_menu.tcss"

    def __init__(self, subtask: str | None) -> None:
        super().__init__()
        self._body = LinesPanel("stop-menu")
        self._subtask = subtask
        self.at = 0
        """Number of the choice under the cursor."""
        self._offered: tuple[Choice, ...] = ()

    def compose(self) -> ComposeResult:
        """One panel in the middle."""
        yield self._body

    def draw(self) -> None:
        """Show the choices with what they cost now; the cursor stays on its choice."""
        state, now_s = self.luna.state_now()
        chosen = self._offered[self.at].key if self._offered else "esc"
        self._offered = choices(state, self._subtask, now_s)
        self.at = next((n for n, c in enumerate(self._offered) if c.key == chosen), 0)
        width = max(24, min(WIDTH, self.app.size.width - 2))
        panel = self._body
        panel.styles.width = width
        panel.show(stop_menu_view(self._offered, self.at, width, self.glyphs), self.luna.palette)

    def on_key(self, event: Key) -> None:
        """Letters choose, arrows move, enter takes what is under the cursor."""
        event.stop()
        event.prevent_default()
        key = event.key
        if key in ("escape", "q"):
            self.dismiss()
        elif key == "ctrl+c":
            self._press_on()
        elif key in ("j", "down", "tab"):
            self._move(1)
        elif key in ("k", "up"):
            self._move(-1)
        elif key == "enter":
            self._take(self._offered[self.at])
        else:
            for choice in self._offered:
                if choice.key == (event.character or ""):
                    self._take(choice)
                    return

    def picked(self, key: str) -> None:
        """Clicking only moves the cursor."""
        self.at = next((n for n, c in enumerate(self._offered) if c.key == key), self.at)
        self.draw()

    def _press_on(self) -> None:
        """ctrl+c again and again: finish all, then all now, then leave hard."""
        keys = [c.key for c in self._offered]
        here = self._offered[self.at].key
        if here == "A":
            self.luna.leave_hard()
        elif here == "a":
            self.at = keys.index("A")
        else:
            self.at = keys.index("a")
        self.draw()

    def _move(self, by: int) -> None:
        self.at = max(0, min(len(self._offered) - 1, self.at + by))
        self.draw()

    def _take(self, choice: Choice) -> None:
        control = self.luna.commands()
        if choice.scope is not None and control is not None:
            control.cancel(choice.scope, choice.manner, by="user", wave=choice.wave, subtask=choice.subtask)
        self.dismiss()
