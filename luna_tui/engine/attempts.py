"""Fly one subtask: wait for the limits, make an attempt, judge it, back off, try again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core.clean import clean_line
from luna_tui.core.events import UsageRecorded
from luna_tui.core.expect import miss
from luna_tui.core.expectations import Expected
from luna_tui.core.plan import Subtask
from luna_tui.core.prices import Price, cost_usd, price_of
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import ErrorKind, Status
from luna_tui.engine.budget import Budget
from luna_tui.engine.cancel import Cancelled
from luna_tui.engine.clock import Clock
from luna_tui.engine.context import FlightContext
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight
from luna_tui.engine.outputs import OutputStore
from luna_tui.engine.runner import (
    AttemptError,
    Demand,
    Missed,
    MissedExpectation,
    Reply,
    Request,
    Runner,
    Usage,
    Work,
)
from luna_tui.engine.tool_uses import ToolUses
from luna_tui.engine.turns import Passage, Requests
from luna_tui.engine.workspaces import Workspaces

_MESSAGE_CHARS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSurroundings:
    """What every attempt of a run shares."""

    workspace: str
    run_dir: str
    prices: Mapping[str, Price]
    redaction: Redaction = NO_REDACTION
    """What no text of an attempt may hold once it leaves its runner."""


class Pilot:
    """Flies subtasks, one at a time in each worker's thread; holds no state of its own."""

    def __init__(
        self,
        desk: FlightDesk,
        *,
        runner_of: Callable[[Flight], Runner],
        passage: Passage,
        store: OutputStore,
        clock: Clock,
        deadlines: DeadlineThread,
        surroundings: RunSurroundings,
        expect: Callable[[Subtask], Expected],
        budget: Budget,
        ask: Callable[[Flight, Sequence[Request]], tuple[Reply, ...]],
        workspaces: Workspaces,
    ) -> None:
        self._desk = desk
        self._runner_of = runner_of
        self._passage = passage
        self._store = store
        self._clock = clock
        self._deadlines = deadlines
        self._around = surroundings
        self._expect = expect
        self._budget = budget
        self._ask = ask
        """Puts requests of a flight to a person."""
        self._workspaces = workspaces

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
                delay_s = self._passage.judge(flight, error)
                self._desk.fail(flight, error, delay_s)
                if delay_s is None:
                    raise
                asked_by_server = error.retry_after_s is not None
            finally:
                self._passage.release(flight)
            self._passage.pause(flight, delay_s, asked_by_server=asked_by_server)

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
            missed=flight.missed,
        )
        requests = Requests(self._passage, flight, runner.demand(work))
        flight.give_up = requests.give_up
        context = self._context(flight, requests)
        try:
            requests.begin(self._desk.start)
            return self._run(flight, runner, work, context)
        except AttemptError as error:
            if isinstance(error, MissedExpectation):
                flight.missed = Missed(output=error.output, why=error.message)
            requests.failed(error)
            raise
        finally:
            context.close()
            requests.close()

    def _run(self, flight: Flight, runner: Runner, work: Work, context: FlightContext) -> str:
        try:
            return self._in_workspace(flight, runner, work, context)
        except (AttemptError, Cancelled):
            context.token.raise_if_cancelled()
            raise
        except BaseException as error:
            context.token.raise_if_cancelled()
            text = clean_line(f"{type(error).__name__}: {error}")[:_MESSAGE_CHARS]
            raise AttemptError(ErrorKind.CRASHED, text) from error

    def _in_workspace(self, flight: Flight, runner: Runner, work: Work, context: FlightContext) -> str:
        """What it changed in a workspace of its own is told, and on disk, before its end is.

        Whoever goes on after a kill and finds the result of the subtask has to find its changes too.
        """
        entered = self._workspaces.enter(flight.subtask, work.attempt, context.token)
        ok = False
        try:
            work = replace(work, workspace=entered.path, own_workspace=entered.own)
            output = self._around.redaction.text(runner.run(work, context))
            output = self._expected(flight, output)
            ok = True
        finally:
            changed = self._workspaces.leave(entered, ok)
            told = None if changed is None else self._desk.tell(flight, changed)
            if told is not None:
                self._passage.settle(flight, told)
        return output

    def _expected(self, flight: Flight, output: str) -> str:
        if flight.subtask.expect is not None:
            missed = miss(flight.subtask.expect, output)
            if missed is not None:
                raise MissedExpectation(output, missed)
        return output

    def _context(self, flight: Flight, requests: Requests) -> FlightContext:
        subtask_id, attempt = flight.subtask.id, flight.attempt

        def on_usage(usage: Usage, final: bool) -> None:
            requests.use(usage, final)
            if final:
                event = self._usage_event(flight, attempt, usage, requests.demand)
                with self._desk.lock:  # Else others would be admitted by books that lag behind the records.
                    self._desk.usage(event)
                    self._budget.settle(flight, event.cost_usd)

        return FlightContext(
            flight,
            self._clock,
            self._deadlines,
            publish_output=self._desk.output,
            keep_raw=lambda text: self._store.write(subtask_id, attempt, text),
            on_usage=on_usage,
            requests=requests,
            tools=ToolUses(self._desk, flight, self._clock, self._around.redaction),
            ask=self._ask,
            redaction=self._around.redaction,
        )

    def _usage_event(
        self, flight: Flight, attempt: int, usage: Usage, demand: Demand | None
    ) -> UsageRecorded:
        prices = self._around.prices
        # A server may call a model by another name than the one it was asked for.
        price = price_of(prices, usage.model) or price_of(prices, flight.subtask.model)
        return UsageRecorded(
            wave=flight.wave,
            subtask=flight.subtask.id,
            attempt=attempt,
            model=usage.model,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            searches=usage.searches,
            cost_usd=None if price is None else _cost(price, usage),
            expected_input_tokens=None if demand is None else demand.input_tokens + demand.kept_tokens,
            expected_output_tokens=None if demand is None else demand.output_tokens,
        )


def _cost(price: Price, usage: Usage) -> float:
    """As the journal writes it, so that whoever reads it back has the very same sums."""
    usd = cost_usd(
        price,
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.searches,
    )
    return round(usd, 6)
