"""A disk that is really full: nothing acknowledged is lost, and the run goes on when there is room again."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from needs import lacking

from luna_tui.core.events import JournalFailed, JournalSaved, RunFinished, SubtaskFinished, SubtaskStarted
from luna_tui.core.state import fold
from luna_tui.core.words import GOOD, RunStatus
from luna_tui.storage.journal import JournalRead, read_journal

pytestmark = pytest.mark.timeout(120)
SUBTASKS = 24
NOT_SAVED = "NOT SAVED"
PLAN = """
[plan]
name = "full"
[defaults]
kind = "command"
shell = true
[[wave]]
name = "one"
timeout = 0
max_workers = 2
"""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = os.geteuid() == 0 and not _call("mount", "-t", "tmpfs", "-o", "size=2m,mode=700", "none", place)
    if not mounted:
        lacking("mount", "a full disk needs a file system of its own, which only root can mount")
    yield place
    for run in STARTED:
        run.close()
    STARTED.clear()
    _call("umount", "--lazy", place)


def _call(*argv: str | Path) -> int:
    return subprocess.run(argv, check=False, capture_output=True).returncode


class Run:
    """The program, headless, with its state on the small disk; what it says is read as it comes."""

    def __init__(self, disk: Path, *argv: str) -> None:
        self._disk = disk
        self.said: list[str] = []
        self._news = threading.Condition()
        """Protects `said`."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "luna_tui", *argv],
            env={**os.environ, "XDG_STATE_HOME": str(disk), "LANG": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        STARTED.append(self)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line)
                self._news.notify_all()

    def hears(self, text: str, times: int = 1) -> None:
        """Return once it has said so."""
        with self._news:
            met = self._news.wait_for(lambda: sum(text in line for line in self.said) >= times, 60)
        assert met, "".join(self.said)

    def ends(self) -> int:
        """Its exit code."""
        code = self.process.wait(60)
        self.close()
        return code

    def close(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self._reader.join(10)
        assert self.process.stderr is not None
        self.process.stderr.close()
        self.process.wait()

    def journal(self) -> JournalRead:
        """What is kept of it."""
        (folder,) = (self._disk / "luna-tui" / "runs").iterdir()
        return read_journal(folder)


STARTED: list[Run] = []


def fill(disk: Path) -> Path:
    """A file that takes all the room there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(b"x" * 4096)
    return filler


def plan(tmp_path: Path) -> str:
    subtasks = (
        f"[[wave.subtask]]\nid = 's{n}'\ntitle = 's{n}'\n"
        f"command = 'sleep 0.1; echo {n} >> log; echo done-{n}'\n"
        for n in range(SUBTASKS)
    )
    path = tmp_path / "plan.toml"
    path.write_text(PLAN + "".join(subtasks), encoding="utf-8")
    return str(path)


def done(tmp_path: Path) -> list[int]:
    """What the commands did, in order."""
    return [int(line) for line in (tmp_path / "log").read_text().split()]


def test_the_run_goes_on_when_there_is_room_again(tmp_path: Path, disk: Path) -> None:
    run = Run(disk, "run", plan(tmp_path), "--headless")
    run.hears("succeeded", 4)
    filler = fill(disk)
    run.hears(NOT_SAVED)
    filler.unlink()
    run.hears("saved again")
    assert run.ends() == 0, "".join(run.said)
    read = run.journal()
    assert read.damaged == ()
    state = fold(read.records)
    assert state.finished is not None
    assert state.finished.status is RunStatus.SUCCEEDED
    kinds = [type(r.event) for r in read.records]
    assert kinds.count(JournalFailed) == kinds.count(JournalSaved) >= 1
    assert sorted(done(tmp_path)) == list(range(SUBTASKS))
    (folder,) = (disk / "luna-tui" / "runs").iterdir()
    for n in range(SUBTASKS):
        assert f"done-{n}" in (folder / "results" / f"s{n}.json").read_text()
        assert (folder / "outputs" / f"s{n}.1.txt").read_text() == f"done-{n}\n"


def test_what_was_told_as_saved_is_there_when_the_room_never_comes(tmp_path: Path, disk: Path) -> None:
    run = Run(disk, "run", plan(tmp_path), "--headless")
    run.hears("succeeded", 4)
    filler = fill(disk)
    run.hears(NOT_SAVED)
    told = sum("succeeded" in line for line in run.said[: _place_of(NOT_SAVED, run.said)])
    assert run.ends() == 74, "".join(run.said)
    filler.unlink()
    read = run.journal()
    ended = {r.event.subtask for r in read.records if isinstance(r.event, SubtaskFinished)}
    begun = {r.event.subtask for r in read.records if isinstance(r.event, SubtaskStarted)}
    assert len(ended) >= told >= 4
    assert len(done(tmp_path)) < SUBTASKS, "nothing new began while it could not be saved"
    assert len(set(done(tmp_path))) <= len(begun), "nothing ran whose start was not saved"
    again = Run(disk, "resume", "last", "--headless")
    assert again.ends() == 0, "".join(again.said)
    state = fold(run.journal().records)
    assert isinstance(state.finished, RunFinished)
    assert all(s.status in GOOD for s in state.subtasks.values())
    assert all(done(tmp_path).count(int(i[1:])) == 1 for i in ended), "what ended well is not done again"


def test_a_disk_that_is_full_from_the_start_begins_nothing(tmp_path: Path, disk: Path) -> None:
    fill(disk)
    run = Run(disk, "run", plan(tmp_path), "--headless")
    assert run.ends() == 74
    assert "the disk is full" in "".join(run.said)
    assert not (tmp_path / "log").exists()


def _place_of(text: str, lines: list[str]) -> int:
    return next(n for n, line in enumerate(lines) if text in line)
