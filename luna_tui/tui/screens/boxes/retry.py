"""The retry box (`r`)."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box
from luna_tui.tui.views.boxes.retry import refusal, retry_box, retry_offer


class RetryBox(BoxScreen):
    """Enter does it at once, except where work in progress would be thrown away."""

    def __init__(self, subtasks: Sequence[str], *, loses: bool) -> None:
        super().__init__()
        self._subtasks = tuple(subtasks)
        self._chosen = "esc" if loses else "r"

    def box(self, state: RunState, now_s: float) -> Box:
        """What is tried again, and at what price."""
        return retry_box(state, now_s, retry_offer(state, self._subtasks))

    def take(self, key: str) -> None:
        """Try those again that still can be."""
        control = self.luna.commands()
        offer = retry_offer(self.luna.state_now()[0], self._subtasks)
        self.dismiss()
        if control is None:
            return
        if not offer.ids:
            self.luna.say(refusal(offer.left_out))
            return
        self.luna.say(self.luna.acts.retry(control, offer.ids))
        self.luna.viewing.marked.difference_update(offer.ids)
