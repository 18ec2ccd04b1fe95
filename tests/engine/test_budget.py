"""A budget holds what would exceed it, and lets it go when there is room."""

from __future__ import annotations

import threading

import pytest
from engine.commands_support import Play, check
from support import FakeRunner, make_run, names, plan, subtask, wave

from luna_tui.core.errors import ExitCode
from luna_tui.core.events import (
    BudgetChanged,
    LimitsObserved,
    Record,
    RunFinished,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    UsageRecorded,
)
from luna_tui.core.outcome import exit_code
from luna_tui.core.plan import Plan
from luna_tui.core.prices import Price
from luna_tui.core.words import ErrorKind, Kind, Manner, RunStatus, Scope, Status, WaitReason
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Usage, Work

PRICES = {"m": Price(input=1.0, output=1.0)}
SMALL = Demand(input_tokens=600, output_tokens=400, max_output_tokens=4_000)
"""A thousandth of a dollar: what one attempt of these tests is expected to cost."""
USED = Usage(model="m", input_tokens=600, output_tokens=400)
MILLI = 0.001


def asks(*ids: str, **more: object) -> Plan:
    return plan(wave("w", *(subtask(i, model="m", **more) for i in ids)))


def paid(work: Work, context: AttemptContext) -> str:
    context.usage(USED, final=True)
    return "done"


class Gated:
    """Attempts that use what was expected, or `used`, when they are let go."""

    def __init__(self, used: Usage = USED) -> None:
        self.go = threading.Semaphore(0)
        self.used = used

    def __call__(self, work: Work, context: AttemptContext) -> str:
        while not self.go.acquire(timeout=0.01):
            context.token.raise_if_cancelled()
        context.usage(self.used, final=True)
        return "done"


def held(records: list[Record]) -> set[str]:
    """Subtasks that were ever told to be held."""
    return {
        r.event.subtask
        for r in records
        if isinstance(r.event, SubtaskWaiting) and r.event.reason is WaitReason.BUDGET
    }


def test_no_more_starts_than_the_budget_pays_for() -> None:
    run = make_run(FakeRunner(paid, SMALL), asks(*names(9)), prices=PRICES, budget_usd=3 * MILLI)
    run.finish()
    assert len(run.all(SubtaskStarted)) == 3
    assert sum(e.cost_usd or 0.0 for e in run.all(UsageRecorded)) == pytest.approx(3 * MILLI)
    assert run.status is RunStatus.HELD
    end = run.all(RunFinished)[0]
    assert end.status is RunStatus.HELD
    assert end.reason == "what is left would exceed the budget of 0.0030 USD"
    assert end.counts == {"succeeded": 3, "cancelled": 6}
    assert exit_code(run.state()) is ExitCode.STOPPED_EARLY
    assert run.all(RunStarted)[0].budget_usd == run.state().budget_usd == 3 * MILLI
    check(run)


def test_what_is_in_flight_counts_as_expected_before_it_is_paid() -> None:
    body = Gated()
    run = make_run(
        FakeRunner(body, SMALL), asks(*names(5)), prices=PRICES, budget_usd=2.5 * MILLI, hold_for_person=True
    ).start()
    run.wait_for(SubtaskStarted, 2)
    run.wait_until(lambda: len(held(run.records)) == 3)
    assert len(run.all(SubtaskStarted)) == 2
    run.executor.control.set_budget(4 * MILLI, by="user")
    run.wait_for(SubtaskStarted, 4)
    assert len(run.all(SubtaskStarted)) == 4
    run.executor.control.set_budget(None, by="user")
    run.wait_for(SubtaskStarted, 5)
    body.go.release(5)
    run.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert [(e.by, e.from_, e.to) for e in run.all(BudgetChanged)] == [
        ("user", 2.5 * MILLI, 4 * MILLI),
        ("user", 4 * MILLI, None),
    ]
    assert run.state().budget_usd is None
    check(run)


def test_it_goes_on_when_what_was_in_flight_cost_less() -> None:
    body = Gated(Usage(model="m", input_tokens=1, output_tokens=1))
    run = make_run(FakeRunner(body, SMALL), asks("a", "b"), prices=PRICES, budget_usd=1.5 * MILLI).start()
    run.wait_until(lambda: len(held(run.records)) == 1)
    body.go.release(2)
    run.finish()
    assert run.status is RunStatus.SUCCEEDED


def test_the_same_budget_again_and_no_number_at_all_are_not_told() -> None:
    body = Gated()
    run = make_run(FakeRunner(body, SMALL), asks("a"), prices=PRICES, budget_usd=1.0).start()
    run.wait_for(SubtaskStarted)
    control = run.executor.control
    for usd in (1.0, float("nan")):
        control.set_budget(usd, by="user")
    assert run.all(BudgetChanged) == []
    control.set_budget(-3.0, by="user")
    control.set_budget(float("inf"), by="user")
    assert [e.to for e in run.all(BudgetChanged)] == [0.0, None]
    body.go.release()
    run.finish()
    control.set_budget(5.0, by="user")
    assert len(run.all(BudgetChanged)) == 2


def test_an_unknown_price_is_never_held() -> None:
    given = plan(wave("w", subtask("a", model="m"), subtask("free", model="other")))
    run = make_run(FakeRunner(paid, SMALL), given, prices=PRICES, budget_usd=0.0).finish()
    assert run.ends() == {"a": Status.CANCELLED, "free": Status.SUCCEEDED}
    assert held(run.records) == {"a"}


def test_what_is_held_keeps_no_worker_from_what_costs_nothing() -> None:
    local = [subtask(i, kind=Kind.COMMAND) for i in names(6, "c")]
    given = plan(wave("w", *(subtask(i, model="m") for i in names(4)), *local))
    run = make_run(FakeRunner(paid, SMALL), given, prices=PRICES, budget_usd=0.0, workers=2).finish()
    assert run.status is RunStatus.HELD
    assert {i for i, how in run.ends().items() if how is Status.SUCCEEDED} == set(names(6, "c"))
    assert most_at_once(run.records) <= 2


def most_at_once(records: list[Record]) -> int:
    now: set[str] = set()
    most = 0
    for record in records:
        if isinstance(record.event, SubtaskStarted):
            now.add(record.event.subtask)
        elif isinstance(record.event, SubtaskFinished):
            now.discard(record.event.subtask)
        most = max(most, len(now))
    return most


def test_those_that_were_held_do_not_exceed_the_workers_when_they_go_on() -> None:
    body = Gated()
    priced = [subtask(i, model="m") for i in names(3)]
    given = plan(wave("w", *priced, *(subtask(i, model="x") for i in names(3, "x"))))
    run = make_run(
        FakeRunner(body, SMALL), given, prices=PRICES, budget_usd=0.0, workers=3, hold_for_person=True
    ).start()
    run.wait_until(lambda: len(held(run.records)) == 3)
    run.wait_for(SubtaskStarted, 3)
    run.executor.control.set_budget(1.0, by="user")
    body.go.release(6)
    run.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert most_at_once(run.records) <= 3
    check(run)


def test_with_a_person_there_the_run_waits_for_them_and_without_it_ends() -> None:
    run = make_run(
        FakeRunner(paid, SMALL), asks("a", "b"), prices=PRICES, budget_usd=MILLI, hold_for_person=True
    ).start()
    run.wait_until(lambda: len(held(run.records)) == 1 and len(run.all(SubtaskFinished)) == 1)
    assert run.thread is not None
    run.thread.join(0.05)
    assert run.thread.is_alive()
    run.executor.control.set_budget(2 * MILLI, by="user")
    assert run.finish().status is RunStatus.SUCCEEDED


def test_a_pause_is_no_reason_to_give_up_what_is_held() -> None:
    body = Gated()
    run = make_run(FakeRunner(body, SMALL), asks("a", "b"), prices=PRICES, budget_usd=MILLI).start()
    run.wait_until(lambda: len(held(run.records)) == 1)
    run.executor.control.pause(by="user")
    body.go.release(2)
    run.wait_for(SubtaskFinished)
    assert run.all(RunFinished) == []
    run.executor.control.resume(by="user")
    assert run.finish().status is RunStatus.HELD


def test_what_is_held_can_be_skipped_cancelled_and_tried_again() -> None:
    body = Gated()
    run = make_run(
        FakeRunner(body, SMALL), asks(*names(4)), prices=PRICES, budget_usd=MILLI, hold_for_person=True
    ).start()
    run.wait_until(lambda: len(held(run.records)) == 3)
    first, second, third = sorted(held(run.records))
    control = run.executor.control
    control.skip([first], by="user")
    control.cancel(Scope.SUBTASK, Manner.FINISH, by="user", subtask=second)
    run.wait_for(SubtaskFinished, 2)
    control.retry([first, third], by="user")
    control.set_budget(9.0, by="user")
    body.go.release(4)
    run.finish()
    assert run.ends()[second] is Status.CANCELLED
    assert run.ends()[first] is run.ends()[third] is Status.SUCCEEDED
    check(run)


def test_a_failed_attempt_gives_back_what_it_did_not_use() -> None:
    def body(work: Work, context: AttemptContext) -> str:
        if work.attempt <= 3:
            raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.0)
        return paid(work, context)

    run = make_run(FakeRunner(body, SMALL), asks("a", retries=5), prices=PRICES, budget_usd=MILLI).finish()
    assert run.status is RunStatus.SUCCEEDED
    assert held(run.records) == set()


def test_a_sample_tells_cap_spent_and_reserved() -> None:
    run = make_run(FakeRunner(paid, SMALL), asks("a"), prices=PRICES, budget_usd=1.0).finish()
    first, last = run.all(LimitsObserved)[0], run.all(LimitsObserved)[-1]
    assert (first.budget_usd, first.spent_usd, first.reserved_usd) == (1.0, 0.0, 0.0)
    assert last.budget_usd == 1.0
    assert last.spent_usd == pytest.approx(MILLI)
    assert last.reserved_usd == pytest.approx(0.0)
    without = make_run(FakeRunner(paid, SMALL), asks("a")).finish().all(LimitsObserved)[-1]
    assert (without.budget_usd, without.spent_usd, without.reserved_usd) == (None, None, None)


def test_a_sample_counts_those_that_are_held() -> None:
    clock = ManualClock()
    run = make_run(
        FakeRunner(paid, SMALL),
        asks("a", "b"),
        prices=PRICES,
        budget_usd=0.0,
        clock=clock,
        hold_for_person=True,
    ).start()
    run.wait_until(lambda: len(held(run.records)) == 2)
    clock.advance(1.0)
    run.wait_until(lambda: run.all(LimitsObserved)[-1].waiting == {"budget": 2})
    run.executor.control.set_budget(None, by="user")
    assert run.finish().status is RunStatus.SUCCEEDED


def test_an_attempt_whose_thread_is_lost_stays_reserved() -> None:
    play = Play(asks("a", "b", timeout=0.05), SMALL, prices=PRICES, budget_usd=1.5 * MILLI, workers=1)
    play.start(a="deaf", b="ok")
    run = play.finish()
    assert run.ends() == {"a": Status.TIMED_OUT, "b": Status.CANCELLED}
    assert run.status is RunStatus.HELD
    play.let("a")


def test_a_storm_of_held_ones_and_changing_caps_ends() -> None:
    run = make_run(
        FakeRunner(paid, SMALL), asks(*names(120)), prices=PRICES, budget_usd=0.0, workers=8,
        hold_for_person=True,
    ).start()  # fmt: skip

    def raise_it(step: int) -> None:
        for n in range(1, 31):
            run.executor.control.set_budget(n * step * MILLI, by="t")

    threads = [threading.Thread(target=raise_it, args=(step,)) for step in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    run.executor.control.set_budget(1.0, by="t")
    run.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert most_at_once(run.records) <= 8
    check(run)
