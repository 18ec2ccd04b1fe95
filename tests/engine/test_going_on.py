"""Another process goes on with a run: what is not done again, what is, and what it says of both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event as Gate
from typing import Any

import pytest
from recount import agrees
from support import Body, FakeRunner, Run, make_run, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    BudgetChanged,
    LimitsObserved,
    Record,
    RetryRequested,
    RunFinished,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.past import Past, traces_of
from luna_tui.core.plan import Plan
from luna_tui.core.prices import Price
from luna_tui.core.state import fold
from luna_tui.core.words import ErrorKind, Kind, Manner, OnFailure, RunStatus, Schedule, Scope, Status
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Runner, Usage, Work
from luna_tui.storage.past import Left, prepare
from luna_tui.storage.paths import RunDir

NOWHERE = RunDir(Path("/nonexistent/run-under-test"))


def echo(work: Work, context: AttemptContext) -> str:
    """Say who it is, and what it was given."""
    return f"{work.subtask.id}({','.join(work.results.values())})"


def left(records: Sequence[Record]) -> Left:
    last = records[-1]
    return Left(NOWHERE, tuple(records), last.seq, last.at, (), fold(records), traces_of(records), {})


def past_of(records: Sequence[Record], given: Plan, *, retry: bool = False, **more: Any) -> Past:
    past = prepare(left(records), given, datetime(2026, 1, 1, tzinfo=UTC), retry=retry).past
    return replace(past, **more)


def cut(run: Run, kind: type, count: int = 1) -> list[Record]:
    """The records up to the `count`-th of a kind, as a killed process leaves them."""
    seen = 0
    for place, record in enumerate(run.records):
        seen += isinstance(record.event, kind)
        if seen == count:
            return run.records[: place + 1]
    raise AssertionError(f"there are no {count} {kind.__name__}")


def gone_on(body: Body | Runner, given: Plan, past: Past, **more: Any) -> Run:
    return make_run(body, given, past=past, **more).finish()


def two_waves() -> Plan:
    return plan(
        wave("one", subtask("a"), subtask("b")),
        wave("two", subtask("c", depends_on=("a",)), subtask("d")),
    )


def held_in(ids: set[str]) -> tuple[Body, Gate]:
    """Those of `ids` wait for the gate, or for their end."""
    gate = Gate()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id in ids:
            context.token.wait(gate)
        return echo(work, context)

    return body, gate


def killed_in_b() -> tuple[Plan, list[Record]]:
    """`a` has ended, `b` is in flight."""
    given = two_waves()
    body, gate = held_in({"b"})
    run = make_run(body, given).start()
    run.wait_for_ends(1)
    records = list(run.records)
    gate.set()
    run.finish()
    assert [r.event.subtask for r in records if isinstance(r.event, SubtaskFinished)] == ["a"]
    return given, records


def test_what_ended_is_not_done_again_and_what_was_in_flight_is() -> None:
    given, records = killed_in_b()
    run = gone_on(echo, given, past_of(records, given, results={"a": "A"}))
    assert run.status is RunStatus.SUCCEEDED
    assert (run.order()[0], sorted(run.order())) == ("b", ["b", "c", "d"])
    assert next(e.attempt for e in run.all(SubtaskStarted) if e.subtask == "b") == 2
    state = fold([*records, *run.records])
    agrees(state, state.at)
    assert {s.id: s.status for s in state.subtasks.values()} == dict.fromkeys("abcd", Status.SUCCEEDED)


def test_it_says_first_that_it_goes_on_then_what_was_interrupted() -> None:
    given, records = killed_in_b()
    run = gone_on(echo, given, past_of(records, given))
    first, second = run.records[0], run.records[1]
    assert isinstance(first.event, RunStarted)
    assert first.event.away_s is not None
    failed = second.event
    assert isinstance(failed, AttemptFailed)
    assert (failed.subtask, failed.attempt, failed.error_kind) == ("b", 1, ErrorKind.INTERRUPTED)
    assert failed.will_retry


def test_numbers_and_instants_count_on() -> None:
    given, records = killed_in_b()
    run = gone_on(echo, given, past_of(records, given))
    assert [r.seq for r in run.records] == list(
        range(records[-1].seq + 1, records[-1].seq + 1 + len(run.records))
    )
    assert run.records[0].at >= records[-1].at
    assert run.records[0].at - records[-1].at < 0.5  # not what passed since


def test_a_result_of_the_process_before_is_what_dependents_are_given() -> None:
    given, records = killed_in_b()
    said: list[str] = []

    def body(work: Work, context: AttemptContext) -> str:
        said.append(echo(work, context))
        return said[-1]

    gone_on(body, given, past_of(records, given, results={"a": "from before"}))
    assert "c(from before)" in said


def test_a_wave_that_was_over_is_not_told_again() -> None:
    given = two_waves()
    whole = make_run(echo, given).finish()
    records = cut(whole, WaveFinished)
    run = gone_on(echo, given, past_of(records, given))
    assert [e.wave for e in run.all(WaveStarted)] == ["two"]
    assert [e.wave for e in run.all(WaveFinished)] == ["two"]


def test_a_wave_that_had_begun_begins_once_and_ends_with_the_counts_of_both_processes() -> None:
    given, records = killed_in_b()
    run = gone_on(echo, given, past_of(records, given))
    ended = next(e for e in run.all(WaveFinished) if e.wave == "one")
    assert "one" not in [e.wave for e in run.all(WaveStarted)]
    assert ended.counts == {"succeeded": 2}


def test_a_run_killed_before_its_last_word_only_says_it() -> None:
    given = two_waves()
    whole = make_run(echo, given).finish()
    run = gone_on(echo, given, past_of(whole.records[:-2], given))
    assert run.order() == []
    assert run.status is RunStatus.SUCCEEDED
    (end,) = run.all(RunFinished)
    assert end.counts == {"succeeded": 4}


def test_the_sum_counts_the_work_of_all_processes_and_no_time_between_them() -> None:
    given = two_waves()
    whole = make_run(echo, given).finish()
    records = cut(whole, WaveFinished)
    run = gone_on(echo, given, past_of(records, given))
    (end,) = run.all(RunFinished)
    state = fold([*records, *run.records])
    assert end.sum_s == pytest.approx(sum(s.duration_s for s in state.subtasks.values()), abs=1e-6)
    assert end.wall_s == pytest.approx(state.at - records[0].at, abs=0.01)


def test_failures_stay_and_their_dependents_too() -> None:
    given = plan(
        wave("one", subtask("a", retries=0), subtask("b")), wave("two", subtask("c", depends_on=("a",)))
    )

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a":
            raise AttemptError(ErrorKind.CRASHED, "no")
        return echo(work, context)

    whole = make_run(body, given).finish()
    records = whole.records[:-1]
    run = gone_on(body, given, past_of(records, given))
    assert run.order() == []
    assert run.status is RunStatus.FAILED
    assert run.all(RetryRequested) == []


def test_an_interrupted_attempt_uses_up_no_retry_and_a_failure_before_it_does() -> None:
    given = plan(wave("one", subtask("a", retries=1)))
    tries: list[int] = []

    def body(work: Work, context: AttemptContext) -> str:
        tries.append(work.attempt)
        raise AttemptError(ErrorKind.SERVER, "500", retryable=True, retry_after_s=0.0)

    whole = make_run(body, given).finish()
    assert tries == [1, 2]
    tries.clear()
    gone_on(body, given, past_of(cut(whole, SubtaskStarted, 2), given))
    assert tries == [3]  # the first failed, the second was interrupted: one retry is left
    tries.clear()
    gone_on(body, given, past_of(cut(whole, SubtaskStarted, 1), given))
    assert tries == [2, 3]


def test_what_a_stop_cancelled_is_undone_by_resume_with_what_was_skipped_for_want_of_it() -> None:
    given = two_waves()
    body, _gate = held_in({"a", "b"})
    run = make_run(body, given).start()
    run.wait_for(SubtaskStarted, 2)
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run.finish()
    assert run.status is RunStatus.CANCELLED
    on = gone_on(echo, given, past_of(run.records, given))
    (asked,) = on.all(RetryRequested)
    assert asked.by == "resume"
    assert set(asked.requeued) == {"a", "b", "c", "d"}
    assert on.status is RunStatus.SUCCEEDED
    assert [e.wave for e in on.all(WaveFinished)] == ["one", "two"]
    state = fold([*run.records, *on.records])
    agrees(state, state.at)


def test_retry_undoes_failures_only_and_leaves_what_was_cancelled() -> None:
    given = plan(
        wave("one", subtask("bad", retries=0), subtask("stopped"), subtask("fine")),
        wave("two", subtask("after", depends_on=("bad",)), subtask("for-want", depends_on=("stopped",))),
    )

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "bad":
            raise AttemptError(ErrorKind.CRASHED, "no")
        if work.subtask.id == "stopped":
            context.token.wait(Gate())
        return echo(work, context)

    run = make_run(body, given).start()
    run.wait_for_ends(3)
    run.executor.control.cancel(Scope.SUBTASK, Manner.NOW, by="user", subtask="stopped")
    run.finish()
    again = gone_on(echo, given, past_of(run.records, given, retry=True))
    (asked,) = again.all(RetryRequested)
    assert (asked.by, asked.subtasks, set(asked.requeued)) == ("user", ("bad",), {"bad", "after"})
    assert sorted(again.order()) == ["after", "bad"]
    state = fold([*run.records, *again.records])
    assert state.subtasks["stopped"].status is Status.CANCELLED
    assert state.subtasks["for-want"].status is Status.SKIPPED
    agrees(state, state.at)


def test_a_result_that_nobody_told_ends_its_subtask_without_running_it() -> None:
    given, records = killed_in_b()
    found = SubtaskFinished(
        wave="one", subtask="b", attempt=1, status=Status.SUCCEEDED, duration_s=1.0, attempts=1
    )
    past = replace(past_of(records, given), found=[(found, "B")], interrupted=())
    run = gone_on(echo, given, past)
    assert sorted(run.order()) == ["c", "d"]
    assert [type(r.event).__name__ for r in run.records[:2]] == ["RunStarted", "SubtaskFinished"]
    assert run.status is RunStatus.SUCCEEDED


def test_a_found_failure_skips_what_needs_it() -> None:
    given = two_waves()
    body, gate = held_in({"a", "b"})
    run = make_run(body, given).start()
    run.wait_for(SubtaskStarted, 2)
    records = cut(run, SubtaskStarted, 2)
    gate.set()
    run.finish()
    found = SubtaskFinished(
        wave="one", subtask="a", attempt=1, status=Status.FAILED, duration_s=1.0, attempts=1, reason="no"
    )
    past = replace(past_of(records, given), found=[(found, "")], interrupted=())
    on = gone_on(echo, given, past)
    assert on.ends() == {
        "a": Status.FAILED,
        "b": Status.SUCCEEDED,
        "c": Status.SKIPPED,
        "d": Status.SUCCEEDED,
    }


def test_a_strict_plan_that_went_wrong_starts_nothing_later() -> None:
    given = plan(
        wave("one", subtask("a", retries=0), subtask("b")),
        wave("two", subtask("c"), subtask("d")),
        on_failure=OnFailure.STOP,
    )

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a":
            raise AttemptError(ErrorKind.CRASHED, "no")
        return echo(work, context)

    whole = make_run(body, given).finish()
    place = next(n for n, r in enumerate(whole.records) if isinstance(r.event, SubtaskFinished)
                 and r.event.status is Status.FAILED)  # fmt: skip
    on = gone_on(body, given, past_of(whole.records[: place + 1], given))
    assert on.status is RunStatus.FAILED
    assert "c" not in on.order()
    assert {i: s for i, s in on.ends().items() if i in "cd"} == dict.fromkeys("cd", Status.SKIPPED)


def test_waves_that_are_only_labels_go_on_together() -> None:
    given = plan(
        wave("one", subtask("a"), subtask("b")), wave("two", subtask("c", depends_on=("a",))),
        schedule=Schedule.DAG,
    )  # fmt: skip
    whole = make_run(echo, given).finish()
    for count in (1, 2, 3):
        records = cut(whole, SubtaskFinished, count)
        on = gone_on(echo, given, past_of(records, given))
        assert on.status is RunStatus.SUCCEEDED
        assert len(on.order()) == 3 - count


PRICE = Price(input=1.0, output=1.0)


def test_what_was_spent_before_counts_against_the_budget() -> None:
    given = plan(wave("one", *(subtask(i, model="m") for i in "abc")))

    def body(work: Work, context: AttemptContext) -> str:
        context.usage(Usage(model="m", input_tokens=1_000_000, output_tokens=0), final=True)
        return echo(work, context)

    whole = make_run(body, given, workers=1, prices={"m": PRICE}).finish()
    records = cut(whole, SubtaskFinished)
    on = gone_on(body, given, past_of(records, given), workers=1, prices={"m": PRICE})
    sample = on.all(LimitsObserved)[0]
    assert sample.spent_usd == pytest.approx(1.0)
    assert on.all(BudgetChanged) == []
    (end,) = on.all(RunFinished)
    assert end.cost_usd == pytest.approx(3.0)


def test_what_the_budget_held_runs_with_a_larger_one() -> None:
    given = plan(wave("one", *(subtask(i, model="m") for i in "abc")))
    demand = Demand(input_tokens=1_000_000, output_tokens=0)

    def body(work: Work, context: AttemptContext) -> str:
        context.usage(Usage(model="m", input_tokens=1_000_000, output_tokens=0), final=True)
        return echo(work, context)

    small: dict[str, Any] = {"workers": 1, "prices": {"m": PRICE}, "tier": "scale"}
    held = make_run(FakeRunner(body, demand), given, budget_usd=1.5, **small).finish()
    assert held.status is RunStatus.HELD
    on = gone_on(FakeRunner(body, demand), given, past_of(held.records, given), budget_usd=3.0, **small)
    assert (on.status, len(on.order())) == (RunStatus.SUCCEEDED, 2)


def test_a_new_run_takes_over_what_another_had_done() -> None:
    given = two_waves()
    cached = SubtaskFinished(
        wave="one", subtask="a", attempt=0, status=Status.CACHED, duration_s=0.0, attempts=0
    )
    said: list[str] = []

    def body(work: Work, context: AttemptContext) -> str:
        said.append(echo(work, context))
        return said[-1]

    run = gone_on(body, given, Past(run="older", found=[(cached, "A of older")]))
    first = run.records[0].event
    assert isinstance(first, RunStarted)
    assert (run.records[0].seq, first.resumed_from, first.away_s) == (1, "older", None)
    assert sorted(run.order()) == ["b", "c", "d"]
    assert "c(A of older)" in said
    state = run.state()
    assert (state.resumed_from, state.counts[Status.CACHED]) == ("older", 1)
    agrees(state, state.at)


@pytest.mark.parametrize("schedule", list(Schedule))
def test_cut_after_any_record_it_comes_to_the_same_ends(schedule: Schedule) -> None:
    """A run with failures, retries and dependencies, cut everywhere, and cut once more while it goes on."""
    given = plan(
        wave("one", *(subtask(f"a{n}", kind=Kind.COMMAND, retries=1) for n in range(4))),
        wave("two", *(subtask(f"b{n}", depends_on=(f"a{n}",), retries=0) for n in range(4))),
        schedule=schedule,
    )  # fmt: skip

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "a1" and work.attempt == 1:
            raise AttemptError(ErrorKind.SERVER, "500", retryable=True, retry_after_s=0.0)
        if work.subtask.id in ("a2", "b3"):
            raise AttemptError(ErrorKind.CRASHED, "no")
        return echo(work, context)

    whole = make_run(body, given, workers=2).finish()
    for place in range(1, len(whole.records)):
        records = whole.records[:place]
        done = {r.event.subtask for r in records if isinstance(r.event, SubtaskFinished)}
        on = gone_on(body, given, past_of(records, given), workers=2)
        assert not done & set(on.order())
        both = [*records, *on.records]
        assert {s.id: s.status for s in fold(both).subtasks.values()} == whole.ends()
        agrees(fold(both), both[-1].at)
        half = both[: place + max(1, len(on.records) // 2)]
        twice = gone_on(body, given, past_of(half, given), workers=2)
        state = fold([*half, *twice.records])
        assert {s.id: s.status for s in state.subtasks.values()} == whole.ends()
        agrees(state, state.at)
