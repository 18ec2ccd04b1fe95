"""The server's side of one rate limit: a token bucket with continuous refill, exact at any instant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from luna_tui.simulator.settings import Foreign, LimitChange

_ROUNDING = 1e-6
"""Units below which a difference is float rounding."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time without any change of the rules; seconds after the first request."""

    until: float
    factor: float = 1.0
    """Of the limit."""
    refill: float = 1.0
    """Part of the refill that is left for us."""


STEADY = (Stretch(inf),)


def stretches(changes: Sequence[LimitChange], foreign: Sequence[Foreign]) -> tuple[Stretch, ...]:
    """All time from 0 on, cut where a limit changes or another client comes or goes."""
    cuts = {c.at for c in changes} | {f.since for f in foreign} | {f.until for f in foreign}
    begins = [0.0, *sorted(cut for cut in cuts if 0 < cut < inf)]
    return tuple(
        Stretch(until, _factor(changes, begin), _refill(foreign, begin))
        for begin, until in zip(begins, [*begins[1:], inf], strict=True)
    )


def _factor(changes: Sequence[LimitChange], at: float) -> float:
    factor = 1.0
    for change in changes:
        factor *= change.factor if change.at <= at else 1.0
    return factor


def _refill(foreign: Sequence[Foreign], at: float) -> float:
    refill = 1.0
    for other in foreign:
        refill *= 1.0 - other.share if other.since <= at < other.until else 1.0
    return refill


@dataclass(frozen=True, slots=True)
class Reading:
    """What the headers tell of one dimension."""

    limit: int
    """Units per minute."""
    remaining: int
    """Units that are there, never negative."""
    reset_s: float
    """Seconds until the bucket is full; negative when the headers tell an instant that has passed."""


class Bucket:
    """One dimension. The level falls with use, below zero if need be, and rises to the size with time.

    Not thread-safe. Every method acts at the instant last given to `advance`.
    """

    __slots__ = ("_at", "_burst_s", "_charged", "_offered", "_per_minute", "_place", "_plan", "level")

    def __init__(
        self, per_minute: int, at: float, *, burst_s: float = 60.0, plan: Sequence[Stretch] = STEADY
    ) -> None:
        """A full bucket; `plan` counts its seconds from `at`."""
        self._per_minute = per_minute
        self._burst_s = burst_s
        self._plan = [Stretch(at + s.until, s.factor, s.refill) for s in plan]
        self._place = 0
        self._at = at
        self._charged = self._offered = 0.0
        self.level = self.size
        """Units that are there."""

    @property
    def rate(self) -> float:
        """Units per second that the limit allows."""
        return self._per_minute * self._plan[self._place].factor / 60.0

    @property
    def size(self) -> float:
        """Units of a full bucket."""
        return self._size(self._plan[self._place])

    def advance(self, at: float) -> None:
        """Let time pass; an instant before the last one changes nothing."""
        while at > self._plan[self._place].until:
            self._flow(self._plan[self._place].until)
            self._place += 1
            self.level = min(self.level, self.size)
        self._flow(at)

    def take(self, units: float) -> None:
        """Charge, whether or not it is there."""
        self.level -= units
        self._charged += units

    def give(self, units: float) -> None:
        """Return what was charged and not used; a full bucket takes no more."""
        self.level = min(self.level + units, self.size)
        self._charged -= units

    def wait_s(self, units: float) -> float:
        """Seconds until the units are there if no one takes any; above the size counts as the size."""
        if self.level >= min(units, self.size) - _ROUNDING:
            return 0.0
        at, level = self._at, self.level
        for stretch in self._ahead():
            size = self._size(stretch)
            need, level = min(units, size), min(level, size)
            if level >= need - _ROUNDING:
                return at - self._at
            rate = self._per_minute * stretch.factor * stretch.refill / 60.0
            if rate > 0 and at + (need - level) / rate <= stretch.until:
                return at + (need - level) / rate - self._at
            level += rate * (stretch.until - at) if rate > 0 else 0.0
            at = stretch.until
        return inf

    def reading(self, *, rounded: bool) -> Reading:
        """What headers tell now; the service rounds tokens of a large limit down to thousands."""
        limit = int(self._per_minute * self._plan[self._place].factor)
        remaining = max(0, int(self.level + _ROUNDING))
        if rounded and limit >= 10_000:
            remaining = remaining // 1_000 * 1_000
        return Reading(limit, remaining, max(0.0, (self.size - self.level) / self.rate))

    def used(self) -> float:
        """Part of the limit that was used since the beginning, beyond the full bucket of then.

        (charged - size at the beginning) / (limit x elapsed); 0 when nothing beyond it was used yet.
        """
        begun = self._size(self._plan[0])
        return max(0.0, self._charged - begun) / self._offered if self._offered > 0 else 0.0

    @property
    def charged(self) -> float:
        """Units charged since the beginning, less what was given back."""
        return self._charged

    def _size(self, stretch: Stretch) -> float:
        return self._per_minute * stretch.factor * self._burst_s / 60.0

    def _ahead(self) -> Iterator[Stretch]:
        for place in range(self._place, len(self._plan)):
            yield self._plan[place]

    def _flow(self, until: float) -> None:
        passed_s = until - self._at
        if passed_s <= 0:
            return
        stretch = self._plan[self._place]
        offered = passed_s * self._per_minute * stretch.factor / 60.0
        self._offered += offered
        self.level = min(self.level + offered * stretch.refill, self._size(stretch))
        self._at = until
