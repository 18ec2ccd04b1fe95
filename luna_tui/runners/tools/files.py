"""What file tools share: a path as the model wrote it, held to the workspace, and what stays as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from luna_tui.core.clean import clean_line
from luna_tui.runners.beneath import (
    BeneathError,
    Workspace,
    can_open_beneath,
    holds,
    in_words,
    locate,
    read_file,
)
from luna_tui.runners.tools.base import Place, ToolError

PROTECTED = (".git", "luna-tui.toml", ".luna", ".claude")
"""Names that no tool writes to, at any depth: they steer programs that people run."""
MAX_BYTES = 16 * 1024 * 1024
"""Largest file that is read."""
_HEAD = 8 * 1024


def located(place: Place, path: str) -> str:
    """Where a path leads, relative to the workspace; ToolError when that is outside."""
    if not can_open_beneath():
        raise ToolError("file tools need openat2 (Linux 5.6), which this machine does not have")
    try:
        return locate(place.workspace, path)
    except BeneathError as error:
        raise ToolError(str(error)) from error


def located_for_writing(place: Place, path: str, protected: tuple[str, ...]) -> str:
    """As `located`; ToolError also for what no tool may write. `protected` are absolute paths."""
    name = located(place, path)
    if name == ".":
        raise ToolError(f"{clean_line(path)} is the workspace itself")
    for part in name.split("/"):
        if part.casefold() in PROTECTED:
            raise ToolError(f"{clean_line(path)} is protected: nothing in {part} is changed by tools")
    root = os.path.realpath(place.workspace)
    whole = os.path.join(root, name)
    for kept in (*protected, place.run_dir):
        real = os.path.realpath(kept) if kept else ""
        # A workspace of a subtask's own lies in the run's directory.
        own = root != real and holds(real, root)
        if real and not own and holds(real, whole):
            raise ToolError(f"{clean_line(path)} is protected: it belongs to the run")
    return name


@contextmanager
def opened(place: Place, name: str, what: str = "read") -> Iterator[Workspace]:
    """The workspace, held open; what goes wrong with `name` is a ToolError."""
    try:
        with Workspace(place.workspace) as root:
            yield root
    except BeneathError as error:
        raise ToolError(f"{clean_line(name)} {error}") from error
    except (OSError, ValueError) as error:
        why = in_words(error, what) if isinstance(error, OSError) else "is not a path"
        raise ToolError(f"{clean_line(name)} {why}") from error


def content(root: Workspace, name: str, most: int = MAX_BYTES) -> bytes:
    """A file that holds text; BeneathError for any other."""
    found = read_file(root.open(name), most)
    if is_binary(found):
        raise BeneathError("is a binary file")
    return found


def is_binary(content: bytes) -> bool:
    """Whether it is no text, by its beginning."""
    return b"\0" in content[:_HEAD]
