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

    def useful_workers(self, rpm: float, itpm: float, otpm: float) -> int | None:
        """Admissions a second that the rates (per second) allow, times mean seconds; None = unknown."""
        if self.seen < _LEAST:
            return None
        pairs = ((rpm, 1.0), (itpm, self.tokens_in), (otpm, self.tokens_out))
        admissions = min(rate / need for rate, need in pairs if need > 0.0)
        return max(1, math.ceil(admissions * self.seconds))
