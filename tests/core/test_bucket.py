"""One rate limit's arithmetic: draining, fitting, waiting, and giving back only what is still there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.bucket import Bucket, Share

AMOUNTS = st.integers(0, 5_000).map(float)
CAPS = st.integers(1, 100_000)
SECONDS = st.floats(0, 100)


def _admitted(bucket: Bucket, need: float) -> Share:
    share = Share(need)
    bucket.admit(share)
    return share


def test_what_is_reserved_does_not_drain_and_what_is_settled_does() -> None:
    bucket = Bucket(limit=100, cap=60, settled=50, reserved=10)
    bucket.drain(20)
    assert (bucket.settled, bucket.reserved) == (30, 10)
    assert bucket.level(35) == 15
    bucket.drain(1_000)
    assert (bucket.settled, bucket.reserved) == (0, 10)


def test_time_that_goes_backwards_changes_nothing() -> None:
    bucket = Bucket(limit=100, cap=60, settled=50, at=10)
    bucket.drain(4)
    assert (bucket.settled, bucket.at) == (50, 10)


def test_an_amount_fits_up_to_the_cap_and_not_a_unit_beyond() -> None:
    bucket = Bucket(limit=100, cap=60, settled=20, reserved=10)
    assert bucket.fits(30)
    assert not bucket.fits(31)


@given(CAPS, AMOUNTS, AMOUNTS, SECONDS)
def test_after_its_wait_an_amount_surely_fits(cap: int, settled: float, amount: float, at: float) -> None:
    bucket = Bucket(limit=cap, cap=cap, settled=settled, at=at)
    wait_s = bucket.wait_s(amount)
    assert wait_s is not None
    bucket.drain(at + wait_s)
    assert bucket.fits(amount)


@given(CAPS, st.integers(1, 5_000).map(float), AMOUNTS)
def test_no_instant_well_before_its_wait_would_do(cap: int, settled: float, amount: float) -> None:
    bucket = Bucket(limit=cap, cap=cap, settled=settled)
    wait_s = bucket.wait_s(amount)
    assert wait_s is not None
    if wait_s > 0.01:
        bucket.drain(wait_s - 0.001)
        assert not bucket.fits(amount)


def test_draining_alone_never_makes_room_that_reservations_hold() -> None:
    bucket = Bucket(limit=100, cap=60, settled=10, reserved=40)
    assert bucket.wait_s(21) is None
    assert bucket.wait_s(20) is not None


def test_more_than_the_cap_is_admitted_when_all_is_free_and_only_then() -> None:
    bucket = Bucket(limit=100, cap=60, settled=1)
    assert not bucket.fits(1_000)
    bucket.drain(60)
    assert bucket.fits(1_000)
    share = _admitted(bucket, 1_000)
    assert (share.reserved, bucket.reserved) == (60, 60)


def test_use_beyond_the_promise_is_a_debt_that_drains_before_anything_fits() -> None:
    bucket = Bucket(limit=100, cap=60)
    share = _admitted(bucket, 10)
    assert bucket.count(share, 90) == 80
    assert (bucket.settled, bucket.reserved) == (90, 0)
    assert not bucket.fits(0)
    assert bucket.wait_s(0) == pytest.approx(30, abs=0.001)


def test_giving_back_what_drained_already_does_not_forgive_somebody_elses_use() -> None:
    bucket = Bucket(limit=100, cap=60)
    early = _admitted(bucket, 40)
    bucket.count(early, 40)
    bucket.drain(60)
    late = _admitted(bucket, 50)
    bucket.count(late, 50)
    bucket.count(early, 0)
    assert bucket.settled == 50


def test_what_has_not_drained_yet_is_given_back_even_when_the_rate_changed_meanwhile() -> None:
    bucket = Bucket(limit=100, cap=60)
    share = _admitted(bucket, 60)
    bucket.count(share, 60)
    bucket.drain(30)
    bucket.cap = 6
    bucket.drain(40)
    assert bucket.settled == 29
    bucket.count(share, 0)
    assert bucket.settled == 0


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 80), st.integers(0, 3)), max_size=30),
)
def test_the_level_is_never_below_what_the_true_use_would_leave(steps: list[tuple[int, int, int]]) -> None:
    """Replays every history with the final counts from the start: no correction may undercut it."""
    bucket = Bucket(limit=100, cap=60)
    shares: list[tuple[Share, float]] = []
    for action, amount, which in steps:
        if action == 0:
            bucket.drain(bucket.at + amount / 4)
        elif action == 1:
            share = _admitted(bucket, float(amount))
            bucket.count(share, float(amount))
            shares.append((share, bucket.at))
        elif shares:
            bucket.count(shares[which % len(shares)][0], float(amount))
    true, at = 0.0, 0.0
    for share, booked_at in shares:
        true = max(0.0, true - (booked_at - at)) + share.counted
        at = booked_at
    assert bucket.settled >= max(0.0, true - (bucket.at - at)) - 1e-6
