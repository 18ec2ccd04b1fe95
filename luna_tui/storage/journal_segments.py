"""The files of a journal as its writer sees them: one that is open, the next free number, the lock."""

from __future__ import annotations

import contextlib
import errno
import json
import os

from luna_tui.storage.disk import Disk
from luna_tui.storage.holder import hold
from luna_tui.storage.journal_reading import last_segment
from luna_tui.storage.paths import RunDir

SEGMENT_BYTES = 64 * 1024 * 1024
_FULL = (errno.ENOSPC, errno.EDQUOT)


class Segments:
    """Appends to the last segment of a run; used by one thread at a time.

    Holds the run's lock from the start to `close`. LunaError(74) when another process holds it.
    """

    def __init__(self, run_dir: RunDir, disk: Disk, lock: int | None) -> None:
        self._dir = run_dir
        self._disk = disk
        self._number = last_segment(run_dir.path)
        self._descriptor = -1
        self._size = 0
        """Bytes that are durable."""
        self._lock = hold(run_dir, disk) if lock is None else lock

    def begin(self) -> None:
        """Open a new segment; OSError closes everything."""
        try:
            self._open()
        except OSError:
            self.close()
            raise

    def commit(self, content: bytes) -> None:
        """Write and sync; after an OSError the same content must be given again, in whole."""
        try:
            if self._descriptor < 0 or self._size > SEGMENT_BYTES:
                self._leave()
                self._open()
            self._disk.write(self._descriptor, content)
            self._disk.sync(self._descriptor)
        except OSError as error:
            self._recover(error)
            raise
        self._size += len(content)

    def taken_back(self) -> tuple[bytes, int] | None:
        """None while the open segment is where it was opened.

        Else what it held, which counts as not written from now on, and how many records are lost
        because segments before it are gone too.
        """
        path = self._dir.journal(self._number)
        try:
            if self._descriptor < 0 or self._disk.is_named(self._descriptor, path):
                return None
            content = self._disk.read_back(self._descriptor, self._size)
        except OSError:
            return None
        self._leave()
        self._number -= 1
        gone = self._number > 0 and not self._dir.journal(self._number).exists()
        return content, _first_seq(content) - 1 if gone else 0

    def close(self) -> None:
        """Close the segment, and let go of the run."""
        self._leave()
        self._disk.close(self._lock)

    def _open(self) -> None:
        """The next free number; one that could not be opened is tried again, so that none is missing."""
        while True:
            try:
                self._descriptor = self._disk.open_append(self._dir.journal(self._number + 1))
            except FileExistsError:
                self._number += 1
            except FileNotFoundError:
                self._make_folders()
            else:
                self._number += 1
                self._size = 0
                return

    def _make_folders(self) -> None:
        """The run directory was removed: make it anew, and hold that one."""
        for folder in (self._dir.path, self._dir.outputs, self._dir.results):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(self._lock), os.stat(self._dir.lock)):
                return
        lock = self._disk.lock(self._dir.lock)
        self._disk.close(self._lock)
        self._lock = lock

    def _recover(self, error: OSError) -> None:
        """Cut off what was torn; after any error but a full disk never trust the old file again."""
        usable = error.errno in _FULL
        try:
            if usable and self._descriptor >= 0:
                self._disk.truncate(self._descriptor, self._size)
        except OSError:
            usable = False
        if not usable:
            self._leave()

    def _leave(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._disk.close(self._descriptor)
        self._descriptor = -1


def _first_seq(content: bytes) -> int:
    head, found, _ = content.partition(b"\n")
    return int(json.loads(head)["seq"]) if found else 1
