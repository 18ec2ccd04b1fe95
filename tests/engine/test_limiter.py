"""What the limiter promises whoever asks it: the cap, the order, corrections, and never waiting for ever."""

from __future__ import annotations

import pytest
from engine.limiter_support import LIMITS, Waiter, admitted, asks, ignore, level, nothing, used, warm

from luna_tui.core.limits import TIERS, Limits, worker_rule
from luna_tui.core.words import Mode, Staffing, WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.limiter_needs import MeanNeeds
from luna_tui.engine.runner import Demand, ServerLimits


def test_what_is_sent_is_held_until_the_answer_and_used_from_then_on() -> None:
    """The mode leaves 1,500 of the limit alone, so 5,000 used on the server's side are 3,500 of ours."""
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = admitted(limiter, clock, asks(5_000, 800))
    clock.advance(30)
    assert level(limiter) == (0, 5_000), "the server may not have seen it yet"
    limiter.answered(ticket, ServerLimits())
    assert level(limiter) == (3_500, 0)
    clock.advance(6)
    assert level(limiter) == (2_500, 0)


def test_the_modes_own_pace_counts_from_the_sending_and_not_from_the_answer() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.CONSERVATIVE, clock), clock)
    admitted(limiter, clock, asks(7_500))
    waiter = Waiter(limiter, clock, asks(1_250)).waits()
    assert waiter.told == [(WaitReason.ITPM, 10.0)]
    clock.advance(10.1)
    assert waiter.ends().ticket is not None, "no answer came, and 1,250 of the share are there again"
    waiter = Waiter(limiter, clock, asks(2_500)).waits()
    clock.advance(20.1)
    assert limiter.snapshot().waiting == {"itpm": 1}, "the server may have got it all just now"
    waiter.token.cancel("seen")


def test_what_the_answer_begins_with_corrects_the_estimate() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = admitted(limiter, clock, asks(5_000, 800))
    limiter.correct(ticket, used(1_000, 100, cache=200))
    told = limiter.snapshot()
    assert (told.rpm.settled, told.rpm.reserved) == (1, 0)
    assert level(limiter) == (1_200, 0)
    assert (told.otpm.settled, told.otpm.reserved) == (100, 700)
    limiter.correct(ticket, used(1_000, 900, cache=200))
    assert (limiter.snapshot().otpm.settled, limiter.snapshot().otpm.reserved) == (900, 0)
    limiter.settle(ticket, used(1_000, 950, cache=200))
    told = limiter.snapshot()
    assert (told.itpm.settled, told.otpm.settled, told.otpm.reserved) == (1_200, 950, 0)


def test_an_overestimate_is_given_back_even_when_as_much_has_drained_since() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    large = admitted(limiter, clock, asks(6_000))
    ticket = admitted(limiter, clock, asks(2_000))
    for each in (large, ticket):
        limiter.answered(each, ServerLimits())
    clock.advance(20)
    limiter.correct(ticket, used(500))
    assert level(limiter) == (round(8_000 - 20 * 8_500 / 60) - 1_500, 0)


def test_an_overestimate_of_a_bucket_that_was_empty_meanwhile_forgives_nobody_elses_use() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    early = admitted(limiter, clock, asks(4_000))
    limiter.answered(early, ServerLimits())
    clock.advance(60)
    late = admitted(limiter, clock, asks(5_000))
    limiter.answered(late, ServerLimits())
    limiter.correct(early, used(0))
    assert level(limiter) == (5_000, 0)


def test_an_underestimate_is_booked_as_counted_and_nothing_is_admitted_until_it_drained() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.settle(admitted(limiter, clock, asks(100)), used(17_000))
    assert limiter.snapshot().itpm.settled == 17_000
    waiter = Waiter(limiter, clock, asks(1)).waits()
    clock.advance(59.9)
    assert limiter.snapshot().waiting == {"itpm": 1}
    clock.advance(0.2)
    assert waiter.ends().ticket is not None


def test_a_refund_gives_everything_back_and_only_the_first_end_counts() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    ticket = admitted(limiter, clock, asks(5_000, 800))
    limiter.refund(ticket)
    limiter.settle(ticket, used(9_999, 999))
    limiter.correct(ticket, used(9_999, 999))
    limiter.refund(ticket)
    told = limiter.snapshot()
    assert [(g.settled, g.reserved) for g in (told.rpm, told.itpm, told.otpm)] == [(0, 0)] * 3


@pytest.mark.parametrize("need", [10_001, 1_000_000])
def test_a_request_above_every_limit_is_admitted_alone(need: int) -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.settle(admitted(limiter, clock, asks(1_000)), used(1_000))
    waiter = Waiter(limiter, clock, asks(need)).waits()
    clock.advance(7.0)
    assert limiter.snapshot().waiting == {"itpm": 1}
    clock.advance(0.1)
    assert waiter.ends().ticket is not None
    beside = Waiter(limiter, clock, asks(1)).waits()
    assert beside.reasons == [WaitReason.ITPM]
    beside.token.cancel("seen")


def test_a_limit_of_one_still_admits_one_after_another() -> None:
    clock = ManualClock()
    limiter = RateLimiter(Limits(1, 1, 1), Mode.CONSERVATIVE, clock)
    limiter.settle(admitted(limiter, clock, asks(900, 90)), used(1, 1))
    waiter = Waiter(limiter, clock, asks(900, 90)).waits()
    clock.advance(60.1)
    assert waiter.ends().ticket is not None


def test_small_requests_wait_behind_a_large_one_and_are_not_let_past() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = admitted(limiter, clock, asks(8_000))
    large = Waiter(limiter, clock, asks(6_000)).waits()
    small = Waiter(limiter, clock, asks(10)).waits()
    assert large.reasons == [WaitReason.ITPM]
    assert large.ticket is small.ticket is None
    limiter.refund(first)
    assert large.ends().ticket is not None
    assert small.ends().ticket is not None


def test_a_new_mode_admits_who_waits() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.CONSERVATIVE, clock)
    admitted(limiter, clock, asks(7_400))
    waiter = Waiter(limiter, clock, asks(1_500)).waits()
    limiter.set_mode(Mode.AGGRESSIVE)
    assert waiter.ends().ticket is not None


def test_a_lower_mode_makes_everybody_wait_until_the_books_are_below_its_cap() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.AGGRESSIVE, clock)
    limiter.settle(admitted(limiter, clock, asks(9_500)), used(9_500))
    limiter.set_mode(Mode.CONSERVATIVE)
    waiter = Waiter(limiter, clock, asks(500)).waits()
    assert waiter.told == [(WaitReason.ITPM, 20.0)]
    clock.advance(20.1)
    assert waiter.ends().ticket is not None


def test_a_token_cancelled_before_is_never_admitted() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    token = CancelToken(clock)
    token.cancel("too late")
    with pytest.raises(Cancelled):
        limiter.reserve(asks(1), token, ignore)
    assert level(limiter) == (0, 0)


def test_an_admission_that_crosses_a_cancellation_is_given_back() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    first = admitted(limiter, clock, asks(8_500))
    token = CancelToken(clock)

    def admitted_and_cancelled(reason: WaitReason, expected_s: float | None) -> None:
        limiter.refund(first)
        token.cancel("at the same instant")

    with pytest.raises(Cancelled):
        limiter.reserve(asks(8_000), token, admitted_and_cancelled)
    assert level(limiter) == (0, 0)


def test_an_error_while_telling_the_reason_leaves_the_line() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    admitted(limiter, clock, asks(8_500))

    def broken(reason: WaitReason, expected_s: float | None) -> None:
        raise ValueError("broken screen")

    with pytest.raises(ValueError, match="broken screen"):
        limiter.reserve(asks(1), CancelToken(clock), broken)
    assert limiter.snapshot().waiting == {}


def test_before_the_first_answers_few_requests_are_under_way_and_then_more_with_each() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    sent = [admitted(limiter, clock, asks(1_000)) for _ in range(4)]
    waiter = Waiter(limiter, clock, asks(1_000)).waits()
    assert waiter.told == [(WaitReason.RAMP, None)]
    limiter.answered(sent[0], ServerLimits())
    assert waiter.ends().ticket is not None
    admitted(limiter, clock, asks(1_000))


def test_answers_are_foreseen_so_that_the_output_limit_is_not_passed_while_they_run() -> None:
    clock = ManualClock()
    limiter = warm(RateLimiter(LIMITS, Mode.BALANCED, clock), clock)
    running = [admitted(limiter, clock, asks(1, 500)) for _ in range(3)]
    waiter = Waiter(limiter, clock, asks(1, 500)).waits()
    assert waiter.reasons == [WaitReason.OTPM]
    limiter.settle(running[0], used(1, 20))
    assert waiter.ends().ticket is not None, "it produced less than expected"


def test_useful_workers_count_what_flows_and_what_fits_now() -> None:
    needs = MeanNeeds()
    rates, nothing_free = (1_000.0, 6_375.0, 1_275.0), (0.0, 0.0, 0.0)
    for _ in range(2):
        needs.learn(3_000, 500, 12.0)
    assert needs.useful_workers(rates, nothing_free, 0) is None, "two answers are too few"
    needs.learn(3_000, 500, 12.0)
    assert needs.useful_workers(rates, nothing_free, 0) == 26, "6,375 / 3,000 a second, 12 s each"
    assert needs.useful_workers(rates, (900.0, 90_000.0, 80_000.0), 10) == 10 + 30
    assert needs.useful_workers(rates, (900.0, -5_000.0, 80_000.0), 40) == 40


def test_a_snapshot_says_how_many_workers_are_useful_at_what_was_seen() -> None:
    clock = ManualClock()
    limiter = RateLimiter(TIERS["tier2"].limits, Mode.BALANCED, clock)
    for _ in range(20):
        ticket = admitted(limiter, clock, asks(3_000, 500))
        clock.advance(12)
        limiter.settle(ticket, used(3_000, 500))
    assert limiter.snapshot().useful_workers == 382_500 // 3_000, "so many fit into what is free now"


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
    limits, workers = TIERS[tier].limits, worker_rule(Staffing.TABLE, tier, mode).most
    share = {Mode.BALANCED: 0.85, Mode.AGGRESSIVE: 0.95}[mode]
    before = CheckThenAct(limits, share)
    sent = [tokens_in for _ in range(workers) if before.may_send(tokens_in)]
    for tokens in sent:
        before.ended(tokens)
    assert round(100 * before.booked / limits.itpm) == percent_before

    clock = ManualClock()
    limiter = warm(RateLimiter(limits, mode, clock), clock)
    let_through = 0
    for _ in range(workers):
        token = CancelToken(clock)
        try:
            limiter.reserve(asks(tokens_in), token, lambda *_, t=token: t.cancel("would wait"))
        except Cancelled:
            continue
        let_through += tokens_in
    assert let_through <= share * limits.itpm < before.booked
    assert let_through + tokens_in > share * limits.itpm


def test_a_request_that_needs_nothing_is_never_held_by_the_limits() -> None:
    clock = ManualClock()
    limiter = RateLimiter(LIMITS, Mode.BALANCED, clock)
    limiter.settle(admitted(limiter, clock, asks(8_500)), used(8_500))
    assert nothing(limiter, clock).admitted_at == 0.0
    assert admitted(limiter, clock, Demand(requests=1, input_tokens=0, output_tokens=0))
