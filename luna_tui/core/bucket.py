"""The arithmetic of one token bucket, told by what is used of it: use rises at once and drains with time."""

from __future__ import annotations

from dataclasses import dataclass

ROUNDING_S = 1e-6
"""Added to an instant computed from a level, so that what is due then surely fits then."""


@dataclass(slots=True)
class Bucket:
    """Holds `size` units and refills by `rate` units a second. Not thread-safe; has no clock of its own."""

    size: float
    """Units that can be used at once, from idle."""
    rate: float
    """Units that drain per second; above 0."""
    used: float = 0.0
    """Units used and not yet refilled; above `size` it is a debt that drains first."""

    def drain(self, seconds: float) -> float:
        """Let time pass; returns the units that drained. A full bucket gives no credit for later."""
        drained = min(self.used, self.rate * max(0.0, seconds))
        self.used -= drained
        return drained

    def clamp(self, amount: float) -> float:
        """The amount, at most the size: what is larger is let through alone, when all is free."""
        return min(amount, self.size)

    def missing(self, amount: float, held: float = 0.0, margin: float = 0.0) -> float:
        """Units that must drain before `amount` fits beside what is `held`; 0 when it fits.

        The margin is left free, except for an amount that finds the bucket as empty as it gets.
        """
        room = self.size - self.used - held - self.clamp(amount)
        if room >= margin or (self.used <= 0.0 and held <= 0.0):
            return 0.0
        return margin - room

    def wait_s(self, amount: float, held: float = 0.0, margin: float = 0.0) -> float | None:
        """Seconds until `amount` surely fits by draining alone; None when something held must end first."""
        missing = self.missing(amount, held, margin)
        if missing <= 0.0:
            return 0.0
        if missing > self.used and held > 0.0:
            return None
        return min(missing, self.used) / self.rate + ROUNDING_S
