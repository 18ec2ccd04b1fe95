"""The arithmetic of one rate limit: a level that drains with time, and what is promised on top of it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Bucket:
    """One dimension. The level rises with use and drains by `cap` per minute, never below zero.

    Not thread-safe; every method is given the instant, which never goes backwards.
    """

    limit: int
    """What the server allows per minute."""
    cap: int
    """What we allow ourselves per minute, and at once."""
    settled: float = 0.0
    """Use that is certain, as of `at`."""
    reserved: float = 0.0
    """Promised to requests whose use is not certain yet; does not drain."""
    at: float = 0.0

    def drain(self, now: float) -> None:
        """Let the time since the last call pass."""
        self.settled = max(0.0, self.settled - (now - self.at) * self.rate)
        self.at = now

    @property
    def rate(self) -> float:
        """Units that drain per second."""
        return self.cap / 60.0

    def clamp(self, amount: float) -> float:
        """The amount, at most the cap: a request larger than that is admitted alone, when all is free."""
        return min(amount, float(self.cap))

    def missing(self, amount: float) -> float:
        """Units that must become free before `amount` fits; 0 when it fits now."""
        over = self.settled + self.reserved + self.clamp(amount) - self.cap
        return over if over > 1e-6 else 0.0

    def wait_s(self, amount: float) -> float | None:
        """Seconds until `amount` fits by draining alone; None when reservations must end first."""
        missing = self.missing(amount)
        if missing > self.settled + 1e-6:
            return None
        return missing / self.rate
