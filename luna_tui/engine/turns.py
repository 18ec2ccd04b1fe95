"""The requests of an attempt: each passes gate, budget and limits; a further one is tried again in place."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import ErrorKind, WaitReason
from luna_tui.engine.booking import Booking
from luna_tui.engine.budget import Budget
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.retry import REFUSALS, RetryPolicy
from luna_tui.engine.runner import AttemptError, Demand, ServerLimits, T, Usage


class Passage:
    """The way of a request to the service, and back where it failed; holds no state of its own."""

    def __init__(
        self,
        desk: FlightDesk,
        *,
        limiter_of: Callable[[str], RateLimiter],
        budget: Budget,
        admit: Callable[[Flight], bool],
        settle: Callable[[Flight, int], None],
        retry: RetryPolicy,
        may_retry: Callable[[Flight], bool],
        on_spend_limit: Callable[[str], None],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        self.desk = desk
        """Tells of what the flights do."""
        self._limiter_of = limiter_of
        """The limiter that requests to a model pass."""
        self._budget = budget
        self._admit = admit
        """Waits at the gate while the run is paused; True when it had to wait."""
        self.settle = settle
        """Waits until the record of this number is durable; Cancelled when the flight ends."""
        self._retry = retry
        self._may_retry = may_retry
        self._on_spend_limit = on_spend_limit
        """Told once the account may spend no more; nothing further is worth asking."""
        self._redaction = redaction

    def book(self, flight: Flight, demand: Demand | None) -> Booking:
        """Wait until the request may be sent; None = it needs no permit. Raises Cancelled."""
        limiter = self._limiter_of(flight.subtask.model)
        return Booking(limiter, self._reserve(flight, demand, limiter), demand)

    def judge(self, flight: Flight, error: AttemptError) -> float | None:
        """Seconds before what failed is tried again; None = it is not. Asked once for each error."""
        if flight.judged is error:
            return None
        error.message = self._redaction.text(error.message)
        if error.kind in REFUSALS:
            flight.refusals += 1
        else:
            flight.failures += 1
        if not self._may_retry(flight):
            return None
        return self._retry.delay_s(
            error, failures=flight.failures, refusals=flight.refusals, retries=flight.subtask.retries
        )

    def failed(self, flight: Flight, booking: Booking, error: AttemptError) -> None:
        """Tell the limiter, before a refund that would admit the next one into the same refusal."""
        flight.refused = booking.failed(error)
        if error.kind is ErrorKind.SPEND_LIMIT:
            self._on_spend_limit(self._redaction.text(error.message))

    def release(self, flight: Flight) -> None:
        """What was reserved of the budget and not used is free."""
        self._budget.release(flight)

    def pause(self, flight: Flight, delay_s: float, *, asked_by_server: bool) -> None:
        """Wait before another try. Raises Cancelled."""
        if flight.refused is not None:
            return  # The limiter pauses everybody, and lets this one go on first.
        reason = WaitReason.RETRY_AFTER if asked_by_server else WaitReason.BACKOFF
        self.desk.wait(flight, reason, delay_s, timed=True)
        flight.token.sleep(delay_s)

    def _reserve(self, flight: Flight, demand: Demand | None, limiter: RateLimiter) -> Ticket | None:
        while True:
            self._admit(flight)
            if demand is None:
                return None
            self._budget.afford(flight, demand)
            ticket = limiter.reserve(
                demand,
                flight.token,
                lambda reason, expected_s: self.desk.wait(flight, reason, expected_s, timed=False),
                again=flight.refused,
            )
            flight.refused = None
            try:
                waited = self._admit(flight)
            except Cancelled:
                limiter.refund(ticket)
                raise
            if not waited:
                return ticket
            limiter.refund(ticket)


class Requests:
    """The requests of one attempt, one after the other; used by its thread."""

    def __init__(self, passage: Passage, flight: Flight, demand: Demand | None) -> None:
        """Book the first one; Cancelled when the flight ends before it may be sent."""
        self._passage = passage
        self._desk = passage.desk
        self._flight = flight
        self._booking = passage.book(flight, demand)

    def begin(self, start: Callable[[Flight], int]) -> None:
        """Send it from now on: `start` tells so and returns the number of that record."""
        self._passage.settle(self._flight, start(self._flight))
        self._booking.sent = True

    def turn(self, number: int, demand: Demand, send: Callable[[], T]) -> T:
        """Send a further one, as often as the retries of the subtask allow; see AttemptContext."""
        flight = self._flight
        while True:
            self._booking.close()
            self._booking = self._passage.book(flight, demand)
            self.begin(lambda flight: self._desk.turn(flight, number))
            try:
                return send()
            except AttemptError as error:
                flight.token.raise_if_cancelled()
                delay_s = self._fail(number, error)
                if delay_s is None:
                    raise
                asked_by_server = error.retry_after_s is not None
            self._passage.release(flight)
            self._passage.pause(flight, delay_s, asked_by_server=asked_by_server)

    def stand_aside(self) -> None:
        """A person is waited for between two requests, and nobody else shall wait for that."""
        self._booking.give_back()
        self._passage.release(self._flight)

    @property
    def demand(self) -> Demand | None:
        """What the current request was expected to take; None = it needed no permit."""
        return self._booking.demand

    def use(self, usage: Usage, final: bool) -> None:
        """The current request used this much."""
        self._booking.use(usage, final)

    def answered(self, limits: ServerLimits, refused: bool) -> None:
        """Headers of the answer to the current request."""
        self._booking.answered(limits, refused)

    def failed(self, error: AttemptError) -> None:
        """The attempt failed with the current request, or after it."""
        if self._flight.judged is not error:
            self._passage.failed(self._flight, self._booking, error)

    def close(self) -> None:
        """No request follows."""
        self._booking.close()

    def give_up(self) -> None:
        """The thread of the attempt will not close it; called from another one."""
        self._booking.give_up()

    def _fail(self, number: int, error: AttemptError) -> float | None:
        """Judge a request that failed; its pause is told when it is sent again."""
        flight = self._flight
        self._passage.failed(flight, self._booking, error)
        delay_s = self._passage.judge(flight, error)
        if delay_s is None:
            flight.judged = error
        else:
            self._desk.turn_failed(flight, number, error, delay_s)
        return delay_s
