"""The limiter under real threads: the cap, the order, the waking, and how it was done before."""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence

import pytest
from engine.limiter_support import LIMITS, Waiter, asks, ignore, used
from luna_tui.engine.limiter_ledger import Claim, Ledger

from luna_tui.core.limits import TIERS, Limits, workers_for
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock, SystemClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import ServerLimit, ServerLimits, Usage


class AuditedLedger(Ledger):
    """Keeps plain books of its own, under the limiter's lock, and looks at every admission."""

    def __init__(self, limits: Limits, mode: Mode, now: float) -> None:
        super().__init__(limits, mode, now)
        self.running: dict[int, list[float]] = {}
        self.counted: dict[int, list[float]] = {}
        self.settled = [0.0, 0.0, 0.0]
        self.at = now
        self.worst = 0.0
        self.admissions = 0

    @property
    def caps(self) -> list[int]:
        return [p.bucket.cap for p in self._pages.values()]

    def drain(self, now: float) -> None:
        super().drain(now)
        for n, cap in enumerate(self.caps):
            self.settled[n] = max(0.0, self.settled[n] - (now - self.at) * cap / 60)
        self.at = now

    def admit(self, claim: Claim) -> None:
        super().admit(claim)
        self.admissions += 1
        self.running[id(claim)] = [share.need for share in claim.values()]
        self.counted[id(claim)] = [0.0, 0.0, 0.0]
        for n, cap in enumerate(self.caps):
            reserved = sum(amounts[n] for amounts in self.running.values())
            self.worst = max(self.worst, (self.settled[n] + reserved) / cap)

    def correct(self, claim: Claim, usage: Usage) -> None:
        super().correct(claim, usage)
        rest = max(0.0, claim[WaitReason.OTPM].need - usage.output_tokens)
        self._count(claim, [1, usage.input_tokens, usage.output_tokens], [0.0, 0.0, rest])

    def settle(self, claim: Claim, usage: Usage) -> None:
        super().settle(claim, usage)
        self._count(claim, [1, usage.input_tokens, usage.output_tokens], [0.0, 0.0, 0.0])
        del self.running[id(claim)], self.counted[id(claim)]

    def refund(self, claim: Claim) -> None:
        super().refund(claim)
        del self.running[id(claim)], self.counted[id(claim)]

    def _count(self, claim: Claim, totals: Sequence[float], rest: list[float]) -> None:
        before = self.counted[id(claim)]
        for n, total in enumerate(totals):
            assert total >= before[n], "these books only count upwards"
            self.settled[n] += total - before[n]
        self.running[id(claim)], self.counted[id(claim)] = rest, list(totals)


def test_forty_hammering_threads_are_never_admitted_above_the_cap() -> None:
    clock = SystemClock()
    limits = Limits(rpm=60_000, itpm=3_000_000, otpm=600_000)
    limiter = RateLimiter(limits, Mode.AGGRESSIVE, clock)
    audit = limiter._ledger = AuditedLedger(limits, Mode.AGGRESSIVE, clock.now())
    waits: list[WaitReason] = []
    never = threading.Event()

    def hammer(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            tokens_in, tokens_out = rng.randint(1, 200_000), rng.randint(1, 30_000)
            demand = asks(tokens_in, tokens_out)
            ticket = limiter.reserve(demand, CancelToken(clock), lambda reason, _: waits.append(reason))
            never.wait(0.002)
            fate = rng.randrange(4)
            if fate == 1:
                limiter.correct(ticket, used(tokens_in // 100, tokens_out // 100))
            if fate <= 1:
                limiter.settle(ticket, used(tokens_in // 50, tokens_out // 50))
            else:
                limiter.refund(ticket)

    threads = [threading.Thread(target=hammer, args=(n,), daemon=True) for n in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    assert audit.admissions == 1_000
    assert len(waits) > 100, "the limits were hardly reached, so nothing was shown"
    assert 0.9 < audit.worst <= 1.0 + 1e-9
    assert all(p.bucket.reserved == 0 for p in audit._pages.values())


def test_while_time_stands_still_forty_threads_share_exactly_one_cap() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    waiters = [Waiter(limiter, clock, asks(500)) for _ in range(40)]
    for w in waiters:
        w.is_decided()
    for w in waiters:
        w.token.cancel("enough")
        w.ends()
    assert sum(w.ticket is not None for w in waiters) == 8_500 // 500
    assert limiter.snapshot().itpm.reserved == 8_500


def test_a_large_request_among_small_ones_is_admitted_in_its_turn() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    running = [limiter.reserve(asks(1_000), CancelToken(clock), ignore) for _ in range(8)]
    order: deque[Waiter] = deque()
    line = [Waiter(limiter, clock, asks(n), order).waits() for n in (8_000, 10, 8_000, 10, 400)]
    for ticket in running:
        assert not order
        limiter.refund(ticket)
    line[0].ends()
    line[1].ends()
    assert line[2].is_alive()
    assert {line[0], line[1]} == set(order)
    assert line[0].ticket is not None
    limiter.refund(line[0].ticket)
    for w in line[2:]:
        w.ends()
    assert set(list(order)[2:]) == set(line[2:])


def test_each_waiting_thread_is_admitted_at_its_instant_and_not_before() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.settle(limiter.reserve(asks(8_500), CancelToken(clock), ignore), used(8_500))
    order: deque[Waiter] = deque()
    line = [Waiter(limiter, clock, asks(850), order).waits() for _ in range(5)]
    assert [w.told for w in line] == [[(WaitReason.ITPM, 6.0 * n)] for n in range(1, 6)]
    for n, w in enumerate(line):
        clock.advance(5.9)
        assert limiter.snapshot().waiting == {"itpm": 5 - n}
        clock.advance(0.1001)
        w.ends()
        assert list(order) == line[: n + 1]


def test_only_threads_with_news_are_woken() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    running = [limiter.reserve(asks(850), CancelToken(clock), ignore) for _ in range(10)]
    line = [Waiter(limiter, clock, asks(8_500)).waits() for _ in range(30)]
    woken: list[Ticket] = []
    tickets = list(limiter._line)

    class Counted(threading.Event):
        def __init__(self, ticket: Ticket) -> None:
            super().__init__()
            self.ticket = ticket

        def set(self) -> None:
            woken.append(self.ticket)

    for ticket in tickets:
        ticket.wake = Counted(ticket)
    for r in running[:5]:
        limiter.refund(r)
    assert set(woken) <= {tickets[0]}
    limiter.refund(running[5])
    limiter.throttled(5.0)
    assert set(woken) == set(tickets)
    for w in line:
        w.token.cancel("enough")


def test_two_hundred_waiting_threads_are_cancelled_quickly_and_leave_nothing() -> None:
    real, clock = SystemClock(), ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = limiter.reserve(asks(8_500), CancelToken(clock), ignore)
    waiters = [Waiter(limiter, clock, asks(5_000)).waits() for _ in range(200)]
    began_at = real.now()
    for w in waiters:
        w.token.cancel("enough")
    for w in waiters:
        w.ends()
    assert real.now() - began_at < 2.0
    assert all(w.cancelled for w in waiters)
    limiter.refund(first)
    told = limiter.snapshot()
    assert told.waiting == {}
    assert (told.rpm.reserved, told.itpm.reserved, told.otpm.reserved) == (0, 0, 0)


def test_when_the_first_in_line_gives_up_the_next_is_judged_at_once() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.reserve(asks(4_000), CancelToken(clock), ignore)
    large = Waiter(limiter, clock, asks(8_000)).waits()
    small = Waiter(limiter, clock, asks(100)).waits()
    large.token.cancel("not needed any more")
    assert large.ends().cancelled
    assert small.ends().ticket is not None


def test_a_token_cancelled_before_is_never_admitted() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    token = CancelToken(clock)
    token.cancel("too late")
    with pytest.raises(Cancelled):
        limiter.reserve(asks(1), token, ignore)
    assert limiter.snapshot().itpm.reserved == 0


def test_an_admission_that_crosses_a_cancellation_is_given_back() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = limiter.reserve(asks(8_500), CancelToken(clock), ignore)
    token = CancelToken(clock)

    def admitted_and_cancelled(reason: WaitReason, expected_s: float | None) -> None:
        limiter.refund(first)
        token.cancel("at the same instant")

    with pytest.raises(Cancelled):
        limiter.reserve(asks(8_000), token, admitted_and_cancelled)
    assert limiter.snapshot().itpm.reserved == 0


def test_an_error_while_telling_the_reason_leaves_the_line() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.reserve(asks(8_500), CancelToken(clock), ignore)

    def broken(reason: WaitReason, expected_s: float | None) -> None:
        raise ValueError("broken screen")

    with pytest.raises(ValueError, match="broken screen"):
        limiter.reserve(asks(1), CancelToken(clock), broken)
    assert limiter.snapshot().waiting == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda limiter: limiter.set_mode(Mode.AGGRESSIVE),
        lambda limiter: limiter.set_limits(Limits(1_000, 20_000, 2_000)),
        lambda limiter: limiter.observe(ServerLimits(itpm=ServerLimit(limit=20_000, remaining=12_000))),
    ],
    ids=["mode", "limits", "headers"],
)
def test_more_room_admits_who_waits_at_once(change: Callable[[RateLimiter], None]) -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.CONSERVATIVE, clock)
    limiter.reserve(asks(7_400), CancelToken(clock), ignore)
    waiter = Waiter(limiter, clock, asks(1_500)).waits()
    change(limiter)
    assert waiter.ends().ticket is not None


def test_a_lower_mode_makes_everybody_wait_until_the_books_are_below_its_cap() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    limiter.settle(limiter.reserve(asks(9_500), CancelToken(clock), ignore), used(9_500))
    limiter.set_mode(Mode.CONSERVATIVE)
    waiter = Waiter(limiter, clock, asks(500)).waits()
    assert waiter.told == [(WaitReason.ITPM, 20.0)]
    clock.advance(20.1)
    assert waiter.ends().ticket is not None


class CheckThenAct:
    """Luna V3's rule: look at what ended in the last minute, send, book when the answer is there."""

    def __init__(self, limits: Limits, share: float) -> None:
        self.cap = limits.itpm * share
        self.booked = 0

    def may_send(self, tokens_in: int) -> bool:
        return self.booked + tokens_in <= self.cap

    def ended(self, tokens_in: int) -> None:
        self.booked += tokens_in


@pytest.mark.parametrize(
    ("tier", "mode", "tokens_in", "percent_before"),
    [
        ("tier1", Mode.BALANCED, 9_000, 120),
        ("tier1", Mode.AGGRESSIVE, 9_000, 150),
        ("tier2", Mode.AGGRESSIVE, 40_000, 178),
        ("tier4", Mode.AGGRESSIVE, 60_000, 120),
    ],
)
def test_a_burst_that_check_then_act_lets_through_stays_within_the_share(
    tier: str, mode: Mode, tokens_in: int, percent_before: int
) -> None:
    limits, workers = TIERS[tier].limits, workers_for(tier, mode)
    share = {Mode.BALANCED: 0.85, Mode.AGGRESSIVE: 0.95}[mode]
    before = CheckThenAct(limits, share)
    sent = [tokens_in for _ in range(workers) if before.may_send(tokens_in)]
    for tokens in sent:
        before.ended(tokens)
    assert round(100 * before.booked / limits.itpm) == percent_before

    clock = ManualClock()
    limiter = RateLimiter(limits, mode, clock)
    admitted = 0
    for _ in range(workers):
        token = CancelToken(clock)
        try:
            limiter.reserve(asks(tokens_in), token, lambda *_, t=token: t.cancel("would wait"))
        except Cancelled:
            continue
        admitted += tokens_in
    assert admitted <= share * limits.itpm < before.booked
    assert admitted + tokens_in > share * limits.itpm
