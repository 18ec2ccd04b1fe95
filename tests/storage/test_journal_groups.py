"""A lone record is durable at once; a stream of records shares its commits."""

from __future__ import annotations

import threading
import time

import pytest

from luna_tui.core.events import Record, RunPaused
from luna_tui.storage import journal as journal_module
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import JournalWriter, read_journal
from luna_tui.storage.paths import create_run


class CountingDisk(Disk):
    """Counts the commits."""

    def __init__(self) -> None:
        self.syncs = 0
        self.synced = threading.Semaphore(0)

    def sync(self, descriptor: int) -> None:
        super().sync(descriptor)
        self.syncs += 1
        self.synced.release()


def test_records_gather_after_a_commit_and_closing_does_not_wait_for_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_module, "REST_S", 30.0)
    run_dir, disk = create_run("r"), CountingDisk()
    journal = JournalWriter(run_dir, on_failure=lambda _: None, disk=disk)
    journal.append(Record(1, 0.0, "r", RunPaused(by="user")))
    assert disk.synced.acquire(timeout=10)
    for seq in range(2, 102):
        journal.append(Record(seq, 0.0, "r", RunPaused(by="user")))
    began_at = time.monotonic()
    assert journal.close()
    assert time.monotonic() - began_at < 10
    assert disk.syncs == 2
    assert len(read_journal(run_dir.path).records) == 101
