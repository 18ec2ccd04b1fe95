"""The program itself: a run in one process, watched, commanded, ended and killed from others."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from wire_support import until

from luna_tui.core.events import Attached, CancelRequested, Detached, Record, RunPaused, RunResumed
from luna_tui.core.state import fold
from luna_tui.core.words import Manner, Scope, Status, Watching
from luna_tui.session.remote import RemoteSession
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir, runs_dir
from luna_tui.storage.run_lock import is_held, read_note, socket_of

PLAN = """
[plan]
name = "patient"
[defaults]
retries = 0
[[wave]]
name = "work"
[[wave.subtask]]
id = "one"
kind = "command"
shell = true
command = "while [ ! -e go ]; do sleep 0.02; done; echo one"
[[wave.subtask]]
id = "two"
kind = "command"
shell = true
command = "while [ ! -e go ]; do sleep 0.02; done; echo two"
[[wave]]
name = "after"
[[wave.subtask]]
id = "three"
kind = "command"
command = ["echo", "three"]
"""


class Program:
    """A run of the plan in a process of its own; it goes on until `go` is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "plan.toml").write_text(PLAN)
        self.child = subprocess.Popen(
            [sys.executable, "-m", "luna_tui", "run", "plan.toml", "--headless", "--yes"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        )  # fmt: skip
        until(self._begun, 20.0, "the run")
        self.run_dir = RunDir(next(runs_dir().iterdir()))

    def _begun(self) -> bool:
        assert self.child.poll() is None, "it ended before it began"
        journals = runs_dir().glob("*/journal.*.ndjson")
        return any(p.read_bytes().count(b"subtask_started") == 2 for p in journals)

    def go(self) -> int:
        """Let the subtasks end; the exit code of the run."""
        (self.folder / "go").touch()
        return self.child.wait(20.0)

    def records(self) -> tuple[Record, ...]:
        """The journal so far."""
        return read_journal(self.run_dir.path).records

    def luna(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Another command, in the same place."""
        return subprocess.run(
            [sys.executable, "-m", "luna_tui", *argv], cwd=self.folder, stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    found = Program(tmp_path)
    yield found
    (tmp_path / "go").touch()
    if found.child.poll() is None:
        found.child.kill()
    found.child.communicate()


def test_two_viewers_command_one_run_and_its_journal_says_who(program: Program) -> None:
    one, two = RemoteSession(program.run_dir), RemoteSession(program.run_dir)
    assert one.control is not None
    assert two.control is not None
    one.control.pause(by="ana")
    until(lambda: two.state().paused)
    two.control.resume(by="bob")
    until(lambda: not one.state().paused and one.state().viewers == 2)
    two.close()
    until(lambda: one.state().viewers == 1)
    assert program.go() == 0
    assert one.ended.wait(10.0)
    records = program.records()
    assert one.state() == fold(records)
    told = [r.event for r in records if isinstance(r.event, Attached | Detached | RunPaused | RunResumed)]
    assert [type(event) for event in told] == [Attached, Attached, RunPaused, RunResumed, Detached]
    assert [event.by for event in told] == ["user", "user", "ana", "bob", "user"]
    one.close()


def test_a_killed_run_is_seen_at_once_and_shown_as_it_was_saved(program: Program) -> None:
    session = RemoteSession(program.run_dir)
    until(lambda: session.state().viewers == 1)
    program.child.send_signal(signal.SIGKILL)
    assert session.ended.wait(10.0)
    assert session.watching is Watching.LOST
    assert session.state() == fold(program.records())
    assert not is_held(program.run_dir.lock)
    path = socket_of(program.run_dir)
    assert path is not None
    assert path.exists(), "a stale socket stays"
    path.unlink()
    done = program.luna("attach", "last", "--headless")
    assert done.returncode == 0
    assert f"luna-tui resume {program.run_dir.run}" in done.stderr
    assert program.luna("cancel", "last").returncode == 2
    session.close()


def test_show_asks_the_process_and_says_that_it_runs(program: Program) -> None:
    shown = json.loads(program.luna("show", "last", "--json").stdout)
    assert (shown["running"], shown["status"], shown["plan"]) == (True, None, "patient")
    assert "# patient" in program.luna("show", "last").stdout
    assert program.go() == 0
    shown = json.loads(program.luna("show", "last", "--json").stdout)
    assert (shown["running"], shown["status"]) == (False, "succeeded")
    assert not [r for r in program.records() if isinstance(r.event, Attached)]


def test_cancel_ends_a_subtask_a_wave_or_the_run(program: Program) -> None:
    wrong = program.luna("cancel", "last", "--wave", "wrok")
    assert (wrong.returncode, "did you mean work?" in wrong.stderr) == (2, True)
    done = program.luna("cancel", "last", "--subtask", "one")
    assert (done.returncode, "1 in flight ended now" in done.stdout) == (0, True)
    until(lambda: fold(program.records()).subtasks["one"].status is Status.CANCELLED)
    assert program.child.poll() is None
    done = program.luna("cancel", "last", "--now")
    assert (done.returncode, "1 in flight ended now" in done.stdout) == (0, True)
    assert program.child.wait(20.0) == 75
    asked = [r.event for r in program.records() if isinstance(r.event, CancelRequested)]
    assert [(e.by, e.scope, e.manner, e.subtask) for e in asked] == [
        ("user", Scope.SUBTASK, Manner.NOW, "one"),
        ("user", Scope.RUN, Manner.NOW, None),
    ]
    assert program.luna("cancel", "last").returncode == 2


def test_an_attached_program_tells_the_end_and_has_the_exit_code_of_the_run(program: Program) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "luna_tui", "attach", "--headless"],
        cwd=program.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(lambda: any(isinstance(r.event, Attached) for r in program.records()), 20.0)
    program.luna("cancel", "last", "--subtask", "one")
    program.go()
    _, said = child.communicate(timeout=20)
    assert child.returncode == 75
    assert "cancelled 1.01 one" in said
    assert "run cancelled" in said


@pytest.mark.parametrize(
    ("number", "codes"),
    [(signal.SIGINT, {0}), (signal.SIGTERM, {143}), (signal.SIGHUP, {129, -signal.SIGHUP})],
    ids=["SIGINT", "SIGTERM", "SIGHUP"],
)
def test_a_signal_ends_the_viewer_and_never_the_run(
    program: Program, number: signal.Signals, codes: set[int]
) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", "luna_tui", "attach", "--headless"],
        cwd=program.folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stderr is not None
    assert "begins" in child.stderr.readline()
    child.send_signal(number)
    _, said = child.communicate(timeout=20)
    assert child.returncode in codes
    if number is signal.SIGINT:
        assert f"The run goes on; come back with: luna-tui attach {program.run_dir.run}" in said
    until(lambda: any(isinstance(r.event, Detached) for r in program.records()))
    assert program.go() == 0
    assert fold(program.records()).counts == {Status.SUCCEEDED: 3}


def test_the_run_directory_is_private_and_nothing_of_the_socket_stays(program: Program) -> None:
    note = read_note(program.run_dir)
    assert note is not None
    assert note.pid == program.child.pid
    socket_path = Path(note.socket)
    assert socket_path.stat().st_mode & 0o777 == 0o600
    assert socket_path.parent.stat().st_mode & 0o777 == 0o700
    for path in (program.run_dir.path, *program.run_dir.path.rglob("*")):
        assert path.lstat().st_mode & 0o077 == 0 or path.is_symlink(), path
        assert path.lstat().st_uid == os.geteuid()
    assert program.go() == 0
    assert not socket_path.exists()


def test_attach_without_a_run_is_said_in_words(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "luna_tui", "attach", "--headless"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "no run is on" in done.stderr
    assert "Traceback" not in done.stderr


def test_of_several_runs_one_must_be_named(program: Program) -> None:
    other = runs_dir() / "20200101-000000-othr"
    other.mkdir()
    lock = os.open(other / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    done = program.luna("attach", "--headless")
    os.close(lock)
    assert done.returncode == 2
    assert "several runs are on" in done.stderr
    assert "luna-tui attach 20200101-000000-othr" in done.stderr
    assert f"luna-tui attach {program.run_dir.run}" in done.stderr


def test_attach_after_the_end_shows_what_was_saved(program: Program) -> None:
    assert program.go() == 0
    done = program.luna("attach", "last", "--headless")
    assert done.returncode == 0
    assert "run succeeded" in done.stderr
    assert "The run goes on" not in done.stderr
