"""The arithmetic of one rate limit: a level that drains with time, and what is promised on top of it."""

from __future__ import annotations

from dataclasses import dataclass

_ROUNDING = 1e-6
"""Units (and seconds) below which a difference is float rounding, not use."""


@dataclass(slots=True)
class Share:
    """What one request, or one stranger, holds in one bucket; changed by the bucket only."""

    need: float
    """Units it asked for, never negative."""
    reserved: float = 0.0
    """Still promised to it."""
    counted: float = 0.0
    """Units that it certainly used, ever."""
    fresh: float = 0.0
    """Part of `counted` that cannot have drained yet, when the bucket had refilled by `mark`."""
    mark: float = 0.0


@dataclass(slots=True)
class Bucket:
    """One dimension. The level rises with use and drains by `cap` per minute, never below zero.

    Not thread-safe; every method acts at the instant last given to `drain`.
    """

    limit: int
    """What the server allows per minute."""
    cap: int
    """What we allow ourselves per minute, and at once; at least 1."""
    settled: float = 0.0
    """Use that is certain, as of `at`."""
    reserved: float = 0.0
    """Promised to requests whose use is not certain yet; does not drain."""
    at: float = 0.0
    refilled: float = 0.0
    """Units that could have drained since the beginning."""

    def drain(self, now: float) -> None:
        """Let the time since the last call pass; an instant before that changes nothing."""
        passed = max(0.0, now - self.at) * self.rate
        self.settled = max(0.0, self.settled - passed)
        self.refilled += passed
        self.at = max(self.at, now)

    def level(self, at: float) -> float:
        """What would be settled at `at` if nothing else were booked until then."""
        return max(0.0, self.settled - max(0.0, at - self.at) * self.rate)

    @property
    def rate(self) -> float:
        """Units that drain per second."""
        return self.cap / 60.0

    def clamp(self, amount: float) -> float:
        """The amount, at most the cap: a request larger than that is admitted alone, when all is free."""
        return min(amount, float(self.cap))

    def fits(self, amount: float) -> bool:
        """Whether settled + reserved + the clamped amount stay within the cap, without any tolerance."""
        return self.settled + self.reserved + self.clamp(amount) <= self.cap

    def missing(self, amount: float) -> float:
        """Units that must become free before `amount` fits; 0 when it fits but for rounding."""
        over = self.settled + self.reserved + self.clamp(amount) - self.cap
        return over if over > _ROUNDING else 0.0

    def wait_s(self, amount: float) -> float | None:
        """Seconds until `amount` surely fits by draining alone; None when reservations must end first."""
        if self.fits(amount):
            return 0.0
        if self.reserved + self.clamp(amount) > self.cap:
            return None
        over = self.settled + self.reserved + self.clamp(amount) - self.cap
        return over / self.rate + _ROUNDING

    def admit(self, share: Share) -> None:
        """Reserve what the share needs; the caller has seen that it fits."""
        share.reserved = self.clamp(share.need)
        self.reserved += share.reserved

    def count(self, share: Share, total: float, still_reserved: float = 0.0) -> float:
        """The share has certainly used `total` so far and may use `still_reserved` more.

        More than was promised is booked as it is, above the cap if need be. Of what turns out not
        to have been used, only what cannot have drained already is given back: returning more would
        forgive somebody else's use. Returns the units by which the share now holds more than before.
        """
        held = share.reserved + share.counted
        self.reserved += still_reserved - share.reserved
        fresh = max(0.0, share.fresh - (self.refilled - share.mark))
        change = max(total - share.counted, -fresh)
        self.settled = max(0.0, self.settled + change)
        share.reserved, share.counted = still_reserved, total
        share.fresh, share.mark = max(0.0, fresh + change), self.refilled
        return max(0.0, total + still_reserved - held)
