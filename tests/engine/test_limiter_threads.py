"""The limiter under real threads: the cap, the order, the waking, and nothing left over."""

from __future__ import annotations

import random
import sys
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from engine.limiter_support import (
    LIMITS,
    AuditedBooks,
    Waiter,
    admitted,
    asks,
    audited,
    level,
    used,
    warm,
)

from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock, ScaledClock, SystemClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import Refusal, ServerLimit, ServerLimits


@contextmanager
def threads_interleaved() -> Iterator[None]:
    """Threads change places after every few instructions."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def run_all(count: int, body: Callable[[int], None]) -> None:
    """Run threads, each with its number; fails when one of them does not end."""
    failures: list[BaseException] = []

    def guarded(number: int) -> None:
        try:
            body(number)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=guarded, args=(n,), daemon=True) for n in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(30)
        assert not t.is_alive(), "a wake-up was lost"
    assert not failures


def test_forty_hammering_threads_are_never_admitted_above_the_cap_and_leave_nothing() -> None:
    clock = ScaledClock(120.0)
    limits = Limits(rpm=6_000, itpm=600_000, otpm=120_000)
    limiter = RateLimiter(limits, Mode.AGGRESSIVE, clock)
    books = audited(limiter, limits, Mode.AGGRESSIVE, clock)
    fates: Counter[str] = Counter()
    waits: list[WaitReason] = []

    def hammer(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(25):
            token = CancelToken(clock)
            tokens_in, tokens_out = rng.randint(1, 40_000), rng.randint(1, 2_000)

            def told(reason: WaitReason, expected_s: float | None, token: CancelToken = token) -> None:
                waits.append(reason)
                if rng.random() < 0.2:
                    token.cancel("no patience")

            try:
                ticket = limiter.reserve(asks(tokens_in, tokens_out), token, told)
            except Cancelled:
                fates["cancelled"] += 1
                continue
            fates[_end_somehow(limiter, ticket, rng, tokens_in, tokens_out)] += 1

    with threads_interleaved():
        run_all(40, hammer)
    assert sum(fates.values()) == 1_000
    assert min(fates[fate] for fate in ("cancelled", "settled", "corrected", "refunded")) > 25
    assert len(waits) > 100, "the limits were hardly reached, so nothing was shown"
    assert 0.9 < books.worst <= 1.0 + 1e-9
    books.is_idle()
    assert limiter.snapshot().waiting == {}


def _end_somehow(
    limiter: RateLimiter, ticket: Ticket, rng: random.Random, tokens_in: int, tokens_out: int
) -> str:
    fate = rng.choice(["settled", "corrected", "refunded"])
    if fate == "corrected":
        limiter.answered(ticket, ServerLimits())
        limiter.correct(ticket, used(tokens_in // 2, tokens_out // 3))
        limiter.correct(ticket, used(tokens_in // 2, tokens_out // 2))
    if fate == "refunded":
        limiter.refund(ticket)
    else:
        limiter.settle(ticket, used(tokens_in // 2, tokens_out // 2))
    return fate


def test_refusals_and_changes_amid_forty_threads_lose_nobody() -> None:
    clock = ScaledClock(200.0)
    limits = Limits(rpm=6_000, itpm=600_000, otpm=120_000)
    limiter = RateLimiter(limits, Mode.BALANCED, clock)
    books = audited(limiter, limits, Mode.BALANCED, clock)
    done: deque[int] = deque()

    def worker(number: int) -> None:
        rng = random.Random(number)
        for _ in range(15):
            refused: Ticket | None = None
            for attempt in range(4):
                ticket = limiter.reserve(
                    asks(rng.randint(1, 9_000), 100), CancelToken(clock), lambda *_: None, again=refused
                )
                if attempt == 3 or rng.random() > 0.2:
                    break
                limiter.refused(
                    ticket, Refusal(retry_after_s=rng.choice([None, 0.5]), ramp=rng.random() < 0.2)
                )
                refused = ticket
            if rng.random() < 0.1:
                limiter.set_mode(rng.choice(list(Mode)))
            if rng.random() < 0.1:
                limiter.overloaded(None)
            limiter.settle(ticket, used(100, 50))
            done.append(number)

    with threads_interleaved():
        run_all(40, worker)
    assert len(done) == 600
    books.is_idle()
    assert limiter.snapshot().waiting == {}


def test_while_time_stands_still_forty_threads_share_exactly_one_cap() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    waiters = [Waiter(limiter, clock, asks(500)) for _ in range(40)]
    for w in waiters:
        w.is_decided()
    for w in waiters:
        w.token.cancel("enough")
        w.ends()
    assert sum(w.ticket is not None for w in waiters) == 8_500 // 500
    assert level(limiter) == (0, 8_500)


def test_a_large_request_among_small_ones_is_admitted_in_its_turn() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    running = [admitted(limiter, clock, asks(1_000)) for _ in range(8)]
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
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    limiter.settle(admitted(limiter, clock, asks(8_500)), used(8_500))
    order: deque[Waiter] = deque()
    line = [Waiter(limiter, clock, asks(850), order).waits() for _ in range(5)]
    assert [w.told for w in line] == [[(WaitReason.ITPM, 6.0 * n)] for n in range(1, 6)]
    at = 0.0
    for n, w in enumerate(line):
        clock.advance(5.9)
        at += 5.9
        assert limiter.snapshot().waiting == {"itpm": 5 - n}
        clock.advance(0.1001)
        at += 0.1001
        ticket = w.ends().ticket
        assert ticket is not None
        limiter.answered(ticket, ServerLimits())
        assert list(order) == line[: n + 1]


def test_only_threads_with_news_are_woken() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    running = [admitted(limiter, clock, asks(850)) for _ in range(10)]
    line = [Waiter(limiter, clock, asks(8_500)).waits() for _ in range(30)]
    woken: list[Ticket] = []
    tickets = [ticket for _, ticket in sorted(limiter._admission._line, key=lambda entry: entry[0])]

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
    limiter.refused(None, Refusal(retry_after_s=5.0))
    assert set(woken) == set(tickets)
    for w in line:
        w.token.cancel("enough")


def test_two_hundred_waiting_threads_are_cancelled_quickly_and_leave_nothing() -> None:
    real, clock = SystemClock(), ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = admitted(limiter, clock, asks(8_500))
    waiters = [Waiter(limiter, clock, asks(5_000)).waits() for _ in range(200)]
    began_at = real.now()
    for w in waiters:
        w.token.cancel("enough")
    for w in waiters:
        w.ends()
    assert real.now() - began_at < 5.0
    assert all(w.cancelled for w in waiters)
    limiter.refund(first)
    told = limiter.snapshot()
    assert told.waiting == {}
    assert (told.rpm.reserved, told.itpm.reserved, told.otpm.reserved) == (0, 0, 0)


def test_when_the_first_in_line_gives_up_the_next_is_judged_at_once() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    admitted(limiter, clock, asks(4_000))
    large = Waiter(limiter, clock, asks(8_000)).waits()
    small = Waiter(limiter, clock, asks(100)).waits()
    large.token.cancel("not needed any more")
    assert large.ends().cancelled
    assert small.ends().ticket is not None


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
    admitted(limiter, clock, asks(7_400))
    waiter = Waiter(limiter, clock, asks(1_500)).waits()
    change(limiter)
    assert waiter.ends().ticket is not None


def test_the_audit_would_see_an_admission_above_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AuditedBooks, "fits", lambda books, ticket: True)
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    books = audited(limiter, LIMITS, Mode.BALANCED, clock)
    for _ in range(4):
        admitted(limiter, clock, asks(3_000))
    assert books.worst > 1.4
