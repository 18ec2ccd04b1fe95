"""The few disk operations that saving needs, in one place where tests can make them fail."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class Disk:
    """The real disk."""

    def open_append(self, path: Path) -> int:
        """A new file for appending, 0600, never through a link; its name is durable on return."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            self.sync_folder(path.parent)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def open_again(self, path: Path) -> int:
        """A file that is there, for cutting something off; never through a link."""
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def write(self, descriptor: int, content: bytes) -> None:
        """Write all of it or raise OSError."""
        view = memoryview(content)
        while view:
            view = view[os.write(descriptor, view) :]

    def sync(self, descriptor: int) -> None:
        """Make what was written durable."""
        os.fdatasync(descriptor)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut a torn write off."""
        os.ftruncate(descriptor, size)

    def is_named(self, descriptor: int, path: Path) -> bool:
        """Whether this is still the file's name: it was neither removed nor moved."""
        try:
            return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(descriptor))
        except FileNotFoundError:
            return False

    def read_back(self, descriptor: int, size: int) -> bytes:
        """The first `size` bytes of the file, whether or not it still has a name."""
        return os.pread(descriptor, size, 0)

    def close(self, descriptor: int) -> None:
        """Close."""
        os.close(descriptor)

    def lock(self, path: Path) -> int:
        """Hold a lock file until the descriptor is closed; BlockingIOError while another process holds it.

        flock, because a POSIX lock is lost as soon as any descriptor of the file is closed.
        """
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def sync_folder(self, path: Path) -> None:
        """Make names in a folder durable; a rename alone is not."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def replace(self, path: Path, content: bytes) -> None:
        """Write a whole file so that after a crash either the old or the new one is there."""
        draft = path.with_name(f".{path.name}.new")
        descriptor = os.open(
            draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            self.write(descriptor, content)
            self.sync(descriptor)
        finally:
            self.close(descriptor)
        os.replace(draft, path)
        self.sync_folder(path.parent)
