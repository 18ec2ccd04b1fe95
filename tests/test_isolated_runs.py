"""Whole runs of subtasks with workspaces of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from luna_tui.cli import main
from luna_tui.core.events import AttemptFailed, SubtaskFinished, WorkspaceChanged
from luna_tui.core.state import fold
from luna_tui.core.words import ErrorKind, RunStatus, Status
from luna_tui.runners.tools.base import Place, ToolError
from luna_tui.runners.tools.files import located_for_writing
from luna_tui.session import LiveSession
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir, runs_dir
from luna_tui.storage.plans import load_plan

HEAD = '[plan]\nname = "p"\nworkspace = "project"\n[defaults]\nkind = "command"\nshell = true\n'


def write_plan(tmp_path: Path, *subtasks: str) -> Path:
    project = tmp_path / "project"
    project.mkdir(exist_ok=True)
    (project / "a.txt").write_text("one\n")
    path = tmp_path / "plan.toml"
    path.write_text(HEAD + '[[wave]]\nname = "w"\n' + "".join(f"[[wave.subtask]]\n{s}\n" for s in subtasks))
    return path


def ran(path: Path) -> tuple[LiveSession, RunStatus]:
    session = LiveSession(load_plan(path), load_config(explicit=None, cwd=path.parent, environ={}, flags={}))
    return session, session.run()


def test_forty_subtasks_change_the_same_file_and_none_sees_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = "test $(cat a.txt) = one && echo $ID >a.txt && sleep 0.02 && test $(cat a.txt) = $ID"
    path = write_plan(
        tmp_path,
        *(
            f'id = "s{n}"\nisolate = "copy"\nretries = 0\ncommand = "{script}"\nenv = {{ ID = "{n}" }}'
            for n in range(40)
        ),
    )
    session, status = ran(path)
    assert status is RunStatus.SUCCEEDED
    changes = session.state().changes
    assert len(changes) == 40
    assert (tmp_path / "project/a.txt").read_text() == "one\n"
    assert not (session.run_dir.path / "workspaces").exists()
    assert main(["diff", "last", "s7", "--accept"]) == 0
    assert (tmp_path / "project/a.txt").read_text() == "7\n"
    assert main(["diff", "last", "s8", "--accept"]) == 100
    assert "a.txt: was changed meanwhile" in capsys.readouterr().err
    assert (tmp_path / "project/a.txt").read_text() == "7\n"


def test_the_change_is_told_before_the_end_and_a_dependent_does_not_see_it(tmp_path: Path) -> None:
    path = write_plan(
        tmp_path,
        'id = "first"\nisolate = "copy"\ncommand = "echo two >a.txt"',
        'id = "second"\ndepends_on = ["first"]\ncommand = "cat a.txt"',
    )
    session, status = ran(path)
    assert status is RunStatus.SUCCEEDED
    events = [r.event for r in read_journal(session.run_dir.path).records]
    kinds = [type(e) for e in events if isinstance(e, WorkspaceChanged | SubtaskFinished)]
    assert kinds == [WorkspaceChanged, SubtaskFinished, SubtaskFinished]
    assert (session.run_dir.path / "outputs/second.1.txt").read_text() == "one\n"


def test_a_retried_attempt_starts_afresh(tmp_path: Path) -> None:
    script = f"cat a.txt; echo x >>a.txt; test -e {tmp_path}/again || {{ touch {tmp_path}/again; exit 1; }}"
    path = write_plan(tmp_path, f'id = "s"\nisolate = "copy"\nretries = 1\ncommand = "{script}"')
    session, _ = ran(path)
    if session.state().subtasks["s"].attempt == 1:  # commands fail for good
        assert session.state().changes == {}
        assert main(["retry", "last", "--headless"]) == 0
    text = (session.run_dir.path / "outputs/s.2.txt").read_text()
    state = fold(read_journal(session.run_dir.path).records)
    assert (text, state.changes["s"].attempt, state.changes["s"].added) == ("one\n", 2, 1)


def test_file_tools_write_in_a_workspace_of_the_subtasks_own_and_nowhere_else_in_the_run(
    tmp_path: Path,
) -> None:
    place = Place(
        subtask="s",
        workspace=str(tmp_path / "run/workspaces/s.1"),
        own=True,
        writable=True,
        run_dir=str(tmp_path / "run"),
    )
    Path(place.workspace).mkdir(parents=True)
    assert located_for_writing(place, "src.py", ()) == "src.py"
    outer = replace(place, workspace=str(tmp_path))
    with pytest.raises(ToolError, match="belongs to the run"):
        located_for_writing(outer, "run/journal.0001.ndjson", ())


def test_no_workspace_can_be_made_is_the_end_of_that_subtask_only(tmp_path: Path) -> None:
    path = write_plan(
        tmp_path,
        'id = "s"\nisolate = "git-worktree"\nretries = 2\ncommand = "true"',
        'id = "t"\ncommand = "true"',
    )
    session, status = ran(path)
    assert status is RunStatus.FAILED
    state = session.state()
    assert state.subtasks["t"].status is Status.SUCCEEDED
    assert "not a git repository" in state.subtasks["s"].reason
    failed = [
        r.event for r in read_journal(session.run_dir.path).records if isinstance(r.event, AttemptFailed)
    ]
    assert [e.error_kind for e in failed] == [ErrorKind.WORKSPACE]


def test_a_killed_run_keeps_what_was_saved_and_its_workspaces_go_when_it_goes_on(tmp_path: Path) -> None:
    path = write_plan(
        tmp_path,
        'id = "first"\nisolate = "copy"\ncommand = "echo two >a.txt"',
        'id = "second"\nisolate = "copy"\ndepends_on = ["first"]\n'
        f'command = "test -e {tmp_path}/go || {{ touch {tmp_path}/here; sleep 60; }}; echo b >b.txt"',
    )
    words = [sys.executable, "-m", "luna_tui", "run", str(path), "--headless", "--yes", "--run-id", "r"]
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, env=os.environ | {"CI": "1"})
    run_dir = RunDir(runs_dir() / "r")
    for _ in range(400):
        if (tmp_path / "here").exists():
            break
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    assert [p.name for p in (run_dir.path / "workspaces").iterdir() if p.name.startswith("s")] == ["second.1"]
    (tmp_path / "go").touch()
    assert main(["resume", "r", "--headless"]) == 0
    assert not (run_dir.path / "workspaces").exists()
    changes = fold(read_journal(run_dir.path).records).changes
    assert {(c.subtask, c.attempt) for c in changes.values()} == {("first", 1), ("second", 2)}
    assert main(["diff", "r", "--accept"]) == 0
    assert (tmp_path / "project/a.txt").read_text() == "two\n"
    assert json.loads((run_dir.path / "report.json").read_text())
