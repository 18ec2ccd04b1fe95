"""Threads that wait for the limiter, and short words for what they ask and use."""

from __future__ import annotations

import threading
from collections import deque

from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import Clock, ManualClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.limiter_books import Books
from luna_tui.engine.runner import Demand, Usage

LIMITS = Limits(rpm=1_000, itpm=10_000, otpm=2_000)


def ignore(reason: WaitReason, expected_s: float | None) -> None:
    return None


def used(tokens_in: int, tokens_out: int = 0, cache: int = 0) -> Usage:
    return Usage(model="m", input_tokens=tokens_in, output_tokens=tokens_out, cache_write_tokens=cache)


def asks(tokens_in: int, tokens_out: int = 1) -> Demand:
    return Demand(input_tokens=tokens_in, output_tokens=tokens_out)


def nothing(limiter: RateLimiter, clock: Clock) -> Ticket:
    """A ticket for a request that needs nothing."""
    return admitted(limiter, clock, Demand(requests=0, input_tokens=0, output_tokens=0))


def admitted(limiter: RateLimiter, clock: Clock, demand: Demand) -> Ticket:
    """A ticket that is given at once."""

    def not_at_once(reason: WaitReason, expected_s: float | None) -> None:
        raise AssertionError(f"has to wait: {reason}, {expected_s} s")

    return limiter.reserve(demand, CancelToken(clock), not_at_once)


def warm(limiter: RateLimiter, clock: Clock, answers: int = 60) -> RateLimiter:
    """After so many answers the slow start holds nobody back; the books are as they were."""
    for _ in range(answers):
        limiter.settle(nothing(limiter, clock), used(0))
    return limiter


def level(limiter: RateLimiter) -> tuple[int, int]:
    """Input tokens that count as used, and that are held."""
    gauge = limiter.snapshot().itpm
    return gauge.settled, gauge.reserved


class Waiter(threading.Thread):
    """Reserves on a thread of its own and keeps what it was told."""

    def __init__(
        self,
        limiter: RateLimiter,
        clock: ManualClock,
        demand: Demand,
        admitted: deque[Waiter] | None = None,
        again: Ticket | None = None,
    ) -> None:
        super().__init__(daemon=True)
        self.limiter, self.demand, self.admitted, self.again = limiter, demand, admitted, again
        self.token = CancelToken(clock)
        self.told: list[tuple[WaitReason, float | None]] = []
        self.spoken = threading.Semaphore(0)
        self.ticket: Ticket | None = None
        self.cancelled = False
        self.start()

    def run(self) -> None:
        def on_wait(reason: WaitReason, expected_s: float | None) -> None:
            self.told.append((reason, expected_s))
            self.spoken.release()

        try:
            self.ticket = self.limiter.reserve(self.demand, self.token, on_wait, again=self.again)
            if self.admitted is not None:
                self.admitted.append(self)
        except Cancelled:
            self.cancelled = True

    def waits(self) -> Waiter:
        """Return when it has been told (once more) why it waits."""
        assert self.spoken.acquire(timeout=10), "never told why it waits"
        return self

    def is_decided(self) -> Waiter:
        """Return when it was admitted or told why it waits."""
        while self.is_alive() and not self.told:
            self.join(0.002)
        return self

    def ends(self) -> Waiter:
        self.join(10)
        assert not self.is_alive(), "still waiting"
        return self

    @property
    def reasons(self) -> list[WaitReason]:
        return [reason for reason, _ in self.told]


class AuditedBooks(Books):
    """Keeps plain books of its own beside the limiter's, under its lock, and looks at every admission.

    They only know what was sent and not refunded, what it turned out to be, and that the mode's
    share of each limit drains in a minute.
    """

    def __init__(self, limits: Limits, mode: Mode, now: float) -> None:
        self.use_of = [0.0, 0.0]
        """Requests and input tokens used and not drained."""
        self.sent: dict[Ticket, tuple[float, float]] = {}
        """What unanswered requests ask for."""
        self.worst = 0.0
        self.admissions = 0
        super().__init__(limits, mode, now)

    @property
    def caps(self) -> tuple[float, float]:
        return self.rpm.policy.size, self.itpm.policy.size

    def drain(self, now: float) -> None:
        passed = max(0.0, now - self.now)
        for n, cap in enumerate(self.caps):
            self.use_of[n] = max(0.0, self.use_of[n] - passed * cap / 60.0)
        super().drain(now)

    def admit(self, ticket: Ticket) -> None:
        super().admit(ticket)
        self.admissions += 1
        alone = not self.sent and not any(self.use_of)
        self.sent[ticket] = (ticket.requests, ticket.tokens_in)
        for n, cap in enumerate(self.caps):
            self.use_of[n] += self.sent[ticket][n]
            self.worst = max(self.worst, 0.0 if alone else self.use_of[n] / cap)

    def answer(self, ticket: Ticket) -> None:
        super().answer(ticket)
        self.sent.pop(ticket, None)

    def correct(self, ticket: Ticket, usage: Usage) -> None:
        self.answer(ticket)
        before = ticket.counted
        super().correct(ticket, usage)
        # These books have no memory for what drained meanwhile.
        self.use_of[1] = max(0.0, self.use_of[1] + ticket.counted - before)

    def refund(self, ticket: Ticket) -> None:
        super().refund(ticket)
        for n, asked in enumerate(self.sent.pop(ticket, (0.0, 0.0))):
            self.use_of[n] = max(0.0, self.use_of[n] - asked)

    def is_idle(self) -> None:
        """Nothing is held, expected or running any more."""
        assert not self.sent
        assert (self.rpm.held, self.itpm.held) == (0.0, 0.0)
        page = self.otpm
        assert (page.running, page.expected, page.promised, page.speed, page.produced) == (0, 0, 0, 0, 0)


def audited(limiter: RateLimiter, limits: Limits, mode: Mode, clock: Clock) -> AuditedBooks:
    """Put audited books under a limiter that nobody uses yet."""
    books = AuditedBooks(limits, mode, clock.now())
    limiter._admission.books = books
    return books
