"""The limiter never admits above the cap, whatever the interleaving."""

from __future__ import annotations

import random
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.core.bucket import Bucket
from luna_tui.core.limits import TIERS, Limits, caps, workers_for
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock, SystemClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

LIMITS = Limits(rpm=100, itpm=10_000, otpm=2_000)


def _ignore(reason: WaitReason, expected_s: float | None) -> None:
    return None


def _booked(limiter: RateLimiter) -> dict[str, tuple[int, int]]:
    s = limiter.snapshot()
    gauges = {"rpm": s.rpm, "itpm": s.itpm, "otpm": s.otpm}
    return {name: (g.settled + g.reserved, g.cap) for name, g in gauges.items()}


@pytest.mark.parametrize(
    ("tier", "mode", "workers"),
    [
        (tier, mode, count)
        for tier, counts in {
            "tier1": (3, 4, 5),
            "tier2": (10, 15, 20),
            "tier3": (15, 20, 30),
            "tier4": (20, 30, 40),
        }.items()
        for mode, count in zip(Mode, counts, strict=True)
    ],
)
def test_each_tier_and_mode_has_its_workers(tier: str, mode: Mode, workers: int) -> None:
    assert workers_for(tier, mode) == workers


def test_caps_are_the_modes_share_rounded_down() -> None:
    assert caps(TIERS["tier1"].limits, Mode.BALANCED) == Limits(42, 25_500, 6_800)
    assert caps(TIERS["tier2"].limits, Mode.AGGRESSIVE) == Limits(950, 427_500, 85_500)
    assert caps(TIERS["tier4"].limits, Mode.CONSERVATIVE) == Limits(3_000, 1_500_000, 300_000)


class _Waiter(threading.Thread):
    """Reserves on a thread of its own and tells what came of it."""

    def __init__(self, limiter: RateLimiter, demand: Demand, clock: ManualClock | SystemClock) -> None:
        super().__init__(daemon=True)
        self.limiter, self.demand = limiter, demand
        self.token = CancelToken(clock)
        self.ticket: Ticket | None = None
        self.waiting = threading.Event()
        self.reasons: list[WaitReason] = []

    def run(self) -> None:
        def on_wait(reason: WaitReason, expected_s: float | None) -> None:
            self.reasons.append(reason)
            self.waiting.set()

        try:
            self.ticket = self.limiter.reserve(self.demand, self.token, on_wait)
        except Cancelled:
            self.ticket = None
        self.waiting.set()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 6_000), st.integers(1, 1_500)), max_size=40))
def test_no_admission_ever_goes_above_the_cap(steps: list[tuple[int, int, int]]) -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    held: list[tuple[Ticket, Demand]] = []
    for action, tokens_in, tokens_out in steps:
        if action <= 1:
            demand = Demand(input_tokens=tokens_in, output_tokens=tokens_out)
            token = CancelToken(clock)
            token_cancelled_when_full = lambda reason, expected_s, t=token: t.cancel("full")  # noqa: E731
            try:
                ticket = limiter.reserve(demand, token, token_cancelled_when_full)
            except Cancelled:
                continue
            held.append((ticket, demand))
            for used, cap in _booked(limiter).values():
                assert used <= cap + 1
        elif action == 2 and held:
            ticket, demand = held.pop(0)
            limiter.settle(ticket, Usage(model="m", input_tokens=demand.input_tokens, output_tokens=1))
        elif action == 3 and held:
            limiter.refund(held.pop()[0])
        elif action == 4 and held:
            ticket, demand = held[0]
            limiter.correct(ticket, Usage(model="m", input_tokens=demand.input_tokens, output_tokens=0))
        else:
            clock.advance(tokens_in / 1_000)
    for ticket, _ in held:
        limiter.refund(ticket)
    clock.advance(120)
    assert all(used == 0 for used, _ in _booked(limiter).values())


def test_forty_threads_never_book_more_than_the_cap() -> None:
    clock = SystemClock()
    limiter = RateLimiter(Limits(rpm=6_000, itpm=600_000, otpm=60_000), Mode.AGGRESSIVE, clock)
    worst: list[float] = []

    def hammer(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            demand = Demand(input_tokens=rng.randint(100, 20_000), output_tokens=rng.randint(10, 2_000))
            ticket = limiter.reserve(demand, CancelToken(clock), _ignore)
            worst.append(max(used / cap for used, cap in _booked(limiter).values()))
            if rng.random() < 0.8:
                limiter.refund(ticket)
            else:
                limiter.settle(ticket, Usage(model="m", input_tokens=10, output_tokens=5))

    threads = [threading.Thread(target=hammer, args=(n,), daemon=True) for n in range(40)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
        assert not t.is_alive()
    assert len(worst) == 1_000
    assert max(worst) <= 1.0001


def test_a_large_request_is_not_overtaken_by_small_ones() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = limiter.reserve(Demand(input_tokens=8_000, output_tokens=1), CancelToken(clock), _ignore)
    large = _Waiter(limiter, Demand(input_tokens=6_000, output_tokens=1), clock)
    large.start()
    large.waiting.wait(5)
    small = _Waiter(limiter, Demand(input_tokens=10, output_tokens=1), clock)
    small.start()
    small.waiting.wait(5)
    assert large.ticket is None
    assert small.ticket is None
    assert large.reasons == [WaitReason.ITPM]
    limiter.refund(first)
    large.join(5)
    small.join(5)
    assert large.ticket is not None
    assert small.ticket is not None


def test_two_hundred_waiting_threads_can_be_cancelled() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.reserve(Demand(input_tokens=8_000, output_tokens=1), CancelToken(clock), _ignore)
    waiters = [_Waiter(limiter, Demand(input_tokens=5_000, output_tokens=1), clock) for _ in range(200)]
    for w in waiters:
        w.start()
    for w in waiters:
        w.waiting.wait(10)
        w.token.cancel("enough")
    for w in waiters:
        w.join(10)
    assert all(not w.is_alive() and w.ticket is None for w in waiters)
    assert limiter.snapshot().waiting == {}


def test_a_429_holds_everybody_for_as_long_as_the_server_says() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.throttled(10.0)
    waiter = _Waiter(limiter, Demand(input_tokens=1, output_tokens=1), clock)
    waiter.start()
    waiter.waiting.wait(5)
    assert waiter.reasons == [WaitReason.RETRY_AFTER]
    clock.advance(9.0)
    waiter.join(0.05)
    assert waiter.ticket is None
    clock.advance(1.5)
    waiter.join(5)
    assert waiter.ticket is not None
    assert limiter.snapshot().throttled == 1


def test_headers_replace_the_tables_limit_and_book_what_others_use() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.observe(ServerLimits(itpm=ServerLimit(limit=20_000, remaining=5_000)))
    gauge = limiter.snapshot().itpm
    assert (gauge.limit, gauge.cap, gauge.settled) == (20_000, 17_000, 15_000)
    limiter.observe(ServerLimits(itpm=ServerLimit(limit=20_000, remaining=5_000)))
    assert limiter.snapshot().itpm.settled == 15_000


def test_a_new_mode_wakes_who_waits() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.CONSERVATIVE, clock)
    limiter.reserve(Demand(input_tokens=7_400, output_tokens=1), CancelToken(clock), _ignore)
    waiter = _Waiter(limiter, Demand(input_tokens=1_500, output_tokens=1), clock)
    waiter.start()
    waiter.waiting.wait(5)
    assert waiter.ticket is None
    limiter.set_mode(Mode.AGGRESSIVE)
    waiter.join(5)
    assert waiter.ticket is not None


def test_a_request_larger_than_the_cap_is_admitted_alone() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    assert limiter.reserve(Demand(input_tokens=1_000_000, output_tokens=1), CancelToken(clock), _ignore)


def test_a_bucket_drains_its_cap_in_a_minute() -> None:
    bucket = Bucket(limit=100, cap=60, settled=60)
    bucket.drain(30)
    assert bucket.settled == 30
    assert bucket.wait_s(45) == pytest.approx(15)
    bucket.reserved = 40
    assert bucket.wait_s(45) is None
