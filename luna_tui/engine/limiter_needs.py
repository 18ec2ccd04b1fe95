"""What one answer takes of the limits on average, and so how many workers the limits can keep busy."""

from __future__ import annotations

import math
from dataclasses import dataclass

_LEARN = 0.1
_LEAST = 3
"""Answers before anything is said."""


@dataclass(slots=True)
class MeanNeeds:
    """Fading means over ended requests."""

    seen: int = 0
    tokens_in: float = 0.0
    tokens_out: float = 0.0
    seconds: float = 0.0

    def learn(self, tokens_in: float, tokens_out: float, seconds: float) -> None:
        """A request ended."""
        self.seen += 1
        weight = max(_LEARN, 1.0 / self.seen)
        self.tokens_in += weight * (tokens_in - self.tokens_in)
        self.tokens_out += weight * (tokens_out - self.tokens_out)
        self.seconds += weight * (seconds - self.seconds)

    def useful_workers(
        self, rates: tuple[float, float, float], rooms: tuple[float, float, float], running: int
    ) -> int | None:
        """How many requests at once the limits can keep going; None = not known yet.

        In the long run the admissions that the `rates` (units a second, per dimension) allow times the
        mean seconds of an answer; for the moment also what fits into the `rooms` (units) beside those
        `running`.
        """
        if self.seen < _LEAST:
            return None
        needs = (1.0, self.tokens_in, self.tokens_out)
        steady = min(rate / need for rate, need in zip(rates, needs, strict=True) if need > 0.0)
        now = min(room / need for room, need in zip(rooms, needs, strict=True) if need > 0.0)
        return max(1, math.ceil(steady * self.seconds), running + math.floor(max(0.0, now)))
