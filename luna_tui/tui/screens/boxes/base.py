"""What all boxes share: looking costs nothing, enter takes what is under the cursor, esc changes nothing."""

from __future__ import annotations

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.events import Key, Paste
from textual.screen import ModalScreen

from luna_tui.core.clean import clean_line
from luna_tui.core.limits import TierLimits
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.boxes.frame import WIDTH, Box, box_view, box_width
from luna_tui.tui.widgets.lines_panel import LinesPanel


class BoxScreen(LunaScreen, ModalScreen[None]):
    """A box over the screen below; what it says is drawn anew as the run goes on."""

    SCOPED_CSS = False
    CSS = "BoxScreen { align: center middle; background: transparent; }"
    MOST = WIDTH
    """Cells of the box, where there is room."""
    SAFE = ""
    """Key of the choice under the cursor at first; empty = the first one."""
    OVER_TOO = False
    """What it offers can be done after the end of the run, too."""

    def __init__(self) -> None:
        super().__init__()
        self._body = LinesPanel("box")
        self.at = 0
        """Number of the choice under the cursor."""
        self._keys: tuple[str, ...] = ()
        self._chosen = self.SAFE

    def compose(self) -> ComposeResult:
        """One panel in the middle."""
        yield self._body

    def box(self, state: RunState, now_s: float) -> Box:
        """What it says now."""
        raise NotImplementedError

    def take(self, key: str) -> None:
        """Do what the choice with this key says; the box is still open."""
        raise NotImplementedError

    def typed(self, key: str, character: str) -> bool:
        """Take a key that means something in this box only; False when it does not."""
        return False

    def draw(self) -> None:
        """Show what is so now."""
        box = self.offer()
        if not self._composed:
            return
        looks = self.looks()
        self._body.styles.width = box_width(looks, self.MOST)
        self._body.show(box_view(box, self.at, looks, self.glyphs, most=self.MOST), self.luna.palette)

    def offer(self) -> Box:
        """What it says now; the cursor stays on its choice."""
        state, now_s = self.luna.state_now()
        if state.finished is not None and not self.OVER_TOO:
            self.luna.notice = _("The run has ended; nothing was changed.")
        box = self.box(state, now_s)
        self._keys = tuple(c.key for c in box.choices)
        chosen = self._chosen in self._keys
        self.at = self._keys.index(self._chosen) if chosen else max(0, min(self.at, len(self._keys) - 1))
        return box

    @property
    def tiers(self) -> Mapping[str, TierLimits]:
        """The table of tiers this run uses."""
        return self.luna.settings.tiers

    def on_key(self, event: Key) -> None:
        """Letters choose, arrows move, enter takes what is under the cursor, esc changes nothing."""
        event.stop()
        event.prevent_default()
        if not self.is_active:
            # Typed behind the key that closed it, or that opened another: meant for what is on top now.
            self.app.post_message(Key(event.key, event.character))
            return
        self.pressed(event.key, (event.character or "") if event.is_printable else "")

    def typed_ahead(self, event: Key) -> None:
        """A key that went to the screen below, because it came before this box was open."""
        event.prevent_default()
        self.post_message(Key(event.key, event.character))

    def pressed(self, key: str, character: str) -> None:
        """One key; it may come before the box was drawn."""
        if not self._composed:
            self.offer()
        if key == "ctrl+c":
            self.luna.action_stop_all()
        elif self.typed(key, character):
            self.redraw()
        elif key == "escape" or (key == "q" and "q" not in self._keys):
            self.dismiss()
        elif key in ("down", "tab", "j"):
            self.move(1)
        elif key in ("up", "k"):
            self.move(-1)
        elif key == "enter" and self._keys:
            self._take(self._keys[self.at])
        elif character in self._keys:
            self._take(character)

    def on_paste(self, event: Paste) -> None:
        """What is pasted is typed, as one line of data."""
        event.stop()
        for character in clean_line(event.text)[:2_000]:
            self.typed(character, character)
        self.redraw()

    def picked(self, key: str) -> None:
        """Clicking only moves the cursor."""
        if key in self._keys:
            self._chosen = key
            self.draw()

    def move(self, by: int) -> None:
        """Move the cursor."""
        if self._keys:
            self._chosen = self._keys[max(0, min(len(self._keys) - 1, self.at + by))]
            self.draw()

    def done(self, said: str) -> None:
        """Close, and say what was done."""
        self.dismiss()
        self.luna.say(said)

    def _take(self, key: str) -> None:
        if key == "esc":
            self.dismiss()
        else:
            self.take(key)
