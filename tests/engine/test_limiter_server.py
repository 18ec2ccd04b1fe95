"""What the server says to the limiter: refusals, real counts, headers."""

from __future__ import annotations

import pytest
from engine.limiter_support import LIMITS, Waiter, admitted, asks, level, used, warm

from luna_tui.core.limits import TIERS, Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.runner import Demand, Refusal, ServerLimit, ServerLimits


def headers(remaining: int, limit: int = 10_000, reset_s: float | None = None) -> ServerLimits:
    return ServerLimits(itpm=ServerLimit(limit=limit, remaining=remaining, reset_s=reset_s))


def test_a_429_holds_everybody_tells_them_and_lets_go_on_time() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    first = admitted(limiter, clock, asks(8_500))
    line = [Waiter(limiter, clock, asks(4_000)).waits() for _ in range(3)]
    limiter.refused(None, Refusal(retry_after_s=10.0))
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
    assert limiter.snapshot().throttled == 1


def test_when_a_hold_ends_without_room_the_reason_is_the_dimension_again() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    admitted(limiter, clock, asks(8_500))
    limiter.refused(None, Refusal(retry_after_s=5.0))
    line = [Waiter(limiter, clock, asks(4_000)).waits() for _ in range(2)]
    clock.advance(5.1)
    line[0].waits()
    assert line[0].reasons == [WaitReason.RETRY_AFTER, WaitReason.ITPM]
    for w in line:
        w.token.cancel("seen")
        w.ends()


def test_a_refused_request_gives_back_what_it_held_and_goes_first_again() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    refused = admitted(limiter, clock, asks(5_000))
    line = [Waiter(limiter, clock, asks(5_000)).waits()]
    limiter.refused(refused, Refusal(retry_after_s=1.0))
    again = Waiter(limiter, clock, asks(5_000), again=refused).waits()
    assert level(limiter) == (0, 0)
    clock.advance(1.1)
    assert again.ends().ticket is not None
    assert line[0].is_alive()
    line[0].token.cancel("seen")


def test_a_refusal_that_names_a_limit_is_a_reading_of_it() -> None:
    """5,000 do not fit for 6 s more, so 4,000 are left of the 10,000: 6,000 are used, not 3,000."""
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.AGGRESSIVE, clock), clock)
    limiter.settle(admitted(limiter, clock, asks(3_000)), used(3_000))
    refused = admitted(limiter, clock, asks(5_000))
    limiter.refused(refused, Refusal(retry_after_s=6.0, dimension=WaitReason.ITPM))
    assert level(limiter) == (6_000, 0), "with a margin as large as what the mode leaves alone"
    waiter = Waiter(limiter, clock, asks(5_000), again=refused).waits()
    clock.advance(12.0)
    assert waiter.ends().ticket is not None


def test_growth_that_is_refused_slows_the_pace_once_for_all_that_was_sent_before() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.AGGRESSIVE, clock), clock)
    sent = [admitted(limiter, clock, asks(900)) for _ in range(8)]
    clock.advance(0.1)
    for ticket in sent[4:]:
        limiter.refused(ticket, Refusal(retry_after_s=1.0, ramp=True))
    for ticket in sent[:4]:
        limiter.settle(ticket, used(900))
    clock.advance(1.1)
    admitted(limiter, clock, asks(900))
    waiter = Waiter(limiter, clock, asks(900)).waits()
    assert waiter.told == [(WaitReason.RAMP, 1.6)], "900 at 0.8 of the 7,200 of the last ten seconds"
    clock.advance(1.7)
    assert waiter.ends().ticket is not None


def test_one_overload_says_nothing_and_three_in_a_row_make_everybody_pause() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    for _ in range(2):
        limiter.overloaded(admitted(limiter, clock, asks(100)))
    assert level(limiter) == (0, 0)
    limiter.overloaded(admitted(limiter, clock, asks(100)))
    waiter = Waiter(limiter, clock, asks(100)).waits()
    assert waiter.told == [(WaitReason.BACKOFF, 1.0)]
    clock.advance(1.1)
    assert waiter.ends().ticket is not None


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
        limiter.refused(None, Refusal(retry_after_s=None))
        limiter.refused(None, Refusal(retry_after_s=None))
        pauses.append(held_s(limiter, clock))
        clock.advance(31)
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    limiter.settle(admitted(limiter, clock, asks(1)), used(1))
    limiter.refused(None, Refusal(retry_after_s=None))
    assert held_s(limiter, clock) == 1.0
    assert limiter.snapshot().throttled == 15


def test_a_request_sent_before_the_pause_does_not_end_the_doubling() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    before = admitted(limiter, clock, asks(1))
    limiter.refused(None, Refusal(retry_after_s=None))
    clock.advance(2)
    limiter.settle(before, used(1))
    limiter.refused(None, Refusal(retry_after_s=None))
    assert held_s(limiter, clock) == 2.0


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf"), -3.0])
def test_a_retry_after_that_cannot_be_counts_as_none(nonsense: float) -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.refused(None, Refusal(retry_after_s=nonsense))
    assert held_s(limiter, clock) == 1.0


def test_a_shorter_pause_never_shortens_a_longer_one() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.refused(None, Refusal(retry_after_s=20.0))
    limiter.refused(None, Refusal(retry_after_s=1.0))
    assert held_s(limiter, clock) == 20.0


def test_headers_replace_the_tables_limit_and_book_what_others_use() -> None:
    """15,000 of 20,000 are used, and the mode leaves the last 3,000 alone."""
    limiter = RateLimiter(LIMITS, Mode.BALANCED, ManualClock())
    limiter.observe(headers(5_000, limit=20_000))
    gauge = limiter.snapshot().itpm
    assert (gauge.limit, gauge.cap, gauge.settled) == (20_000, 17_000, 12_000)
    limiter.observe(headers(5_000, limit=20_000))
    assert limiter.snapshot().itpm.settled == 12_000


def test_use_by_others_is_booked_once_however_many_answers_tell_of_it() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    running = [admitted(limiter, clock, asks(1_000)) for _ in range(4)]
    for ticket in running:
        limiter.answered(ticket, headers(1_000))
    used_in, held = level(limiter)
    assert held == 0
    assert 7_000 <= used_in <= 7_500, "4,000 of ours and 4-5,000 of others, less the 500 that the mode leaves"
    for _ in range(20):
        limiter.observe(headers(1_000))
    assert level(limiter) == (7_500, 0)
    clock.advance(3.0)
    told = limiter.snapshot().itpm
    assert (told.server_remaining, told.server_age_s) == (1_000, 3.0)


def test_a_surprise_that_our_own_request_explains_is_not_booked_for_others() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = admitted(limiter, clock, asks(1_000))
    limiter.answered(ticket, headers(8_500))
    limiter.correct(ticket, used(1_500))
    assert level(limiter) == (1_500, 0)
    limiter.settle(ticket, used(1_500))
    assert level(limiter) == (1_500, 0)
    assert limiter.snapshot().itpm.foreign == 0


def test_what_was_booked_for_others_wrongly_is_given_back_step_by_step() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    limiter.observe(headers(2_000))
    before, _ = level(limiter)
    for _ in range(10):
        limiter.observe(headers(9_000))
    assert level(limiter)[0] < before - 4_000


def test_others_are_believed_to_go_on_at_their_pace_and_then_less_and_less() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    remaining = 10_000
    for _ in range(20):
        clock.advance(1.0)
        remaining -= 200
        limiter.observe(headers(remaining))
    assert limiter.snapshot().itpm.foreign > 3_000
    clock.advance(300.0)
    assert limiter.snapshot().itpm.foreign < 10


def test_a_guess_at_others_never_keeps_a_large_request_waiting_for_ever() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    limiter.observe(headers(9_900))
    clock.advance(1.0)
    limiter.observe(headers(6_000))
    assert limiter.snapshot().itpm.foreign > 0
    waiter = Waiter(limiter, clock, asks(50_000)).waits()
    clock.advance(90.0)
    assert waiter.ends().ticket is not None


def test_a_request_above_the_limit_is_not_taken_for_use_by_others() -> None:
    clock = ManualClock()
    limiter = RateLimiter(Limits(50, 30_000, 8_000), Mode.AGGRESSIVE, clock)
    ticket = admitted(limiter, clock, asks(29_593))
    limiter.answered(ticket, headers(0, limit=30_000))
    assert limiter.snapshot().itpm.foreign == 0


def test_a_server_that_reserves_max_tokens_is_found_out_and_followed() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(TIERS["tier2"].limits, Mode.AGGRESSIVE, clock), clock)
    left = 90_000
    most = Demand(input_tokens=10, output_tokens=200, max_output_tokens=4_096)
    for _ in range(6):
        ticket = admitted(limiter, clock, most)
        left -= 4_096
        told = ServerLimit(limit=90_000, remaining=left // 1_000 * 1_000)
        limiter.answered(ticket, ServerLimits(otpm=told))
    gauge = limiter.snapshot().otpm
    assert gauge.settled + 4_500 >= 6 * 4_096
    assert gauge.foreign == 0


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


def test_an_answer_to_a_request_that_was_given_up_frees_nobody_elses_place() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    gone = admitted(limiter, clock, asks(1_000))
    limiter.refund(gone)
    limiter.answered(gone, headers(9_000))
    assert level(limiter) == (0, 0)
    for _ in range(4):
        admitted(limiter, clock, asks(1_000))
    waiter = Waiter(limiter, clock, asks(1_000)).waits()
    assert waiter.reasons == [WaitReason.RAMP]
    waiter.token.cancel("seen")


def test_a_day_after_growth_was_refused_requests_are_admitted_as_ever() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.refused(admitted(limiter, clock, asks(1_000)), Refusal(retry_after_s=1.0, ramp=True))
    clock.advance(86_400.0)
    assert admitted(limiter, clock, asks(8_500))
