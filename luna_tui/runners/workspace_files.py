"""Reach files and folders of a plan's workspace, and nothing outside it."""

from __future__ import annotations

import os

from luna_tui.core.clean import clean_line
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.beneath import BeneathError, Workspace, in_words, locate, read_file

MAX_BYTES = 1024 * 1024
"""Largest file that may be attached to a prompt."""


def folder_beneath(workspace: str, relative: str) -> str:
    """Absolute path of a folder inside `workspace`; AttemptError(WORKSPACE) when it is none."""
    path = os.path.join(os.path.realpath(workspace), _located(workspace, relative, "cwd "))
    if not os.path.isdir(path):
        raise _refused(f"cwd {relative}", "is not a folder of the workspace")
    return os.path.normpath(path)


def read_beneath(workspace: str, relative: str) -> str:
    """Text of a regular file inside `workspace`; bytes that are no UTF-8 are replaced.

    Raises AttemptError(WORKSPACE) naming the file and what to do. A link that stays inside the
    workspace is resolved first; one that is swapped in meanwhile is refused.
    """
    name = _located(workspace, relative)
    try:
        with Workspace(workspace) as root:
            return read_file(root.open(name), MAX_BYTES).decode("utf-8", "replace")
    except BeneathError as error:
        raise _refused(relative, str(error)) from error
    except OSError as error:
        raise _refused(relative, in_words(error)) from error


def _located(workspace: str, relative: str, word: str = "") -> str:
    try:
        return locate(workspace, relative)
    except BeneathError as error:
        raise AttemptError(ErrorKind.WORKSPACE, f"{word}{error}") from error


def _refused(name: str, why: str) -> AttemptError:
    return AttemptError(ErrorKind.WORKSPACE, f"{clean_line(name)} {why}")
