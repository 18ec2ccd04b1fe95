"""Append records to disk: one line each with its checksum, one writer thread, group commits."""

from __future__ import annotations

import json
import queue
import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luna_tui.core.events import Record
from luna_tui.core.records import RecordError, decode, to_line
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir

SEGMENT_BYTES = 64 * 1024 * 1024
GROUP_LINES = 1_000
"""Most lines of one commit, so that a flood of records is made durable all the while."""
RETRY_S = 2.0
_ATTEMPTS = 5


def seal(line: str) -> str:
    """A record's line with its CRC32 as last member; the checksum covers the line as it was."""
    return f'{line[:-1]},"crc":"{zlib.crc32(line.encode()):08x}"}}'


def unseal(line: str) -> str | None:
    """The record's line without its checksum; None when it does not fit."""
    body, found, crc = line.rpartition(',"crc":"')
    if not found or len(crc) != 10 or not crc.endswith('"}'):
        return None
    original = body + "}"
    return original if f"{zlib.crc32(original.encode()):08x}" == crc[:8] else None


class JournalWriter:
    """Writes a run's records. `append` never waits; `close` waits until all is durable.

    When a write fails the torn line is cut off and the lines are kept: a full disk is tried again
    every `RETRY_S` seconds, any other error moves to a new segment. When neither helps,
    `on_failure` is told once, and everything later is tried again with the next record.
    """

    def __init__(
        self, run_dir: RunDir, *, on_failure: Callable[[str], None], disk: Disk | None = None
    ) -> None:
        self._dir = run_dir
        self._disk = disk or Disk()
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[Record | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._segment = 0
        self._descriptor = -1
        self._size = 0
        self._failed = False
        self._open_segment()
        self._thread = threading.Thread(target=self._loop, name="luna-journal", daemon=True)
        self._thread.start()

    def append(self, record: Record) -> None:
        """Save the record soon; returns at once."""
        self._queue.put(record)

    def close(self, timeout_s: float = 10.0) -> bool:
        """Save what is left and stop; False when that did not succeed in time."""
        self._queue.put(None)
        self._stopped.set()
        self._thread.join(timeout_s)
        return not self._thread.is_alive() and not self._failed

    def _loop(self) -> None:
        last = False
        while not last:
            lines: list[bytes] = []
            item = self._queue.get()
            while True:
                if item is None:
                    last = True
                    break
                lines.append(seal(to_line(item)).encode() + b"\n")
                if self._queue.empty() or len(lines) == GROUP_LINES:
                    break
                item = self._queue.get()
            if lines:
                self._save(b"".join(lines))
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)

    def _save(self, content: bytes) -> None:
        reason = ""
        for attempt in range(_ATTEMPTS):
            try:
                self._commit(content)
            except OSError as error:
                reason = (error.strerror or "write error").lower()
                self._recover(error, wait=attempt > 0)
            else:
                return
        if not self._failed:
            self._failed = True
            self._on_failure(reason)

    def _commit(self, content: bytes) -> None:
        if self._descriptor < 0 or self._size > SEGMENT_BYTES:
            self._open_segment()
        self._disk.write(self._descriptor, content)
        self._disk.sync(self._descriptor)
        self._size += len(content)

    def _recover(self, error: OSError, *, wait: bool) -> None:
        """Cut off what was torn; after an I/O error never trust the old file again."""
        import errno

        try:
            if self._descriptor >= 0:
                self._disk.truncate(self._descriptor, self._size)
        except OSError:
            error = OSError(errno.EIO, "input/output error")
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            self._descriptor = -1
        if wait:
            self._stopped.wait(RETRY_S)

    def _open_segment(self) -> None:
        self._segment += 1
        self._descriptor = self._disk.open_append(self._dir.journal(self._segment))
        self._size = 0


@dataclass(frozen=True, slots=True)
class Damage:
    """A line of a journal that could not be used."""

    path: str
    line: int
    """From 1."""
    reason: str


@dataclass(frozen=True, slots=True)
class JournalRead:
    """What a journal holds."""

    records: tuple[Record, ...]
    damaged: tuple[Damage, ...]


def read_journal(path: Path) -> JournalRead:
    """All usable records of a run directory or of one file, in order, and every line that is not usable.

    A gap in `seq` is listed as damage too, so that nothing is lost silently.
    """
    files = sorted(path.glob("journal.*.ndjson")) if path.is_dir() else [path]
    records: list[Record] = []
    damaged: list[Damage] = []
    for file in files:
        raw = file.read_bytes()
        lines = raw.split(b"\n")
        if lines[-1]:
            damaged.append(Damage(file.name, len(lines), "torn: the line has no end"))
        for number, line in enumerate(lines[:-1], 1):
            outcome = _read_line(line)
            if isinstance(outcome, Record):
                _note_gap(records, outcome, file, number, damaged)
                records.append(outcome)
            elif outcome is not None:
                damaged.append(Damage(file.name, number, outcome))
    return JournalRead(tuple(records), tuple(damaged))


def _read_line(line: bytes) -> Record | str | None:
    """The record, or why there is none; None for a type this version does not know."""
    try:
        original = unseal(line.decode("utf-8"))
        if original is None:
            return "the checksum does not fit"
        return decode(json.loads(original))
    except (UnicodeDecodeError, RecordError, ValueError, RecursionError, AttributeError) as error:
        return f"unreadable: {error}"


def _note_gap(records: list[Record], record: Record, file: Path, line: int, damaged: list[Damage]) -> None:
    before = records[-1].seq if records else 0
    if record.seq != before + 1:
        damaged.append(Damage(file.name, line, f"records {before + 1} to {record.seq - 1} are missing"))
