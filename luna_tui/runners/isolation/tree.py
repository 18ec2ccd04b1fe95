"""A folder as a list of what lies in it, read without ever following a link."""

from __future__ import annotations

import hashlib
import os
import secrets
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
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
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
    """Let the owner into all that `walk` finds, whatever an agent made of its modes; OSError for a link."""
    if not stat.S_ISDIR(os.lstat(root).st_mode):
        raise OSError("it is no folder any more")
    os.chmod(root, 0o700)
    for folder, folders, files, descriptor in os.fwalk(root, follow_symlinks=False):
        for name in (*folders, *files):
            status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
            wanted = 0o700 if stat.S_ISDIR(status.st_mode) else 0o400
            odd = stat.S_ISDIR(status.st_mode) or stat.S_ISREG(status.st_mode)
            if odd and status.st_mode & wanted != wanted:
                os.chmod(name, stat.S_IMODE(status.st_mode) | wanted, dir_fd=descriptor)
        if os.path.relpath(folder, root).count(os.sep) >= DEPTH:
            folders.clear()


def remove_tree(path: str) -> None:
    """Remove a folder with all that is in it, however deep and whatever its modes; fine when there is none.

    Nothing may work in it any more. What is no folder is removed, too.
    """
    if not os.path.lexists(path):
        return
    if os.path.islink(path) or not os.path.isdir(path):
        os.unlink(path)
        return
    os.chmod(path, 0o700)
    root = os.open(path, _FOLDER)
    try:
        _empty(root)
    finally:
        os.close(root)
    os.rmdir(path)


def _empty(root: int) -> None:
    """Folders come up to the top to be emptied: an agent can nest deeper than any program recurses."""
    number, mark = 0, secrets.token_hex(8)
    while names := os.listdir(root):
        for name in names:
            if not _is_folder(root, name):
                os.unlink(name, dir_fd=root)
                continue
            inner = _entered(root, name)
            try:
                for child in os.listdir(inner):
                    if _is_folder(inner, child):
                        os.close(_entered(inner, child))  # only what may be written to can be moved
                        os.rename(child, f"{mark}-{number}", src_dir_fd=inner, dst_dir_fd=root)
                        number += 1
                    else:
                        os.unlink(child, dir_fd=inner)
            finally:
                os.close(inner)
            os.rmdir(name, dir_fd=root)


def _is_folder(parent: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)


def _entered(parent: int, name: str) -> int:
    """A descriptor of a folder that its owner may do anything in."""
    os.chmod(name, 0o700, dir_fd=parent)
    return os.open(name, _FOLDER, dir_fd=parent)


def identity(path: str) -> tuple[int, int] | None:
    """Device and number of a folder; None when there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _raise(error: OSError) -> None:
    raise error
