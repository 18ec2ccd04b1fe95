"""A real disk that is full, and gets room again or does not: the whole program on a small tmpfs."""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from needs import lacking

from luna_tui.core.events import JournalFailed, JournalSaved
from luna_tui.core.state import fold
from luna_tui.core.words import Status
from luna_tui.storage.journal import read_journal

COUNT = 24
OUTPUT = 12_000
"""Bytes that each subtask writes, kept as a text and in its result."""
SMALL, LARGE = 500, 20_000
"""Kilobytes of the disk: too few for the run, and enough."""
_REMOUNT = 32
_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(folder: Path, kilobytes: int, flags: int = 0) -> None:
    done = _LIBC.mount(b"tmpfs", bytes(folder), b"tmpfs", flags, f"size={kilobytes}k".encode())
    if done == 0:
        return
    why = os.strerror(ctypes.get_errno())
    lacking("mount", f"full disks; a small one cannot be mounted ({why}), that takes root")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small disk for the state of the program."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount(folder, SMALL)
    yield folder
    _LIBC.umount2(bytes(folder), 2)


def plan_in(folder: Path) -> Path:
    """Commands that say in a file on another disk that they ran, and write a lot."""
    lines = ['[plan]\nname = "full"\n[defaults]\nkind = "command"\n[[wave]]\nname = "w"']
    for n in range(COUNT):
        script = f"echo {n} >> {folder}/ran; head -c {OUTPUT} /dev/zero | tr '\\\\0' x"
        lines.append(f'[[wave.subtask]]\nid = "c{n}"\nshell = true\nretries = 0\ncommand = "{script}"')
    path = folder / "plan.toml"
    path.write_text("\n".join(lines))
    return path


def started(tmp_path: Path, disk: Path) -> subprocess.Popen[str]:
    plan, events = str(plan_in(tmp_path)), str(tmp_path / "events")
    return program(disk, "run", plan, "--headless", "--workers", "3", "--events", events)


def program(disk: Path, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "luna_tui", *argv],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"XDG_STATE_HOME": str(disk)},
    )


def ran(tmp_path: Path) -> Counter[str]:
    path = tmp_path / "ran"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def run_of(disk: Path) -> Path:
    (found,) = (disk / "luna-tui" / "runs").iterdir()
    return found


def until_not_saved(run: subprocess.Popen[str]) -> None:
    assert run.stderr is not None
    assert any("NOT SAVED" in line for line in run.stderr), "the disk was never full"


def test_a_run_on_a_full_disk_goes_on_when_there_is_room_and_loses_nothing(
    tmp_path: Path, disk: Path
) -> None:
    run = started(tmp_path, disk)
    until_not_saved(run)
    mount(disk, LARGE, _REMOUNT)
    _, rest = run.communicate(timeout=60)
    assert run.returncode == 0, rest
    assert ran(tmp_path) == {str(n): 1 for n in range(COUNT)}
    read = read_journal(run_of(disk))
    assert read.damaged == ()
    state = fold(read.records)
    assert state.counts == {Status.SUCCEEDED: COUNT}
    assert not state.not_saved
    kinds = [type(r.event) for r in read.records]
    assert kinds.index(JournalFailed) < kinds.index(JournalSaved)
    for n in range(COUNT):
        result = json.loads((run_of(disk) / "results" / f"c{n}.json").read_text())
        assert len(result["output"]) == OUTPUT
        assert (run_of(disk) / "outputs" / f"c{n}.1.txt").stat().st_size == OUTPUT


def test_a_disk_that_stays_full_ends_the_run_with_74_and_all_that_was_told_before_is_there(
    tmp_path: Path, disk: Path
) -> None:
    run = started(tmp_path, disk)
    until_not_saved(run)
    _, rest = run.communicate(timeout=60)
    assert run.returncode == 74, rest
    assert "not saved: the disk is full" in rest
    told = [json.loads(line) for line in (tmp_path / "events").read_text().splitlines()]
    assert [r["seq"] for r in told] == list(range(1, len(told) + 1))
    saved_seq = next(r["saved_seq"] for r in told if r["type"] == "journal_failed")
    assert saved_seq > COUNT
    read = read_journal(run_of(disk))
    assert [r.seq for r in read.records][:saved_seq] == list(range(1, saved_seq + 1))
    assert [d for d in read.damaged if "torn" not in d.reason] == []
    assert len(ran(tmp_path)) < COUNT
    assert set(ran(tmp_path).values()) == {1}
    for record in told[:saved_seq]:
        if record["type"] == "subtask_finished":
            json.loads((run_of(disk) / "results" / f"{record['subtask']}.json").read_text())
    ended = {r["subtask"][1:] for r in told[:saved_seq] if r["type"] == "subtask_finished"}
    mount(disk, LARGE, _REMOUNT)
    again = program(disk, "resume", "last", "--headless")
    _, rest = again.communicate(timeout=60)
    assert again.returncode == 0, rest
    assert fold(read_journal(run_of(disk)).records).counts == {Status.SUCCEEDED: COUNT}
    assert set(ran(tmp_path)) == set(map(str, range(COUNT)))
    assert all(ran(tmp_path)[n] == 1 for n in ended)


def test_a_disk_that_is_full_from_the_start_is_74_before_anything_runs(tmp_path: Path, disk: Path) -> None:
    with (disk / "filler").open("wb") as filler:
        filler.write(b"x" * 4_096 * 3)
    mount(disk, 16, _REMOUNT)
    run = started(tmp_path, disk)
    _, said = run.communicate(timeout=60)
    assert run.returncode == 74, said
    assert ran(tmp_path) == {}
    assert "Traceback" not in said
