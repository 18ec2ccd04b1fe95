"""Append records to disk: one line each with its checksum, one writer thread, group commits."""

from __future__ import annotations

import contextlib
import errno
import queue
import threading
import zlib
from collections.abc import Callable

from luna_tui.core.events import Record
from luna_tui.core.records import to_line
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal_reading import Damage, JournalRead, last_segment, read_journal, unseal
from luna_tui.storage.journal_repair import hold
from luna_tui.storage.paths import RunDir, not_saved

__all__ = ["Damage", "JournalRead", "JournalWriter", "read_journal", "seal", "unseal"]

SEGMENT_BYTES = 64 * 1024 * 1024
GROUP_LINES = 1_000
"""Most lines of one commit, so that a flood of records is made durable all the while."""
REST_S = 0.02
"""Pause after a commit, in which a stream of records gathers; a record after a pause never waits."""
KEPT_BYTES = 8 * 1024 * 1024
"""Most bytes kept in memory while the disk refuses them; what comes after that is lost and shows as a gap."""
RETRY_S = 2.0
_ATTEMPTS = 5
_FULL = (errno.ENOSPC, errno.EDQUOT)


def seal(line: str) -> str:
    """A record's line with its CRC32 as last member; the checksum covers the line as it was."""
    return f'{line[:-1]},"crc":"{zlib.crc32(line.encode()):08x}"}}'


class JournalWriter:
    """Writes a run's records. `append` never waits; `close` waits until all is durable.

    Begins a new segment, so what is there already is never written to again.

    When a write fails the torn line is cut off and the lines are kept: a full disk is tried again
    every `RETRY_S` seconds, any other error moves to a new segment. When neither helps,
    `on_failure` is told once; up to `KEPT_BYTES` go on waiting in memory for the disk to come back.
    Holds the run's lock while it lives; `lock` = what `hold` gave the caller, closed here at the end.
    LunaError(74) when the journal cannot be begun.
    """

    def __init__(
        self,
        run_dir: RunDir,
        *,
        on_failure: Callable[[str], None],
        disk: Disk | None = None,
        lock: int | None = None,
    ) -> None:
        self._dir = run_dir
        self._disk = disk or Disk()
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._kept: list[bytes] = []
        """Lines that are not yet durable; the writer thread's own, as everything below."""
        self._kept_bytes = 0
        self._lost = 0
        self._failed = False
        self._segment = last_segment(run_dir.path)
        self._descriptor = -1
        self._size = 0
        self._lock_descriptor = hold(run_dir, self._disk) if lock is None else lock
        try:
            self._open_segment()
        except OSError as error:
            self._disk.close(self._lock_descriptor)
            raise not_saved(run_dir.path, error) from error
        self._thread = threading.Thread(target=self._loop, name="luna-journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> None:
        """Save the record soon; returns at once."""
        self._queue.put(record)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Save what is left and stop; False when a record was not saved in time."""
        self._queue.put(None)
        self._stopped.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._kept and not self._lost

    def _loop(self) -> None:
        ended = last = False
        try:
            while not last:
                last = self._gather()
                if self._kept:
                    self._save()
                    self._stopped.wait(REST_S)
            ended = True
        finally:
            if not ended:
                self._lost += 1
                self._tell("the thread that writes the journal broke")
            self._leave_segment()
            self._disk.close(self._lock_descriptor)

    def _gather(self) -> bool:
        """Take what waits, at most a group; True when nothing follows."""
        wait = not self._kept
        for _ in range(GROUP_LINES):
            try:
                record = self._queue.get(block=wait)
            except queue.Empty:
                return False
            if record is None:
                return True
            wait = False
            self._keep(record)
        return False

    def _keep(self, record: Record) -> None:
        try:
            line = seal(to_line(record)).encode() + b"\n"
        except (TypeError, ValueError, RecursionError) as error:
            self._lost += 1
            self._tell(f"record {record.seq} has no place in a journal: {error}")
            return
        if self._failed and self._kept_bytes + len(line) > KEPT_BYTES:
            self._lost += 1
            return
        self._kept.append(line)
        self._kept_bytes += len(line)

    def _save(self) -> None:
        """Make what is kept durable, with patience the first time it fails."""
        if self._failed:
            self._stopped.wait(RETRY_S)
        reason = ""
        for attempt in range(1 if self._failed else _ATTEMPTS):
            if attempt > 1:
                self._stopped.wait(RETRY_S)
            reason = self._commit()
            if not reason:
                return
        self._tell(reason)

    def _commit(self) -> str:
        """Write and sync what is kept; empty when that succeeded, else why not."""
        content = b"".join(self._kept)
        try:
            if self._descriptor < 0 or self._size > SEGMENT_BYTES:
                self._leave_segment()
                self._open_segment()
            self._disk.write(self._descriptor, content)
            self._disk.sync(self._descriptor)
        except OSError as error:
            self._recover(error)
            return (error.strerror or "write error").lower()
        self._size += len(content)
        self._kept, self._kept_bytes = [], 0
        return ""

    def _recover(self, error: OSError) -> None:
        """Cut off what was torn; after any error but a full disk never trust the old file again."""
        usable = error.errno in _FULL
        try:
            if self._descriptor >= 0:
                self._disk.truncate(self._descriptor, self._size)
        except OSError:
            usable = False
        if not usable:
            self._leave_segment()

    def _leave_segment(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._disk.close(self._descriptor)
        self._descriptor = -1

    def _open_segment(self) -> None:
        """The next free number; one that could not be opened is tried again, so that none is missing."""
        while True:
            try:
                self._descriptor = self._disk.open_append(self._dir.journal(self._segment + 1))
            except FileExistsError:
                self._segment += 1
                continue
            self._segment += 1
            self._size = 0
            return

    def _tell(self, reason: str) -> None:
        if not self._failed:
            self._failed = True
            self._on_failure(reason)
