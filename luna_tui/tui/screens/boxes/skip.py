"""The skip box (`i`)."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.retry import refusal
from luna_tui.tui.views.boxes.skip import skip_box, skip_offer


class SkipBox(BoxScreen):
    """Enter does it at once only where it can be taken back whole."""

    def __init__(self, subtasks: Sequence[str], *, loses: bool) -> None:
        super().__init__()
        self._subtasks = tuple(subtasks)
        self._chosen = "esc" if loses else "i"

    def box(self, state: RunState, now_s: float) -> Box:
        """What is skipped, and what is lost with it."""
        return skip_box(state, now_s, skip_offer(state, self._subtasks))

    def take(self, key: str) -> None:
        """Skip those that have not ended."""
        control = self.luna.commands()
        offer = skip_offer(self.luna.state_now()[0], self._subtasks)
        self.dismiss()
        if control is None:
            return
        if not offer.ids:
            self.luna.say(refusal(offer.left_out))
            return
        self.luna.say(self.luna.acts.skip(control, offer.ids, offer.running))
        self.luna.viewing.marked.difference_update(offer.ids)
