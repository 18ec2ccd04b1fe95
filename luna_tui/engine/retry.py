"""Decide whether a failed attempt is made again, and after what pause."""

from __future__ import annotations

import random
from dataclasses import dataclass

from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError

MAX_REFUSALS = 20
"""429 and 529 answers one subtask takes before they count as its failure."""
REFUSALS = frozenset({ErrorKind.RATE_LIMITED, ErrorKind.OVERLOADED})
"""Errors that say nothing about the subtask: the account's limits are reached, or the service is full."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential backoff with jitter; a pause that the server asked for is obeyed as it is."""

    rng: random.Random
    base_s: float = 1.0
    """Middle of the first pause."""
    cap_s: float = 30.0
    """Longest pause of our own choice; a server's retry-after may be longer."""

    def delay_s(self, error: AttemptError, *, failures: int, refusals: int, retries: int) -> float | None:
        """Seconds before the next attempt; None = no further attempt.

        `failures` and `refusals` count this error. A 429 or 529 says nothing about the subtask, so
        it uses up no retry, but after `MAX_REFUSALS` of them the subtask fails.
        """
        if not error.retryable:
            return None
        if error.kind in REFUSALS:
            if refusals > MAX_REFUSALS:
                return None
            step = refusals
        else:
            if failures > retries:
                return None
            step = failures
        if error.retry_after_s is not None:
            return error.retry_after_s + self.rng.uniform(0.0, 0.25)
        middle = min(self.cap_s, self.base_s * 2.0 ** min(step - 1, 16))
        return middle * self.rng.uniform(0.5, 1.5)
