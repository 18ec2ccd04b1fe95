"""A folder as a list of what lies in it, read without ever following a link."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

MOST_BYTES = 1024 * 1024 * 1024
MOST_FILES = 200_000
"""Of a workspace that is copied, and of what one subtask may change."""
CHUNK = 1024 * 1024
DEPTH = 128
"""Folders in folders; what lies deeper is nobody's work."""
_GIT = ".git"
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Node:
    """A file or a link, as it can be told again whether it is still the same."""

    mode: int = 0
    """0o755 of a file that can be run, 0o644 of any other, 0 of a link."""
    size: int = 0
    digest: str = ""
    """Of the content; empty for a link."""
    link: str | None = None
    """Where a link points to."""


@dataclass(frozen=True, slots=True)
class Found:
    """A name in a folder that is open at this moment."""

    path: str
    """Relative to the root; bytes that are no text are escaped as surrogates."""
    folder: int
    """Descriptor of the folder it lies in; only until the next one is asked for."""
    name: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        """A symbolic one."""
        return stat.S_ISLNK(self.status.st_mode)

    @property
    def is_file(self) -> bool:
        """A regular one."""
        return stat.S_ISREG(self.status.st_mode)

    @property
    def is_folder(self) -> bool:
        """A folder; those in it come after it."""
        return stat.S_ISDIR(self.status.st_mode)

    def open(self) -> BinaryIO:
        """The content of a file; OSError when it is something else by now."""
        descriptor = os.open(self.name, _READ, dir_fd=self.folder)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise OSError("is no regular file any more")
        return os.fdopen(descriptor, "rb")

    def target(self) -> str:
        """Where a link points to."""
        return os.readlink(self.name, dir_fd=self.folder)


def walk(root: str, avoid: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Found]:
    """Folders, files and links beneath `root` in order; nothing of git's own, no device, no socket.

    `avoid` = folders that are passed over, by device and number. OSError when a folder cannot be read.
    """
    for folder, folders, files, descriptor in os.fwalk(root, follow_symlinks=False, onerror=_raise):
        relative = os.path.relpath(folder, root)
        inner = []
        for name in sorted((*folders, *files)):
            if name == _GIT:
                continue
            try:
                status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            except FileNotFoundError:
                continue
            path = name if relative == "." else os.path.join(relative, name)
            found = Found(path, descriptor, name, status)
            if found.is_folder:
                if (status.st_dev, status.st_ino) in avoid or path.count(os.sep) >= DEPTH:
                    continue
                inner.append(name)
            if found.is_folder or found.is_file or found.is_link:
                yield found
        folders[:] = inner


def nodes(root: str) -> dict[str, Node]:
    """Every file and link beneath `root`; OSError when one cannot be read."""
    found: dict[str, Node] = {}
    for one in walk(root):
        with suppress(FileNotFoundError):
            if one.is_link:
                found[one.path] = Node(link=one.target())
            elif one.is_file:
                with one.open() as file:
                    found[one.path] = node_of(file)
    return found


def node_of(file: BinaryIO) -> Node:
    """An open file, read from where it stands to its end."""
    digest, size = hashlib.blake2b(digest_size=20), 0
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        size += len(chunk)
    runs = os.fstat(file.fileno()).st_mode & stat.S_IXUSR
    return Node(mode=0o755 if runs else 0o644, size=size, digest=digest.hexdigest())


def digest_of(content: bytes) -> str:
    """As `Node.digest`."""
    return hashlib.blake2b(content, digest_size=20).hexdigest()


def open_up(root: str) -> None:
    """Let the owner into everything beneath a folder, whatever an agent made of its permissions."""
    os.chmod(root, 0o700)
    for _, folders, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o400
            odd = stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)
            if odd and status.st_mode & wanted != wanted:
                os.chmod(name, stat.S_IMODE(status.st_mode) | wanted, dir_fd=descriptor)


def remove_tree(path: str) -> None:
    """Remove a folder with all that is in it; fine when there is none."""
    if not os.path.lexists(path):
        return
    shutil.rmtree(path, ignore_errors=True)
    if os.path.lexists(path):
        open_up(path)
        shutil.rmtree(path)


def identity(path: str) -> tuple[int, int] | None:
    """Device and number of a folder; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _raise(error: OSError) -> None:
    raise error
