"""How many work at once: the table, a number, or the limits; and which numbers they get."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from support import Body, FakeRunner, Run, make_run, names, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    WaveStarted,
    WorkersChanged,
)
from luna_tui.core.limits import AUTO_WORKERS, LINE_AHEAD, LOCAL_WORKERS
from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Kind, Manner, Mode, Scope, Staffing, Status
from luna_tui.engine.crew import Crew
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Work

AUTO, TABLE = Staffing.AUTO, Staffing.TABLE


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many worker threads were started since the test began."""
    started: list[int] = []
    grow = Crew.grow

    def counted(crew: Crew) -> bool:
        started.append(1)
        return grow(crew)

    monkeypatch.setattr(Crew, "grow", counted)
    return lambda: len(started)


def until(go: threading.Event) -> Body:
    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go)
        return "done"

    return body


def many(count: int, **more: object) -> list[Subtask]:
    return [subtask(n, **more) for n in names(count)]


def test_three_subtasks_need_three_threads_however_many_there_could_be(threads: Callable[[], int]) -> None:
    go = threading.Event()
    run = make_run(until(go), plan(wave("w", *many(3))), workers=AUTO).start()
    run.wait_for(SubtaskStarted, 3)
    go.set()
    run.finish()
    assert threads() == 3
    assert [(e.max_workers, e.automatic) for e in run.all(RunStarted)] == [(AUTO_WORKERS, True)]
    assert run.all(WaveStarted)[0].reason == "parallel: 3 subtasks, as many at once as the limits can use"


def test_threads_are_used_again(threads: Callable[[], int]) -> None:
    run = make_run(lambda work, context: "done", plan(wave("w", *many(200))), workers=8).finish()
    assert threads() <= 8
    assert {e.worker for e in run.all(SubtaskStarted)} <= set(range(8))


def test_automatic_exceeds_the_table_when_the_limits_allow() -> None:
    barrier = threading.Barrier(60, timeout=10)

    def body(work: Work, context: AttemptContext) -> str:
        barrier.wait()
        return "done"

    run = make_run(body, plan(wave("w", *many(60))), workers=AUTO).finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}


def test_a_tier_without_a_number_is_automatic() -> None:
    run = make_run(lambda work, context: "done", plan(wave("w", *many(2))), workers=TABLE, tier="start")
    assert run.finish().all(RunStarted)[0].automatic


def test_only_a_short_line_waits_for_the_limits(threads: Callable[[], int]) -> None:
    go = threading.Event()
    runner = FakeRunner(until(go), Demand(input_tokens=120_000, output_tokens=10))
    run = make_run(
        runner,
        plan(
            wave("w", *many(50, timeout=0.0)),
        ),
        workers=AUTO,
    ).start()
    run.wait_for(SubtaskStarted, 3)
    run.wait_for(SubtaskWaiting, LINE_AHEAD)
    assert len(run.all(SubtaskStarted)) == 3
    started = {e.worker for e in run.all(SubtaskStarted)}
    assert started | {e.worker for e in run.all(SubtaskWaiting)} == set(range(3 + LINE_AHEAD))
    assert threads() == 3 + LINE_AHEAD
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="test")
    run.finish()


def test_with_a_number_all_of_them_may_wait_in_line() -> None:
    go = threading.Event()
    runner = FakeRunner(until(go), Demand(input_tokens=120_000, output_tokens=10))
    run = make_run(runner, plan(wave("w", *many(50, timeout=0.0))), workers=12).start()
    run.wait_for(SubtaskWaiting, 9)
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="test")
    run.finish()


def test_commands_are_not_bound_by_the_limits_and_still_not_without_number() -> None:
    go = threading.Event()
    given = plan(wave("w", *many(LOCAL_WORKERS + 20, kind=Kind.COMMAND)))
    run = make_run(until(go), given, workers=AUTO).start()
    run.wait_for(SubtaskStarted, LOCAL_WORKERS)
    with pytest.raises(AssertionError):
        run.wait_for(SubtaskStarted, LOCAL_WORKERS + 1, timeout_s=0.1)
    go.set()
    run.finish()
    assert len(run.all(SubtaskStarted)) == LOCAL_WORKERS + 20


def test_commands_at_their_number_do_not_keep_claude_waiting() -> None:
    go = threading.Event()
    commands = [subtask(n, kind=Kind.COMMAND) for n in names(LOCAL_WORKERS + 5, "c")]
    run = make_run(until(go), plan(wave("w", *commands, *many(10))), workers=AUTO).start()
    run.wait_for(SubtaskStarted, LOCAL_WORKERS + 10)
    go.set()
    run.finish()


def test_fewer_workers_finish_what_they_have() -> None:
    go = {n: threading.Event() for n in names(12)}

    def body(work: Work, context: AttemptContext) -> str:
        context.token.wait(go[work.subtask.id])
        return "done"

    run = make_run(body, plan(wave("w", *many(12))), workers=6).start()
    run.wait_for(SubtaskStarted, 6)
    run.executor.control.set_workers(2, by="user")
    for n in names(12)[:4]:
        go[n].set()
    run.wait_for_ends(4)
    assert len(run.all(SubtaskStarted)) == 6, "two are left, and two may work"
    go["s04"].set()
    run.wait_for(SubtaskStarted, 7)
    assert run.all(SubtaskStarted)[6].worker == 0, "the lowest number that is free"
    for event in go.values():
        event.set()
    run.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}


def test_more_workers_start_at_once_even_in_a_wave_that_began_with_one() -> None:
    go = threading.Event()
    run = make_run(until(go), plan(wave("w", *many(12))), workers=1).start()
    run.wait_for(SubtaskStarted, 1)
    run.executor.control.set_workers(10, by="user")
    run.wait_for(SubtaskStarted, 10)
    assert [(e.from_, e.to) for e in run.all(WorkersChanged)] == [(1, 10)]
    go.set()
    run.finish()


def test_a_number_ends_automatic_and_a_mode_does_not() -> None:
    go = threading.Event()
    run = make_run(until(go), plan(wave("w", *many(12))), workers=AUTO).start()
    run.wait_for(SubtaskStarted, 12)
    run.executor.control.set_mode(Mode.AGGRESSIVE, by="user")
    assert run.all(WorkersChanged) == []
    run.executor.control.set_workers(3, by="user")
    go.set()
    run.finish()
    assert (run.state().max_workers, run.state().automatic) == (3, False)


def test_fewer_workers_cancel_nothing_that_runs_or_is_going_to_try_again() -> None:
    """Twelve are at work, one of them between two tries, when fewer are wanted."""
    go = threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "s00" and work.attempt == 1:
            raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.05)
        context.token.wait(go)
        return "done"

    run = make_run(body, plan(wave("w", *many(20))), workers=12).start()
    run.wait_for(AttemptFailed)
    run.wait_until(lambda: len({e.subtask for e in run.all(SubtaskStarted)}) == 12)
    for workers in (3, 1, 2):
        run.executor.control.set_workers(workers, by="user")
    run.wait_until(lambda: ("s00", 2) in {(e.subtask, e.attempt) for e in run.all(SubtaskStarted)})
    assert run.all(SubtaskFinished) == []
    assert {e.subtask for e in run.all(SubtaskStarted)} == set(names(12))
    go.set()
    run.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert [(e.from_, e.to) for e in run.all(WorkersChanged)] == [(12, 3), (3, 1), (1, 2)]
    assert max(on_from(run, "s12")) <= 2


def on_from(run: Run, first: str) -> list[int]:
    """How many were at work at each start, from the start of one on."""
    on: set[str] = set()
    counts: list[int] = []
    for record in run.records:
        match record.event:
            case SubtaskStarted(subtask=i):
                on.add(i)
                if counts or i == first:
                    counts.append(len(on))
            case SubtaskFinished(subtask=i):
                on.discard(i)
    return counts


def test_more_workers_start_at_once_but_never_more_than_the_wave_allows() -> None:
    go = threading.Event()
    run = make_run(until(go), plan(wave("w", *many(12), max_workers=4)), workers=2).start()
    run.wait_for(SubtaskStarted, 2)
    run.executor.control.set_workers(9, by="user")
    run.wait_for(SubtaskStarted, 4)
    run.executor.control.set_workers(30, by="user")
    assert len(run.all(SubtaskStarted)) == 4
    go.set()
    run.finish()


def test_workers_up_and_down_while_all_is_in_flight_lose_nothing() -> None:
    run = make_run(lambda work, context: "done", plan(wave("w", *many(400))), workers=4).start()
    run.wait_for(SubtaskStarted)
    for n in range(60):
        run.executor.control.set_workers(1 + n * 7 % 11, by="user")
    run.finish()
    assert set(run.ends().values()) == {Status.SUCCEEDED}
    assert len(run.all(SubtaskFinished)) == 400
