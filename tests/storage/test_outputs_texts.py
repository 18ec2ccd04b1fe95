"""Texts and results: what comes late goes nowhere, and what a disk refuses is written when it has room."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path

import pytest

from luna_tui.core.events import SubtaskFinished
from luna_tui.core.words import Status
from luna_tui.storage import outputs as outputs_module
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
    """Has no room while it is full, and tears what it writes then; counts descriptors that are open."""

    def __init__(self, *, texts: bool = True, results: bool = True) -> None:
        self.texts, self.results = texts, results
        """What it refuses."""

    def write(self, descriptor: int, content: bytes) -> None:
        if self.results if content.startswith(b"{") else self.texts:
            super().write(descriptor, content[: len(content) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        super().write(descriptor, content)

    def recover(self) -> None:
        """There is room again."""
        self.texts = self.results = False


def output_of(run_dir: RunDir, subtask: str = "a") -> str:
    text: str = json.loads((run_dir.results / f"{subtask}.json").read_text())["output"]
    return text


def test_text_that_the_disk_refused_is_told_at_once_and_written_when_there_is_room(run_dir: RunDir) -> None:
    told: list[str] = []
    disk = RefusingDisk(results=False)
    store = FileOutputs(run_dir, disk, on_refused=told.append)
    store.write("a", 1, "text that is torn ")
    assert len(told) == 1
    assert told[0].endswith("the disk is full")
    store.write("a", 1, "and more")
    store.finish("a", 1)
    store.save_result(ended(), "text that is torn and more")
    assert output_of(run_dir) == "text that is torn and more"
    assert store.save_kept() == "the disk is full"
    assert store.unsaved == ("a",)
    disk.recover()
    assert store.save_kept() == ""
    assert not store.unsaved
    assert (run_dir.outputs / "a.1.txt").read_text() == "text that is torn and more"
    assert len(told) == 1


def test_text_goes_on_where_the_refused_part_ends(run_dir: RunDir) -> None:
    disk = RefusingDisk()
    store = FileOutputs(run_dir, disk)
    disk.recover()
    store.write("a", 1, "one ")
    disk.texts = True
    store.write("a", 1, "two ")
    disk.recover()
    store.write("a", 1, "three ")
    assert store.save_kept() == ""
    store.write("a", 1, "four")
    store.finish("a", 1)
    assert (run_dir.outputs / "a.1.txt").read_text() == "one two three four"


def test_a_result_that_the_disk_refused_leaves_the_old_one_and_is_written_later(run_dir: RunDir) -> None:
    FileOutputs(run_dir).save_result(ended(), "old")
    told: list[str] = []
    disk = RefusingDisk()
    store = FileOutputs(run_dir, disk, on_refused=told.append)
    store.save_result(ended(), "new")
    assert output_of(run_dir) == "old"
    assert len(told) == 1
    store.save_result(ended(), "newest")
    assert store.unsaved == ("a",)
    disk.recover()
    assert store.save_kept() == ""
    assert output_of(run_dir) == "newest"
    assert not store.unsaved


def test_what_is_kept_in_memory_is_bounded_and_what_is_lost_is_named(
    run_dir: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "KEPT_BYTES", 1_000)
    disk = RefusingDisk()
    store = FileOutputs(run_dir, disk)
    store.save_result(ended("small"), "x")
    store.save_result(ended("large"), "x" * 2_000)
    store.write("a", 1, "y" * 400)
    store.write("a", 1, "z" * 2_000)
    store.finish("a", 1)
    disk.recover()
    assert store.save_kept() == ""
    assert sorted(store.unsaved) == ["a", "large"]
    assert output_of(run_dir, "small") == "x"
    assert (run_dir.outputs / "a.1.txt").read_text() == "y" * 400


def test_room_is_given_back_when_the_disk_has_taken_it(
    run_dir: RunDir, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "KEPT_BYTES", 1_000)
    disk = RefusingDisk()
    store = FileOutputs(run_dir, disk)
    for number in range(5):
        disk.texts = disk.results = True
        store.write("a", number + 1, "y" * 400)
        store.save_result(ended(f"s{number}"), "x" * 200)
        disk.recover()
        assert store.save_kept() == ""
    store.finish("a", 5)
    assert not store.unsaved


def test_texts_that_somebody_removed_are_written_anew_with_what_was_in_them(run_dir: RunDir) -> None:
    store = FileOutputs(run_dir)
    store.write("a", 1, "before ")
    shutil.rmtree(run_dir.path)
    store.save_result(ended("b"), "result")
    assert store.save_kept() == ""
    store.write("a", 1, "after")
    store.finish("a", 1)
    assert (run_dir.outputs / "a.1.txt").read_text() == "before after"
    assert output_of(run_dir, "b") == "result"


def test_a_link_in_the_place_of_a_text_is_not_followed(run_dir: RunDir, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("safe")
    (run_dir.outputs / "a.1.txt").symlink_to(target)
    told: list[str] = []
    store = FileOutputs(run_dir, on_refused=told.append)
    store.write("a", 1, "evil")
    store.finish("a", 1)
    assert "symbolic link" in told[0]
    assert "symbolic link" in store.save_kept()
    assert target.read_text() == "safe"
