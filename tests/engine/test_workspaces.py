"""Attempts enter and leave their workspace; what they changed is told before their end, and settled later."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from support import FakeRunner, make_run, plan, subtask, wave

from luna_tui.core.events import (
    AttemptFailed,
    ChangedFile,
    ChangesAccepted,
    ChangesRefused,
    RunFinished,
    SubtaskFinished,
    SubtaskStarted,
    WorkspaceChanged,
)
from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind, Manner, Scope, Status
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptContext, AttemptError, Work
from luna_tui.engine.workspaces import Entered, Settlement

ONE = plan(wave("w", subtask("a")))


@dataclass
class Own:
    """Workspaces of their own, in memory, and what becomes of changes in them."""

    refuses: bool = False
    left: list[tuple[str, bool]] = field(default_factory=list)
    asked: list[tuple[str, bool]] = field(default_factory=list)
    go: threading.Event = field(default_factory=threading.Event)
    full: bool = False
    late: list[tuple[str, bool]] = field(default_factory=list)
    was_late: threading.Event = field(default_factory=threading.Event)

    def enter(self, subtask: Subtask, attempt: int, token: CancelToken) -> Entered:
        if self.refuses:
            raise AttemptError(ErrorKind.WORKSPACE, "no repository here")
        return Entered(f"/own/{subtask.id}.{attempt}", own=True)

    def leave(self, entered: Entered, ok: bool) -> WorkspaceChanged | None:
        self.left.append((entered.path, ok))
        subtask, _, attempt = entered.path.removeprefix("/own/").partition(".")
        if not ok:
            return None
        file = ChangedFile(path="x.py", kind="added", added=3)
        return WorkspaceChanged(
            wave="w", subtask=subtask, attempt=int(attempt), files=(file,), diff_file=f"diffs/{subtask}.diff"
        )

    def settle(self, subtask: str, *, accept: bool, by: str) -> Settlement | None:
        self.asked.append((subtask, accept))
        self.go.wait(10)
        if self.full:
            raise OSError(28, "No space left on device")
        return ChangesAccepted(subtask=subtask, by=by, files=1)

    def settle_late(self, subtask: str, *, accept: bool, by: str) -> None:
        self.late.append((subtask, accept))
        self.was_late.set()


def test_what_was_changed_is_on_disk_before_the_end_is_told() -> None:
    """Killed in between, the run would go on with the result and without the changes."""
    told: list[tuple[int, bool]] = []

    def settle(seq: int) -> bool:
        told.append((seq, bool(run.all(SubtaskFinished))))
        return len(told) != 2

    run = make_run(FakeRunner(lambda work, context: "done"), ONE, workspaces=Own(), settle=settle)
    run.finish()
    (changed,) = run.seqs(WorkspaceChanged)
    assert told[1:] == [(changed, False), (changed, False)]


def test_each_attempt_has_its_own_and_only_what_went_well_has_changes() -> None:
    seen: list[tuple[str, bool]] = []
    own = Own()

    def body(work: Work, context: AttemptContext) -> str:
        seen.append((work.workspace, work.own_workspace))
        if work.attempt == 1:
            raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.0)
        return "done"

    run = make_run(FakeRunner(body), plan(wave("w", subtask("a", retries=1))), workspaces=own).finish()
    assert seen == [("/own/a.1", True), ("/own/a.2", True)]
    assert own.left == [("/own/a.1", False), ("/own/a.2", True)]
    assert [e.attempt for e in run.all(WorkspaceChanged)] == [2]
    assert run.seqs(SubtaskStarted)[1] < run.seqs(WorkspaceChanged)[0] < run.seqs(SubtaskFinished)[0]
    assert run.state().changes["a"].added == 3


def test_without_one_of_their_own_all_work_in_that_of_the_plan() -> None:
    seen: list[tuple[str, bool]] = []

    def body(work: Work, context: AttemptContext) -> str:
        seen.append((work.workspace, work.own_workspace))
        return "done"

    make_run(FakeRunner(body), plan(wave("w", subtask("a")))).finish()
    assert seen == [("/", False)]


def test_a_workspace_that_cannot_be_had_fails_the_attempt_in_words() -> None:
    run = make_run(
        FakeRunner(lambda work, context: "done"), plan(wave("w", subtask("a"))), workspaces=Own(refuses=True)
    ).finish()
    (failed,) = run.all(AttemptFailed)
    assert (failed.error_kind, failed.message) == (ErrorKind.WORKSPACE, "no repository here")
    assert run.ends() == {"a": Status.FAILED}


def test_an_attempt_that_is_cancelled_leaves_its_workspace() -> None:
    own, here = Own(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        here.set()
        context.token.sleep(60)
        return "done"

    run = make_run(FakeRunner(body), plan(wave("w", subtask("a"))), workspaces=own).start()
    assert here.wait(10)
    run.executor.control.cancel(Scope.RUN, Manner.NOW, by="user")
    run.finish()
    assert own.left == [("/own/a.1", False)]


def test_changes_are_settled_one_after_the_other_and_the_run_waits_for_that() -> None:
    own, hold = Own(), threading.Event()

    def body(work: Work, context: AttemptContext) -> str:
        if work.subtask.id == "b":
            hold.wait(10)
        return "done"

    given = plan(wave("w", subtask("a"), subtask("b")))
    run = make_run(FakeRunner(body), given, workspaces=own, changes=own).start()
    run.wait_for(WorkspaceChanged)
    run.executor.control.settle_changes("a", accept=True, by="ana")
    hold.set()
    run.wait_for(SubtaskFinished, 2)
    assert not run.all(RunFinished)
    own.go.set()
    run.finish()
    assert own.asked == [("a", True)]
    assert run.seqs(ChangesAccepted)[0] < run.seqs(RunFinished)[0]
    assert run.state().changes["a"].settled == "accepted"
    run.executor.control.settle_changes("b", accept=False, by="ana")
    assert own.was_late.wait(10)
    assert (own.asked, own.late) == ([("a", True)], [("b", False)])


def test_a_disk_that_refuses_is_said_where_the_changes_are() -> None:
    own, hold = Own(full=True), threading.Event()
    own.go.set()

    def body(work: Work, context: AttemptContext) -> str:
        hold.wait(10)
        return "done"

    run = make_run(FakeRunner(body), plan(wave("w", subtask("a"))), workspaces=own, changes=own).start()
    run.wait_for(SubtaskStarted)
    run.executor.control.settle_changes("a", accept=True, by="ana")
    run.wait_for(ChangesRefused)
    hold.set()
    run.finish()
    assert "No space left" in run.all(ChangesRefused)[0].conflicts[0]
