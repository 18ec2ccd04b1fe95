"""One rate limit: use drains with time, an amount fits or waits, and what is larger goes alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.bucket import Bucket

AMOUNTS = st.integers(0, 5_000).map(float)
SIZES = st.integers(1, 100_000).map(float)
MARGINS = st.integers(0, 50).map(float)


def minute(size: float, used: float = 0.0) -> Bucket:
    return Bucket(size, size / 60.0, used)


def test_what_is_used_drains_by_the_size_in_a_minute_and_not_below_nothing() -> None:
    bucket = minute(60, used=50)
    assert bucket.drain(20) == 20
    assert bucket.used == 30
    assert bucket.drain(1_000) == 30
    assert bucket.used == 0


def test_time_that_goes_backwards_changes_nothing() -> None:
    bucket = minute(60, used=50)
    assert bucket.drain(-4) == 0
    assert bucket.used == 50


def test_a_full_bucket_saves_no_credit_for_later() -> None:
    bucket = minute(60)
    bucket.drain(600)
    assert bucket.missing(60) == 0
    bucket.used += 60
    assert bucket.missing(1) == 1


def test_an_amount_fits_up_to_the_size_and_not_a_unit_beyond() -> None:
    bucket = minute(60, used=20)
    assert bucket.missing(30, held=10) == 0
    assert bucket.missing(31, held=10) == 1


def test_the_margin_is_left_free_except_by_who_finds_all_free() -> None:
    assert minute(60, used=20).missing(40, margin=5) == 5
    assert minute(60).missing(60, margin=5) == 0
    assert minute(60).missing(60, held=1, margin=5) > 0


@given(SIZES, AMOUNTS, AMOUNTS, MARGINS)
def test_after_its_wait_an_amount_surely_fits(size: float, used: float, amount: float, margin: float) -> None:
    bucket = minute(size, used)
    wait_s = bucket.wait_s(amount, margin=margin)
    assert wait_s is not None
    bucket.drain(wait_s)
    assert bucket.missing(amount, margin=margin) == 0


@given(SIZES, st.integers(1, 5_000).map(float), AMOUNTS)
def test_no_instant_well_before_its_wait_would_do(size: float, used: float, amount: float) -> None:
    bucket = minute(size, used)
    wait_s = bucket.wait_s(amount)
    assert wait_s is not None
    if wait_s > 0.01:
        bucket.drain(wait_s - 0.001)
        assert bucket.missing(amount) > 0


def test_draining_alone_never_makes_room_that_others_hold() -> None:
    bucket = minute(60, used=10)
    assert bucket.wait_s(21, held=40) is None
    assert bucket.wait_s(20, held=40) == pytest.approx(10, abs=0.001)


def test_more_than_the_size_is_let_through_when_all_is_free_and_only_then() -> None:
    bucket = minute(60, used=1)
    assert bucket.missing(1_000) == 1
    assert bucket.wait_s(1_000) == pytest.approx(1, abs=0.001)
    bucket.drain(1)
    assert bucket.missing(1_000) == 0
    assert bucket.missing(1_000, held=1) > 0
    assert bucket.clamp(1_000) == 60


def test_use_above_the_size_is_a_debt_that_drains_before_anything_fits() -> None:
    bucket = minute(60, used=90)
    assert bucket.missing(0) == 30
    assert bucket.wait_s(0) == pytest.approx(30, abs=0.001)
