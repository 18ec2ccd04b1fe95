"""What the server says to the limiter: refusals, real counts, headers."""

from __future__ import annotations

import pytest
from engine.limiter_support import LIMITS, Waiter, asks, ignore, used

from luna_tui.core.limits import Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.runner import ServerLimit, ServerLimits


def test_a_429_holds_everybody_tells_them_and_lets_go_on_time() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = limiter.reserve(asks(8_500), CancelToken(clock), ignore)
    line = [Waiter(limiter, clock, asks(4_000)).waits() for _ in range(3)]
    limiter.throttled(10.0)
    limiter.refund(first)
    for w in line:
        w.waits()
    late = Waiter(limiter, clock, asks(1)).waits()
    assert late.reasons == [WaitReason.RETRY_AFTER]
    assert limiter.snapshot().waiting == {"retry_after": 4}
    clock.advance(9.9)
    assert limiter.snapshot().waiting == {"retry_after": 4}
    line[1].token.cancel("not now")
    assert line[1].ends().cancelled
    clock.advance(0.2)
    assert all(w.ends().ticket is not None for w in (line[0], line[2], late))
    assert line[0].reasons == [WaitReason.ITPM, WaitReason.RETRY_AFTER]


def test_when_a_hold_ends_without_room_the_reason_is_the_dimension_again() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.reserve(asks(8_500), CancelToken(clock), ignore)
    limiter.throttled(5.0)
    line = [Waiter(limiter, clock, asks(100)).waits() for _ in range(2)]
    clock.advance(5.1)
    for w in line:
        w.waits()
        assert w.reasons == [WaitReason.RETRY_AFTER, WaitReason.ITPM]
        w.token.cancel("seen")
        w.ends()


def held_s(limiter: RateLimiter, clock: ManualClock) -> float | None:
    """How long a request would be held now."""
    waiter = Waiter(limiter, clock, asks(0, 0)).is_decided()
    waiter.token.cancel("seen")
    waiter.ends()
    if waiter.ticket is not None:
        limiter.refund(waiter.ticket)
        return 0.0
    return waiter.told[0][1]


def test_without_retry_after_pauses_double_up_to_half_a_minute_until_a_request_goes_through() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    pauses: list[float | None] = []
    for _ in range(7):
        limiter.throttled(None)
        limiter.throttled(None)
        pauses.append(held_s(limiter, clock))
        clock.advance(31)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    limiter.settle(limiter.reserve(asks(1), CancelToken(clock), ignore), used(1))
    limiter.throttled(None)
    assert held_s(limiter, clock) == 1.0
    assert limiter.snapshot().throttled == 15


def test_a_request_sent_before_the_pause_does_not_end_the_doubling() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    before = limiter.reserve(asks(1), CancelToken(clock), ignore)
    limiter.throttled(None)
    clock.advance(2)
    limiter.settle(before, used(1))
    limiter.throttled(None)
    assert held_s(limiter, clock) == 2.0


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -3.0])
def test_a_retry_after_that_cannot_be_counts_as_none(nonsense: float) -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.throttled(nonsense)
    assert held_s(limiter, clock) == 1.0


def test_a_shorter_pause_never_shortens_a_longer_one() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.throttled(20.0)
    limiter.throttled(1.0)
    assert held_s(limiter, clock) == 20.0


def test_what_the_answer_begins_with_corrects_the_estimate() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = limiter.reserve(asks(5_000, 800), CancelToken(clock), ignore)
    limiter.correct(ticket, used(1_000, 100, cache=200))
    told = limiter.snapshot()
    assert (told.rpm.settled, told.rpm.reserved) == (1, 0)
    assert (told.itpm.settled, told.itpm.reserved) == (1_200, 0)
    assert (told.otpm.settled, told.otpm.reserved) == (100, 700)
    limiter.correct(ticket, used(1_000, 900, cache=200))
    assert (limiter.snapshot().otpm.settled, limiter.snapshot().otpm.reserved) == (900, 0)
    limiter.settle(ticket, used(1_000, 950, cache=200))
    told = limiter.snapshot()
    assert (told.itpm.settled, told.otpm.settled, told.otpm.reserved) == (1_200, 950, 0)


def test_an_underestimate_is_booked_as_counted_and_nothing_is_admitted_until_it_drained() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.settle(limiter.reserve(asks(100), CancelToken(clock), ignore), used(17_000))
    assert limiter.snapshot().itpm.settled == 17_000
    waiter = Waiter(limiter, clock, asks(1)).waits()
    clock.advance(59.9)
    assert limiter.snapshot().waiting == {"itpm": 1}
    clock.advance(0.2)
    assert waiter.ends().ticket is not None


def headers(remaining: int, limit: int = 10_000, reset_s: float | None = None) -> ServerLimits:
    return ServerLimits(itpm=ServerLimit(limit=limit, remaining=remaining, reset_s=reset_s))


def test_use_by_others_is_booked_once_however_many_answers_tell_of_it() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.reserve(asks(1_000), CancelToken(clock), ignore)
    for _ in range(20):
        limiter.observe(headers(6_000))
    told = limiter.snapshot().itpm
    assert told.settled + told.reserved == 4_000
    clock.advance(3.0)
    told = limiter.snapshot().itpm
    assert (told.server_remaining, told.server_age_s) == (6_000, 3.0)


def test_a_surprise_that_our_own_request_explains_is_not_booked_twice() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = limiter.reserve(asks(1_000), CancelToken(clock), ignore)
    limiter.observe(headers(7_500))
    assert limiter.snapshot().itpm.settled == 1_500
    limiter.correct(ticket, used(2_500))
    assert limiter.snapshot().itpm.settled == 2_500
    limiter.settle(ticket, used(2_500))
    assert limiter.snapshot().itpm.settled == 2_500


@pytest.mark.parametrize(
    "told",
    [
        headers(-1),
        headers(10_001),
        headers(0, limit=0),
        headers(-5, limit=-10),
        headers(1_000, reset_s=0.0),
        headers(1_000, reset_s=9_999.0),
        headers(9_950),
        headers(9_000),
        ServerLimits(),
    ],
    ids=["negative", "above", "none", "both", "old", "far", "delay", "rounding", "absent"],
)
def test_headers_that_say_nothing_certain_book_nothing(told: ServerLimits) -> None:
    limiter = RateLimiter(LIMITS, Mode.BALANCED, ManualClock())
    limiter.observe(told)
    gauge = limiter.snapshot().itpm
    assert (gauge.limit, gauge.settled, gauge.reserved) == (10_000, 0, 0)


def test_a_limit_of_one_still_admits_one_after_another() -> None:
    clock = ManualClock()
    limiter = RateLimiter(Limits(1, 1, 1), Mode.CONSERVATIVE, clock)
    limiter.settle(limiter.reserve(asks(900, 90), CancelToken(clock), ignore), used(1, 1))
    waiter = Waiter(limiter, clock, asks(900, 90)).waits()
    clock.advance(60.1)
    assert waiter.ends().ticket is not None
