"""Planned starts: every subtask once, never longer than longest first, near the bound where all is known."""

from __future__ import annotations

import random
import statistics

from hypothesis import given
from hypothesis import strategies as st
from support import make_run, names, plan, subtask, wave

from luna_tui.core.expectations import Expectations
from luna_tui.core.makespan import longest_first_s, started_in_order_s, worker_bounds
from luna_tui.core.packing import MOST_ROUNDS, MOST_SUBTASKS, packed_order
from luna_tui.core.plan import Estimate, Subtask
from luna_tui.engine.board import PlanBoard
from luna_tui.engine.runner import AttemptContext, Work

LENGTHS = st.lists(st.floats(0.1, 100), min_size=1, max_size=40)


def takes_s(order: list[int], seconds: list[float], workers: int) -> float:
    return started_in_order_s([seconds[place] for place in order], workers)


@given(seconds=LENGTHS, workers=st.integers(1, 12))
def test_an_order_holds_every_subtask_once_and_beats_longest_first(
    seconds: list[float], workers: int
) -> None:
    order = packed_order(seconds, workers)
    if order is None:
        return
    assert sorted(order) == list(range(len(seconds)))
    bound_s = max(bound.seconds for bound in worker_bounds(seconds, workers))
    assert bound_s * (1 - 1e-9) <= takes_s(order, seconds, workers) < longest_first_s(seconds, workers)


def test_fifty_known_durations_on_fifteen_workers_come_near_the_bound() -> None:
    reached = []
    for seed in range(20):
        rng = random.Random(seed)
        seconds = [rng.lognormvariate(3.3, 0.35) for _ in range(50)]
        bound_s = max(bound.seconds for bound in worker_bounds(seconds, 15))
        order = packed_order(seconds, 15)
        assert order is not None
        reached.append(bound_s / takes_s(order, seconds, 15))
    assert statistics.fmean(reached) > 0.975
    assert min(reached) > 0.95


def test_few_or_very_many_subtasks_need_no_plan() -> None:
    assert packed_order([1.0, 2.0, 3.0], 3) is None
    assert packed_order([1.0] * (2 * MOST_ROUNDS + 1), 2) is None
    assert packed_order([1.0 + n / 7 for n in range(MOST_SUBTASKS + 1)], 100) is None


KNOWN = [3.0, 3.0, 2.0, 2.0, 2.0]
"""Longest first on two workers takes 7 s, packed they take 6."""


def known(count: int = len(KNOWN)) -> list[Subtask]:
    return [
        subtask(name, estimate=Estimate(seconds=s if n < count else None))
        for n, (name, s) in enumerate(zip(names(len(KNOWN)), KNOWN, strict=True))
    ]


def taken(board: PlanBoard) -> list[str]:
    order = []
    while (found := board.take()) is not None:
        order.append(found.id)
    return order


def opened(subtasks: list[Subtask], workers: int | None) -> PlanBoard:
    made = plan(wave("w", *subtasks))
    board = PlanBoard(made, Expectations(made), workers=workers)
    board.open(range(1))
    return board


def test_a_wave_whose_durations_the_author_told_starts_as_planned() -> None:
    order = taken(opened(known(), 2))
    assert takes_s([int(name[1:]) for name in order], KNOWN, 2) == 6.0
    assert takes_s(list(range(len(KNOWN))), KNOWN, 2) == 7.0


def test_one_unknown_duration_and_an_unknown_number_of_workers_mean_longest_first() -> None:
    longest_first = names(len(KNOWN))
    assert taken(opened(known(), None)) == longest_first
    assert taken(opened(known(count=4), 2))[1:] == longest_first[:4], "the unknown one is expected to be long"


def test_other_workers_than_planned_for_make_it_longest_first_again() -> None:
    board = opened(known(), 2)
    board.use(3)
    assert taken(board) == names(len(KNOWN))


def test_a_run_hands_out_as_planned() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        return "done"

    run = make_run(body, plan(wave("w", *known())), workers=2).finish()
    assert sorted(run.order()) == names(len(KNOWN))
    assert set(run.order()[:2]) != {"s00", "s01"}
