"""What was counted too much is given back exactly: the level is as if it had been right from the start."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.engine.limiter_lows import Lows

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 60)),
        st.tuples(st.just("count"), st.integers(1, 50)),
    ),
    max_size=40,
)


def replayed(steps: list[tuple[str, int]], first: int) -> tuple[float, Lows, float]:
    """The level after the first use and the steps (a unit drains per second), its lows, and the instant."""
    lows, used, now = Lows(), float(first), 0.0
    for what, amount in steps:
        if what == "count":
            used += amount
        else:
            now += amount
            used = max(0.0, used - amount)
            lows.note(now, used)
    return used, lows, now


@settings(deadline=None)
@given(STEPS, st.integers(0, 80), st.integers(0, 80))
def test_a_correction_leaves_the_level_where_the_truth_would_have_brought_it(
    steps: list[tuple[str, int]], right: int, too_much: int
) -> None:
    used, lows, now = replayed(steps, right + too_much)
    if now > 120:
        return
    true, _, _ = replayed(steps, right)
    assert used - lows.take(0.0, too_much, used) == true


@settings(deadline=None)
@given(STEPS, st.integers(0, 40), st.integers(0, 40))
def test_corrections_in_two_parts_give_back_as_much_as_one(
    steps: list[tuple[str, int]], one: int, other: int
) -> None:
    used, lows, now = replayed(steps, one + other + 10)
    if now > 120:
        return
    first = lows.take(0.0, one, used)
    second = lows.take(0.0, other, used - first)
    _, fresh, _ = replayed(steps, one + other + 10)
    assert first + second == fresh.take(0.0, one + other, used)


def test_what_was_counted_longer_ago_than_anybody_knows_is_not_given_back() -> None:
    lows = Lows()
    for second in range(400):
        lows.note(float(second), 100.0 + second)
    assert lows.take(1.0, 50.0, 1_000.0) == 0.0
    assert lows.take(390.0, 50.0, 1_000.0) == 50.0


def test_a_long_rise_is_remembered_in_few_lows_and_never_too_generously() -> None:
    lows = Lows()
    for n in range(20_000):
        lows.note(n / 1_000, float(n))
    assert len(lows._at) <= 1_025
    assert lows.take(10.0, 1e9, 1e9) <= 10_001
