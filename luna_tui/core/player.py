"""Where a replay is and how it moves on: arithmetic on the instants of a journal, and no clock."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from luna_tui.core.landmarks import Landmark
from luna_tui.core.places import Place

SPEEDS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""What faster and slower go through."""


class Player:
    """A position in a journal that plays, stands, and goes anywhere.

    The position is an instant and the number of records that happened up to it. Records of the same
    instant can be stepped through one by one; time that passes takes them all.
    """

    def __init__(
        self,
        instants: Sequence[float],
        numbers: Sequence[int],
        landmarks: Sequence[Landmark] = (),
        *,
        first: int = 1,
    ) -> None:
        """`instants` and `numbers` are `at` and `seq` of all records, of which there is one at least.

        `first` = the fewest records that make a state that can be shown.
        """
        # A clock that was set back, or a damaged journal: time that goes back has no picture.
        self._instants = list(accumulate(instants, max))
        self._numbers = numbers
        self.landmarks = tuple(landmarks)
        """Stops, in order."""
        self._first = first
        self.count = first
        """Records that happened up to the position."""
        self.at_s = self._instants[first - 1]
        """The position in seconds since the run began."""
        self.speed = 1.0
        """Seconds of the run in a second."""
        self.playing = False

    @property
    def total_s(self) -> float:
        """Instant of the last record."""
        return self._instants[-1]

    @property
    def number(self) -> int:
        """`seq` of the last record that happened."""
        return self._numbers[self.count - 1]

    @property
    def last_number(self) -> int:
        """`seq` of the last record of all."""
        return self._numbers[-1]

    @property
    def ended(self) -> bool:
        """Everything has happened."""
        return self.count == len(self._instants)

    @property
    def due_s(self) -> float | None:
        """Real seconds until the next record happens; None when the replay stands or has ended."""
        if not self.playing or self.ended:
            return None
        return max(0.0, self._instants[self.count] - self.at_s) / self.speed

    def play(self, on: bool = True) -> None:
        """Play or stand; from the end it plays from the beginning."""
        if on and self.ended:
            self.to_begin()
        self.playing = on

    def advance(self, real_s: float) -> None:
        """So much real time has passed; at the end it stands."""
        if not self.playing:
            return
        self._move(self.at_s + max(0.0, real_s) * self.speed)
        self.playing = not self.ended

    def faster(self) -> None:
        """The next higher speed, where there is one."""
        self.speed = next((s for s in SPEEDS if s > self.speed), self.speed)

    def slower(self) -> None:
        """The next lower speed, where there is one."""
        self.speed = next((s for s in reversed(SPEEDS) if s < self.speed), self.speed)

    def step(self, by: int) -> None:
        """So many records on, or back when `by` is negative; then it stands."""
        self.playing = False
        self._stand_at(self.count + by)

    def skip(self, seconds: float) -> None:
        """So many seconds on, or back; it goes on playing if it did."""
        self._move(self.at_s + seconds)

    def to_landmark(self, by: int) -> Landmark | None:
        """To the next stop (1) or the one before (-1), and stand there; None when there is none."""
        counts = [mark.count for mark in self.landmarks]
        place = bisect_right(counts, self.count) if by > 0 else bisect_left(counts, self.count) - 1
        if not 0 <= place < len(counts):
            return None
        self.playing = False
        self._stand_at(counts[place])
        return self.landmarks[place]

    def go_to(self, place: Place) -> None:
        """To an instant or to an event; it goes on playing if it did."""
        if place.number is not None:
            self._stand_at(bisect_right(self._numbers, place.number))
        else:
            self._move(place.at_s)

    def to_begin(self) -> None:
        """To the first state that can be shown."""
        self._stand_at(self._first)

    def to_end(self) -> None:
        """To the last record; there it stands."""
        self.playing = False
        self._stand_at(len(self._instants))

    def _stand_at(self, count: int) -> None:
        self.count = max(self._first, min(len(self._instants), count))
        self.at_s = self._instants[self.count - 1]

    def _move(self, at_s: float) -> None:
        self.at_s = max(self._instants[self._first - 1], min(self.total_s, at_s))
        self.count = max(self._first, bisect_right(self._instants, self.at_s))
