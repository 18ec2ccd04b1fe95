"""The rate limits of the simulated service, in virtual time."""

from __future__ import annotations

import random
from math import inf
from typing import Any

import pytest

from luna_tui.core.limits import TIERS, Limits
from luna_tui.simulator.buckets import Bucket, stretches
from luna_tui.simulator.settings import Foreign, HeaderMode, LimitChange, OutputRule, SimulatorSettings
from luna_tui.simulator.virtual import Admitted, Dimension, Refused, VirtualService

WIDE = 10_000_000


def service(rpm: int = WIDE, itpm: int = WIDE, otpm: int = WIDE, **more: Any) -> VirtualService:
    return VirtualService(SimulatorSettings(limits=Limits(rpm, itpm, otpm), **more), 100.0)


def admit(served: VirtualService, at: float, input_tokens: int = 10, max_tokens: int = 1000) -> Admitted:
    verdict = served.admit(at, input_tokens, max_tokens)
    assert isinstance(verdict, Admitted), verdict
    return verdict


def refuse(served: VirtualService, at: float, input_tokens: int = 10, max_tokens: int = 1000) -> Refused:
    verdict = served.admit(at, input_tokens, max_tokens)
    assert isinstance(verdict, Refused), verdict
    return verdict


def test_a_full_bucket_lets_a_burst_through_and_then_refills_continuously() -> None:
    served = service(rpm=60)
    for _ in range(60):
        admit(served, 100.0)
    refused = refuse(served, 100.0)
    assert refused.dimension is Dimension.REQUESTS
    assert refused.retry_after_s == pytest.approx(1.0)
    refuse(served, 100.9)
    admit(served, 101.0)
    refuse(served, 101.0)


def test_a_small_burst_is_enforced_within_the_second() -> None:
    served = service(rpm=60, burst_s=1.0)
    admit(served, 100.0)
    assert refuse(served, 100.0).retry_after_s == pytest.approx(1.0)
    admit(served, 200.0)
    refuse(served, 200.0)


def test_input_tokens_refuse_by_themselves_and_a_refusal_costs_nothing() -> None:
    served = service(rpm=1_000, itpm=6_000)
    admit(served, 100.0, 5_000)
    for _ in range(50):
        refused = refuse(served, 100.0, 2_000)
    assert refused.dimension is Dimension.INPUT
    assert refused.retry_after_s == pytest.approx(10.0)
    assert served.readings(100.0).requests.remaining == 999
    admit(served, 110.0, 2_000)


def test_refusals_cost_a_request_where_the_service_is_so() -> None:
    served = service(rpm=60, itpm=6_000, refusals_cost=True)
    admit(served, 100.0, 6_000)
    for _ in range(100):
        refuse(served, 100.0, 2_000)
    assert served.readings(100.0).requests.remaining == 0
    assert refuse(served, 100.0, 1).retry_after_s == pytest.approx(1.0), "never below zero"


def test_a_request_above_the_limit_comes_in_alone_and_leaves_a_debt() -> None:
    served = service(itpm=6_000)
    admit(served, 100.0, 9_000)
    assert refuse(served, 100.0, 100).retry_after_s == pytest.approx(31.0)
    refuse(served, 189.9, 9_000)
    admit(served, 190.0, 9_000)


def test_an_empty_output_bucket_refuses_the_next_request() -> None:
    served = service(otpm=6_000)
    admit(served, 100.0)
    served.produce(100.0, 6_500)
    refused = refuse(served, 100.0)
    assert refused.dimension is Dimension.OUTPUT
    assert refused.retry_after_s == pytest.approx(5.01)
    admit(served, 105.02)


def test_reserved_output_is_taken_at_admission_and_its_rest_given_back() -> None:
    served = service(otpm=6_000, output_rule=OutputRule.RESERVED)
    one = admit(served, 100.0, max_tokens=4_000)
    assert one.reserved == 4_000
    refused = refuse(served, 100.0, max_tokens=4_000)
    assert refused.dimension is Dimension.OUTPUT
    assert refused.retry_after_s == pytest.approx(20.0)
    served.produce(101.0, 500)
    served.end(101.0, one, 500)
    assert served.readings(101.0).output_tokens.remaining == 5_600
    assert served.charges(101.0).output_tokens == 500
    served.end(101.0, admit(served, 101.0, max_tokens=5_000), 0)
    assert served.readings(101.0).output_tokens.remaining == 5_600


def test_all_limits_change_at_their_instants() -> None:
    changes = (LimitChange(30, 0.5), LimitChange(60, 2.0))
    served = service(60, 60_000, 60_000, limit_changes=changes)
    admit(served, 1_000.0, 1_000)
    before, low, after = served.readings(1_029.9), served.readings(1_030.1), served.readings(1_061.0)
    assert [t.requests.limit for t in (before, low, after)] == [60, 30, 60]
    assert [t.input_tokens.remaining for t in (before, low, after)] == [60_000, 30_000, 31_000]


def test_the_wait_is_exact_across_changes_of_the_rules() -> None:
    foreign = (Foreign(0.5, 10, 60),)
    bucket = Bucket(60, 0.0, plan=stretches((LimitChange(80, 2.0),), foreign))
    bucket.take(60)
    assert bucket.wait_s(10) == pytest.approx(10)
    assert bucket.wait_s(20) == pytest.approx(30)
    assert bucket.wait_s(35) == pytest.approx(60)
    assert bucket.wait_s(55) == pytest.approx(80)
    assert bucket.wait_s(70) == pytest.approx(87.5), "the limit grows before the bucket is full"
    bucket.advance(30)
    assert bucket.level == pytest.approx(20)
    assert bucket.wait_s(20) == 0.0
    assert bucket.wait_s(21) == pytest.approx(2)


def test_the_level_is_the_same_however_often_it_is_looked_at() -> None:
    rng = random.Random(3)
    plan = stretches((LimitChange(20, 0.5), LimitChange(50, 3)), (Foreign(0.3, 5, 70), Foreign(0.5, 40, 45)))
    seldom, often = Bucket(6_000, 0.0, plan=plan), Bucket(6_000, 0.0, plan=plan)
    for bucket in (seldom, often):
        bucket.take(50_000)
    for at in sorted(rng.uniform(0, 100) for _ in range(500)):
        often.advance(at)
    often.advance(100)
    seldom.advance(100)
    assert often.level == pytest.approx(seldom.level)
    assert often.used() == pytest.approx(seldom.used())


def test_all_of_the_refill_may_be_gone() -> None:
    bucket = Bucket(60, 0.0, plan=stretches((), (Foreign(1.0, 0, 50),)))
    bucket.take(60)
    assert bucket.wait_s(1) == pytest.approx(51)
    for_ever = Bucket(60, 0.0, plan=stretches((), (Foreign(1.0, 0, inf),)))
    for_ever.take(60)
    assert for_ever.wait_s(1) == inf


def test_foreign_use_halves_the_pace_of_what_is_admitted() -> None:
    served = service(itpm=6_000, foreign=(Foreign(0.5, 0, 120),))
    admit(served, 100.0, 6_000)
    assert refuse(served, 100.0, 500).retry_after_s == pytest.approx(10.0)
    admit(served, 110.0, 500)


def test_headers_tell_limit_rest_and_reset() -> None:
    served = VirtualService(SimulatorSettings(limits=TIERS["tier2"].limits), 100.0)
    admit(served, 100.0, 22_500)
    told = served.headers(100.0)
    assert told is not None
    assert (told.requests.limit, told.requests.remaining) == (1_000, 999)
    assert (told.input_tokens.limit, told.input_tokens.remaining) == (450_000, 427_000)
    assert told.input_tokens.reset_s == pytest.approx(3.0)
    assert told.output_tokens.remaining == 90_000
    later = served.headers(160.0)
    assert later is not None
    assert (later.input_tokens.remaining, later.input_tokens.reset_s) == (450_000, 0.0)


def test_skewed_and_stale_headers_and_none() -> None:
    skewed = service(itpm=60_000, headers=HeaderMode.SKEWED)
    admit(skewed, 100.0, 6_000)
    told = skewed.headers(100.0)
    assert told is not None
    assert told.input_tokens.reset_s == pytest.approx(306.0)
    assert service(headers=HeaderMode.NONE).headers(100.0) is None
    assert service(headers=HeaderMode.GATEWAY).headers(100.0) is None


def test_stale_values_are_old_and_their_resets_have_passed() -> None:
    served = service(itpm=60_000, headers=HeaderMode.STALE)
    admit(served, 100.0, 6_000)
    for second in range(1, 50):
        admit(served, 100.0 + second, 2_000)
        told = served.headers(100.0 + second)
        assert told is not None
        assert told.input_tokens.reset_s <= 0
        if second >= 22:
            assert 20 <= 100.0 + second - told.at <= 21
            assert told.input_tokens.remaining == (60_000 - 6_000 - 1_000 * (told.at - 100)) // 1000 * 1000


def test_growth_is_bounded_by_the_ten_seconds_before() -> None:
    served = service(ramp=2.0, ramp_floor=10_000)
    admit(served, 100.0, 9_000)
    refused = refuse(served, 104.0, 2_000)
    assert (refused.dimension, refused.code) == (None, "ramp_limit_exceeded")
    assert refused.retry_after_s == pytest.approx(6.0)
    admit(served, 110.0, 28_000)
    refuse(served, 110.0, 1)
    admit(served, 120.0, 66_000)
    refuse(served, 125.0, 1)


def test_growth_never_refuses_a_lone_request() -> None:
    admit(service(ramp=2.0, ramp_floor=1_000), 100.0, 50_000)


def test_the_spend_limit_ends_everything() -> None:
    served = service(spend_limit=2)
    admit(served, 100.0)
    admit(served, 100.0)
    for at in (100.0, 100_000.0):
        refused = refuse(served, at)
        assert (refused.dimension, refused.retry_after_s) == (None, None)
        assert refused.code == "enforced_spend_limit_reached"


def test_the_wait_can_be_kept_secret() -> None:
    served = service(rpm=1, retry_after=False)
    admit(served, 100.0)
    assert refuse(served, 100.0).retry_after_s is None


def test_the_charges_tell_the_mean_use_of_each_limit() -> None:
    served = service(60, 60_000, 60_000)
    for second in range(101):
        admit(served, 500.0 + second, 1_000, 100)
        served.produce(500.0 + second, 500)
    for _ in range(60):
        served.admit(600.0, 1_000, 100)
    told = served.charges(600.0)
    assert told.elapsed_s == 100.0
    assert told.admitted == 101 + 59
    assert told.refused == {"requests": 1}
    assert told.input_tokens == 160_000
    assert told.output_tokens == 50_500
    assert told.used == {
        "requests": pytest.approx(1.0),
        "input-tokens": pytest.approx(1.0),
        "output-tokens": 0.0,
    }


def test_time_before_the_first_request_does_not_count() -> None:
    served = service(60, limit_changes=(LimitChange(30, 0.5),))
    assert served.readings(1_000.0).requests.limit == 60
    assert served.charges(1_000.0).elapsed_s == 0.0
    admit(served, 2_000.0)
    assert served.readings(2_029.0).requests.limit == 60
    assert served.readings(2_031.0).requests.limit == 30
