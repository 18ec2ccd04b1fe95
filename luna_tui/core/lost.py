"""Lost time and bounds while a run is on, worked out now and then, not for every frame."""

from __future__ import annotations

from luna_tui.core.metrics import Measured, measure, measured
from luna_tui.core.state import RunState

MOST_SUBTASKS = 500
"""Above this the figures come with the report only."""
EVERY_S = 1.0


class Gauged:
    """The last figures of one run; whoever shows them keeps one of these. For one thread."""

    def __init__(self) -> None:
        self._found: Measured | None = None
        self._at = 0.0
        self._seq = -1

    def of(self, state: RunState, now_s: float) -> Measured | None:
        """Figures at most a second old; None for a large plan that is still on."""
        if state.finished is not None:
            if self._seq != state.seq:
                self._found, self._seq = measured(state), state.seq
            return self._found
        if len(state.subtasks) > MOST_SUBTASKS or not state.subtasks:
            return None
        if self._found is None or not 0.0 <= now_s - self._at < EVERY_S:
            self._found, self._at = measure(state, now_s), now_s
        return self._found
