"""One attempt's text on a disk that may refuse it for a while."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from luna_tui.storage.disk import Disk


class Room:
    """How many bytes may be kept in memory, over everything that keeps some."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._lock = threading.Lock()
        """Protects `_left`."""

    def take(self, count: int) -> bool:
        """Whether there is room for so many; then they are taken."""
        with self._lock:
            if count > self._left:
                return False
            self._left -= count
            return True

    def give_back(self, count: int) -> None:
        """They are kept no longer."""
        with self._lock:
            self._left += count


class TextFile:
    """One attempt's text, opened at its first write; what is refused is kept for `save`."""

    def __init__(self, path: Path, subtask: str, attempt: int, disk: Disk, room: Room) -> None:
        self.subtask = subtask
        self.attempt = attempt
        self.kept: list[bytes] = []
        """Text that the disk refused, in order."""
        self.lost = False
        """Some text is missing at the end: there was no room to keep it."""
        self._path = path
        self._disk = disk
        self._room = room
        self._lock = threading.Lock()
        """Protects everything here: a late writer must never hit a number that was given away."""
        self._descriptor = -1
        self._size = 0
        """Bytes that the disk has taken; what is behind them is torn."""
        self._closed = False

    def write(self, content: bytes) -> OSError | None:
        """Append; why the disk refuses it, the first time it does."""
        with self._lock:
            if self._closed:
                return None
            if self.kept or self.lost:
                self._keep(content)
                return None
            try:
                if self._descriptor < 0:
                    self._descriptor = self._open()
                self._disk.write(self._descriptor, content)
                self._size += len(content)
            except OSError as error:
                self._keep(content)
                return error
            return None

    def save(self) -> None:
        """Write what was refused, and all of it anew when the file was removed; OSError when not yet."""
        with self._lock:
            if self._descriptor >= 0 and not self._disk.is_named(self._descriptor, self._path):
                self._write_anew()
            if not self.kept:
                return
            opened = self._descriptor < 0
            if opened:
                self._descriptor = self._open()
            try:
                self._disk.truncate(self._descriptor, self._size)
                content = b"".join(self.kept)
                self._disk.write(self._descriptor, content)
            finally:
                if opened and self._closed:
                    self._leave()
            self._size += len(content)
            self._room.give_back(len(content))
            self.kept = []

    def close(self) -> None:
        """No more text follows; what was kept still can be saved."""
        with self._lock:
            self._closed = True
            self._leave()

    def _keep(self, content: bytes) -> None:
        if not self.lost and self._room.take(len(content)):
            self.kept.append(content)
        else:
            self.lost = True

    def _write_anew(self) -> None:
        content = self._disk.read_back(self._descriptor, self._size)
        descriptor = self._open()
        try:
            self._disk.write(descriptor, content)
        except OSError:
            self._disk.close(descriptor)
            raise
        self._leave()
        self._descriptor = descriptor

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            return os.open(self._path, flags, 0o600)
        except FileNotFoundError:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            return os.open(self._path, flags, 0o600)

    def _leave(self) -> None:
        if self._descriptor >= 0:
            self._disk.close(self._descriptor)
            self._descriptor = -1


def write_whole(path: Path, content: bytes, disk: Disk) -> None:
    """Replace a file; its folder is made anew when somebody removed it."""
    try:
        disk.replace(path, content)
    except FileNotFoundError:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        disk.replace(path, content)
