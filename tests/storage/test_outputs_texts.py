"""Texts of attempts: what comes late goes nowhere, and a full disk is told once, where results are saved."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import SubtaskFinished
from luna_tui.core.words import Status
from luna_tui.storage.disk import Disk
from luna_tui.storage.outputs import FileOutputs
from luna_tui.storage.paths import RunDir, create_run


@pytest.fixture
def run_dir() -> RunDir:
    return create_run("r")


def ended(subtask: str = "a") -> SubtaskFinished:
    return SubtaskFinished(
        wave="w", subtask=subtask, attempt=1, status=Status.SUCCEEDED, duration_s=1.0, attempts=1
    )


def test_each_attempt_has_a_file_of_its_own_that_only_the_owner_reads(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "first")
    store.write("a", 2, "sec")
    store.write("a", 2, "ond")
    assert store.finish("a", 2) == "outputs/a.2.txt"
    assert (run_dir.outputs / "a.1.txt").read_text() == "first"
    assert (run_dir.outputs / "a.2.txt").read_text() == "second"
    assert (run_dir.outputs / "a.2.txt").stat().st_mode & 0o777 == 0o600


def test_text_that_comes_late_is_dropped(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "one")
    store.write("a", 2, "two")
    store.write("a", 1, "late")
    store.finish("a", 2)
    store.write("a", 2, "later")
    store.write("a", 1, "latest")
    assert sorted(os.listdir(run_dir.outputs)) == ["a.1.txt", "a.2.txt"]
    assert [p.read_text() for p in sorted(run_dir.outputs.iterdir())] == ["one", "two"]


def test_a_new_try_after_the_end_has_a_file_that_a_late_thread_cannot_close(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "one")
    assert store.finish("a", 1) == "outputs/a.1.txt"
    store.write("a", 2, "tw")
    assert store.finish("a", 1) is None, "a thread that was given up has come back"
    store.write("a", 1, "late")
    store.write("a", 2, "o")
    assert store.finish("a", 2) == "outputs/a.2.txt"
    assert [p.read_text() for p in sorted(run_dir.outputs.iterdir())] == ["one", "two"]


def test_a_writer_overtaken_by_the_end_writes_to_no_file_at_all(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "kept")
    held = store._file("a", 1)
    assert held is not None
    store.finish("a", 1)
    store.write("b", 1, "other")
    held.write(b"late")
    assert [p.read_text() for p in sorted(run_dir.outputs.iterdir())] == ["kept", "other"]


def test_a_result_saved_again_replaces_the_first(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.save_result(ended(), "first")
    store.save_result(ended(), "second")
    assert json.loads((run_dir.results / "a.json").read_text())["output"] == "second"
    assert os.listdir(run_dir.results) == ["a.json"]


def test_many_attempts_hold_one_descriptor(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "x")
    before = len(os.listdir("/proc/self/fd"))
    for attempt in range(2, 30):
        store.write("a", attempt, "x")
    assert len(os.listdir("/proc/self/fd")) == before
    store.finish("a", 29)
    assert len(os.listdir("/proc/self/fd")) == before - 1


def test_an_attempt_that_wrote_nothing_has_no_file(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "x")
    assert store.finish("a", 2) is None
    assert store.finish("b", 1) is None


def test_half_a_surrogate_pair_is_still_text(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "\ud800é")
    store.finish("a", 1)
    assert (run_dir.outputs / "a.1.txt").read_text(encoding="utf-8") == "?é"


class RefusingDisk(Disk):
    """Has no room for texts, or for anything."""

    def __init__(self, *, results: bool) -> None:
        self.results = results

    def write(self, descriptor: int, content: bytes) -> None:
        if not self.results or not content.startswith(b"{"):
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, content)


def test_text_that_the_disk_refused_is_told_when_the_result_was_saved(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir, RefusingDisk(results=True))
    store.write("a", 1, "text")
    store.write("a", 1, "more")
    store.finish("a", 1)
    with pytest.raises(LunaError, match="the disk is full") as caught:
        store.save_result(ended(), "textmore")
    assert caught.value.code is ExitCode.NOT_SAVED
    assert json.loads((run_dir.results / "a.json").read_text())["output"] == "textmore"
    store.save_result(ended(), "textmore")


def test_a_result_that_the_disk_refused_is_told_and_leaves_the_old_one(run_dir: RunDir) -> None:
    FileOutputs(run_dir).save_result(ended(), "old")
    with pytest.raises(LunaError, match="the disk is full"):
        FileOutputs(run_dir, RefusingDisk(results=False)).save_result(ended(), "new")
    assert json.loads((run_dir.results / "a.json").read_text())["output"] == "old"


def test_a_link_in_the_place_of_a_text_is_not_followed(run_dir: RunDir, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("safe")
    (run_dir.outputs / "a.1.txt").symlink_to(target)
    store = FileOutputs(run_dir)
    store.write("a", 1, "evil")
    store.finish("a", 1)
    with pytest.raises(LunaError, match="symbolic link"):
        store.save_result(ended(), "")
    assert target.read_text() == "safe"
