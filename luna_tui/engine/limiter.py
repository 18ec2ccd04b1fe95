"""Admit requests within the account's limits: book before sending, correct by what the server says."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from luna_tui.core.bucket import Bucket
from luna_tui.core.events import Gauge, LimitsObserved
from luna_tui.core.limits import Limits, caps
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

OnWait = Callable[[WaitReason, float | None], None]
"""Told why a request waits and for about how many seconds (None = unknown)."""

_FIRST_HOLD_S = 1.0
_LONGEST_HOLD_S = 30.0
_DIMENSIONS = (WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM)


@dataclass(slots=True, eq=False)
class Ticket:
    """What one request holds of the limits; every field is protected by the limiter's lock."""

    needs: dict[WaitReason, float]
    wake: threading.Event = field(default_factory=threading.Event)
    reserved: dict[WaitReason, float] = field(default_factory=dict)
    booked: dict[WaitReason, float] = field(default_factory=dict)
    admitted: bool = False
    closed: bool = False

    def booked_or_reserved(self, dimension: WaitReason) -> float:
        """What the ticket holds in a dimension, certain or not."""
        return self.booked.get(dimension, self.reserved.get(dimension, 0.0))


@dataclass(slots=True)
class _Reading:
    """The server's last word on one dimension."""

    remaining: int
    at: float


class RateLimiter:
    """Strictly first come, first served over requests, input and output tokens per minute.

    No request is admitted while what is settled, what is reserved and what it needs exceed the
    mode's share of the limit in any dimension. Only the first in line looks at the ledger, so a
    large request is never overtaken and a release wakes one thread. What the server counts beyond
    an estimate is booked as it is: then nothing is admitted until it has drained.
    """

    def __init__(self, limits: Limits, mode: Mode, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        """Protects everything below."""
        self._mode = mode
        self._limits = limits
        self._line: deque[Ticket] = deque()
        self._readings: dict[WaitReason, _Reading] = {}
        self._held_until = float("-inf")
        self._holds = 0
        self._throttled = 0
        now, cap = clock.now(), caps(limits, mode)
        self._buckets = {d: Bucket(_of(limits, d), _of(cap, d), at=now) for d in _DIMENSIONS}

    def reserve(self, demand: Demand, token: CancelToken, on_wait: OnWait) -> Ticket:
        """Block until the request may be sent. Raises Cancelled, holding nothing, when the token is."""
        ticket = Ticket(
            {
                WaitReason.RPM: float(demand.requests),
                WaitReason.ITPM: float(demand.input_tokens),
                WaitReason.OTPM: float(demand.output_tokens),
            }
        )
        with self._lock:
            self._line.append(ticket)
        said: WaitReason | None = None
        try:
            while True:
                wait = self._try(ticket)
                if wait is None:
                    return ticket
                reason, expected_s, sleep_s = wait
                if reason is not said:
                    said = reason
                    on_wait(reason, expected_s)
                token.wait(ticket.wake, sleep_s)
        except BaseException:
            self._leave(ticket)
            raise

    def correct(self, ticket: Ticket, usage: Usage) -> None:
        """The server told the input tokens of a running request: they are certain now."""
        with self._lock:
            if not ticket.closed:
                self._drain()
                self._make_certain(ticket, WaitReason.RPM, ticket.booked_or_reserved(WaitReason.RPM))
                self._make_certain(ticket, WaitReason.ITPM, _input_of(usage))
                self._wake_first()

    def settle(self, ticket: Ticket, usage: Usage) -> None:
        """The request ended; book what it really used. Only the first call of a ticket counts."""
        with self._lock:
            if ticket.closed:
                return
            ticket.closed = True
            self._drain()
            self._make_certain(ticket, WaitReason.RPM, ticket.booked_or_reserved(WaitReason.RPM))
            self._make_certain(ticket, WaitReason.ITPM, _input_of(usage))
            self._make_certain(ticket, WaitReason.OTPM, float(usage.output_tokens))
            self._holds = 0
            self._wake_first()

    def refund(self, ticket: Ticket) -> None:
        """Nothing was used; give everything back. Only the first call of a ticket counts."""
        with self._lock:
            if ticket.closed:
                return
            ticket.closed = True
            self._drain()
            for dimension in _DIMENSIONS:
                self._make_certain(ticket, dimension, 0.0)
            self._wake_first()

    def throttled(self, retry_after_s: float | None) -> None:
        """A 429 came: nobody is admitted for as long as the server says, else for a growing pause."""
        with self._lock:
            self._throttled += 1
            self._holds += 1
            pause_s = retry_after_s
            if pause_s is None:
                pause_s = min(_LONGEST_HOLD_S, _FIRST_HOLD_S * 2 ** min(self._holds - 1, 8))
            self._held_until = max(self._held_until, self._clock.now() + pause_s)
            self._wake_first()

    def observe(self, limits: ServerLimits) -> None:
        """Rate-limit headers came. Limits replace the table's; use we do not know of is booked once."""
        with self._lock:
            self._drain()
            told = {WaitReason.RPM: limits.rpm, WaitReason.ITPM: limits.itpm, WaitReason.OTPM: limits.otpm}
            for dimension, word in told.items():
                if word is not None and 0 <= word.remaining <= word.limit and word.limit > 0:
                    self._believe(dimension, word)
            self._wake_first()

    def set_mode(self, mode: Mode) -> None:
        """Use another share from now on; who waits is judged anew at once."""
        with self._lock:
            self._mode = mode
            self._apply_caps()

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on."""
        with self._lock:
            self._limits = limits
            self._apply_caps()

    def snapshot(self) -> LimitsObserved:
        """The ledger as an event."""
        with self._lock:
            self._drain()
            waiting: dict[str, int] = {}
            for place, ticket in enumerate(self._line):
                reason = self._binding(place, ticket)[0]
                waiting[str(reason)] = waiting.get(str(reason), 0) + 1
            return LimitsObserved(
                rpm=self._gauge(WaitReason.RPM),
                itpm=self._gauge(WaitReason.ITPM),
                otpm=self._gauge(WaitReason.OTPM),
                throttled=self._throttled,
                waiting=waiting,
            )

    def _try(self, ticket: Ticket) -> tuple[WaitReason, float | None, float | None] | None:
        """Admit the ticket (None), or tell why it waits, for how long about, and when to look again."""
        with self._lock:
            ticket.wake.clear()
            self._drain()
            first = self._line[0] is ticket
            if first and self._fits(ticket):
                self._line.popleft()
                self._admit(ticket)
                self._wake_first()
                return None
            place = 0 if first else self._line.index(ticket)
            reason, expected_s = self._binding(place, ticket)
            return reason, expected_s, self._sleep_s(ticket) if first else None

    def _fits(self, ticket: Ticket) -> bool:
        if self._clock.now() < self._held_until:
            return False
        return all(self._buckets[d].missing(need) == 0 for d, need in ticket.needs.items())

    def _admit(self, ticket: Ticket) -> None:
        ticket.admitted = True
        for dimension, need in ticket.needs.items():
            bucket = self._buckets[dimension]
            ticket.reserved[dimension] = bucket.clamp(need)
            bucket.reserved += ticket.reserved[dimension]

    def _sleep_s(self, ticket: Ticket) -> float | None:
        """Until when the first in line need not look; None = until somebody releases something."""
        waits = [self._buckets[d].wait_s(need) for d, need in ticket.needs.items()]
        hold_s = self._held_until - self._clock.now()
        if any(w is None for w in waits):
            return None
        return max(hold_s, *(w or 0.0 for w in waits), 0.001)

    def _binding(self, place: int, ticket: Ticket) -> tuple[WaitReason, float | None]:
        """The dimension that keeps the ticket waiting longest, and about how many seconds."""
        hold_s = self._held_until - self._clock.now()
        worst, worst_s = WaitReason.RETRY_AFTER if hold_s > 0 else WaitReason.RPM, max(hold_s, 0.0)
        for dimension in _DIMENSIONS:
            bucket = self._buckets[dimension]
            ahead = sum(self._line[i].needs[dimension] for i in range(min(place, 1_000)))
            over = (
                bucket.settled + bucket.reserved + ahead + bucket.clamp(ticket.needs[dimension]) - bucket.cap
            )
            if over / bucket.rate > worst_s:
                worst, worst_s = dimension, over / bucket.rate
        return worst, round(worst_s, 1)

    def _make_certain(self, ticket: Ticket, dimension: WaitReason, amount: float) -> None:
        """Turn what the ticket reserved or booked in a dimension into `amount` settled."""
        bucket = self._buckets[dimension]
        bucket.reserved = max(0.0, bucket.reserved - ticket.reserved.pop(dimension, 0.0))
        change = amount - ticket.booked.get(dimension, 0.0)
        bucket.settled = max(0.0, bucket.settled + change)
        ticket.booked[dimension] = amount

    def _believe(self, dimension: WaitReason, word: ServerLimit) -> None:
        bucket = self._buckets[dimension]
        if word.limit != bucket.limit:
            self._limits = _with(self._limits, dimension, word.limit)
            self._apply_caps()
        foreign = (word.limit - word.remaining) - (bucket.settled + bucket.reserved)
        if foreign > 0.01 * word.limit:
            bucket.settled += foreign
        self._readings[dimension] = _Reading(word.remaining, self._clock.now())

    def _apply_caps(self) -> None:
        self._drain()
        cap = caps(self._limits, self._mode)
        for dimension, bucket in self._buckets.items():
            bucket.limit, bucket.cap = _of(self._limits, dimension), max(1, _of(cap, dimension))
        self._wake_first()

    def _gauge(self, dimension: WaitReason) -> Gauge:
        bucket = self._buckets[dimension]
        reading = self._readings.get(dimension)
        return Gauge(
            limit=bucket.limit,
            cap=bucket.cap,
            settled=round(bucket.settled),
            reserved=round(bucket.reserved),
            server_remaining=reading.remaining if reading else None,
            server_age_s=round(self._clock.now() - reading.at, 1) if reading else None,
        )

    def _leave(self, ticket: Ticket) -> None:
        with self._lock:
            if ticket in self._line:
                self._line.remove(ticket)
                self._wake_first()
        if ticket.admitted:
            self.refund(ticket)

    def _drain(self) -> None:
        now = self._clock.now()
        for bucket in self._buckets.values():
            bucket.drain(now)

    def _wake_first(self) -> None:
        if self._line:
            self._line[0].wake.set()


def _of(limits: Limits, dimension: WaitReason) -> int:
    return int(getattr(limits, dimension.value))


def _with(limits: Limits, dimension: WaitReason, limit: int) -> Limits:
    values = {"rpm": limits.rpm, "itpm": limits.itpm, "otpm": limits.otpm, dimension.value: limit}
    return Limits(**values)


def _input_of(usage: Usage) -> float:
    """Cache reads do not count towards input tokens per minute; cache writes do."""
    return float(usage.input_tokens + usage.cache_write_tokens)
