"""One dimension of the limiter's books: what the server counts, what the mode allows, what is in doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from luna_tui.core.bucket import Bucket
from luna_tui.engine.limiter_lows import Lows
from luna_tui.engine.runner import ServerLimit

GRAIN = 1_000
"""The server rounds what remains of large limits down to this."""
FOREIGN_S = 8.0
"""Time constant of the estimate of what others use: long enough to be steady, short beside a minute."""
_FADE_S = 40.0
"""Without a surprise the estimate of what others use fades with this time constant."""
_BLIND_FADE_S = 60.0
"""The same where no answer tells what remains, so that only another refusal could renew it."""
_MARGIN_FADE_S = 60.0
_MOST_MARGIN = 0.05
"""Share of a limit that is kept free at most after a refusal that the books did not foresee."""
_BURST_GROWTH_S = 120.0
"""A burst that was found to be smaller than the limit is believed to grow back with this time constant."""
_LEAST_BURST = 0.01


@dataclass(frozen=True, slots=True)
class Sight:
    """The books of one dimension at the instant a request was sent, to be compared with its answer."""

    remaining: float
    """Left when everything that is in doubt counts, the request itself included."""
    most: float
    """Left when nothing that is in doubt counts but the request itself."""
    drained: float
    added: float
    confirmed: float
    foreign: float
    limit: float
    promised: float = 0.0
    """Output tokens that running answers may produce at most, this one included."""


@dataclass(slots=True)
class Page:
    """Two ledgers that must agree: `truth` mirrors the server's bucket, `policy` is the mode's share of it.

    In the truth what is sent is `held` until an answer confirms it. Only from then on does it drain:
    a bucket that was full on the server's side got no refill meanwhile. The policy is our own rule,
    so there a request counts, and drains, from the instant it is sent. Not thread-safe.
    """

    truth: Bucket
    policy: Bucket
    held: float = 0.0
    """Units of requests that were sent and not confirmed."""
    claimed: float = 0.0
    """Units that other processes waited for before our first in line did."""
    margin: float = 0.0
    """Units of the truth left free, learnt from refusals that the books did not foresee."""
    foreign_rate: float = 0.0
    """Units a second that others are believed to use."""
    booked: float = 0.0
    """Units booked as used by others and not taken back."""
    drained: float = 0.0
    """Units that drained from the truth, ever; so are the next three."""
    added: float = 0.0
    """Units sent or corrected upwards."""
    confirmed: float = 0.0
    foreign: float = 0.0
    """Units booked for others."""
    reading: ServerLimit | None = None
    read_at: float = 0.0
    clear_s: float = 0.0
    """Seconds since the books were last held against a reading, a refusal included."""
    truth_lows: Lows = field(default_factory=Lows)
    policy_lows: Lows = field(default_factory=Lows)

    @property
    def limit(self) -> float:
        """Units a minute that the server allows."""
        return self.truth.rate * 60.0

    def use(self, limit: float, share: float) -> None:
        """Take over another limit or share from this instant on."""
        burst = min(1.0, self.truth.size / self.limit)
        self.truth.rate, self.truth.size = limit / 60.0, limit * burst
        cap = max(1.0, math.floor(limit * share))
        self.policy.rate, self.policy.size = cap / 60.0, cap
        self.foreign_rate = min(self.foreign_rate, self.truth.rate)

    def anchor(self, limit: float, share: float, remaining: float) -> None:
        """Take over a limit that an answer told, together with what it said remains.

        The server may have been counting all the while, or may have clipped a bucket that shrank:
        the books keep what they know as far as the reading allows. A limit that shrank leaves no
        debt, and of our own pace no more use than the answer may contain.
        """
        free, shrank = max(0.0, self.policy.size - self.policy.used), limit < self.limit
        self.use(limit, share)
        used = self.truth.size - remaining
        self.truth.used = max(0.0, used - self.held, min(self.truth.used, used))
        if shrank:
            told = max(0.0, used + self.held, self.policy.size - free)
            self.policy.used = min(self.policy.used, self.policy.size, told)
        self.booked = self.foreign_rate = 0.0

    def drain(self, seconds: float, now: float) -> None:
        """Let time pass until `now`."""
        if seconds <= 0.0:
            return
        self.clear_s += seconds
        self.policy.drain(seconds)
        if self.foreign_rate > 0.0:
            # Before what drains: the guess alone must never keep a bucket from getting empty.
            left = math.exp(-seconds / self._fade_s)
            self._book(self.foreign_rate * self._fade_s * (1.0 - left))
            self.foreign_rate *= left
        self.drained += self.truth.drain(seconds)
        self.truth_lows.note(now, self.truth.used)
        self.policy_lows.note(now, self.policy.used)
        if self.margin > 0.0:
            self.margin *= math.exp(-seconds / _MARGIN_FADE_S)
        if self.truth.size < self.limit:
            grown = self.truth.size + (self.limit - self.truth.size) * seconds / _BURST_GROWTH_S
            self.truth.size = min(self.limit, grown)

    def fits(self, need: float) -> bool:
        """Whether both ledgers let `need` through now."""
        return not self.policy.missing(need, self.claimed) and not self.truth.missing(
            need, self.held + self.claimed, self.margin
        )

    def room(self) -> float:
        """Units that could be sent at once; below 0 when something must drain first."""
        theirs = self.truth.size - self.truth.used - self.held - self.claimed - self.margin
        return min(self.policy.size - self.policy.used - self.claimed, theirs)

    def wait_s(self, need: float) -> float | None:
        """Seconds until `need` fits by draining alone; None when an answer must come first."""
        waits = (
            self.policy.wait_s(need, self.claimed),
            self._truth_wait_s(need),
        )
        return None if None in waits else max(w for w in waits if w is not None)

    def shortage_s(self, ahead: float, need: float) -> float:
        """About how many seconds `need` waits behind `ahead` if what is held uses what it asked for."""
        ours = self.policy.missing(need, self.claimed + ahead) / self.policy.rate
        theirs = self.truth.missing(need, self.held + self.claimed + ahead, self.margin)
        return max(ours, self._refill_s(theirs))

    def send(self, need: float) -> None:
        """Hold what a request needs, all of it."""
        self.held += need
        self.added += need
        self.policy.used += need

    def sight(self, need: float) -> Sight:
        """The books as they are, for a request that has just been sent with `need`."""
        most = self.truth.size - self.truth.used
        return Sight(
            remaining=most - self.held,
            most=most - need,
            drained=self.drained,
            added=self.added,
            confirmed=self.confirmed,
            foreign=self.foreign,
            limit=self.limit,
        )

    def confirm(self, need: float, actual: float, sent_at: float) -> None:
        """An answer came: what was held is used, as much as it turned out to be."""
        self._let_go(need)
        self.truth.used += actual
        self.confirmed += actual
        self.added += actual
        self._count_ours(actual - need, sent_at)

    def release(self, need: float, sent_at: float) -> None:
        """Stop holding what was never used."""
        self._let_go(need)
        self._count_ours(-need, sent_at)

    def inherit(self, held: float) -> None:
        """What a process held that is gone: the server has it, and the policy counted it when it was sent."""
        self.truth.used += held
        self.added += held

    def count(self, more: float, sent_at: float, confirmed_at: float) -> None:
        """Book certain use of ours, counted from these instants; a negative amount takes back."""
        self._count_ours(more, sent_at)
        if more < 0.0:
            more = -self.truth_lows.take(confirmed_at, -more, self.truth.used)
        self.truth.used += more
        self.added += more

    def compare(self, sight: Sight, told: ServerLimit, doubt: float, now: float) -> float:
        """Hold the server's word against the books; returns units missing unexplained (< 0: too many).

        The word was true at some instant between sending and now, with some of what is in doubt
        counted and some not, so it is compared with an interval; one that was sent under another
        limit is not compared at all. Booking a surprise moves the books,
        and the sights of requests still under way know by how much: k answers that tell of the same
        surprise book it once. `doubt` are units by which estimates may be off.
        """
        first, clear_s = self.reading is None, self.clear_s
        self.reading, self.read_at, self.clear_s = told, now, 0.0
        if sight.limit != self.limit:
            return 0.0
        grain = GRAIN if told.limit >= 10 * GRAIN and told.remaining % GRAIN == 0 else 0
        refilled = self.drained - sight.drained
        level = self.truth.size - self.truth.used
        least = max(level - self.held - refilled, sight.remaining - (self.added - sight.added))
        moved = self.confirmed - sight.confirmed + self.foreign - sight.foreign
        most = min(level + moved, sight.most + refilled)
        missing = least - doubt - (told.remaining + grain)
        surplus = told.remaining - (most + doubt)
        if missing > 0.0:
            self._surprise(missing, 0.0 if first else clear_s)
            return missing
        if surplus > 0.0:
            self._relieve(surplus, clear_s)
            return -surplus
        return 0.0

    def refuse(self, need: float, retry_after_s: float, *, promised: bool) -> None:
        """A refusal is an exact reading: what is left is what comes in `retry_after_s` short of the need.

        Books that foresaw room keep a margin from now on. When headers had just promised room, it is
        the burst that is smaller than the limit; else others used what is missing.
        """
        left = min(need, self.truth.size) - self.truth.rate * retry_after_s
        believed = self.truth.size - self.truth.used - self.held
        over = believed - left
        clear_s, self.clear_s = self.clear_s, 0.0
        if over <= 0.0:
            return
        self.margin = max(self.margin, min(over, _MOST_MARGIN * self.limit))
        if promised and self.truth.used + self.held < 0.5 * self.truth.size:
            self.truth.size = max(_LEAST_BURST * self.limit, self.truth.size - over)
            return
        self._surprise(over, clear_s)

    def _let_go(self, need: float) -> None:
        self.held = max(0.0, self.held - need)
        self.added -= need

    def _count_ours(self, more: float, since: float) -> None:
        """Policy only. A bucket that got empty since would be just as it is, so it gives nothing back."""
        if more < 0.0:
            more = -self.policy_lows.take(since, -more, self.policy.used)
        self.policy.used += more

    def _truth_wait_s(self, need: float) -> float | None:
        wait_s = self.truth.wait_s(need, self.held + self.claimed, self.margin)
        return self._refill_s(wait_s * self.truth.rate) if wait_s else wait_s

    def _refill_s(self, missing: float) -> float:
        """Seconds until that much has drained for us, by what others are believed to go on using.

        Their use is believed to fade, so there is a bound on what they take in all.
        """
        if missing <= 0.0:
            return 0.0
        theirs = self.foreign_rate * self._fade_s
        return min(missing / self._net_rate, (missing + theirs) / self.truth.rate)

    @property
    def _fade_s(self) -> float:
        return _FADE_S if self.reading else _BLIND_FADE_S

    @property
    def _net_rate(self) -> float:
        """Refill that others leave us; never nothing, since they may stop."""
        return max(self.truth.rate - self.foreign_rate, self.truth.rate / 20.0)

    def _book(self, used: float) -> None:
        self.truth.used += used
        self.booked += used
        self.added += used
        self.foreign += used

    def _surprise(self, missing: float, clear_s: float) -> None:
        self._book(missing)
        self.foreign_rate = min(self.truth.rate, self.foreign_rate + missing * _weight(clear_s))

    def _relieve(self, surplus: float, clear_s: float) -> None:
        """Take back half of a surplus, but only what was booked for others: our own use is certain."""
        back = min(surplus / 2.0, self.booked, self.truth.used)
        self.truth.used -= back
        self.booked -= back
        self.added -= back
        self.foreign_rate = max(0.0, self.foreign_rate - surplus * _weight(clear_s))


def _weight(clear_s: float) -> float:
    """What a difference that came up within so many seconds says of the rate behind it, per second."""
    if clear_s <= 0.0:
        return 0.0
    return (1.0 - math.exp(-clear_s / FOREIGN_S)) / clear_s
