"""Any interleaving of the limiter's verbs: in order, within the cap, nobody for ever, nothing left over."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)

from luna_tui.core.limits import Limits, caps
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Books, Ticket
from luna_tui.engine.limiter_page import Page
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits, Usage
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.simulator.virtual import Admitted, VirtualService

LIMITS = st.builds(Limits, rpm=st.integers(1, 50), itpm=st.integers(1, 12_000), otpm=st.integers(1, 3_000))
RETRIES = st.one_of(st.none(), st.floats(0, 20), st.sampled_from([float("nan"), float("inf"), -1.0]))
NAMED = st.sampled_from([None, WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM])


def used(tokens_in: int, tokens_out: int, cache: int = 0) -> Usage:
    return Usage(model="m", input_tokens=tokens_in, output_tokens=tokens_out, cache_write_tokens=cache)


class WatchedBooks(Books):
    """Looks at every admission: within the mode's cap, or alone on an empty page."""

    def admit(self, ticket: Ticket) -> None:
        for page, need in ((self.rpm, ticket.requests), (self.itpm, ticket.tokens_in)):
            _within(page, need)
        empty = self.otpm.running == 0 and self.otpm.policy.used <= 0.0
        if not self.otpm.reserving and not empty:
            assert self.otpm.policy.used <= self.otpm.policy.size
        super().admit(ticket)


def _within(page: Page, need: float) -> None:
    total = page.policy.used + need
    alone = total <= need + 1e-6
    small = need <= page.policy.size
    assert total <= page.policy.size + 1e-6 or (alone and not small), "admitted above the cap"


class AdmissionMachine(RuleBasedStateMachine):
    """All verbs, at instants that never fall."""

    tickets = Bundle("tickets")
    refused_tickets = Bundle("refused_tickets")

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_000.0
        self.limits, self.mode = Limits(40, 10_000, 2_000), Mode.BALANCED
        self.admission = Admission(self.limits, self.mode, self.now)
        self.admission.books = WatchedBooks(self.limits, self.mode, self.now)
        self.waiting: set[Ticket] = set()
        self.running: set[Ticket] = set()
        self.refusals = 0

    def _news(self, news: list[Ticket]) -> None:
        """Those that were admitted stood first, in this order, and the others still wait."""
        for ticket in news:
            if ticket.admitted_at is None or ticket not in self.waiting:
                assert ticket.closed or ticket in self.waiting
                continue
            assert ticket.admitted_at == self.now
            assert ticket.place == min(t.place for t in self.waiting), "somebody was overtaken"
            self.waiting.discard(ticket)
            self.running.add(ticket)

    def _join(self, demand: Demand, again: Ticket | None) -> Ticket:
        ticket, news = self.admission.join(self.now, demand, again=again)
        assert again is None or ticket.place == again.place
        self.waiting.add(ticket)
        self._news(news)
        return ticket

    @rule(
        target=tickets,
        requests=st.integers(0, 3),
        tokens_in=st.integers(-1, 15_000),
        tokens_out=st.integers(-1, 4_000),
        most=st.integers(0, 5_000),
    )
    def join(self, requests: int, tokens_in: int, tokens_out: int, most: int) -> Ticket:
        demand = Demand(
            requests=requests, input_tokens=tokens_in, output_tokens=tokens_out, max_output_tokens=most
        )
        return self._join(demand, None)

    @rule(target=tickets, refused=consumes(refused_tickets), tokens_in=st.integers(0, 12_000))
    def join_again(self, refused: Ticket, tokens_in: int) -> Ticket:
        return self._join(Demand(input_tokens=tokens_in, output_tokens=50), refused)

    @rule(ticket=tickets)
    def leave(self, ticket: Ticket) -> None:
        news = self.admission.leave(self.now, ticket)
        self.waiting.discard(ticket)
        self.running.discard(ticket)
        assert ticket.closed
        self._news(news)

    @rule(ticket=tickets, limit=st.integers(-5, 12_000), remaining=st.integers(-5, 13_000))
    def answered(self, ticket: Ticket, limit: int, remaining: int) -> None:
        if ticket in self.waiting:
            return
        told = ServerLimits(itpm=ServerLimit(limit=limit, remaining=remaining))
        news = self.admission.answered(self.now, ticket, told)
        self._told(limit, remaining)
        self._news(news)

    @rule(limit=st.integers(1, 12_000), remaining=st.integers(0, 12_000), reset_s=RETRIES)
    def observe(self, limit: int, remaining: int, reset_s: float | None) -> None:
        told = ServerLimits(itpm=ServerLimit(limit=limit, remaining=remaining, reset_s=reset_s))
        news = self.admission.observe(self.now, told)
        self._told(limit, remaining)
        self._news(news)

    def _told(self, limit: int, remaining: int) -> None:
        if limit > 0 and 0 <= remaining <= limit:
            self.limits = Limits(self.limits.rpm, limit, self.limits.otpm)

    @rule(ticket=tickets, tokens_in=st.integers(0, 15_000), produced=st.integers(0, 4_000))
    def correct(self, ticket: Ticket, tokens_in: int, produced: int) -> None:
        if ticket not in self.waiting:
            self._news(self.admission.correct(self.now, ticket, used(tokens_in, produced)))

    @rule(ticket=consumes(tickets), tokens_in=st.integers(0, 15_000), tokens_out=st.integers(0, 4_000))
    def settle(self, ticket: Ticket, tokens_in: int, tokens_out: int) -> None:
        if ticket in self.waiting:
            self.leave(ticket)
            return
        news = self.admission.settle(self.now, ticket, used(tokens_in, tokens_out))
        self.running.discard(ticket)
        self._news(news)
        self._changes_nothing_any_more(ticket)

    @rule(ticket=consumes(tickets))
    def refund(self, ticket: Ticket) -> None:
        if ticket in self.waiting:
            self.leave(ticket)
            return
        news = self.admission.refund(self.now, ticket)
        self.running.discard(ticket)
        self._news(news)
        self._changes_nothing_any_more(ticket)

    def _changes_nothing_any_more(self, ticket: Ticket) -> None:
        before = self._figures()
        for again in (
            self.admission.refund(self.now, ticket),
            self.admission.settle(self.now, ticket, used(9_999, 999)),
            self.admission.correct(self.now, ticket, used(9_999, 999)),
            self.admission.leave(self.now, ticket),
        ):
            assert again == []
        assert self._figures() == before

    def _figures(self) -> tuple[float, ...]:
        pages = (self.admission.books.rpm, self.admission.books.itpm, self.admission.books.otpm)
        return tuple(figure for p in pages for figure in (p.truth.used, p.policy.used, p.held, p.added))

    @rule(target=refused_tickets, ticket=consumes(tickets), after_s=RETRIES, named=NAMED, ramp=st.booleans())
    def refused(self, ticket: Ticket, after_s: float | None, named: WaitReason | None, ramp: bool) -> object:
        if ticket in self.waiting or ticket.closed:
            return multiple()
        refusal = Refusal(retry_after_s=after_s, dimension=named, ramp=ramp)
        news = self.admission.refused(self.now, ticket, refusal)
        self.refusals += 1
        self.running.discard(ticket)
        assert news == [t for t in news if t in self.waiting], "admitted during a pause"
        self._news(news)
        return ticket

    @rule(ticket=st.one_of(st.none(), consumes(tickets)))
    def overloaded(self, ticket: Ticket | None) -> None:
        if ticket in self.waiting:
            self.leave(ticket)
            return
        news = self.admission.overloaded(self.now, ticket)
        self.running.discard(ticket)
        self._news(news)

    @rule(seconds=st.floats(0, 70))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self._news(self.admission.advance(self.now))

    @precondition(lambda self: self.admission.due_at is not None)
    @rule()
    def the_first_is_due(self) -> None:
        first, due_at = self.admission.first, self.admission.due_at
        assert first is not None
        assert due_at is not None
        reason = first.reason
        self.now = max(self.now, due_at)
        self._news(self.admission.advance(self.now))
        moved = first.admitted_at is not None or first.reason is not reason
        assert moved or (self.admission.due_at or self.now + 1) > self.now, "due, and nothing happens"

    @rule(mode=st.sampled_from(list(Mode)))
    def change_mode(self, mode: Mode) -> None:
        self.mode = mode
        self._news(self.admission.use(self.now, mode=mode))

    @rule(limits=LIMITS)
    def change_limits(self, limits: Limits) -> None:
        self.limits = limits
        self._news(self.admission.use(self.now, limits=limits))

    @invariant()
    def the_figures_are_possible(self) -> None:
        told = self.admission.snapshot(self.now)
        cap = caps(self.limits, self.mode)
        assert (told.rpm.cap, told.itpm.cap, told.otpm.cap) == tuple(
            max(1, n) for n in (cap.rpm, cap.itpm, cap.otpm)
        )
        assert told.throttled == self.refusals
        assert sum(told.waiting.values()) == len(self.waiting)
        assert min(self._figures()[::4] + self._figures()[1::4] + self._figures()[2::4]) >= 0.0

    @invariant()
    def what_is_held_is_what_unanswered_requests_asked_for(self) -> None:
        silent = [t for t in self.running if not t.answered]
        books = self.admission.books
        assert abs(books.rpm.held - sum(t.requests for t in silent)) < 1e-6
        assert abs(books.itpm.held - sum(t.tokens_in for t in silent)) < 1e-6
        assert abs(books.otpm.expected - sum(t.left_out for t in self.running)) < 1e-6
        assert books.otpm.running == len(self.running)
        assert self.admission._start.unanswered == len(silent)

    def teardown(self) -> None:
        """With time and answers everybody is admitted, in order, and in the end nothing is left."""
        for _ in range(10_000):
            if not self.waiting and not self.running:
                break
            for ticket in sorted(self.running, key=lambda t: t.place):
                self.running.discard(ticket)
                self._news(self.admission.settle(self.now, ticket, used(1, 1)))
            due_at = self.admission.due_at
            self.now = max(self.now, due_at) if due_at is not None else self.now + 1e-3
            self._news(self.admission.advance(self.now))
        assert not self.waiting, "somebody waits for ever"
        self.admission.advance(self.now + 1e8)
        self._is_as_new()

    def _is_as_new(self) -> None:
        books, start = self.admission.books, self.admission._start
        for page in (books.rpm, books.itpm, books.otpm):
            assert (page.held, page.policy.used) == (0.0, 0.0)
            assert page.truth.used < 1.0
        page = books.otpm
        assert (page.running, page.expected, page.promised, page.speed, page.produced) == (0, 0, 0, 0, 0)
        assert (start.unanswered, start.tokens) == (0, 0.0)
        assert (self.admission._waiting, self.admission._ahead) == (0, [0.0, 0.0, 0.0])
        assert self.admission.first is None


@dataclass(eq=False)
class Stream:
    """A request that the service answers, as exactly as it was estimated."""

    tokens_in: int
    tokens_out: int
    admitted: Admitted | None = None
    produced: int = 0
    at: float = 0.0
    ended: list[float] = field(default_factory=list)


class ServiceMachine(RuleBasedStateMachine):
    """The same admissions to a service with these limits, from estimates that are right: no refusal."""

    SPEED = 60.0

    def __init__(self) -> None:
        super().__init__()
        limits = Limits(60, 12_000, 3_000)
        self.now = 0.0
        self.service = VirtualService(SimulatorSettings(limits=limits))
        self.admission = Admission(limits, Mode.AGGRESSIVE, self.now)
        self.waiting: dict[Ticket, Stream] = {}
        self.running: dict[Ticket, Stream] = {}

    def _news(self, news: list[Ticket]) -> None:
        for ticket in news:
            stream = self.waiting.get(ticket)
            if stream is None or ticket.admitted_at is None:
                continue
            del self.waiting[ticket]
            answer = self.service.admit(self.now, stream.tokens_in, 4_096)
            assert isinstance(answer, Admitted), f"refused: {answer}"
            stream.admitted, stream.at = answer, self.now
            self.running[ticket] = stream

    @rule(tokens_in=st.integers(0, 14_000), tokens_out=st.integers(1, 1_500))
    def join(self, tokens_in: int, tokens_out: int) -> None:
        demand = Demand(input_tokens=tokens_in, output_tokens=tokens_out, max_output_tokens=4_096)
        ticket, news = self.admission.join(self.now, demand)
        self.waiting[ticket] = Stream(tokens_in, tokens_out)
        self._news(news)

    @precondition(lambda self: self.waiting)
    @rule(which=st.integers(0, 99))
    def leave(self, which: int) -> None:
        ticket = list(self.waiting)[which % len(self.waiting)]
        del self.waiting[ticket]
        self._news(self.admission.leave(self.now, ticket))

    @precondition(lambda self: self.running)
    @rule(which=st.integers(0, 99), with_headers=st.booleans())
    def headers(self, which: int, with_headers: bool) -> None:
        ticket = list(self.running)[which % len(self.running)]
        told = ServerLimits()
        if with_headers:
            read = self.service.readings(self.now)
            told = ServerLimits(
                itpm=ServerLimit(limit=read.input_tokens.limit, remaining=read.input_tokens.remaining),
                otpm=ServerLimit(limit=read.output_tokens.limit, remaining=read.output_tokens.remaining),
            )
        self._news(self.admission.answered(self.now, ticket, told))

    @rule(mode=st.sampled_from(list(Mode)))
    def change_mode(self, mode: Mode) -> None:
        self._news(self.admission.use(self.now, mode=mode))

    @rule(seconds=st.floats(0.01, 40))
    def time_passes(self, seconds: float) -> None:
        """In steps in which a stream produces no more than it tells at once."""
        until = self.now + seconds
        while self.now < until:
            due_at = self.admission.due_at
            step_end = min(until, self.now + 0.5)
            self.now = step_end if due_at is None else max(self.now, min(step_end, due_at))
            for ticket, stream in list(self.running.items()):
                self._produce(ticket, stream)
            self._news(self.admission.advance(self.now))

    def _produce(self, ticket: Ticket, stream: Stream) -> None:
        total = min(stream.tokens_out, int((self.now - stream.at) * self.SPEED))
        self.service.produce(self.now, total - stream.produced)
        stream.produced = total
        if total < stream.tokens_out:
            self._news(self.admission.correct(self.now, ticket, used(stream.tokens_in, total)))
            return
        del self.running[ticket]
        self._news(self.admission.settle(self.now, ticket, used(stream.tokens_in, total)))

    def teardown(self) -> None:
        for _ in range(400):
            if not self.waiting and not self.running:
                break
            self.time_passes(10.0)
        assert not self.waiting
        assert self.service.charges(self.now).refused == {}


TestAnyInterleaving = AdmissionMachine.TestCase
TestAnyInterleaving.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestExactEstimates = ServiceMachine.TestCase
TestExactEstimates.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
