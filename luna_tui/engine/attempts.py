"""Fly one subtask: wait for the limits, make an attempt, judge it, back off, try again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.events import UsageRecorded
from luna_tui.core.expect import miss
from luna_tui.core.expectations import Expected
from luna_tui.core.plan import Subtask
from luna_tui.core.prices import Price, cost_usd
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import ErrorKind, Status, WaitReason
from luna_tui.engine.budget import Budget
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight, FlightContext
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.outputs import OutputStore
from luna_tui.engine.retry import REFUSALS, RetryPolicy
from luna_tui.engine.runner import AttemptError, Demand, Refusal, Runner, ServerLimits, Usage, Work

_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSurroundings:
    """What every attempt of a run shares."""

    workspace: str
    run_dir: str
    prices: Mapping[str, Price]
    redaction: Redaction = NO_REDACTION
    """What no text of an attempt may hold once it leaves its runner."""


class _Booking:
    """The limiter's side of one attempt: a ticket that is corrected, settled or refunded once."""

    def __init__(self, limiter: RateLimiter, ticket: Ticket | None, demand: Demand | None) -> None:
        self._limiter = limiter
        self._ticket = ticket
        self._demand = demand
        self._known: Usage | None = None
        self._settled = ticket is None

    def answered(self, limits: ServerLimits, refused: bool) -> None:
        """Headers came, of an answer or of a refusal."""
        if refused or self._ticket is None:
            self._limiter.observe(limits)
        else:
            self._limiter.answered(self._ticket, limits)

    def refused(self, error: AttemptError) -> Ticket | None:
        """The server let nothing through; returns the ticket whose place in the line is kept."""
        self._settled = True
        refusal = Refusal(retry_after_s=error.retry_after_s, dimension=error.dimension, ramp=error.ramp)
        self._limiter.refused(self._ticket, refusal)
        return self._ticket

    def overloaded(self) -> None:
        """The service has no room; what an answer that broke off used is settled as always."""
        self._limiter.overloaded(None if self._known else self._ticket)

    def use(self, usage: Usage, final: bool) -> None:
        self._known = usage
        if self._ticket is None or self._settled:
            return
        if final:
            self._limiter.settle(self._ticket, usage)
            self._settled = True
        else:
            self._limiter.correct(self._ticket, usage)

    def close(self, *, sent: bool) -> None:
        """Nothing more comes: what was sent unanswered counts as estimated, what was refused does not."""
        if self._settled or self._ticket is None or self._demand is None:
            return
        self._settled = True
        if not sent and self._known is None:
            self._limiter.refund(self._ticket)
            return
        estimate = Usage(
            model="", input_tokens=self._demand.input_tokens, output_tokens=self._demand.output_tokens
        )
        self._limiter.settle(self._ticket, self._known or estimate)


_NOT_COUNTED = frozenset(
    {
        ErrorKind.RATE_LIMITED,
        ErrorKind.OVERLOADED,
        ErrorKind.UNREACHABLE,
        ErrorKind.AUTHENTICATION,
        ErrorKind.CREDENTIALS_MISSING,
        ErrorKind.WORKSPACE,
    }
)
"""Failures after which the server counted no tokens, unless it said so."""


class Pilot:
    """Flies subtasks, one at a time in each worker's thread; holds no state of its own."""

    def __init__(
        self,
        desk: FlightDesk,
        *,
        runner_of: Callable[[Flight], Runner],
        limiter_of: Callable[[str], RateLimiter],
        store: OutputStore,
        clock: Clock,
        deadlines: DeadlineThread,
        retry: RetryPolicy,
        surroundings: RunSurroundings,
        expect: Callable[[Subtask], Expected],
        admit: Callable[[Flight], bool],
        budget: Budget,
        may_retry: Callable[[Flight], bool],
        on_spend_limit: Callable[[str], None],
        settle: Callable[[Flight, int], None],
    ) -> None:
        self._desk = desk
        self._runner_of = runner_of
        self._limiter_of = limiter_of
        """The limiter that requests to a model pass."""
        self._store = store
        self._clock = clock
        self._deadlines = deadlines
        self._retry = retry
        self._around = surroundings
        self._expect = expect
        self._admit = admit
        """Waits at the gate while the run is paused; True when it had to wait."""
        self._budget = budget
        self._may_retry = may_retry
        self._settle = settle
        """Waits until the record of this number is durable; Cancelled when the flight ends."""
        self._on_spend_limit = on_spend_limit
        """Told once the account may spend no more; nothing further is worth asking."""

    def fly(self, flight: Flight, results: Mapping[str, str]) -> None:
        """Bring the flight to its end, whatever the runner does; never raises."""
        output, status, reason = "", Status.FAILED, ""
        try:
            output = self._until_done(flight, results)
            status = Status.SUCCEEDED
        except Cancelled as error:
            status, reason = Status.CANCELLED, str(error)
            output = "".join(flight.texts)
        except AttemptError as error:
            reason = error.message
            output = "".join(flight.texts)
        file = self._store.finish(flight.subtask.id, flight.begun) if flight.started else None
        self._desk.land(flight, status, reason, output, file)

    def _until_done(self, flight: Flight, results: Mapping[str, str]) -> str:
        while True:
            self._desk.next_attempt(flight)
            try:
                return self._attempt(flight, results)
            except AttemptError as error:
                error.message = self._around.redaction.text(error.message)
                delay_s = self._judge(flight, error)
                self._desk.fail(flight, error, delay_s)
                if delay_s is None:
                    raise
                asked_by_server = error.retry_after_s is not None
            finally:
                self._budget.release(flight)
            self._pause(flight, asked_by_server, delay_s)

    def _judge(self, flight: Flight, error: AttemptError) -> float | None:
        if error.kind in REFUSALS:
            flight.refusals += 1
        else:
            flight.failures += 1
        if not self._may_retry(flight):
            return None
        return self._retry.delay_s(
            error, failures=flight.failures, refusals=flight.refusals, retries=flight.subtask.retries
        )

    def _pause(self, flight: Flight, asked_by_server: bool, delay_s: float) -> None:
        if flight.refused is not None:
            return  # The limiter pauses everybody, and lets this one go on first.
        reason = WaitReason.RETRY_AFTER if asked_by_server else WaitReason.BACKOFF
        self._desk.wait(flight, reason, delay_s, timed=True)
        flight.token.sleep(delay_s)

    def _attempt(self, flight: Flight, results: Mapping[str, str]) -> str:
        runner = self._runner_of(flight)
        work = Work(
            subtask=flight.subtask,
            wave=flight.wave,
            attempt=flight.attempt,
            worker=flight.worker,
            workspace=self._around.workspace,
            run_dir=self._around.run_dir,
            results=results,
            expect=self._expect,
        )
        demand = runner.demand(work)
        limiter = self._limiter_of(flight.subtask.model)
        booking = _Booking(limiter, self._reserve(flight, demand, limiter), demand)
        sent = False
        flight.give_up = lambda: booking.close(sent=True)
        context = self._context(flight, booking)
        try:
            self._settle(flight, self._desk.start(flight))
            sent = True
            output = self._around.redaction.text(self._run(runner, work, context))
            return self._expected(flight, output)
        except AttemptError as error:
            sent = error.kind not in _NOT_COUNTED
            # Before the refund below, which would admit the next one into the same refusal.
            match error.kind:
                case ErrorKind.RATE_LIMITED:
                    flight.refused = booking.refused(error)
                case ErrorKind.OVERLOADED:
                    booking.overloaded()
                case ErrorKind.SPEND_LIMIT:
                    self._on_spend_limit(self._around.redaction.text(error.message))
            raise
        finally:
            context.close()
            booking.close(sent=sent)

    def _reserve(self, flight: Flight, demand: Demand | None, limiter: RateLimiter) -> Ticket | None:
        while True:
            self._admit(flight)
            if demand is None:
                return None
            self._budget.afford(flight, demand)
            ticket = limiter.reserve(
                demand,
                flight.token,
                lambda reason, expected_s: self._desk.wait(flight, reason, expected_s, timed=False),
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

    def _run(self, runner: Runner, work: Work, context: FlightContext) -> str:
        try:
            output = runner.run(work, context)
        except (AttemptError, Cancelled):
            context.token.raise_if_cancelled()
            raise
        except BaseException as error:
            context.token.raise_if_cancelled()
            text = clean_line(f"{type(error).__name__}: {error}")[:_MESSAGE_CHARS]
            raise AttemptError(ErrorKind.CRASHED, text) from error
        return output

    def _expected(self, flight: Flight, output: str) -> str:
        if flight.subtask.expect is not None:
            missed = miss(flight.subtask.expect, output)
            if missed is not None:
                raise AttemptError(ErrorKind.EXPECTATION, missed, retryable=True)
        return output

    def _context(self, flight: Flight, booking: _Booking) -> FlightContext:
        subtask_id, attempt = flight.subtask.id, flight.attempt

        def keep_raw(text: str) -> None:
            self._store.write(subtask_id, attempt, text)

        def on_usage(usage: Usage, final: bool) -> None:
            booking.use(usage, final)
            if final:
                event = self._usage_event(flight, attempt, usage)
                self._desk.usage(event)
                self._budget.spend(flight, event.cost_usd)

        return FlightContext(
            flight,
            self._clock,
            self._deadlines,
            publish_output=self._desk.output,
            keep_raw=keep_raw,
            on_usage=on_usage,
            on_server_limits=booking.answered,
            redaction=self._around.redaction,
        )

    def _usage_event(self, flight: Flight, attempt: int, usage: Usage) -> UsageRecorded:
        price = self._around.prices.get(usage.model)
        return UsageRecorded(
            wave=flight.wave,
            subtask=flight.subtask.id,
            attempt=attempt,
            model=usage.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            cost_usd=None if price is None else _cost(price, usage),
        )


def _cost(price: Price, usage: Usage) -> float:
    """As the journal writes it, so that whoever reads it back has the very same sums."""
    usd = cost_usd(
        price,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    )
    return round(usd, 6)
