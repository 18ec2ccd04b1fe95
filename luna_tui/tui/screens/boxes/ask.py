"""A box that asks before something is begun, and says what each choice does."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from luna_tui.core.state import RunState
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.views.boxes.frame import Box


class AskBox(BoxScreen):
    """What it says is known when it is opened."""

    OVER_TOO = True

    def __init__(self, box: Box, takes: Mapping[str, Callable[[], object]]) -> None:
        super().__init__()
        self._box = box
        self._takes = takes

    def box(self, state: RunState, now_s: float) -> Box:
        """Always the same."""
        return self._box

    def take(self, key: str) -> None:
        """Close, and do it."""
        self.dismiss()
        self._takes[key]()
