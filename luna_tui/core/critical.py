"""Which subtasks are on the critical path so far, as cheaply as a screen may ask."""

from __future__ import annotations

from luna_tui.core.events import PlanOutline
from luna_tui.core.schedule import critical_path
from luna_tui.core.state import RunState

MOST_SUBTASKS = 5_000
"""Plans larger than this are not looked at while they run: it would cost a frame."""


class CriticalPath:
    """The longest chain: seconds that are known, and the mean of those for the others."""

    def __init__(self) -> None:
        self._plan: PlanOutline | None = None
        self._ended = -1
        self._path: frozenset[str] = frozenset()

    def has(self, state: RunState, subtask: str) -> bool:
        """Whether the subtask is on it; looked at again when a hundredth more has ended."""
        ended = sum(state.counts.values())
        step = max(1, len(state.subtasks) // 100)
        if state.plan is not self._plan or ended // step != self._ended // step:
            self._plan, self._ended = state.plan, ended
            self._path = frozenset(_chain(state))
        return subtask in self._path


def _chain(state: RunState) -> tuple[str, ...]:
    if len(state.subtasks) > MOST_SUBTASKS:
        return ()
    known = [s.duration_s for s in state.subtasks.values() if s.duration_s > 0]
    usual = sum(known) / len(known) if known else 1.0
    seconds = {i: s.duration_s if s.status is not None else usual for i, s in state.subtasks.items()}
    needs = {i: s.planned.depends_on for i, s in state.subtasks.items()}
    path = critical_path(seconds, needs, list(state.subtasks))[0]
    return path if len(path) > 1 else ()
