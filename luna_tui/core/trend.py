"""A straight line through pairs that arrive one by one, drawn as flat as their scatter demands."""

from __future__ import annotations

from dataclasses import dataclass

_LEAST_PAIRS = 4
"""Below this a line through the pairs says more about chance than about them."""
_DOUBT = 2.0
"""How many times its own standard error a slope has to exceed (squared) before any of it is believed."""


@dataclass(frozen=True, slots=True)
class Trend:
    """What the pairs say about y at a given x; immutable, so that readers need no lock."""

    pairs: int = 0
    x: float = 0.0
    """Mean of the x seen."""
    y: float = 0.0
    """Mean of the y seen."""
    slope: float = 0.0
    """Least-squares slope, shrunk towards 0 by how well chance would explain it."""
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def plus(self, x: float, y: float) -> Trend:
        """The trend with one more pair (Welford's update: no sum of squares that could cancel)."""
        pairs = self.pairs + 1
        dx, dy = x - self.x, y - self.y
        mean_x, mean_y = self.x + dx / pairs, self.y + dy / pairs
        xx = self.xx + dx * (x - mean_x)
        xy = self.xy + dx * (y - mean_y)
        yy = self.yy + dy * (y - mean_y)
        return Trend(pairs, mean_x, mean_y, _shrunk_slope(pairs, xx, xy, yy), xx, xy, yy)

    def at(self, x: float) -> float:
        """The y expected at x; 0 without pairs."""
        return self.y + self.slope * (x - self.x)


def _shrunk_slope(pairs: int, xx: float, xy: float, yy: float) -> float:
    """The positive-part James-Stein estimate: 1 - doubt / F of the least-squares slope."""
    if pairs < _LEAST_PAIRS or xx <= 0.0:
        return 0.0
    slope = xy / xx
    explained = slope * xy
    left_over = max(0.0, yy - explained) / (pairs - 2)
    if explained <= _DOUBT * left_over:
        return 0.0
    return slope * (1.0 - _DOUBT * left_over / explained)
