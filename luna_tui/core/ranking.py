"""Who goes first among subtasks that are ready: urgent ones, then what the end of the plan waits for."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.expectations import Expectations
from luna_tui.core.plan import Subtask
from luna_tui.core.waves import backwards
from luna_tui.core.words import Priority

_RANK = {Priority.CRITICAL: 0, Priority.IMPORTANT: 1, Priority.NICE_TO_HAVE: 2}
_FIRST_LOOK = 8
"""Attempts learnt from before it is worth looking at the order again."""
_SHARE = 32
"""A new order costs one step per subtask, so it waits for that many steps' 32nd part of new ends."""

Turn = tuple[int, float, float, int, int]
"""What is compared: priority, minus seconds to the end of the plan, minus own seconds, minus prompt
size, place in the plan. The smallest goes first; no two are equal."""


class Ranking:
    """Turns of the subtasks of a plan, by their place in it; the caller holds the lock.

    Longest path to the end first keeps the end of the plan near; longest first among equals keeps a
    long one from being started last. Where nothing is known yet the longest prompt stands for that.
    """

    def __init__(
        self, subtasks: Sequence[Subtask], dependents: Sequence[Sequence[int]], expectations: Expectations
    ) -> None:
        self._subtasks = subtasks
        self._dependents = dependents
        self._expectations = expectations
        self._scope = range(0)
        self._backwards: tuple[int, ...] = ()
        self._after: dict[int, float] = {}
        """Place -> seconds of the longest chain of dependents after it, where there are any."""
        self._seconds: dict[object, float] = {}
        """What is expected of subtasks that are alike, as known at the last `refresh`."""
        self._entered = 0
        """Attempts learnt from when the scope was entered."""
        self._next_look = _FIRST_LOOK

    def enter(self, scope: range) -> None:
        """From now on these places may start, and only chains among them count."""
        self._scope = scope
        self._entered = self._expectations.learnt
        self._backwards = backwards(scope, self._dependents)
        self.refresh(len(scope))

    def due(self) -> bool:
        """Whether so much was learnt since the last `refresh` that the order may have changed."""
        return self._expectations.learnt >= self._next_look

    def refresh(self, size: int) -> None:
        """Measure the chains by what is known now; `size` turns are going to be asked for again."""
        learnt = self._expectations.learnt
        work = (size + len(self._backwards)) // _SHARE
        self._next_look = learnt + max(_FIRST_LOOK, 2 * (learnt - self._entered), work)
        self._after = {}
        self._seconds.clear()
        for place in self._backwards:
            longest = 0.0
            for dependent in self._dependents[place]:
                if dependent in self._scope:
                    seconds = self._expected_s(self._subtasks[dependent])
                    longest = max(longest, seconds + self._after.get(dependent, 0.0))
            self._after[place] = longest

    def turn(self, place: int) -> Turn:
        """What decides when the subtask goes."""
        subtask = self._subtasks[place]
        seconds = round(self._expected_s(subtask), 3)
        path = round(seconds + self._after.get(place, 0.0), 3)
        return _RANK[subtask.priority], -path, -seconds, -subtask.size_chars, place

    def _expected_s(self, subtask: Subtask) -> float:
        alike = self._expectations.alike(subtask)
        seconds = self._seconds.get(alike)
        if seconds is None:
            seconds = self._seconds[alike] = self._expectations.seconds(subtask)
        return seconds
