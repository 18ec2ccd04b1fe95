"""What the journal does when the disk, a record or another process misbehaves."""

from __future__ import annotations

import errno
import json
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunPaused, WaveFinished
from luna_tui.core.records import to_line
from luna_tui.core.words import RunStatus
from luna_tui.storage import journal as journal_module
from luna_tui.storage import journal_segments
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import JournalWriter, read_journal, seal
from luna_tui.storage.paths import RunDir, create_run, why_not


def paused(seq: int, by: str = "user") -> Record:
    return Record(seq, seq / 10, "r", RunPaused(by=by))


def lines_of(*records: Record) -> list[str]:
    return [seal(to_line(r)) for r in records]


def file_of(folder: Path, *lines: str) -> Path:
    path = folder / "journal.0001.ndjson"
    path.write_text("".join(line + "\n" for line in lines))
    return path


class FlakyDisk(Disk):
    """Fails while `broken`, with a write torn in its middle; counts the descriptors left open."""

    def __init__(self, error: int = errno.ENOSPC) -> None:
        self.error = error
        self.broken = False
        self.truncates = True
        self.tries = 0
        self.failed = threading.Semaphore(0)
        self.segments: set[int] = set()

    def open_append(self, path: Path) -> int:
        descriptor = super().open_append(path)
        self.segments.add(descriptor)
        return descriptor

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self.segments.discard(descriptor)

    def write(self, descriptor: int, content: bytes) -> None:
        if self.broken:
            self.tries += 1
            super().write(descriptor, content[: len(content) // 2])
            self.failed.release()
            raise OSError(self.error, "injected")
        super().write(descriptor, content)

    def truncate(self, descriptor: int, size: int) -> None:
        if not self.truncates:
            raise OSError(errno.EIO, "injected")
        super().truncate(descriptor, size)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.01)
    monkeypatch.setattr(journal_module, "PATIENCE_S", 0.05)


class Told:
    """Remembers what `on_failure` was told."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.heard = threading.Event()

    def __call__(self, message: str) -> None:
        self.messages.append(message)
        self.heard.set()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO])
def test_what_the_disk_refused_for_long_is_saved_when_it_comes_back(error: int) -> None:
    run_dir, disk, told = create_run("r"), FlakyDisk(error), Told()
    journal = JournalWriter(run_dir, on_failure=told, disk=disk)
    disk.broken = True
    journal.append(paused(1))
    assert told.heard.wait(10)
    journal.append(paused(2))
    disk.broken = False
    assert journal.close()
    assert read_journal(run_dir.path).records == (paused(1), paused(2))
    assert told.messages == [why_not(OSError(error, ""))]
    assert disk.segments == set()


@pytest.mark.usefixtures("quick")
def test_a_disk_that_keeps_failing_does_not_use_up_descriptors() -> None:
    disk, told = FlakyDisk(errno.EIO), Told()
    journal = JournalWriter(create_run("r"), on_failure=told, disk=disk)
    disk.broken = True
    journal.append(paused(1))
    for _ in range(12):
        assert disk.failed.acquire(timeout=10)
    assert len(disk.segments) <= 2
    assert not journal.close()


@pytest.mark.usefixtures("quick")
def test_a_torn_segment_that_cannot_be_cut_repeats_nothing_and_loses_nothing() -> None:
    run_dir, disk = create_run("r"), FlakyDisk(errno.EIO)
    journal = JournalWriter(run_dir, on_failure=lambda _: None, disk=disk)
    disk.truncates = False
    disk.broken = True
    journal.append(paused(1))
    assert disk.failed.acquire(timeout=10)
    disk.broken = False
    journal.append(paused(2))
    assert journal.close()
    read = read_journal(run_dir.path)
    assert read.records == (paused(1), paused(2))
    assert [d.reason for d in read.damaged if not d.reason.startswith("torn")] == []


@pytest.mark.usefixtures("quick")
def test_memory_stays_bounded_while_the_disk_refuses_and_the_loss_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "KEPT_BYTES", 400)
    run_dir, disk, told = create_run("r"), FlakyDisk(), Told()
    journal = JournalWriter(run_dir, on_failure=told, disk=disk)
    disk.broken = True
    journal.append(paused(1))
    assert told.heard.wait(10)
    for seq in range(2, 40):
        journal.append(paused(seq))
    tries = disk.tries
    for _ in range(tries + 3):
        assert disk.failed.acquire(timeout=10)
    disk.broken = False
    journal.append(paused(40, "x" * 500))
    assert not journal.close()
    assert len(read_journal(run_dir.path).records) < 10


def test_a_record_that_is_no_json_is_told_and_the_next_ones_are_saved() -> None:
    run_dir, told = create_run("r"), Told()
    journal = JournalWriter(run_dir, on_failure=told)
    wave = WaveFinished(wave="w", status=RunStatus.SUCCEEDED, counts={}, wall_s=float("nan"))
    journal.append(paused(1))
    journal.append(Record(2, 0.2, "r", wave))
    journal.append(paused(3))
    assert not journal.close()
    assert told.messages[0].startswith("record 2 has no place")
    read = read_journal(run_dir.path)
    assert [r.seq for r in read.records] == [1, 3]
    assert "record 2 is missing" in read.damaged[0].reason


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_breaks_is_loud() -> None:
    class Broken(Disk):
        def write(self, descriptor: int, content: bytes) -> None:
            raise RuntimeError("a bug")

    told = Told()
    journal = JournalWriter(create_run("r"), on_failure=told, disk=Broken())
    journal.append(paused(1))
    assert told.heard.wait(10)
    assert not journal.close()


def test_two_writers_of_one_run_are_refused() -> None:
    run_dir = create_run("r")
    first = JournalWriter(run_dir, on_failure=lambda _: None)
    with pytest.raises(LunaError, match="another process") as caught:
        JournalWriter(run_dir, on_failure=lambda _: None)
    assert caught.value.code is ExitCode.USAGE
    assert first.close()
    run_dir.journal(1).unlink()
    assert JournalWriter(run_dir, on_failure=lambda _: None).close()


def test_a_journal_that_cannot_be_begun_is_a_sentence() -> None:
    run_dir = RunDir(create_run("r").path / "gone")
    with pytest.raises(LunaError, match="does not exist"):
        JournalWriter(run_dir, on_failure=lambda _: None)


def test_segments_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_segments, "SEGMENT_BYTES", 2_000)
    monkeypatch.setattr(journal_module, "GROUP_LINES", 5)
    run_dir, disk = create_run("r"), FlakyDisk()
    journal = JournalWriter(run_dir, on_failure=lambda _: None, disk=disk)
    for seq in range(1, 101):
        journal.append(paused(seq))
    assert journal.close()
    assert len(list(run_dir.path.glob("journal.*.ndjson"))) > 3
    read = read_journal(run_dir.path)
    assert read.records == tuple(paused(n) for n in range(1, 101))
    assert read.damaged == ()
    assert disk.segments == set()


def test_forty_threads_keep_the_order_of_their_lock() -> None:
    run_dir = create_run("r")
    journal = JournalWriter(run_dir, on_failure=lambda _: None)
    lock, seq = threading.Lock(), iter(range(1, 2_001))

    def work() -> None:
        for _ in range(50):
            with lock:
                journal.append(paused(next(seq)))

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.close()
    read = read_journal(run_dir.path)
    assert [r.seq for r in read.records] == list(range(1, 2_001))
    assert read.damaged == ()


def _with_type(line: str, name: str) -> str:
    """The same record, intact, under a type of another version."""
    value = json.loads(line)
    del value["crc"]
    return seal(json.dumps(value | {"type": name}, separators=(",", ":")))


def test_a_type_of_a_later_version_is_no_damage(tmp_path: Path) -> None:
    lines = lines_of(paused(1), paused(2), paused(3))
    lines[1] = _with_type(lines[1], "moon_landed")
    read = read_journal(file_of(tmp_path, *lines))
    assert [r.seq for r in read.records] == [1, 3]
    assert (read.damaged, read.unknown) == ((), 1)


@pytest.mark.parametrize(
    ("change", "seqs", "said"),
    [
        (lambda s: [s[0], s[2], s[3]], [1, 3, 4], "record 2 is missing"),
        (lambda s: [s[0], s[3]], [1, 4], "records 2 to 3 are missing"),
        (lambda s: s[1:], [2, 3, 4], "record 1 is missing"),
        (lambda s: [s[0], s[2], s[1], s[3]], [1, 3, 4], "record 2 is out of order"),
        (lambda s: [*s[:2], lines_of(paused(2, "forged"))[0], *s[2:]], [1, 2, 3, 4], "record 2 is out of"),
    ],
)
def test_lines_that_were_moved_are_noticed(
    tmp_path: Path, change: Callable[[list[str]], list[str]], seqs: list[int], said: str
) -> None:
    lines = lines_of(*(paused(n) for n in range(1, 5)))
    read = read_journal(file_of(tmp_path, *change(lines)))
    assert [r.seq for r in read.records] == seqs
    assert any(d.reason.startswith(said) for d in read.damaged)


def test_a_bad_line_is_listed_once_with_its_place(tmp_path: Path) -> None:
    lines = lines_of(*(paused(n) for n in range(1, 5)))
    lines[2] = lines[2].replace("user", "User")
    read = read_journal(file_of(tmp_path, *lines))
    assert [(d.path, d.line) for d in read.damaged] == [("journal.0001.ndjson", 3)]
    assert [r.seq for r in read.records] == [1, 2, 4]


@pytest.mark.parametrize(
    "body", ["{}", '{"v":2,"seq":1}', '{"v":1,"seq":"x"}', '{"v":1}', "[" * 60_000 + "}", "\x00}", "{]}"]
)
def test_a_line_that_is_whole_but_no_record_is_damage(tmp_path: Path, body: str) -> None:
    read = read_journal(file_of(tmp_path, seal(body)))
    assert (read.records, len(read.damaged)) == ((), 1)
    assert "checksum" not in read.damaged[0].reason


def test_a_journal_that_cannot_be_read_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(LunaError, match="no such file"):
        read_journal(tmp_path / "none.ndjson")
