"""What subtasks changed is looked at, taken over or thrown away: during the run and long after it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from isolation_support import Ground
from support import subtask

from luna_tui.cli import main
from luna_tui.core.events import Record, SubtaskStarted, WorkspaceChanged
from luna_tui.core.run_summary import KeptStatus
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Isolation, Kind, RunStatus
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.isolation.workspaces import OwnWorkspaces
from luna_tui.session import LiveSession
from luna_tui.storage.config import load_config
from luna_tui.storage.epilogue import append_after
from luna_tui.storage.holder import hold
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir, runs_dir
from luna_tui.storage.plans import load_plan
from luna_tui.storage.summaries import RunShelf


def edit(tree: Path) -> None:
    (tree / "src/a.py").write_text("one\n2\nthree\n")


class Told:
    """A run of one command, `s`, whose workspace is a project."""

    def __init__(self, tmp_path: Path, script: str = "true") -> None:
        self.ground = Ground(tmp_path)
        plan = tmp_path / "plan.toml"
        plan.write_text(
            f'[plan]\nname = "p"\nworkspace = "{self.ground.workspace}"\n[[wave]]\nname = "w"\n'
            f'[[wave.subtask]]\nid = "s"\nkind = "command"\nshell = true\nretries = 0\ncommand = "{script}"\n'
            '[[wave.subtask]]\nid = "t"\nkind = "command"\ncommand = ["true"]\n'
        )
        config = load_config(explicit=None, cwd=tmp_path, environ={}, flags={})
        self.begun = threading.Event()
        self.settled = threading.Event()
        self.session = LiveSession(load_plan(plan), config, listeners=(self._listen,))
        self.run_dir = self.session.run_dir
        self.ground.run_dir = self.run_dir.path
        self.ground.own = OwnWorkspaces(self.ground.plan, str(self.run_dir.path), dict(os.environ))

    def _listen(self, record: Record) -> None:
        if isinstance(record.event, SubtaskStarted) and record.event.subtask == "s":
            self.begun.set()
        if type(record.event).__name__ in ("ChangesAccepted", "ChangesDropped", "ChangesRefused"):
            self.settled.set()

    def changed(self, change: Callable[[Path], object] = edit) -> WorkspaceChanged:
        """An attempt of `s` changed its own workspace."""
        changed = self.ground.attempt(change)
        assert changed is not None
        return changed

    def over(self) -> Told:
        """It has ended, and `s` had changed something."""
        assert self.session.run() is RunStatus.SUCCEEDED
        append_after(self.run_dir, self.changed(), hold(self.run_dir))
        return self

    def state(self) -> RunState:
        """By the journal."""
        read = read_journal(self.run_dir.path)
        assert read.damaged == ()
        return fold(read.records)

    def text(self) -> str:
        """The file in the real workspace."""
        return (self.ground.workspace / "src/a.py").read_text()


def test_the_difference_is_printed_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told(tmp_path).over()
    assert main(["diff", "last", "s"]) == 0
    said = capsys.readouterr()
    assert "--- a/src/a.py\n+++ b/src/a.py\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n" in said.out
    assert said.err == "s  1 file  +1 -1  nothing taken over yet\n"
    assert told.text() == "one\ntwo\nthree\n"
    assert main(["diff", "last", "--json"]) == 0
    (one,) = json.loads(capsys.readouterr().out)
    assert (one["subtask"], one["settled"], one["files"][0]["path"]) == ("s", "", "src/a.py")
    assert one["diff"].endswith("+2\n three\n")


def test_accepting_after_the_end_writes_it_and_the_journal_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told(tmp_path).over()
    assert main(["diff", "last", "s", "--accept"]) == 0
    assert "s: 1 file taken over" in capsys.readouterr().err
    assert told.text() == "one\n2\nthree\n"
    state = told.state()
    assert state.changes["s"].settled == "accepted"
    assert state.finished is not None
    (summary,) = RunShelf(runs_dir()).look(SystemClock().wall())
    assert (summary.status, summary.subtasks) == (KeptStatus.SUCCEEDED, 2)
    assert not (told.run_dir.path / "diffs/s.1").exists()
    assert main(["diff", "last", "s", "--drop"]) == 2
    assert "s was accepted already" in capsys.readouterr().err


def test_dropping_leaves_the_workspace_alone(tmp_path: Path) -> None:
    told = Told(tmp_path).over()
    assert main(["diff", "last", "--drop"]) == 0
    assert told.text() == "one\ntwo\nthree\n"
    assert told.state().changes["s"].settled == "dropped"


def test_a_workspace_that_changed_meanwhile_refuses_and_can_be_tried_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = Told(tmp_path).over()
    told.ground.write("src/a.py", "mine\n")
    assert main(["diff", "last", "s", "--accept", "--json"]) == 100
    said = capsys.readouterr()
    assert "src/a.py: was changed meanwhile" in said.err
    assert json.loads(said.out)[0]["conflicts"] == ["src/a.py: was changed meanwhile"]
    assert told.text() == "mine\n"
    told.ground.write("src/a.py", "one\ntwo\nthree\n")
    assert main(["diff", "last", "s", "--accept"]) == 0
    assert told.state().changes["s"].conflicts == ()


def test_a_subtask_that_is_not_there_is_told_with_the_nearest_name(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Told(tmp_path).over()
    assert main(["diff", "last", "t"]) == 2
    assert "t changed nothing in a workspace of its own" in capsys.readouterr().err
    assert main(["diff", "last", "ss"]) == 2
    assert "did you mean s?" in capsys.readouterr().err


def test_a_run_that_is_on_takes_it_over_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = Told(tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    thread = threading.Thread(target=told.session.run, daemon=True)
    thread.start()
    assert told.begun.wait(10)
    told.session._bus.publish(told.changed())
    known, showing = threading.Event(), threading.Event()

    def show() -> None:
        while not showing.wait(0.02):
            if told.session.state().changes:
                known.set()

    front_end = threading.Thread(target=show, daemon=True)
    front_end.start()
    assert known.wait(10)
    assert main(["diff", told.run_dir.run, "s", "--accept"]) == 0
    assert told.text() == "one\n2\nthree\n"
    (tmp_path / "go").touch()
    thread.join(20)
    showing.set()
    front_end.join(5)
    assert told.state().changes["s"].settled == "accepted"
    assert told.state() == told.session.state()


def test_what_is_settled_on_the_last_screen_is_saved_and_shown(tmp_path: Path) -> None:
    told = Told(tmp_path, f"while [ ! -e {tmp_path}/go ]; do sleep 0.05; done")
    thread = threading.Thread(target=told.session.run, daemon=True)
    thread.start()
    assert told.begun.wait(10)
    told.session._bus.publish(told.changed())
    (tmp_path / "go").touch()
    thread.join(20)
    before = threading.active_count()
    told.session.control.settle_changes("s", accept=True, by="user")
    for one in threading.enumerate():
        if one.name == "luna-changes":
            one.join(10)
    assert threading.active_count() <= before
    assert told.text() == "one\n2\nthree\n"
    assert told.session.state().changes["s"].settled == "accepted"
    assert told.state() == told.session.state()


def test_an_attempt_that_begins_anew_takes_back_what_nobody_settled(tmp_path: Path) -> None:
    told = Told(tmp_path).over()
    again = SubtaskStarted(wave="w", subtask="s", attempt=2, worker=0, title="s", kind=Kind.COMMAND)
    append_after(told.run_dir, again, hold(told.run_dir))
    assert told.state().changes == {}


def test_pruning_removes_what_a_killed_run_left_in_a_repository(tmp_path: Path) -> None:
    told = Told(tmp_path).over()
    told.ground.commit()
    told.ground.own.enter(subtask("s", isolate=Isolation.GIT_WORKTREE), 1, CancelToken(SystemClock()))
    assert told.ground.git("worktree", "list").count("\n") == 2
    assert main(["runs", "prune", "--keep-days", "0.000001", "--keep-runs", "0", "--keep-gb", "0"]) == 0
    assert not RunDir(told.run_dir.path).path.exists()
    assert told.ground.git("worktree", "list").count("\n") == 1
