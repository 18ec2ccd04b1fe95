"""Any interleaving of the limiter's verbs: nothing above the cap, nothing left over."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from luna_tui.core.limits import Limits, caps
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

LIMITS = st.builds(Limits, rpm=st.integers(1, 50), itpm=st.integers(1, 12_000), otpm=st.integers(1, 3_000))
Amounts = tuple[float, float, float]


ORDER = (WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM)


@dataclass(eq=False)
class Held:
    """A ticket that was admitted."""

    ticket: Ticket


class LimiterMachine(RuleBasedStateMachine):
    """One thread: a request that would have to wait gives up at once, so every step ends."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.clock = ManualClock(1_000.0)
        self.limits, self.mode = Limits(40, 10_000, 2_000), Mode.BALANCED
        self.limiter = RateLimiter(self.limits, self.mode, self.clock)
        self.open: list[Held] = []
        self.hold_until = 0.0
        self.refusals = 0

    def _levels(self) -> list[tuple[float, float, float]]:
        pages = self.limiter._ledger._pages
        return [(p.bucket.settled, p.bucket.reserved, p.bucket.cap) for p in pages.values()]

    def _needs(self, demand: Demand) -> Amounts:
        return (float(demand.requests), float(demand.input_tokens), float(demand.output_tokens))

    @rule(
        target=tickets,
        requests=st.integers(0, 3),
        tokens_in=st.integers(0, 15_000),
        tokens_out=st.integers(0, 4_000),
    )
    def reserve(self, requests: int, tokens_in: int, tokens_out: int) -> object:
        demand = Demand(requests=requests, input_tokens=tokens_in, output_tokens=tokens_out)
        self.limiter.snapshot()
        before = self._levels()
        needs = [min(n, cap) for n, (_, _, cap) in zip(self._needs(demand), before, strict=True)]
        fits = all(s + r + n <= cap for (s, r, cap), n in zip(before, needs, strict=True))
        held = self.clock.now() < self.hold_until
        token, reasons = CancelToken(self.clock), list[WaitReason]()

        def give_up(reason: WaitReason, expected_s: float | None) -> None:
            reasons.append(reason)
            token.cancel("would wait")

        try:
            ticket = self.limiter.reserve(demand, token, give_up)
        except Cancelled:
            assert held or not fits, "refused although it fits"
            assert (reasons == [WaitReason.RETRY_AFTER]) == held
            assert self._levels() == before, "a request that gave up holds something"
            return multiple()
        assert fits, "admitted above the cap"
        assert not held, "admitted while a 429 holds everybody"
        for (s, r, cap), (s0, r0, _), n in zip(self._levels(), before, needs, strict=True):
            assert (s, r) == (s0, r0 + n)
            assert s + r <= cap
        item = Held(ticket)
        self.open.append(item)
        return item

    @rule(item=tickets, tokens_in=st.integers(0, 15_000), produced=st.integers(0, 4_000))
    def correct(self, item: Held, tokens_in: int, produced: int) -> None:
        self.limiter.correct(item.ticket, Usage(model="m", input_tokens=tokens_in, output_tokens=produced))
        assert item.ticket.claim[WaitReason.ITPM].reserved == 0

    @rule(
        item=consumes(tickets),
        tokens_in=st.integers(0, 15_000),
        cache=st.integers(0, 500),
        tokens_out=st.integers(0, 4_000),
        twice=st.booleans(),
    )
    def settle(self, item: Held, tokens_in: int, cache: int, tokens_out: int, twice: bool) -> None:
        usage = Usage(model="m", input_tokens=tokens_in, output_tokens=tokens_out, cache_write_tokens=cache)
        self.limiter.settle(item.ticket, usage)
        self.open.remove(item)
        if twice:
            self._ends_only_once(item, usage)

    @rule(item=consumes(tickets), twice=st.booleans())
    def refund(self, item: Held, twice: bool) -> None:
        self.limiter.refund(item.ticket)
        self.open.remove(item)
        if twice:
            self._ends_only_once(item, Usage(model="m", input_tokens=9_999, output_tokens=999))

    def _ends_only_once(self, item: Held, usage: Usage) -> None:
        before = self._levels()
        self.limiter.refund(item.ticket)
        self.limiter.settle(item.ticket, usage)
        self.limiter.correct(item.ticket, usage)
        assert self._levels() == before

    @rule(seconds=st.floats(0, 70))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule(mode=st.sampled_from(list(Mode)))
    def change_mode(self, mode: Mode) -> None:
        self.mode = mode
        self.limiter.set_mode(mode)

    @rule(limits=LIMITS)
    def change_limits(self, limits: Limits) -> None:
        self.limits = limits
        self.limiter.set_limits(limits)

    @rule(limit=st.integers(-5, 12_000), remaining=st.integers(-5, 13_000))
    def headers_come(self, limit: int, remaining: int) -> None:
        self.limiter.observe(ServerLimits(itpm=ServerLimit(limit=limit, remaining=remaining)))
        if limit > 0 and 0 <= remaining <= limit:
            self.limits = Limits(self.limits.rpm, limit, self.limits.otpm)

    @rule(retry_after_s=st.one_of(st.none(), st.floats(0, 20)))
    def refused(self, retry_after_s: float | None) -> None:
        self.limiter.throttled(retry_after_s)
        self.refusals += 1
        self.hold_until = self.limiter._held_until
        if retry_after_s is not None:
            assert self.hold_until >= self.clock.now() + retry_after_s

    @invariant()
    def caps_are_the_modes_share(self) -> None:
        cap = caps(self.limits, self.mode)
        told = self.limiter.snapshot()
        assert (told.rpm.cap, told.itpm.cap, told.otpm.cap) == tuple(
            max(1, n) for n in (cap.rpm, cap.itpm, cap.otpm)
        )
        assert told.throttled == self.refusals

    @invariant()
    def reservations_are_those_of_open_tickets(self) -> None:
        for dimension, (settled, reserved, _) in zip(ORDER, self._levels(), strict=True):
            assert settled >= 0
            assert reserved == sum(i.ticket.claim[dimension].reserved for i in self.open)

    @invariant()
    def nobody_is_left_in_the_line(self) -> None:
        assert self.limiter.snapshot().waiting == {}

    def teardown(self) -> None:
        for item in self.open:
            self.limiter.settle(item.ticket, Usage(model="m", input_tokens=1, output_tokens=1))
        self.clock.advance(1e6)
        told = self.limiter.snapshot()
        for gauge in (told.rpm, told.itpm, told.otpm):
            assert (gauge.settled, gauge.reserved) == (0, 0)


TestAnyInterleaving = LimiterMachine.TestCase
TestAnyInterleaving.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)
