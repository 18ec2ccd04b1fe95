"""What nine of ten figures of a kind stay within, learnt as they come."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque

MOST_KEPT = 1_000
"""Figures that are kept; beyond it only the latest of them count."""
_SHARE = 0.9


class Recent:
    """The latest figures, sorted; not safe to change from several threads at once."""

    def __init__(self) -> None:
        self._line: deque[int] = deque()
        self._sorted: list[int] = []

    def __len__(self) -> int:
        return len(self._line)

    def add(self, figure: int) -> None:
        """Keep one more, and forget the oldest one when there are too many."""
        self._line.append(figure)
        insort(self._sorted, figure)
        if len(self._line) > MOST_KEPT:
            del self._sorted[bisect_left(self._sorted, self._line.popleft())]

    @property
    def p90(self) -> int:
        """The smallest of them that nine of ten do not exceed; 0 without any."""
        if not self._sorted:
            return 0
        return self._sorted[math.ceil(_SHARE * len(self._sorted)) - 1]
