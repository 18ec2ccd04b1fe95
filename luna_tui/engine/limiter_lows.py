"""How low a bucket's use has been since an instant: as much as can be taken back of what was counted then."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

_KEEP_S = 120.0
_MOST = 1_024
"""Lows that are kept; beyond it neighbours become one, which only makes an answer smaller."""


@dataclass(slots=True)
class Lows:
    """Lows of a level that rises in jumps and falls with time. Instants never fall."""

    _at: list[float] = field(default_factory=list)
    _low: list[float] = field(default_factory=list)
    """Ascending, like the instants: a low hides all earlier ones that are not below it."""
    _known_from: float = 0.0

    def note(self, at: float, used: float) -> None:
        """The level is this low, before anything is added at this instant."""
        while self._low and self._low[-1] >= used:
            self._at.pop()
            self._low.pop()
        self._at.append(at)
        self._low.append(used)
        if self._at[0] < at - 2 * _KEEP_S:
            self._forget(bisect_right(self._at, at - _KEEP_S))
        if len(self._at) > _MOST:
            self._at, self._low = self._at[1::2], self._low[::2][: len(self._at) // 2]

    def take(self, since: float, amount: float, used: float) -> float:
        """Take back what was counted at `since`, as if it had never been; returns how much that is.

        A bucket that was empty meanwhile would be just as it is.
        """
        first = bisect_right(self._at, since)
        least = self._low[first] if first < len(self._low) else used
        taken = min(amount, least, used) if since >= self._known_from else 0.0
        if taken > 0.0:
            at, low = self._at[first:], [each - taken for each in self._low[first:]]
            while first and low and self._low[first - 1] >= low[0]:
                first -= 1
            self._at[first:], self._low[first:] = at, low
        return taken

    def _forget(self, count: int) -> None:
        if count:
            self._known_from = self._at[count - 1]
            del self._at[:count], self._low[:count]
