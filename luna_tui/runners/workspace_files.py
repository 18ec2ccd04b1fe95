"""Reach files and folders of a plan's workspace, and nothing outside it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError

MAX_BYTES = 1024 * 1024
"""Largest file that may be attached to a prompt."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def folder_beneath(workspace: str, relative: str) -> str:
    """Absolute path of a folder inside `workspace`; AttemptError(WORKSPACE) when it is none."""
    path = resolve_beneath(workspace, relative, "cwd ")
    if not path.is_dir():
        raise _refused(f"cwd {relative}", "is not a folder of the workspace")
    return str(path)


def resolve_beneath(workspace: str, relative: str, word: str = "") -> Path:
    """Where `relative` leads after links; AttemptError(WORKSPACE) when that is outside."""
    try:
        root = os.path.realpath(workspace)
        path = Path(os.path.realpath(os.path.join(root, relative)))
    except ValueError as error:
        raise _refused(f"{word}{relative}", "is not a path") from error
    if not os.path.isdir(root):
        raise AttemptError(ErrorKind.WORKSPACE, f"the workspace {clean_line(workspace)} is no longer there")
    if not path.is_relative_to(root):
        raise _refused(f"{word}{relative}", "lies outside the workspace")
    return path


def read_beneath(workspace: str, relative: str) -> str:
    """Text of a regular file inside `workspace`; bytes that are no UTF-8 are replaced.

    Raises AttemptError(WORKSPACE) naming the file and what to do. A link that stays inside the
    workspace is resolved first; then every part of the path is opened relative to the one before
    and never through a link, so one that is swapped in meanwhile is refused too.
    """
    path = resolve_beneath(workspace, relative)
    try:
        return _read(_open(os.path.realpath(workspace), path), relative)
    except OSError as error:
        raise _refused(relative, f"cannot be read: {(error.strerror or 'unknown error').lower()}") from error


def _open(root: str, path: Path) -> int:
    parts = path.relative_to(root).parts
    folder = os.open(root, _FOLDER)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1] if parts else ".", _FILE, dir_fd=folder)
    finally:
        os.close(folder)


def _read(descriptor: int, relative: str) -> str:
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _refused(relative, "is not a regular file")
        if status.st_size > MAX_BYTES:
            size = f"has {status.st_size:,} bytes; at most {MAX_BYTES:,} can be attached"
            raise _refused(relative, size)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES).decode("utf-8", "replace")
    finally:
        os.close(descriptor)


def _refused(name: str, why: str) -> AttemptError:
    return AttemptError(ErrorKind.WORKSPACE, f"{clean_line(name)} {why}")
