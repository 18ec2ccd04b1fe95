"""Open, read and replace files beneath a folder, so that nothing done meanwhile leads out of it."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache

from luna_tui.core.clean import clean_line

_OPENAT2 = 437
"""The same number on every architecture of Linux but one that is no longer built."""
_NO_MAGICLINKS, _NO_SYMLINKS, _BENEATH = 0x02, 0x04, 0x08
_AGAIN = 64
"""Tries when the kernel could not tell because something was being moved just then."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN_FILE, _OWN_FOLDER, _FILE_MODE, _FOLDER_MODE = 0o600, 0o700, 0o666, 0o777
_IN_WORDS = {
    errno.EXDEV: "lies outside the workspace",
    errno.ELOOP: "is a link that was not there a moment ago",
}


class BeneathError(Exception):
    """What cannot be opened, in words that name it as it was asked for."""


class _How(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


@cache
def can_open_beneath() -> bool:
    """Whether the kernel can hold an open beneath a folder: Linux 5.6 and later, unless it is forbidden."""
    try:
        with Workspace("/") as root:
            os.close(_openat2(root._root, ".", _FOLDER))
    except OSError:
        return False
    return True


def locate(workspace: str, path: str) -> str:
    """Where `path` leads after links, from the workspace; `.` is itself. BeneathError when it is outside."""
    try:
        root = os.path.realpath(workspace)
        found = os.path.realpath(os.path.join(root, path))
    except ValueError as error:
        raise BeneathError(f"{clean_line(path)} is not a path") from error
    except OSError as error:  # what was a link a moment ago is none any more
        raise BeneathError(f"{clean_line(path)} changes just now") from error
    if not os.path.isdir(root):
        raise BeneathError(f"the workspace {clean_line(workspace)} is no longer there")
    if not holds(root, found):
        raise BeneathError(f"{clean_line(path)} lies outside the workspace")
    return os.path.relpath(found, root)


def holds(folder: str, path: str) -> bool:
    """Whether a path is a folder or in it; both absolute."""
    return path == folder or path.startswith(folder.rstrip("/") + "/")


class Workspace:
    """A folder held open; every name is one that `locate` gave, and is opened without following a link.

    What was a link when it was located is already resolved, so one that stands there now was put there
    to lead elsewhere. Raises OSError; `in_words` says what it means.
    """

    def __init__(self, path: str) -> None:
        self._root = os.open(os.path.realpath(path), _FOLDER)

    def close(self) -> None:
        """Let the folder go."""
        os.close(self._root)

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self, name: str, flags: int = _FILE) -> int:
        """A descriptor of an existing file or folder."""
        return _open_beneath(self._root, name, flags)

    def folder(self, name: str) -> int:
        """A descriptor of an existing folder."""
        return self.open(name, _FOLDER)

    def make_folder(self, name: str) -> int:
        """A descriptor of a folder that is made, with those above it, where it is not there."""
        folder = self.folder(".")
        try:
            for part in () if name == "." else name.split("/"):
                new = _make_folder(folder, part)
                inner = _open_beneath(folder, part, _FOLDER)
                if new:
                    os.fchmod(inner, os.fstat(folder).st_mode & _FOLDER_MODE)
                os.close(folder)
                folder = inner
        except BaseException:
            os.close(folder)
            raise
        return folder

    def replace(self, name: str, content: bytes) -> None:
        """Put `content` in the place of a file, whole or not at all; one that is there keeps its mode."""
        parent, _, last = name.rpartition("/")
        folder = self.make_folder(parent or ".")
        try:
            before = _status(folder, last)
            if before is not None and not stat.S_ISREG(before.st_mode):
                raise OSError(errno.ELOOP if stat.S_ISLNK(before.st_mode) else errno.EISDIR, "no file")
            with _temporary(folder) as (descriptor, temporary):
                with os.fdopen(descriptor, "wb", closefd=False) as file:
                    file.write(content)
                _keep(descriptor, before or os.fstat(folder))
                os.rename(temporary, last, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            os.close(folder)


def read_file(descriptor: int, most: int) -> bytes:
    """The content of a regular file, which is closed; BeneathError says what else it is."""
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BeneathError("is not a regular file")
        if status.st_size > most:
            raise BeneathError(f"has {status.st_size:,} bytes; at most {most:,} can be read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(descriptor)


def in_words(error: OSError, what: str = "read") -> str:
    """The end of a sentence that begins with the name of a file; `what` could not be done with it."""
    known = _IN_WORDS.get(error.errno or 0)
    return known or f"cannot be {what}: {(error.strerror or 'unknown error').lower()}"


@contextmanager
def _temporary(folder: int) -> Iterator[tuple[int, str]]:
    """A new file of a name that nobody can know, gone afterwards unless it was renamed."""
    name = f".luna-{secrets.token_hex(8)}"
    descriptor = os.open(name, _NEW, _OWN_FILE, dir_fd=folder)
    try:
        yield descriptor, name
    finally:
        os.close(descriptor)
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=folder)


def _keep(descriptor: int, before: os.stat_result) -> None:
    """Owner and mode of the file that was there, or as the folder has them where there was none."""
    with contextlib.suppress(OSError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    # No program gets a right from a model: what was set-user-ID is an ordinary file afterwards.
    most = _FILE_MODE if stat.S_ISDIR(before.st_mode) else _FOLDER_MODE
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode) & most)


def _make_folder(folder: int, name: str) -> bool:
    try:
        os.mkdir(name, _OWN_FOLDER, dir_fd=folder)
    except FileExistsError:
        return False
    return True


def _status(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


@cache
def _syscall() -> Callable[..., int] | None:
    call = getattr(ctypes.CDLL(None, use_errno=True), "syscall", None)
    if call is not None:
        call.restype = ctypes.c_long
    return call


def _openat2(folder: int, name: str, flags: int) -> int:
    call = _syscall()
    if call is None:
        raise OSError(errno.ENOSYS, "no such call")
    how = _How(flags | os.O_CLOEXEC, 0, _BENEATH | _NO_MAGICLINKS | _NO_SYMLINKS)
    path, size = os.fsencode(name), ctypes.c_size_t(ctypes.sizeof(_How))
    for _ in range(_AGAIN):
        found = call(ctypes.c_long(_OPENAT2), ctypes.c_int(folder), path, ctypes.byref(how), size)
        if found >= 0:
            return found
        number = ctypes.get_errno()
        if number not in (errno.EAGAIN, errno.EINTR):
            break
    raise OSError(number, os.strerror(number))


def _open_beneath(folder: int, name: str, flags: int) -> int:
    return (_openat2 if can_open_beneath() else _step_by_step)(folder, name, flags)


def _step_by_step(root: int, name: str, flags: int) -> int:
    """The same where the kernel cannot: every part opened relative to the one before, none through a link."""
    folder = os.dup(root)
    try:
        *parts, last = name.split("/")
        for part in parts:
            inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(last, flags | os.O_NOFOLLOW, dir_fd=folder)
    finally:
        os.close(folder)
