"""The engine's way through the limits in virtual time: line, limiter and service, without a thread."""

from __future__ import annotations

import heapq
import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from benchmarks.bounds import longest_s, plan_bound_s
from benchmarks.workloads import Work
from luna_tui.core.events import Tokens
from luna_tui.core.expectations import Expectations, PerRequest
from luna_tui.core.limits import AUTO_WORKERS, LINE_AHEAD, SHARES, TIERS, Limits, WorkerRule
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.words import Mode, Status, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.board import PlanBoard
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits, Usage
from luna_tui.simulator.model import CHARS_PER_TOKEN
from luna_tui.simulator.settings import HeaderMoment, SimulatorSettings
from luna_tui.simulator.virtual import RAMP_CODE, Admitted, Dimension, Refused, Told, VirtualService

TOLD_EVERY = 64
"""Output tokens between two reports of a running answer."""
_AUTOMATIC = WorkerRule(AUTO_WORKERS, LINE_AHEAD)
_REASONS = {
    Dimension.REQUESTS: WaitReason.RPM,
    Dimension.INPUT: WaitReason.ITPM,
    Dimension.OUTPUT: WaitReason.OTPM,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One run: the work, the service, and what the client believes and may do."""

    work: tuple[Work, ...]
    service: SimulatorSettings = field(default_factory=SimulatorSettings)
    table: Limits = TIERS["tier2"].limits
    """The limits that the client begins with."""
    mode: Mode = Mode.AGGRESSIVE
    rule: WorkerRule = _AUTOMATIC
    estimates: bool = True
    """The plan tells the true input, output and seconds of each subtask; else the engine guesses."""
    text_error: float = 0.15
    """Relative spread of characters per token, of prompts and of what is counted while an answer runs."""
    trip_s: float = 0.01
    """Seconds of the way to the service, and of the way back."""
    until_s: float = math.inf
    """Instant at which the run is broken off."""
    seed: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a scenario."""

    makespan_s: float
    """From the first request to the last answer."""
    succeeded: int
    refused: int
    """429 answers."""
    peak: int
    """Most requests under way at once."""
    used: Mapping[Dimension, float]
    """Mean use of each limit beyond the mode's first full bucket, as a share of what it offered."""
    bound_s: float
    """What no client that keeps to the mode's share can beat: the fluid bound or the longest request."""
    full_bound_s: float
    """The same with all of the service's limits."""


def simulate(scenario: Scenario) -> Outcome:
    """Run a scenario to its end; the same scenario always ends the same."""
    return Client(scenario).run()


class Timeline:
    """What happens next, by instant, then in the order it was asked for."""

    def __init__(self) -> None:
        self.now = 0.0
        self._numbers = itertools.count()
        self._events: list[tuple[float, int, Callable[[], None]]] = []

    def at(self, instant: float, what: Callable[[], None]) -> None:
        """Have something happen; what lies in the past happens next."""
        heapq.heappush(self._events, (max(self.now, instant), next(self._numbers), what))

    def run(self, until: float) -> None:
        """Let everything up to an instant happen."""
        while self._events and self._events[0][0] <= until:
            self.now, _, what = heapq.heappop(self._events)
            what()


@dataclass(slots=True, eq=False)
class _Flight:
    """One subtask that was handed out."""

    subtask: Subtask
    work: Work
    count_error: float
    """Factor by which its output is counted while it runs."""
    ticket: Ticket | None = None
    admitted: Admitted | None = None
    produced: int = 0


@dataclass(slots=True)
class Client:
    """Does with one admission what the engine's threads do with a limiter."""

    scenario: Scenario
    time: Timeline = field(default_factory=Timeline)
    admission: Admission = field(init=False)
    service: VirtualService = field(init=False)
    board: PlanBoard = field(init=False)
    expectations: Expectations = field(init=False)
    work_of: dict[str, Work] = field(init=False)
    waiting: dict[Ticket, _Flight] = field(default_factory=dict)
    running: int = 0
    peak: int = 0
    succeeded: int = 0
    last_at: float = 0.0
    _woken_for: float | None = None
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        scenario = self.scenario
        self._random = random.Random(scenario.seed)
        plan = plan_of(scenario, self._random)
        self.work_of = {s.id: w for s, w in zip(plan.subtasks(), scenario.work, strict=True)}
        self.expectations = Expectations(plan)
        self.board = PlanBoard(plan, self.expectations)
        self.service = VirtualService(scenario.service)
        self.admission = self.limiter(scenario.table, scenario.mode)

    def limiter(self, limits: Limits, mode: Mode) -> Admission:
        """The limiter to drive; a recorder may come instead."""
        return Admission(limits, mode, 0.0)

    def run(self) -> Outcome:
        """Everything that is handed out, to its end."""
        self.board.open(range(1))
        self._hand_out()
        self.time.run(self.scenario.until_s)
        ended_at = min(self.scenario.until_s, self.last_at) if self.board.left == 0 else self.time.now
        charges = self.service.charges(self.time.now)
        service, work = self.scenario.service, self.scenario.work
        share, longest = SHARES[self.scenario.mode], longest_s(work)
        return Outcome(
            makespan_s=ended_at,
            succeeded=self.succeeded,
            refused=sum(charges.refused.values()),
            peak=self.peak,
            used=self._used(charges.admitted, charges.input_tokens, charges.output_tokens, share),
            bound_s=max(plan_bound_s(work, service, share), longest),
            full_bound_s=max(plan_bound_s(work, service, 1.0), longest),
        )

    def _used(
        self, requests: int, tokens_in: int, tokens_out: int, share: float
    ) -> Mapping[Dimension, float]:
        limits, minutes = self.scenario.service.limits, self.time.now / 60.0
        pairs = zip((requests, tokens_in, tokens_out), (limits.rpm, limits.itpm, limits.otpm), strict=True)
        shares = (max(0.0, n - share * limit) / (limit * minutes) for n, limit in pairs)
        return dict(zip(Dimension, shares, strict=True))

    def _hand_out(self) -> None:
        rule = self.scenario.rule
        while self.running + len(self.waiting) < rule.most and (
            rule.line_ahead is None or len(self.waiting) < rule.line_ahead
        ):
            subtask = self.board.take()
            if subtask is None:
                return
            error = self.scenario.text_error
            factor = 1.0 + self._random.uniform(-error, error)
            self._join(_Flight(subtask, self.work_of[subtask.id], factor))

    def _join(self, flight: _Flight) -> None:
        expected = self.expectations.expect(flight.subtask)
        demand = Demand(
            input_tokens=expected.input_tokens,
            output_tokens=expected.output_tokens,
            max_output_tokens=flight.work.max_tokens,
        )
        ticket, news = self.admission.join(self.time.now, demand, again=flight.ticket)
        flight.ticket, flight.produced = ticket, 0
        self.waiting[ticket] = flight
        self._take_off(news)

    def _take_off(self, news: Iterable[Ticket]) -> None:
        """Send what was admitted, hand out more, and come back when the first in line is due."""
        for ticket in news:
            if ticket.admitted_at is None or ticket not in self.waiting:
                continue
            flight = self.waiting.pop(ticket)
            self.running += 1
            self.peak = max(self.peak, self.running)
            self._after(self.scenario.trip_s, partial(self._arrive, flight))
        self._hand_out()
        due_at = self.admission.due_at
        if due_at is None:
            self._woken_for = None
        elif due_at != self._woken_for:
            self._woken_for = due_at
            self.time.at(due_at, lambda: self._wake(due_at))

    def _wake(self, due_at: float) -> None:
        if due_at == self._woken_for:  # else the line was moved meanwhile, and its head has a later one
            self._woken_for = None
            self._take_off(self.admission.advance(self.time.now))

    def _after(self, seconds: float, what: Callable[[], None]) -> None:
        self.time.at(self.time.now + seconds, what)

    def _arrive(self, flight: _Flight) -> None:
        work, now = flight.work, self.time.now
        answer = self.service.admit(now, work.input_tokens, work.max_tokens, work.first_s)
        told = self.service.headers(now)
        if isinstance(answer, Refused):
            self._after(self.scenario.trip_s, lambda: self._refuse(flight, answer, told))
            return
        flight.admitted = answer
        early = self.scenario.service.header_moment is HeaderMoment.EARLY
        if early:
            self._after(self.scenario.trip_s, lambda: self._head(flight, told))
        self.time.at(answer.first_at, lambda: self._begin(flight, early))

    def _begin(self, flight: _Flight, head_is_out: bool) -> None:
        """The first token, and after it the others at an even pace."""
        work, began_at = flight.work, self.time.now
        if not head_is_out:
            told = self.service.headers(began_at)
            self._after(self.scenario.trip_s, lambda: self._head(flight, told))
        self._after(self.scenario.trip_s, lambda: self._report(flight, 1))
        writing_s = work.seconds - work.first_s
        for total in range(TOLD_EVERY, work.output_tokens, TOLD_EVERY):
            instant = began_at + writing_s * total / work.output_tokens
            self.time.at(instant, partial(self._write, flight, total))
        self.time.at(began_at + writing_s, lambda: self._end(flight))

    def _write(self, flight: _Flight, total: int) -> None:
        self.service.produce(self.time.now, total - flight.produced)
        flight.produced = total
        told = round(total * flight.count_error)
        self._after(self.scenario.trip_s, lambda: self._report(flight, told))

    def _end(self, flight: _Flight) -> None:
        total = flight.work.output_tokens
        self.service.produce(self.time.now, total - flight.produced)
        if flight.admitted is not None:
            self.service.end(self.time.now, flight.admitted, total)
        self._after(self.scenario.trip_s, lambda: self._land(flight))

    def _head(self, flight: _Flight, told: Told | None) -> None:
        self._take_off(
            self.admission.answered(self.time.now, _ticket(flight), limits_of(told, self.time.now))
        )

    def _report(self, flight: _Flight, output_tokens: int) -> None:
        usage = _usage(flight.work.input_tokens, output_tokens)
        self._take_off(self.admission.correct(self.time.now, _ticket(flight), usage))

    def _land(self, flight: _Flight) -> None:
        work, ticket = flight.work, _ticket(flight)
        self.running -= 1
        self.succeeded += 1
        self.last_at = self.time.now
        sent_at = ticket.admitted_at or 0.0
        used = PerRequest.once(Tokens(input=work.input_tokens, output=work.output_tokens))
        self.expectations.learn(flight.subtask, used, self.time.now - sent_at)
        self.board.end(flight.subtask.id, Status.SUCCEEDED)
        usage = _usage(work.input_tokens, work.output_tokens)
        self._take_off(self.admission.settle(self.time.now, ticket, usage))

    def _refuse(self, flight: _Flight, refused: Refused, told: Told | None) -> None:
        """Headers, then the 429, then back to the head of the line, as the engine does it."""
        now, ticket = self.time.now, _ticket(flight)
        self.running -= 1
        if told is not None:
            self._take_off(self.admission.observe(now, limits_of(told, now)))
        refusal = Refusal(
            retry_after_s=_whole(refused.retry_after_s),
            dimension=None if refused.dimension is None else _REASONS[refused.dimension],
            ramp=refused.code == RAMP_CODE,
        )
        news = self.admission.refused(now, ticket, refusal)
        self._join(flight)
        self._take_off(news)


def plan_of(scenario: Scenario, rng: random.Random) -> Plan:
    """A plan of one parallel wave; prompts have a size in characters and no text."""
    error = scenario.text_error
    subtasks = tuple(
        Subtask(
            id=f"w{number:05d}",
            title="",
            timeout=0,
            model="claude-haiku-5-5",
            max_tokens=work.max_tokens,
            files_chars=round(work.input_tokens * CHARS_PER_TOKEN * (1.0 + rng.uniform(-error, error))),
            estimate=_estimate(work) if scenario.estimates else Estimate(),
        )
        for number, work in enumerate(scenario.work)
    )
    return Plan(name="mixed", waves=(Wave(name="all", subtasks=subtasks, timeout=0),), workspace="/")


def limits_of(told: Told | None, now: float) -> ServerLimits:
    """An answer's headers as a runner reads them."""
    if told is None:
        return ServerLimits()
    rpm, itpm, otpm = (
        ServerLimit(limit=r.limit, remaining=r.remaining, reset_s=r.reset_s)
        for r in (told.requests, told.input_tokens, told.output_tokens)
    )
    return ServerLimits(rpm=rpm, itpm=itpm, otpm=otpm)


def _ticket(flight: _Flight) -> Ticket:
    if flight.ticket is None:
        raise ValueError(f"{flight.subtask.id} was never in the line")
    return flight.ticket


def _estimate(work: Work) -> Estimate:
    return Estimate(input_tokens=work.input_tokens, output_tokens=work.output_tokens, seconds=work.seconds)


def _usage(tokens_in: int, tokens_out: int) -> Usage:
    return Usage(model="claude-haiku-5-5", input_tokens=tokens_in, output_tokens=tokens_out)


def _whole(seconds: float | None) -> float | None:
    """`retry-after` in whole seconds, as the service sends it."""
    return None if seconds is None else float(math.ceil(min(seconds, 3_600.0)))
