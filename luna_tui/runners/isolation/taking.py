"""Take over what a subtask changed: every file must be as the subtask found it, and all of it or nothing is
written; no link is ever followed on the way."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from luna_tui.core.clean import clean_line
from luna_tui.runners.isolation.kept import Change, Kept
from luna_tui.runners.isolation.tree import Node, node_of

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def take_over(kept: Kept) -> tuple[str, ...]:
    """Write the changes into the plan's workspace; what stands in the way, each with why, else nothing.

    What is there already counts as taken over, so a call that was killed is finished by the next one.
    """
    try:
        root = os.open(kept.workspace, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        return (f"the workspace {clean_line(kept.workspace)}: {_why(error)}",)
    try:
        taking = _Taking(root, kept)
        return taking.conflicts() or taking.write()
    finally:
        os.close(root)


@dataclass(slots=True)
class _Staged:
    """One change that is ready to be made."""

    change: Change
    draft: str
    """The new content or link, in the same folder."""
    backup: str
    """What was there, under another name."""
    done: bool = False


class _Taking:
    def __init__(self, root: int, kept: Kept) -> None:
        self._root = root
        self._kept = kept
        seed = f"{kept.folder}:{kept.subtask}.{kept.attempt}"
        self._mark = f".luna-{hashlib.blake2b(seed.encode('utf-8', 'replace'), digest_size=5).hexdigest()}"
        """Begins the names of what is staged: the same in every call, so what a killed one left is found."""
        self._left: list[_Staged] = []
        self._seen: dict[str, tuple[int, ...] | None] = {}
        self._made: list[str] = []
        """Folders that were made, outermost first."""

    def conflicts(self) -> tuple[str, ...]:
        """Files that are neither as they were found nor as they are to be."""
        said = []
        for n, change in enumerate(self._kept.changes):
            try:
                now = self._now(change.path)
            except OSError as error:
                said.append(f"{clean_line(change.path)}: {_why(error)}")
                continue
            if _alike(now, change.now) and not _alike(change.was, change.now):
                continue
            if _alike(now, change.was):
                self._left.append(self._staged(n, change))
            else:
                said.append(f"{clean_line(change.path)}: {_conflict(now, change.was)}")
        return tuple(said)

    def write(self) -> tuple[str, ...]:
        """Stage everything, then put it in its place; undone as a whole when a part of it fails."""
        path = ""
        try:
            for one in self._left:
                path = one.change.path
                self._stage(one)
            for one in self._left:
                path = one.change.path
                self._place(one)
        except OSError as error:
            self._undo()
            return (f"{clean_line(path)}: {_why(error)}",)
        self._finish()
        return ()

    def _staged(self, number: int, change: Change) -> _Staged:
        return _Staged(change, f"{self._mark}-{number}.new", f"{self._mark}-{number}.old")

    def _now(self, path: str) -> Node | None:
        """What is there; notes what it is so that a later change is seen. OSError for a strange thing."""
        try:
            with self._parent(path) as (folder, name):
                status = os.stat(name, dir_fd=folder, follow_symlinks=False)
                self._seen[path] = _signature(status)
                if stat.S_ISLNK(status.st_mode):
                    return Node(link=os.readlink(name, dir_fd=folder))
                if stat.S_ISDIR(status.st_mode):
                    raise IsADirectoryError(errno.EISDIR, "a folder stands there")
                with open(os.open(name, _READ, dir_fd=folder), "rb") as file:
                    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                        raise OSError(errno.EINVAL, "no regular file stands there")
                    return node_of(file)
        except FileNotFoundError:
            self._seen[path] = None
            return None

    @contextmanager
    def _parent(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """The folder a path lies in, opened part by part and never through a link, and its last name."""
        parts = PurePosixPath(path).parts
        if not parts or ".." in parts or path.startswith("/"):
            raise OSError(errno.EINVAL, "is no path in the workspace")
        folder = os.dup(self._root)
        try:
            for n, part in enumerate(parts[:-1]):
                try:
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                except FileNotFoundError:
                    if not make:
                        raise
                    mode = stat.S_IMODE(os.fstat(folder).st_mode) & 0o777
                    os.mkdir(part, 0o700, dir_fd=folder)
                    self._made.append("/".join(parts[: n + 1]))
                    inner = os.open(part, _FOLDER, dir_fd=folder)
                    os.fchmod(inner, mode)
                os.close(folder)
                folder = inner
            yield folder, parts[-1]
        finally:
            os.close(folder)

    def _stage(self, staged: _Staged) -> None:
        change = staged.change
        if change.now is None:
            return
        with self._parent(change.path, make=True) as (folder, name):
            _unlink(folder, staged.draft, staged.backup)
            if change.now.link is not None:
                os.symlink(change.now.link, staged.draft, dir_fd=folder)
                return
            content = self._kept.content(change)
            with open(os.open(staged.draft, _NEW, 0o600, dir_fd=folder), "wb") as file:
                file.write(content)
                file.flush()
                os.fchmod(file.fileno(), _mode(folder, name, change.now))
                os.fsync(file.fileno())

    def _place(self, one: _Staged) -> None:
        """Put it where it belongs, unless somebody changed what is there since it was looked at."""
        change = one.change
        with self._parent(change.path) as (folder, name):
            try:
                signature = _signature(os.stat(name, dir_fd=folder, follow_symlinks=False))
            except FileNotFoundError:
                signature = None
            if signature != self._seen[change.path]:
                raise OSError(errno.EBUSY, "is being changed at this moment")
            if change.was is not None and signature is not None:
                if change.now is None:
                    os.rename(name, one.backup, src_dir_fd=folder, dst_dir_fd=folder)
                    one.done = True
                    return
                with suppress(OSError):
                    os.link(
                        name, one.backup, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False
                    )  # fmt: skip
            if change.now is not None:
                os.rename(one.draft, name, src_dir_fd=folder, dst_dir_fd=folder)
                one.done = True

    def _undo(self) -> None:
        for one in reversed(self._left):
            with suppress(OSError), self._parent(one.change.path) as (folder, name):
                if one.done and one.change.was is None:
                    os.unlink(name, dir_fd=folder)
                elif one.done:
                    os.rename(one.backup, name, src_dir_fd=folder, dst_dir_fd=folder)
                _unlink(folder, one.draft, one.backup)
        for path in reversed(self._made):
            with suppress(OSError), self._parent(path) as (folder, name):
                os.rmdir(name, dir_fd=folder)

    def _finish(self) -> None:
        """Remove what was there before, also a killed call's, and folders empty by now; make it durable."""
        for n, change in enumerate(self._kept.changes):
            one = self._staged(n, change)
            with suppress(OSError), self._parent(change.path) as (folder, _name):
                _unlink(folder, one.draft, one.backup)
                os.fsync(folder)
        for change in self._kept.changes:
            if change.now is None:
                self._remove_empty(change.path)

    def _remove_empty(self, path: str) -> None:
        for folder_path in PurePosixPath(path).parents:
            if str(folder_path) == ".":
                return
            try:
                with self._parent(str(folder_path)) as (folder, name):
                    os.rmdir(name, dir_fd=folder)
            except OSError:
                return


def _unlink(folder: int, *names: str) -> None:
    for name in names:
        with suppress(FileNotFoundError):
            os.unlink(name, dir_fd=folder)


def _alike(one: Node | None, other: Node | None) -> bool:
    """Of the same content; permissions say nothing, since a copy has others."""
    if one is None or other is None:
        return one is other
    return (one.digest, one.link) == (other.digest, other.link)


def _conflict(now: Node | None, was: Node | None) -> str:
    if now is None:
        return "was removed meanwhile"
    return "is there already" if was is None else "was changed meanwhile"


def _mode(folder: int, name: str, now: Node) -> int:
    """Permissions as the workspace has them; of the subtask's only whether it can be run."""
    mode = stat.S_IMODE(os.fstat(folder).st_mode) & 0o666 | 0o600
    with suppress(FileNotFoundError):
        there = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
        mode = stat.S_IMODE(there) & 0o777 if stat.S_ISREG(there) else mode
    readers = (mode & 0o444) >> 2
    return mode & ~0o111 | (readers if now.mode & stat.S_IXUSR else 0)


def _signature(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "a link or a file stands where a folder was"
    return clean_line((error.strerror or str(error)).lower())
