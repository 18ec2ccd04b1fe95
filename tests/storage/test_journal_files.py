"""The journal loses nothing silently."""

from __future__ import annotations

import errno
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunPaused, SubtaskFinished
from luna_tui.core.words import Status
from luna_tui.storage import journal as journal_module
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import JournalWriter, read_journal, seal, unseal
from luna_tui.storage.outputs import FileOutputs
from luna_tui.storage.paths import RunDir, create_run, find_run, new_run_id, state_dir, why_not


def records(count: int) -> list[Record]:
    return [Record(n, n / 10, "r", RunPaused(by=f"user {n}")) for n in range(1, count + 1)]


def written(count: int, run: str = "one") -> RunDir:
    run_dir = create_run(run)
    journal = JournalWriter(run_dir, on_failure=lambda _: None)
    for record in records(count):
        journal.append(record)
    assert journal.close()
    return run_dir


def test_what_was_appended_is_read_back_in_order() -> None:
    read = read_journal(written(500).path)
    assert list(read.records) == records(500)
    assert read.damaged == ()


def test_only_the_owner_can_read_it() -> None:
    run_dir = written(1)
    assert run_dir.path.stat().st_mode & 0o777 == 0o700
    assert run_dir.journal(1).stat().st_mode & 0o777 == 0o600


def test_a_file_cut_anywhere_is_read_up_to_there_and_the_cut_is_told() -> None:
    path = written(12).journal(1)
    whole = path.read_bytes()
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        read = read_journal(path)
        kept = whole[:size].count(b"\n")
        assert list(read.records) == records(12)[:kept]
        assert bool(read.damaged) == (not (size == 0 or whole[:size].endswith(b"\n")))


def test_a_flipped_bit_is_never_silent() -> None:
    path = written(40).journal(1)
    whole = path.read_bytes()
    rng = random.Random(3)
    for _ in range(300):
        place, bit = rng.randrange(len(whole)), 1 << rng.randrange(8)
        damaged = bytearray(whole)
        damaged[place] ^= bit
        path.write_bytes(bytes(damaged))
        read = read_journal(path)
        assert len(read.records) >= 38
        same = list(read.records) == records(40)
        assert same or read.damaged


def test_a_sealed_line_is_json_and_opens_again() -> None:
    line = '{"v":1,"seq":1}'
    assert unseal(seal(line)) == line
    assert unseal(line) is None


class _FailingDisk(Disk):
    """Refuses some writes with an error of choice."""

    def __init__(self, error: int, times: int) -> None:
        self.error, self.times = error, times
        self.opened: list[Path] = []

    def open_append(self, path: Path) -> int:
        self.opened.append(path)
        return super().open_append(path)

    def write(self, descriptor: int, content: bytes) -> None:
        if self.times > 0:
            self.times -= 1
            super().write(descriptor, content[: len(content) // 2])
            raise OSError(self.error, "injected")
        super().write(descriptor, content)


@pytest.mark.parametrize(("error", "segments"), [(errno.ENOSPC, 1), (errno.EIO, 2)])
def test_a_disk_that_recovers_loses_nothing(error: int, segments: int) -> None:
    run_dir = create_run("r")
    disk = _FailingDisk(error, 1)
    journal = JournalWriter(run_dir, on_failure=lambda _: None, disk=disk)
    for record in records(20):
        journal.append(record)
    assert journal.close()
    read = read_journal(run_dir.path)
    assert list(read.records) == records(20)
    assert len(disk.opened) == segments


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_for_good_is_told_once(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.01)
    monkeypatch.setattr(journal_module, "PATIENCE_S", 0.05)
    told: list[str] = []
    disk = _FailingDisk(error, 10_000)
    journal = JournalWriter(create_run("r"), on_failure=told.append, disk=disk)
    journal.append(records(1)[0])
    assert not journal.close()
    assert told == [why_not(OSError(error, ""))]
    assert disk.times < 9_999, "it was tried again"


def test_kill_9_loses_no_line_that_was_durable(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from luna_tui.core.events import Record, RunPaused\n"
        "from luna_tui.storage.journal import JournalWriter\n"
        "from luna_tui.storage.disk import Disk\n"
        "from luna_tui.storage.paths import create_run\n"
        "class Loud(Disk):\n"
        "    lines = 0\n"
        "    def write(self, d, content):\n"
        "        super().write(d, content); Loud.lines += content.count(b'\\n')\n"
        "    def sync(self, d):\n"
        "        super().sync(d); print(Loud.lines, flush=True)\n"
        "j = JournalWriter(create_run(sys.argv[1]), on_failure=print, disk=Loud())\n"
        "for n in range(1, 60_001):\n"
        "    j.append(Record(n, 0.0, 'r', RunPaused(by='x' * 200)))\n"
        "sys.stdin.read()\n"
    )
    for round_ in range(3):
        child = subprocess.Popen(
            [sys.executable, "-c", code, f"run{round_}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdin is not None
        assert child.stdout is not None
        acked = [int(child.stdout.readline()) for _ in range(20)][-1]
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdin.close()
        child.stdout.close()
        read = read_journal(state_dir() / "runs" / f"run{round_}")
        assert len(read.records) >= acked


def test_full_texts_and_results_are_kept() -> None:
    run_dir = create_run("r")
    store = FileOutputs(run_dir)
    store.write("a", 1, "raw \x1b[2J text")
    name = store.finish("a", 1)
    assert name == "outputs/a.1.txt"
    assert (run_dir.path / name).read_text() == "raw \x1b[2J text"
    assert store.finish("b", 1) is None
    event = SubtaskFinished(
        wave="w", subtask="a", attempt=1, status=Status.SUCCEEDED, duration_s=1.0, attempts=1
    )
    store.save_result(event, "text")
    assert '"status": "succeeded"' in (run_dir.results / "a.json").read_text()


def test_a_run_is_found_by_part_of_its_id() -> None:
    create_run("20260101-000000-aaaa")
    create_run("20260102-000000-bbbb")
    assert find_run("last").run.endswith("bbbb")
    assert find_run("aaaa").run.endswith("aaaa")
    with pytest.raises(LunaError, match="fits"):
        find_run("2026")
    with pytest.raises(LunaError, match="no run"):
        find_run("zzzz")
    assert new_run_id(datetime(2026, 1, 2, tzinfo=UTC), random.Random(1)).startswith("20260102-000000-")


def test_a_state_folder_that_others_can_write_is_refused() -> None:
    state_dir().mkdir(parents=True)
    state_dir().chmod(0o777)
    with pytest.raises(LunaError) as caught:
        create_run("r")
    assert caught.value.code is ExitCode.NOT_SAVED


def test_a_state_folder_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    state_dir().parent.mkdir(parents=True)
    state_dir().symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LunaError, match="symbolic link"):
        create_run("r")
