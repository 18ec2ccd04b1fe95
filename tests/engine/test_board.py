"""The board alone: large plans cost a step per subtask, in whatever shape they come."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from support import plan, subtask, wave

from luna_tui.core.events import Tokens
from luna_tui.core.expectations import Expectations, PerRequest
from luna_tui.core.plan import Estimate, Plan, Subtask
from luna_tui.core.words import Priority, Schedule, Status
from luna_tui.engine.board import PlanBoard


def large(waves: int, width: int, *, chained: bool) -> Plan:
    made = []
    for w in range(waves):
        needs = [(f"{w - 1}.{n}",) if chained and w else () for n in range(width)]
        subtasks = (subtask(f"{w}.{n}", depends_on=needs[n], prompt="x" * (n % 97)) for n in range(width))
        made.append(wave(f"w{w}", *subtasks, max_workers=3))
    return plan(*made, schedule=Schedule.DAG)


def work_off(given: Plan) -> None:
    expectations = Expectations(given)
    board = PlanBoard(given, expectations)
    board.open(range(len(given.waves)))
    held: list[Subtask] = []
    while board.left:
        while len(held) < 50 and (taken := board.take()) is not None:
            held.append(taken)
        done = held.pop(0)
        expectations.learn(done, PerRequest.once(Tokens(input=9, output=1 + len(done.prompt))), 1.0)
        assert board.end(done.id, Status.SUCCEEDED) == []


def cancel_one_by_one(given: Plan) -> None:
    board = PlanBoard(given, Expectations(given))
    board.open(range(len(given.waves)))
    for s in reversed(list(given.subtasks())):
        assert board.waits(s.id)
        board.end(s.id, Status.CANCELLED)
        assert not board.waits(s.id)
    assert board.take() is None


def drain_wave_by_wave(given: Plan) -> None:
    board = PlanBoard(given, Expectations(given))
    for n in range(len(given.waves)):
        board.open(range(n, n + 1))
        board.drain(range(n, n + 1), Status.CANCELLED)
    assert board.left == 0


@pytest.mark.parametrize("chained", [False, True])
@pytest.mark.parametrize("many_waves", [False, True])
@pytest.mark.parametrize("deed", [work_off, cancel_one_by_one, drain_wave_by_wave])
def test_eight_times_the_subtasks_cost_about_eight_times_as_much(
    deed: Callable[[Plan], None], many_waves: bool, chained: bool
) -> None:
    def seconds(count: int) -> float:
        given = large(count // 20, 20, chained=chained) if many_waves else large(1, count, chained=False)
        best = float("inf")
        for _ in range(2):
            began = time.process_time()
            deed(given)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(8_000) < 24 * max(0.002, seconds(1_000)), "quadratic would be 64 times"


def test_withdrawn_subtasks_are_never_handed_out() -> None:
    given = plan(wave("w", *(subtask(f"s{n}") for n in range(4))))
    board = PlanBoard(given, Expectations(given))
    assert board.take() is None, "the wave is not open"
    board.open(range(1))
    board.end("s0", Status.CANCELLED)
    board.end("s2", Status.CANCELLED)
    assert [board.take(), board.take(), board.take()] == [
        given.waves[0].subtasks[1],
        given.waves[0].subtasks[3],
        None,
    ]


def test_what_was_learnt_changes_the_order_of_what_is_ready() -> None:
    """At first the longer prompt counts; then it turns out that wave two's short ones take longest."""
    quick = [subtask(f"q{n:02d}", prompt="x" * 90) for n in range(40)]
    slow = [subtask(f"s{n:02d}", prompt="x") for n in range(40)]
    given = plan(wave("one", *quick), wave("two", *slow), schedule=Schedule.DAG)
    expectations = Expectations(given)
    board = PlanBoard(given, expectations)
    board.open(range(2))
    first = board.take()
    assert first is quick[0]
    for n in range(8):
        expectations.learn(quick[n], None, 1.0)
        expectations.learn(slow[n], None, 30.0)
    assert board.take() is slow[0]


def test_priority_beats_every_path() -> None:
    given = plan(
        wave("one", subtask("long", prompt="x" * 999), subtask("now", priority=Priority.CRITICAL)),
        wave("two", subtask("after", depends_on=("long",))),
        schedule=Schedule.DAG,
    )
    board = PlanBoard(given, Expectations(given))
    board.open(range(2))
    taken = board.take()
    assert taken is not None
    assert taken.id == "now"


@pytest.mark.parametrize("fails", [True, False])
def test_dependents_over_several_waves_follow_their_cause(fails: bool) -> None:
    given = plan(
        wave("one", subtask("a")),
        wave("two", subtask("b", depends_on=("a",))),
        wave("three", subtask("c", depends_on=("b",)), subtask("d", depends_on=("a", "b"))),
    )
    board = PlanBoard(given, Expectations(given))
    board.open(range(1))
    assert board.take() is given.waves[0].subtasks[0]
    skips = board.end("a", Status.FAILED if fails else Status.SUCCEEDED)
    assert sorted((s.subtask.id, s.wave) for s in skips) == ([("b", 1), ("c", 2), ("d", 2)] if fails else [])
    assert {s.subtask.id: s.reason for s in skips}.get("c", "needs b, which was skipped") == (
        "needs b, which was skipped"
    )
    assert board.left == (0 if fails else 3)


def test_one_that_is_put_back_is_taken_though_the_order_was_made_anew_meanwhile() -> None:
    told = Estimate(seconds=5.0)
    given = plan(wave("w", subtask("a", estimate=told), subtask("b", estimate=told)))
    expectations = Expectations(given)
    board = PlanBoard(given, expectations)
    board.open(range(1))
    first = board.take()
    assert first is not None
    other = "b" if first.id == "a" else "a"
    board.end(other, Status.SKIPPED)
    board.end(first.id, Status.SUCCEEDED)
    for _ in range(9):
        expectations.learn(first, None, 1.0)
    assert board.take() is None
    assert [r.subtask.id for r in board.put_back([other], lambda s: s)] == [other]
    taken = board.take()
    assert taken is not None
    assert taken.id == other


def test_putting_back_undoes_ends_one_by_one_and_all_at_once() -> None:
    given = plan(
        wave("w", subtask("a"), subtask("b", depends_on=("a",)), subtask("c", depends_on=("a", "b")))
    )
    board = PlanBoard(given, Expectations(given))
    board.open(range(1))
    for how in (Status.FAILED, Status.TIMED_OUT):
        assert board.take() is not None
        assert [s.subtask.id for s in board.end("a", how)] in (["b", "c"], ["c", "b"])
        assert board.left == board.left_of(0) == 0
        assert board.put_back(["b", "c"], lambda s: s) == [], "a is in their way"
        back = board.put_back(["c", "a", "a"], lambda s: s)
        assert sorted((r.subtask.id, r.was) for r in back) == [
            ("a", how),
            ("b", Status.SKIPPED),
            ("c", Status.SKIPPED),
        ]
        assert board.left == 3
    for expected in "abc":
        taken = board.take()
        assert taken is not None
        assert taken.id == expected
        assert board.take() is None
        board.end(expected, Status.SUCCEEDED)
    assert board.left == 0


def retry_all_at_once(given: Plan) -> None:
    board = PlanBoard(given, Expectations(given))
    board.open(range(len(given.waves)))
    board.drain(range(len(given.waves)), Status.CANCELLED)
    assert len(board.put_back([s.id for s in given.subtasks()], lambda s: s)) == board.left


def test_putting_back_many_costs_a_step_for_each() -> None:
    """Also where one subtask needs all the others."""

    def seconds(count: int) -> float:
        many = [subtask(f"s{n}") for n in range(count)]
        given = plan(wave("w", *many), wave("sum", subtask("sum", depends_on=tuple(s.id for s in many))))
        best = float("inf")
        for _ in range(2):
            began = time.process_time()
            retry_all_at_once(given)
            best = min(best, time.process_time() - began)
        return best

    assert seconds(8_000) < 24 * max(0.002, seconds(1_000)), "quadratic would be 64 times"
