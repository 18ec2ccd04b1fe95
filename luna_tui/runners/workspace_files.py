"""Read files that a plan attaches, and nothing outside its workspace."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError

MAX_BYTES = 1024 * 1024
"""Largest file that may be attached to a prompt."""


def read_beneath(workspace: str, relative: str) -> str:
    """Text of a regular file inside `workspace`; bytes that are no UTF-8 are replaced.

    Raises AttemptError(WORKSPACE) naming the file and what to do. Every part of the path is opened
    relative to the one before and never through a symbolic link, so a swapped link is refused too;
    a link that stays inside the workspace is resolved first.
    """
    root = os.path.realpath(workspace)
    path = Path(os.path.realpath(os.path.join(root, relative)))
    if not path.is_relative_to(root):
        raise AttemptError(ErrorKind.WORKSPACE, f"{relative} lies outside the workspace")
    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in path.relative_to(root).parts[:-1]:
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
            os.close(folder)
            folder = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return _read(os.open(path.name, flags, dir_fd=folder), relative)
    except OSError as error:
        text = f"{relative} cannot be read: {(error.strerror or 'unknown error').lower()}"
        raise AttemptError(ErrorKind.WORKSPACE, text) from error
    finally:
        os.close(folder)


def _read(descriptor: int, relative: str) -> str:
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise AttemptError(ErrorKind.WORKSPACE, f"{relative} is not a regular file")
        if status.st_size > MAX_BYTES:
            raise AttemptError(
                ErrorKind.WORKSPACE,
                f"{relative} has {status.st_size:,} bytes; at most {MAX_BYTES:,} can be attached",
            )
        return file.read(MAX_BYTES).decode("utf-8", "replace")
