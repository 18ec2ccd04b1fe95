"""While nothing is saved nothing new begins, what runs goes on, and patience has an end."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from support import Run, make_run, plan, subtask, wave

from luna_tui.core.events import JournalFailed, JournalSaved, RunFinished, RunResumed, SubtaskStarted
from luna_tui.core.words import Manner, RunStatus, Scope, Status
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.keeping import GIVE_UP_S
from luna_tui.engine.runner import AttemptContext, Work

THREE = plan(wave("w", subtask("a"), subtask("b"), subtask("c")))


class Disk:
    """Says of every record that it is saved, until it is full."""

    def __init__(self) -> None:
        self.full = False
        self.asked = threading.Semaphore(0)

    def settle(self, seq: int) -> bool:
        self.asked.release()
        return not self.full


class Gate:
    """A body that holds `a` until it may go on, and notes who ran."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.in_a = threading.Event()
        self.ran: list[str] = []

    def __call__(self, work: Work, context: AttemptContext) -> str:
        self.ran.append(work.subtask.id)
        if work.subtask.id == "a":
            self.in_a.set()
            context.token.wait(self.go)
        return "done"


def at_rest(run: Run) -> None:
    """Whoever held the desk's lock has done what belongs to it."""
    with run.executor._desk.lock:
        pass


def patient(run: Run) -> bool:
    return run.executor._floor.keeping._patience is not None


def until(true: Callable[[], bool]) -> None:
    """What no record tells of."""
    for _ in range(2_000):
        if true():
            return
        threading.Event().wait(0.005)
    raise AssertionError("it did not come")


def held_run(gate: Gate, clock: ManualClock, *, disk: Disk | None = None) -> Run:
    """`a` is in flight, and the disk has just begun to refuse."""
    disk = disk or Disk()
    run = make_run(gate, THREE, workers=1, clock=clock, settle=disk.settle).start()
    assert gate.in_a.wait(10)
    disk.full = True
    run.executor.not_saved("the disk is full", 7)
    return run


def test_what_runs_goes_on_and_nothing_new_begins_until_it_is_saved() -> None:
    gate, disk = Gate(), Disk()
    run = held_run(gate, ManualClock(), disk=disk)
    gate.go.set()
    run.wait_for_ends(1)
    at_rest(run)
    assert gate.ran == ["a"]
    disk.full = False
    run.executor.saved_again(6.0, 0)
    run.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert sorted(gate.ran) == ["a", "b", "c"]
    assert run.all(JournalFailed) == [JournalFailed(message="the disk is full", saved_seq=7)]
    assert run.all(JournalSaved) == [JournalSaved(after_s=6.0)]
    assert run.seqs(SubtaskStarted)[1] > run.seqs(JournalSaved)[0]


def test_an_attempt_does_nothing_before_its_start_is_saved() -> None:
    gate, disk = Gate(), Disk()
    disk.full = True
    gate.go.set()
    run = make_run(gate, THREE, workers=2, settle=disk.settle)
    run.executor.not_saved("no")
    run.executor.saved_again(0.0, 0)
    run.start()
    for _ in range(10):
        assert disk.asked.acquire(timeout=10)
    assert gate.ran == []
    run.executor.not_saved("the disk is full")
    assert gate.ran == []
    disk.full = False
    run.executor.saved_again(1.0, 0)
    run.finish()
    assert run.status is RunStatus.SUCCEEDED
    assert sorted(gate.ran) == ["a", "b", "c"]


def test_time_stands_still_for_an_attempt_whose_start_is_not_saved() -> None:
    gate, disk, clock = Gate(), Disk(), ManualClock()
    gate.go.set()
    disk.full = True
    given = plan(wave("w", subtask("a", timeout=5.0)))
    run = make_run(gate, given, clock=clock, settle=disk.settle)
    run.start()
    run.wait_for(SubtaskStarted)
    run.executor.not_saved("the disk is full")
    until(lambda: patient(run))
    clock.advance(GIVE_UP_S - 0.5)
    assert gate.ran == []
    disk.full = False
    run.executor.saved_again(9.5, 0)
    run.finish()
    assert run.ends() == {"a": Status.SUCCEEDED}


def test_a_run_with_nothing_in_flight_ends_when_the_disk_does_not_come_back() -> None:
    gate, clock = Gate(), ManualClock()
    run = held_run(gate, clock)
    clock.advance(1.5 * GIVE_UP_S)
    at_rest(run)
    assert not patient(run), "a is in flight, and worth waiting for"
    gate.go.set()
    run.wait_for_ends(1)
    at_rest(run)
    assert patient(run)
    clock.advance(GIVE_UP_S)
    run.finish()
    assert run.ends() == {"a": Status.SUCCEEDED, "b": Status.CANCELLED, "c": Status.CANCELLED}
    assert run.all(RunFinished)[0].reason == "not saved: the disk is full"
    assert run.status is RunStatus.CANCELLED


def test_patience_begins_anew_after_the_disk_was_there() -> None:
    gate, disk, clock = Gate(), Disk(), ManualClock()
    run = held_run(gate, clock, disk=disk)
    gate.go.set()
    run.wait_for_ends(1)
    at_rest(run)
    clock.advance(GIVE_UP_S - 1)
    run.executor.control.pause(by="user")
    disk.full = False
    run.executor.saved_again(9.0, 0)
    assert not patient(run)
    clock.advance(5.0)
    run.executor.not_saved("the disk is full")
    clock.advance(GIVE_UP_S - 1)
    at_rest(run)
    run.executor.saved_again(9.0, 0)
    run.executor.control.resume(by="user")
    run.finish()
    assert run.status is RunStatus.SUCCEEDED


@pytest.mark.parametrize("saved_first", [True, False])
def test_a_pause_and_a_disk_that_refuses_each_keep_the_gate_shut(saved_first: bool) -> None:
    gate, disk = Gate(), Disk()
    run = held_run(gate, ManualClock(), disk=disk)
    run.executor.control.pause(by="user")
    gate.go.set()
    run.wait_for_ends(1)
    disk.full = False
    if saved_first:
        run.executor.saved_again(1.0, 0)
    else:
        run.executor.control.resume(by="user")
    at_rest(run)
    assert gate.ran == ["a"]
    if saved_first:
        run.executor.control.resume(by="user")
    else:
        assert run.all(RunResumed)
        run.executor.saved_again(1.0, 0)
    run.finish()
    assert sorted(gate.ran) == ["a", "b", "c"]


def test_what_waits_for_the_disk_can_be_cancelled() -> None:
    gate, disk = Gate(), Disk()
    disk.full = True
    run = make_run(gate, THREE, workers=3, settle=disk.settle)
    run.start()
    run.wait_for(SubtaskStarted, 3)
    run.executor.not_saved("the disk is full")
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run.finish()
    assert set(run.ends().values()) == {Status.CANCELLED}
    assert gate.ran == []


def test_a_result_that_cannot_be_saved_at_all_holds_the_run() -> None:
    class Refusing:
        def write(self, subtask: str, attempt: int, text: str) -> None: ...

        def finish(self, subtask: str, attempt: int) -> str | None:
            return None

        def save_result(self, result: object, output: str, used: object = None) -> None:
            raise OSError(5, "no")

    gate, clock = Gate(), ManualClock()
    gate.go.set()
    run = make_run(gate, THREE, workers=1, clock=clock)
    store = Refusing()
    run.executor._store = store
    run.executor._desk._save = run.executor._save
    run.start()
    run.wait_for_ends(1)
    at_rest(run)
    assert run.all(JournalFailed)
    clock.advance(GIVE_UP_S)
    run.finish()
    assert run.ends()["c"] is Status.CANCELLED
