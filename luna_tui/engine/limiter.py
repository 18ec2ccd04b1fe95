"""Admit requests within the account's limits: book before sending, correct by what the server says."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from luna_tui.core.events import LimitsObserved
from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.limiter_ledger import DIMENSIONS, Claim, Ledger, claim_of
from luna_tui.engine.runner import Demand, ServerLimits, Usage

OnWait = Callable[[WaitReason, float | None], None]
"""Told why a request waits and for about how many seconds (None = unknown)."""

_FIRST_HOLD_S = 1.0
_LONGEST_HOLD_S = 30.0
_HOLD_SLACK_S = 1e-6
"""Float rounding of an instant, so that a wait for the end of a hold never ends just before it."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One request's place in the line, then its hold on the limits; protected by the limiter's lock."""

    claim: Claim
    wake: threading.Event = field(default_factory=threading.Event)
    """Set when the ticket is admitted, becomes the first, or waits for another reason than before."""
    reason: WaitReason | None = None
    expected_s: float | None = None
    admitted_at: float | None = None
    """Instant of admission; None = still in the line."""
    closed: bool = False
    """Settled, refunded or given up; nothing changes it any more."""


class RateLimiter:
    """Strictly first come, first served over requests, input and output tokens per minute.

    A request is admitted only when, in every dimension, what is settled, what is reserved and what
    it needs are together at most the mode's share of the limit. Nothing else is promised: what the
    server counted beyond an estimate, what others use, and a lowered cap may put the books above
    the cap, and then nothing is admitted until that has drained. A need above the cap counts as the
    cap: such a request is admitted alone, when its dimension is empty, and never waits for ever.

    Whoever changes the books admits from the head of the line, so a large request is never
    overtaken, and only threads with news are woken. The first in line sleeps until its instant, all
    others until they are woken.
    """

    def __init__(self, limits: Limits, mode: Mode, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        """Protects everything below and the fields of every ticket."""
        self._now = clock.now()
        """Instant of the books."""
        self._ledger = Ledger(limits, mode, self._now)
        self._line: deque[Ticket] = deque()
        self._held_until = float("-inf")
        self._holds = 0
        """Pauses in a row of which none was followed by a request that went through."""
        self._throttled = 0
        self._due_at: float | None = None
        """When the first in line is due if nothing changes; None = when a running request changes it."""

    def reserve(self, demand: Demand, token: CancelToken, on_wait: OnWait) -> Ticket:
        """Block until the request may be sent.

        `on_wait` is called in this thread when the request has to wait and whenever the reason
        changes: the dimension that is short, or RETRY_AFTER while a 429 holds everybody. Raises
        Cancelled when the token is, and whatever `on_wait` raises, and then holds nothing.
        """
        token.raise_if_cancelled()
        ticket = Ticket(claim_of(demand))
        try:
            with self._lock:
                self._line.append(ticket)
                self._advance()
            self._wait(ticket, token, on_wait)
        except BaseException:
            self._leave(ticket)
            raise
        return ticket

    def correct(self, ticket: Ticket, usage: Usage) -> None:
        """The server counted this much (totals) of a running request; more output may follow.

        Input is certain from here on; output moves from reserved to settled as it is produced.
        """
        with self._lock:
            if not ticket.closed:
                self._drain()
                self._ledger.correct(ticket.claim, usage)
                self._advance()

    def settle(self, ticket: Ticket, usage: Usage) -> None:
        """The request ended; book what it really used. Only the first end of a ticket counts."""
        with self._lock:
            if ticket.closed:
                return
            ticket.closed = True
            self._drain()
            self._ledger.settle(ticket.claim, usage)
            if ticket.admitted_at is not None and ticket.admitted_at >= self._held_until:
                self._holds = 0
            self._advance()

    def refund(self, ticket: Ticket) -> None:
        """Nothing was used; give everything back. Only the first end of a ticket counts."""
        with self._lock:
            if not ticket.closed:
                ticket.closed = True
                self._drain()
                self._ledger.refund(ticket.claim)
                self._advance()

    def throttled(self, retry_after_s: float | None) -> None:
        """A 429 came: nobody is admitted for as long as the server says.

        Without a usable `retry_after_s` the pause is 1 s and doubles up to 30 s with every further
        pause before a request goes through; refusals that come during a pause do not double it.
        """
        with self._lock:
            self._drain()
            self._throttled += 1
            if not self._held():
                self._holds += 1
            pause_s = retry_after_s
            if pause_s is None or not math.isfinite(pause_s) or pause_s < 0:
                pause_s = min(_LONGEST_HOLD_S, _FIRST_HOLD_S * 2.0 ** min(max(0, self._holds - 1), 8))
            self._held_until = max(self._held_until, self._now + pause_s)
            self._advance()

    def observe(self, limits: ServerLimits) -> None:
        """Rate-limit headers came. Their limits replace the table's.

        Less remaining than our books leave means that others use the same limits: the difference is
        booked once. Impossible or outdated headers are ignored, as are differences within 1 % of a
        limit or the server's rounding to thousands. More remaining than expected changes nothing.
        """
        with self._lock:
            self._drain()
            self._ledger.believe(limits)
            self._advance()

    def set_mode(self, mode: Mode) -> None:
        """Use another share from now on; who waits is judged anew at once."""
        with self._lock:
            self._drain()
            self._ledger.use(mode=mode)
            self._advance()

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on, until headers say otherwise."""
        with self._lock:
            self._drain()
            self._ledger.use(limits=limits)
            self._advance()

    def snapshot(self) -> LimitsObserved:
        """The books as an event; changes nothing but the time."""
        with self._lock:
            self._drain()
            waiting: dict[str, int] = {}
            for _, reason, _ in self._verdicts():
                waiting[str(reason)] = waiting.get(str(reason), 0) + 1
            return LimitsObserved(
                rpm=self._ledger.gauge(WaitReason.RPM),
                itpm=self._ledger.gauge(WaitReason.ITPM),
                otpm=self._ledger.gauge(WaitReason.OTPM),
                throttled=self._throttled,
                waiting=waiting,
            )

    def _wait(self, ticket: Ticket, token: CancelToken, on_wait: OnWait) -> None:
        """Sleep until the ticket is admitted; `on_wait` and the sleep happen outside the lock."""
        said: WaitReason | None = None
        while True:
            with self._lock:
                if ticket.admitted_at is not None:
                    return
                ticket.wake.clear()
                reason, expected_s = ticket.reason, ticket.expected_s
                due_at = self._due_at if self._line[0] is ticket else None
            if reason is not None and reason is not said:
                said = reason
                on_wait(reason, expected_s)
            sleep_s = None if due_at is None else max(0.0, due_at - self._clock.now())
            if not token.wait(ticket.wake, sleep_s):
                with self._lock:
                    self._advance()

    def _advance(self) -> None:
        """Admit from the head of the line as long as it fits; wake those for whom something changed."""
        self._drain()
        first_before = self._line[0] if self._line else None
        while self._line and not self._held() and self._ledger.fits(self._line[0].claim):
            ticket = self._line.popleft()
            self._ledger.admit(ticket.claim)
            ticket.admitted_at = self._now
            ticket.wake.set()
        for ticket, reason, expected_s in self._verdicts():
            if reason is not ticket.reason:
                ticket.wake.set()
            ticket.reason, ticket.expected_s = reason, expected_s
        if self._line:
            due_at, self._due_at = self._due_at, self._next_due_at()
            if self._line[0] is not first_before or due_at != self._due_at:
                self._line[0].wake.set()

    def _verdicts(self) -> Iterator[tuple[Ticket, WaitReason, float]]:
        """Why and for about how many seconds each ticket in the line waits, in one pass."""
        hold_s = self._held_until - self._now
        ahead = dict.fromkeys(DIMENSIONS, 0.0)
        for ticket in self._line:
            reason, seconds = self._ledger.shortage_s(ahead, ticket.claim)
            if hold_s > 0:
                reason, seconds = WaitReason.RETRY_AFTER, max(hold_s, seconds)
            yield ticket, reason, round(seconds, 1)
            for dimension in DIMENSIONS:
                ahead[dimension] += self._ledger.clamped(dimension, ticket.claim)

    def _next_due_at(self) -> float | None:
        wait_s = self._ledger.wait_s(self._line[0].claim)
        if self._held():
            return max(self._held_until + _HOLD_SLACK_S, self._now + (wait_s or 0.0))
        return None if wait_s is None else self._now + wait_s

    def _held(self) -> bool:
        return self._now < self._held_until

    def _leave(self, ticket: Ticket) -> None:
        """The waiting ended without use: leave the line, or give back what was admitted meanwhile."""
        with self._lock:
            if ticket.admitted_at is None:
                ticket.closed = True
                if ticket in self._line:
                    self._line.remove(ticket)
                self._advance()
        self.refund(ticket)

    def _drain(self) -> None:
        self._now = max(self._now, self._clock.now())
        self._ledger.drain(self._now)
