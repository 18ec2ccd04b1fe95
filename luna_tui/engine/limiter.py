"""Admit requests within the account's limits, from many threads: book before sending, then correct."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from luna_tui.core.events import LimitsObserved
from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.limiter_shared import SharedTable, Sharing
from luna_tui.engine.runner import Demand, Refusal, ServerLimits, Usage

__all__ = ["OnWait", "RateLimiter", "Ticket"]

OnWait = Callable[[WaitReason, float | None], None]
"""Told why a request waits and for about how many seconds (None = unknown)."""


_LOOK_S = 0.1
"""How often the first in line looks what other processes gave back; nobody there wakes it."""


class RateLimiter:
    """Strictly first come, first served over requests, input and output tokens per minute.

    A request is admitted when both the server's buckets, as far as they are known, and the mode's
    share of them have room for it in every dimension. A need above a bucket is admitted alone, when
    all is free, and never waits for ever.

    Whoever changes the books admits from the head of the line, and only threads with news are
    woken. The first in line sleeps until its instant, all others until they are woken.
    """

    def __init__(self, limits: Limits, mode: Mode, clock: Clock, *, table: SharedTable | None = None) -> None:
        """`table` = books shared with other processes; then the clock must be the machine's own."""
        self._clock = clock
        self._lock = threading.Lock()
        """Protects the admission and the fields of every ticket."""
        self._admission = Admission(limits, mode, clock.now())
        self._sharing = None if table is None else Sharing(table, self._admission)
        self._told: tuple[Ticket | None, float | None] = (None, None)
        """Who is first and when it is due, as its thread knows it."""

    def reserve(
        self, demand: Demand, token: CancelToken, on_wait: OnWait, *, again: Ticket | None = None
    ) -> Ticket:
        """Block until the request may be sent; `again` = at the place its refused ticket had.

        `on_wait` is called in this thread when the request has to wait and whenever the reason
        changes: the dimension that is short, RETRY_AFTER while a 429 holds everybody, RAMP while
        first answers are awaited. Raises Cancelled when the token is, and whatever `on_wait` raises,
        and then holds nothing.
        """
        token.raise_if_cancelled()
        with self._books():
            ticket, news = self._admission.join(self._clock.now(), demand, again=again)
            self._wake(news)
        try:
            self._wait(ticket, token, on_wait)
        except BaseException:
            with self._books():
                self._wake(self._admission.leave(self._clock.now(), ticket))
            raise
        return ticket

    def answered(self, ticket: Ticket, told: ServerLimits) -> None:
        """The head of the ticket's answer came, with its rate-limit headers.

        Their limits replace the table's. Less remaining than the books can explain means that
        others use the same limits: the difference is booked once, and their rate is estimated.
        Impossible or outdated headers are ignored, as are differences within the server's rounding.
        """
        self._do(lambda now: self._admission.answered(now, ticket, told))

    def observe(self, limits: ServerLimits) -> None:
        """Rate-limit headers came that belong to no open ticket."""
        self._do(lambda now: self._admission.observe(now, limits))

    def correct(self, ticket: Ticket, usage: Usage) -> None:
        """The server counted this much (totals) of a running request; more output may follow."""
        self._do(lambda now: self._admission.correct(now, ticket, usage))

    def settle(self, ticket: Ticket, usage: Usage) -> None:
        """The request ended; book what it really used. Only the first end of a ticket counts."""
        self._do(lambda now: self._admission.settle(now, ticket, usage))

    def refund(self, ticket: Ticket) -> None:
        """Nothing was used; give everything back. Only the first end of a ticket counts."""
        self._do(lambda now: self._admission.refund(now, ticket))

    def refused(self, ticket: Ticket | None, refusal: Refusal) -> None:
        """A 429 came: nobody is admitted for as long as the server says, and the books learn from it.

        Without a usable `retry_after_s` the pause is 1 s and doubles up to 30 s with every further
        pause before a request goes through; refusals that come during a pause do not double it.
        """
        self._do(lambda now: self._admission.refused(now, ticket, refusal))

    def overloaded(self, ticket: Ticket | None) -> None:
        """A 529 came: the books stay as they are; several in a row make everybody pause a moment."""
        self._do(lambda now: self._admission.overloaded(now, ticket))

    def set_mode(self, mode: Mode) -> None:
        """Use another share from now on; who waits is judged anew at once."""
        self._do(lambda now: self._admission.use(now, mode=mode))

    def set_limits(self, limits: Limits) -> None:
        """Use other limits from now on, until headers say otherwise."""
        self._do(lambda now: self._admission.use(now, limits=limits))

    def snapshot(self) -> LimitsObserved:
        """The books as an event; changes nothing but the time."""
        with self._books():
            return self._admission.snapshot(self._clock.now())

    def close(self) -> None:
        """No request comes any more: leave the books that are shared."""
        with self._lock:
            sharing, self._sharing = self._sharing, None
            if sharing is not None:
                sharing.close()

    @contextmanager
    def _books(self) -> Iterator[None]:
        """The lock, and while it is held everybody's books where they are shared."""
        with self._lock:
            if self._sharing is None:
                yield
            else:
                with self._sharing.exchange():
                    yield

    def _do(self, verb: Callable[[float], Iterable[Ticket]]) -> None:
        with self._books():
            self._wake(verb(self._clock.now()))

    def _wake(self, news: Iterable[Ticket]) -> None:
        """Wake those with news, and the first in line when it is another or due at another instant."""
        for ticket in news:
            ticket.wake.set()
        told, first = self._told, self._admission.first
        self._told = (first, self._admission.due_at)
        if first is not None and told != self._told:
            first.wake.set()

    def _wait(self, ticket: Ticket, token: CancelToken, on_wait: OnWait) -> None:
        """Sleep until the ticket is admitted; `on_wait` and the sleep happen outside the lock."""
        said: WaitReason | None = None
        while True:
            with self._lock:
                if ticket.admitted_at is not None:
                    return
                ticket.wake.clear()
                reason, expected_s = ticket.reason, ticket.expected_s
                first = self._admission.first is ticket
                due_at = self._admission.due_at if first else None
                in_company = first and self._sharing is not None and self._sharing.company > 0
            if reason is not None and reason is not said:
                said = reason
                on_wait(reason, expected_s)
            sleep_s = None if due_at is None else max(0.0, due_at - self._clock.now())
            if in_company:
                sleep_s = _LOOK_S if sleep_s is None else min(_LOOK_S, sleep_s)
            if not token.wait(ticket.wake, sleep_s):
                with self._books():
                    self._wake(self._admission.advance(self._clock.now()))
