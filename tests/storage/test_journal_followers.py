"""Journal first, screen second; who waits for the disk waits no longer than it takes or refuses."""

from __future__ import annotations

import errno
import shutil
import threading
from collections.abc import Callable

import pytest

from luna_tui.core.errors import LunaError
from luna_tui.core.events import Record, RunPaused, SubtaskOutput
from luna_tui.storage import journal as journal_module
from luna_tui.storage import journal_segments
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import JournalWriter, read_journal
from luna_tui.storage.paths import create_run


def paused(seq: int, by: str = "user") -> Record:
    return Record(seq, seq / 10, "r", RunPaused(by=by))


class SlowDisk(Disk):
    """Each sync waits until it is let go; counts them."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.go = threading.Semaphore(0)
        self.syncs = 0

    def sync(self, descriptor: int) -> None:
        self.syncs += 1
        self.begun.release()
        assert self.go.acquire(timeout=10)
        super().sync(descriptor)


class FullDisk(Disk):
    """Has no room while `full`."""

    def __init__(self) -> None:
        self.full = True

    def write(self, descriptor: int, content: bytes) -> None:
        if self.full:
            raise OSError(errno.ENOSPC, "injected")
        super().write(descriptor, content)


class Heard:
    """What was told, in order; anything that was told can be waited for."""

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.failures: list[str] = []
        self.saved: list[tuple[float, int]] = []
        self._changed = threading.Condition()

    def follow(self, record: Record) -> None:
        with self._changed:
            self.seqs.append(record.seq)
            self._changed.notify_all()

    def failed(self, why: str) -> None:
        with self._changed:
            self.failures.append(why)
            self._changed.notify_all()

    def saved_again(self, after_s: float, lost: int) -> None:
        with self._changed:
            self.saved.append((after_s, lost))
            self._changed.notify_all()

    def wait(self, true: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(true, 10)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.01)
    monkeypatch.setattr(journal_module, "PATIENCE_S", 0.05)
    monkeypatch.setattr(journal_module, "LOOK_S", 0.01)


def writer(heard: Heard, disk: Disk | None = None, run: str = "r", **more: object) -> JournalWriter:
    return JournalWriter(
        create_run(run),
        on_failure=heard.failed,
        on_saved=heard.saved_again,
        hand_on=heard.follow,
        disk=disk,
        **more,  # type: ignore[arg-type]
    )


def test_nobody_hears_of_a_record_before_it_is_durable(heard: Heard) -> None:
    disk = SlowDisk()
    journal = writer(heard, disk)
    journal.append(paused(1))
    assert disk.begun.acquire(timeout=10)
    assert heard.seqs == []
    assert journal.saved_seq == 0
    assert not journal.wait_saved(1, 0.0)
    disk.go.release(10)
    assert journal.wait_saved(1, 10)
    heard.wait(lambda: heard.seqs == [1])
    assert journal.close()


def test_everybody_hears_at_once_while_the_disk_refuses(heard: Heard) -> None:
    disk = FullDisk()
    journal = writer(heard, disk)
    journal.append(paused(1))
    heard.wait(lambda: heard.seqs == [1] and heard.failures == ["the disk is full"])
    journal.append(paused(2))
    heard.wait(lambda: heard.seqs == [1, 2])
    assert journal.saved_seq == 0
    assert not journal.wait_saved(2)
    disk.full = False
    assert journal.close()
    assert [lost for _, lost in heard.saved] == [0]
    assert heard.seqs == [1, 2]


def test_forty_threads_are_heard_in_the_order_of_their_numbers(heard: Heard) -> None:
    journal = writer(heard)
    lock, seqs = threading.Lock(), iter(range(1, 2_001))

    def work() -> None:
        for _ in range(50):
            with lock:
                seq = next(seqs)
                journal.append(paused(seq))
            if seq % 10 == 0:
                assert journal.wait_saved(seq, 10)

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.close()
    assert heard.seqs == list(range(1, 2_001))


def test_one_commit_serves_everybody_who_waits(heard: Heard) -> None:
    disk = SlowDisk()
    journal = writer(heard, disk)
    journal.append(paused(1))
    assert disk.begun.acquire(timeout=10)
    saved = threading.Semaphore(0)

    def work(seq: int) -> None:
        if journal.wait_saved(seq, 10):
            saved.release()

    threads = [threading.Thread(target=work, args=(seq,)) for seq in range(2, 42)]
    for seq in range(2, 42):
        journal.append(paused(seq))
    for thread in threads:
        thread.start()
    disk.go.release(10)
    for thread in threads:
        thread.join(10)
        assert saved.acquire(timeout=10)
    assert disk.syncs == 2
    assert journal.close()


def test_who_waits_cuts_the_rest_after_a_commit_short(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    monkeypatch.setattr(journal_module, "REST_S", 600.0)
    journal = writer(heard)
    for seq in range(1, 6):
        journal.append(paused(seq))
        assert journal.wait_saved(seq, 10)
    assert journal.close()


def test_who_waits_is_let_go_when_the_disk_refuses(heard: Heard) -> None:
    class Failing(SlowDisk):
        def sync(self, descriptor: int) -> None:
            super().sync(descriptor)
            raise OSError(errno.EIO, "injected")

    disk = Failing()
    journal = writer(heard, disk)
    journal.append(paused(1))
    assert disk.begun.acquire(timeout=10)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(journal.wait_saved(1)))
    thread.start()
    disk.go.release(1_000)
    thread.join(10)
    assert results == [False]


@pytest.mark.usefixtures("quick")
def test_what_is_said_of_the_end_is_saved_too() -> None:
    disk, run_dir = FullDisk(), create_run("r")
    journal: JournalWriter

    def failed(why: str) -> None:
        journal.append(paused(2, why))
        disk.full = False

    journal = JournalWriter(
        run_dir, on_failure=failed, on_saved=lambda s, n: journal.append(paused(3, f"lost {n}")), disk=disk
    )
    journal.append(paused(1))
    assert journal.close()
    read = read_journal(run_dir.path)
    assert [r.event for r in read.records] == [
        RunPaused(by="user"), RunPaused(by="the disk is full"), RunPaused(by="lost 0"),
    ]  # fmt: skip


def test_what_comes_after_the_end_is_heard_though_not_saved(heard: Heard) -> None:
    journal = writer(heard)
    journal.append(paused(1))
    assert journal.close()
    journal.append(paused(2))
    assert heard.seqs == [1, 2]
    assert journal.saved_seq == 1
    assert not journal.wait_saved(2)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_writer_that_breaks_lets_everybody_go_and_everything_be_heard(heard: Heard) -> None:
    class Broken(SlowDisk):
        def sync(self, descriptor: int) -> None:
            super().sync(descriptor)
            raise RuntimeError("a bug")

    disk = Broken()
    journal = writer(heard, disk)
    journal.append(paused(1))
    assert disk.begun.acquire(timeout=10)
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(journal.wait_saved(1)))
    thread.start()
    disk.go.release(1_000)
    thread.join(10)
    assert results == [False]
    heard.wait(lambda: heard.failures == ["the thread that writes the journal broke"])
    journal.append(paused(2))
    heard.wait(lambda: heard.seqs == [1, 2])
    assert not journal.close()


@pytest.mark.usefixtures("quick")
def test_what_others_keep_is_saved_before_all_is_said_to_be_saved(heard: Heard) -> None:
    answers = ["no room yet", "no room yet", ""]
    journal = writer(heard, also=lambda: answers.pop(0))
    journal.refuse("a result was refused")
    heard.wait(lambda: len(heard.saved) == 1)
    assert answers == []
    assert heard.failures == ["a result was refused"]
    journal.append(paused(1))
    assert journal.wait_saved(1, 10)
    assert journal.close()


def test_a_slow_disk_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    monkeypatch.setattr(journal_module, "SLOW_S", -1.0)
    slow: list[float] = []
    journal = writer(heard, on_slow=slow.append)
    for seq in range(1, 6):
        journal.append(paused(seq))
        assert journal.wait_saved(seq, 10)
    assert journal.close()
    assert len(slow) == 1


def test_texts_leave_room_for_what_is_nowhere_else(monkeypatch: pytest.MonkeyPatch, heard: Heard) -> None:
    monkeypatch.setattr(journal_module, "KEPT_BYTES", 4_000)
    disk = FullDisk()
    journal = writer(heard, disk)
    journal.append(paused(1))
    heard.wait(lambda: len(heard.failures) == 1)
    for seq in range(2, 41):
        text = SubtaskOutput(wave="w", subtask="a", attempt=1, text="x" * 200)
        journal.append(Record(seq, 0.0, "r", text))
    for seq in range(41, 46):
        journal.append(paused(seq))
    heard.wait(lambda: len(heard.seqs) == 45)
    disk.full = False
    assert not journal.close()
    kept = [r.seq for r in read_journal(create_run("other").path.parent / "r").records]
    assert kept[-5:] == [41, 42, 43, 44, 45]
    assert len(kept) < 20
    assert [lost for _, lost in heard.saved] == [45 - len(kept)]


@pytest.mark.usefixtures("quick")
def test_a_run_directory_that_is_removed_is_written_once_more(heard: Heard) -> None:
    run_dir = create_run("r")
    journal = JournalWriter(
        run_dir, on_failure=heard.failed, on_saved=heard.saved_again, hand_on=heard.follow
    )
    for seq in range(1, 4):
        journal.append(paused(seq))
        assert journal.wait_saved(seq, 10)
    shutil.rmtree(run_dir.path)
    heard.wait(lambda: len(heard.saved) == 1)
    journal.append(paused(4))
    with pytest.raises(LunaError, match="another process"):
        JournalWriter(run_dir, on_failure=lambda _: None)
    assert journal.close()
    read = read_journal(run_dir.path)
    assert [r.seq for r in read.records] == [1, 2, 3, 4]
    assert read.damaged == ()
    assert "removed" in heard.failures[0]
    assert [lost for _, lost in heard.saved] == [0]


@pytest.mark.usefixtures("quick")
def test_records_that_went_with_earlier_segments_are_counted_as_lost(
    monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setattr(journal_segments, "SEGMENT_BYTES", 1)
    run_dir = create_run("r")
    journal = JournalWriter(run_dir, on_failure=heard.failed, on_saved=heard.saved_again)
    for seq in range(1, 4):
        journal.append(paused(seq))
        assert journal.wait_saved(seq, 10)
    shutil.rmtree(run_dir.path)
    heard.wait(lambda: len(heard.saved) == 1)
    assert not journal.close()
    read = read_journal(run_dir.path)
    assert [r.seq for r in read.records] == [3]
    assert [lost for _, lost in heard.saved] == [2]
    assert any("records 1 to 2 are missing" in d.reason for d in read.damaged)
