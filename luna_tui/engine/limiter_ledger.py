"""The books of the rate limiter: three buckets, what requests hold in them, and the server's word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from luna_tui.core.bucket import Bucket, Share
from luna_tui.core.events import Gauge
from luna_tui.core.limits import Limits, caps
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

DIMENSIONS = (WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM)

_FOREIGN_SHARE = 0.01
"""Part of a limit below which a difference to the server's word is delay, not somebody else's use."""
_GRAIN = 1_000
"""The server rounds what remains of large limits down to this."""
_LONGEST_RESET_S = 3_600.0
_STALE_SHARE = 0.05
"""Use that an answer cannot tell together with "full again by now", unless it is old or skewed."""

Claim = Mapping[WaitReason, Share]
"""What one request holds in every dimension."""


def claim_of(demand: Demand) -> Claim:
    """A claim that holds nothing yet; negative demands count as none."""
    return {
        WaitReason.RPM: Share(max(0.0, float(demand.requests))),
        WaitReason.ITPM: Share(max(0.0, float(demand.input_tokens))),
        WaitReason.OTPM: Share(max(0.0, float(demand.output_tokens))),
    }


@dataclass(slots=True)
class _Reading:
    remaining: int
    at: float


@dataclass(slots=True)
class _Page:
    """One dimension of the books."""

    bucket: Bucket
    foreign: Share = field(default_factory=lambda: Share(0.0))
    """Use that the server counted and no request of ours explains."""
    reading: _Reading | None = None

    def count(self, share: Share, total: float, still_reserved: float = 0.0) -> None:
        """Book what a share used. What it explains beyond its promise is not foreign any more:

        the headers of an answer come before its usage, so they showed the surprise first.
        """
        surprise = self.bucket.count(share, total, still_reserved)
        if surprise > 0.0:
            known = self.foreign.counted
            self.bucket.count(self.foreign, max(0.0, known - surprise))


class Ledger:
    """Books for one credential and model family. Not thread-safe; never goes back in time."""

    def __init__(self, limits: Limits, mode: Mode, now: float) -> None:
        self._mode = mode
        self._limits = limits
        self._pages = {d: _Page(Bucket(1, 1, at=now)) for d in DIMENSIONS}
        self._apply()

    def drain(self, now: float) -> None:
        """Let time pass until `now`; every other method acts at that instant."""
        for page in self._pages.values():
            page.bucket.drain(now)

    def fits(self, claim: Claim) -> bool:
        """Whether the claim can be admitted now without passing the cap in any dimension."""
        return all(self._pages[d].bucket.fits(share.need) for d, share in claim.items())

    def wait_s(self, claim: Claim) -> float | None:
        """Seconds until the claim fits by itself; None when a running request must end first."""
        longest = 0.0
        for dimension, share in claim.items():
            wait_s = self._pages[dimension].bucket.wait_s(share.need)
            if wait_s is None:
                return None
            longest = max(longest, wait_s)
        return longest

    def admit(self, claim: Claim) -> None:
        """Reserve all dimensions of a claim that fits."""
        for dimension, share in claim.items():
            self._pages[dimension].bucket.admit(share)

    def correct(self, claim: Claim, usage: Usage) -> None:
        """Use so far of a running request: its request and input are certain, its output goes on."""
        rpm, out = claim[WaitReason.RPM], claim[WaitReason.OTPM]
        self._pages[WaitReason.RPM].count(rpm, rpm.need)
        self._pages[WaitReason.ITPM].count(claim[WaitReason.ITPM], _input_of(usage))
        produced = float(max(0, usage.output_tokens))
        promised = out.reserved + out.counted
        self._pages[WaitReason.OTPM].count(out, produced, max(0.0, promised - produced))

    def settle(self, claim: Claim, usage: Usage) -> None:
        """All that a request used, now that it ended."""
        rpm = claim[WaitReason.RPM]
        self._pages[WaitReason.RPM].count(rpm, rpm.need)
        self._pages[WaitReason.ITPM].count(claim[WaitReason.ITPM], _input_of(usage))
        self._pages[WaitReason.OTPM].count(claim[WaitReason.OTPM], float(max(0, usage.output_tokens)))

    def refund(self, claim: Claim) -> None:
        """The request used nothing."""
        for dimension, share in claim.items():
            self._pages[dimension].count(share, 0.0)

    def shortage_s(self, ahead: Mapping[WaitReason, float], claim: Claim) -> tuple[WaitReason, float]:
        """The dimension that keeps a claim waiting longest behind `ahead`, and about how many seconds.

        Assumes that what runs uses what was promised to it.
        """
        worst, worst_s = WaitReason.RPM, 0.0
        for dimension, share in claim.items():
            bucket = self._pages[dimension].bucket
            booked = bucket.settled + bucket.reserved + ahead[dimension]
            seconds = (booked + bucket.clamp(share.need) - bucket.cap) / bucket.rate
            if seconds > worst_s:
                worst, worst_s = dimension, seconds
        return worst, worst_s

    def clamped(self, dimension: WaitReason, claim: Claim) -> float:
        """What a claim takes of a dimension when it is admitted."""
        return self._pages[dimension].bucket.clamp(claim[dimension].need)

    def use(self, limits: Limits | None = None, mode: Mode | None = None) -> None:
        """Change the limits, the mode or both from this instant on."""
        self._limits = limits or self._limits
        self._mode = mode or self._mode
        self._apply()

    def believe(self, told: ServerLimits) -> None:
        """Take over the limits of an answer's headers; book use that nothing of ours explains, once."""
        words = {WaitReason.RPM: told.rpm, WaitReason.ITPM: told.itpm, WaitReason.OTPM: told.otpm}
        for dimension, word in words.items():
            if word is not None and _credible(word):
                self._believe(dimension, word)

    def gauge(self, dimension: WaitReason) -> Gauge:
        """The figures of a dimension for people; `settled` above the cap is a debt that drains first."""
        page = self._pages[dimension]
        bucket, reading = page.bucket, page.reading
        return Gauge(
            limit=bucket.limit,
            cap=bucket.cap,
            settled=round(bucket.settled),
            reserved=round(bucket.reserved),
            server_remaining=reading.remaining if reading else None,
            server_age_s=round(bucket.at - reading.at, 1) if reading else None,
        )

    def _believe(self, dimension: WaitReason, word: ServerLimit) -> None:
        page = self._pages[dimension]
        bucket = page.bucket
        if word.limit != bucket.limit:
            self._limits = _with(self._limits, dimension, word.limit)
            self._apply()
        if _stale(word):
            return
        grain = _GRAIN if word.limit >= 10 * _GRAIN and word.remaining % _GRAIN == 0 else 0
        unexplained = word.limit - word.remaining - bucket.settled - bucket.reserved
        if unexplained > max(grain, _FOREIGN_SHARE * word.limit):
            bucket.count(page.foreign, page.foreign.counted + unexplained)
        page.reading = _Reading(word.remaining, bucket.at)

    def _apply(self) -> None:
        cap = caps(self._limits, self._mode)
        for dimension, page in self._pages.items():
            page.bucket.limit = _of(self._limits, dimension)
            page.bucket.cap = max(1, _of(cap, dimension))


def _credible(word: ServerLimit) -> bool:
    """False for numbers that cannot be."""
    return word.limit > 0 and 0 <= word.remaining <= word.limit


def _stale(word: ServerLimit) -> bool:
    """Whether the answer is older than the minute it tells about, or its clock cannot be ours."""
    if word.reset_s is None:
        return False
    used = word.limit - word.remaining
    return word.reset_s > _LONGEST_RESET_S or (word.reset_s <= 0 and used > _STALE_SHARE * word.limit)


def _of(limits: Limits, dimension: WaitReason) -> int:
    return {WaitReason.RPM: limits.rpm, WaitReason.ITPM: limits.itpm}.get(dimension, limits.otpm)


def _with(limits: Limits, dimension: WaitReason, limit: int) -> Limits:
    values = {"rpm": limits.rpm, "itpm": limits.itpm, "otpm": limits.otpm, dimension.value: limit}
    return Limits(**values)


def _input_of(usage: Usage) -> float:
    """Cache reads do not count towards input tokens per minute; cache writes do."""
    return float(max(0, usage.input_tokens) + max(0, usage.cache_write_tokens))
