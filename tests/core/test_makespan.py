"""Bounds: never above the best schedule there is, and as high as counting allows."""

from __future__ import annotations

import random
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.core.limits import Limits
from luna_tui.core.makespan import (
    Load,
    best_bound,
    longest_first_s,
    token_bounds,
    worker_bounds,
)

WIDE = Limits(1_000_000, 1_000_000_000, 1_000_000_000)


def best_there_is(seconds: list[float], workers: int) -> float:
    """By trying every assignment."""
    best = sum(seconds)
    for choice in product(range(workers), repeat=len(seconds)):
        sums = [0.0] * workers
        for worker, length in zip(choice, seconds, strict=True):
            sums[worker] += length
        best = min(best, max(sums))
    return best


@settings(deadline=None, max_examples=120)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=7), st.integers(1, 3))
def test_no_bound_is_above_the_best_schedule(lengths: list[int], workers: int) -> None:
    seconds = [float(n) for n in lengths]
    best = best_there_is(seconds, workers)
    assert all(bound.seconds <= best + 1e-6 for bound in worker_bounds(seconds, workers))
    assert longest_first_s(seconds, workers) >= best - 1e-9


def test_sixteen_equal_subtasks_on_fifteen_workers_take_two_turns() -> None:
    bound = best_bound([Load(30.0)] * 16, 15)
    assert bound.seconds == pytest.approx(60.0)
    assert bound.name == "shared workers"


def test_one_long_subtask_is_the_bound() -> None:
    assert best_bound([Load(50.0), *[Load(10.0)] * 9], 15).name == "longest subtask"


def test_much_work_of_one_size_is_bound_by_the_workers() -> None:
    bound = best_bound([Load(30.0)] * 45, 15)
    assert bound.name == "work / workers"
    assert bound.seconds == pytest.approx(90.0)


def test_packing_sees_what_pairs_cannot_avoid() -> None:
    # Three of 7 have a worker each; the three of 5 cannot share two workers in less than 10.
    seconds = [7.0, 7.0, 7.0, 5.0, 5.0, 5.0]
    bounds = {b.name: b.seconds for b in worker_bounds(seconds, 5)}
    assert bounds["packing"] == pytest.approx(10.0)


def test_bounds_of_the_limits_count_the_burst_and_the_last_latency() -> None:
    loads = [Load(20.0, 100_000, 10_000)] * 10
    by_name = {b.name: b.seconds for b in token_bounds(loads, Limits(1_000, 500_000, 50_000))}
    assert by_name == {"rpm": 0.0, "itpm": pytest.approx(60.0 + 20.0), "otpm": pytest.approx(60.0)}


def test_the_limit_names_the_bound_where_it_is_the_highest() -> None:
    loads = [Load(20.0, 100_000, 10)] * 10
    assert best_bound(loads, 10, Limits(1_000, 500_000, 50_000)).name == "itpm"
    assert best_bound(loads, 10, WIDE).name == "work / workers"


def test_longest_first_reaches_the_bound_of_small_waves() -> None:
    for seed in range(20):
        rng = random.Random(seed)
        seconds = [rng.lognormvariate(3.4, 0.35) for _ in range(20)]
        assert best_bound([Load(s) for s in seconds], 15).seconds == pytest.approx(
            longest_first_s(seconds, 15), rel=0.02
        )


def test_nothing_to_do_takes_no_time() -> None:
    assert best_bound([], 4, WIDE).seconds == 0.0
    assert longest_first_s([], 4) == 0.0
