"""Show less on a line that cannot keep up, and more again when it can."""

from __future__ import annotations

from enum import IntEnum

LATE_S = 0.25
"""A frame that takes longer to arrive is late: four a second is what a screen should manage."""
QUICK_S = 0.1
"""A frame that arrives within this leaves room for more."""
FALL_S = 2.0
"""Frames must be late for so long before something is left out."""
CLIMB_S = 5.0
"""Frames must be quick for so long before more is shown again."""
LONGEST_CLIMB_S = 80.0
_RELAPSE_S = 30.0
_FRAMES = 3


class Rung(IntEnum):
    """What is left out."""

    FULL = 0
    NO_TEXT = 1
    SUMMARY = 2


class Ladder:
    """One step down when frames are late for a while, one up when they have been quick for longer."""

    def __init__(self) -> None:
        self._rung = Rung.FULL
        self._since: float | None = None
        self._frames = 0
        self._late = False
        self._climb_s = CLIMB_S
        self._climbed_at: float | None = None
        self._stepped_at = float("-inf")

    @property
    def rung(self) -> Rung:
        """Where it stands."""
        return self._rung

    def frame(self, took_s: float, now: float) -> None:
        """A frame took so long to arrive, or has been under way for so long by now."""
        if QUICK_S < took_s <= LATE_S:
            self._since = None
            return
        late = took_s > LATE_S
        if self._since is None or late is not self._late:
            # A late frame has been late since it began; a quick one proves nothing of the time before.
            self._since = max(self._stepped_at, now - (took_s if late else 0.0))
            self._late, self._frames = late, 0
        self._frames += 1
        lasted_s = now - self._since
        if late and lasted_s >= FALL_S and (self._frames >= _FRAMES or took_s >= FALL_S):
            self._fall(now)
        elif not late and lasted_s >= self._climb_s:
            self._climb(now)

    def _fall(self, now: float) -> None:
        self._since, self._stepped_at = None, now
        if self._rung is Rung.SUMMARY:
            return
        relapsed = self._climbed_at is not None and now - self._climbed_at < _RELAPSE_S
        self._climb_s = min(LONGEST_CLIMB_S, self._climb_s * 2) if relapsed else CLIMB_S
        self._rung = Rung(self._rung + 1)

    def _climb(self, now: float) -> None:
        self._since, self._stepped_at = None, now
        if self._rung is not Rung.FULL:
            self._rung = Rung(self._rung - 1)
            self._climbed_at = now
