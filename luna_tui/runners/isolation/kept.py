"""What a subtask changed, kept in the run's directory so that it can be taken over, by any process, later."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any

from luna_tui.runners.isolation.tree import Node, digest_of

FOLDER = "diffs"
_LIST = "changes.json"
_MOST_LIST_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file or link: what it was, and what it is to be."""

    path: str
    """Relative to the workspace; bytes that are no text are escaped as surrogates."""
    was: Node | None
    """None = there was none."""
    now: Node | None
    """None = it was removed."""
    content: str = ""
    """Name of the file that holds its new content, beside the list."""

    @property
    def kind(self) -> str:
        """`added`, `changed` or `removed`."""
        if self.was is None:
            return "added"
        return "removed" if self.now is None else "changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """All of it, of one attempt."""

    subtask: str
    attempt: int
    workspace: str
    """Absolute path of the plan's."""
    changes: tuple[Change, ...]
    folder: str = field(default="", compare=False)
    """Absolute path of the folder that holds the new contents."""

    def content(self, change: Change) -> bytes:
        """The new content of a file; OSError when it is not what it was."""
        with open(os.path.join(self.folder, change.content), "rb") as file:
            content = file.read()
        if change.now is None or digest_of(content) != change.now.digest:
            raise OSError("what was kept of it is damaged")
        return content


def folder_of(run_dir: str, subtask: str, attempt: int) -> str:
    """Where the changes of an attempt are kept."""
    return os.path.join(run_dir, FOLDER, f"{subtask}.{attempt}")


def diff_of(subtask: str, attempt: int) -> str:
    """The file that shows them, relative to the run's directory."""
    return f"{FOLDER}/{subtask}.{attempt}.diff"


def write_kept(kept: Kept, draft: str, run_dir: str) -> None:
    """Give a draft folder, in which the contents lie, its list and its name; all of it durable."""
    value = asdict(kept)
    value["v"] = 1
    del value["folder"]
    _write(os.path.join(draft, _LIST), json.dumps(value).encode("ascii"))
    folder = folder_of(run_dir, kept.subtask, kept.attempt)
    shutil.rmtree(folder, ignore_errors=True)
    sync_folder(draft)
    os.rename(draft, folder)
    sync_folder(os.path.dirname(folder))


def write_diff(text: str, run_dir: str, subtask: str, attempt: int) -> str:
    """Write what is shown; its name relative to the run's directory."""
    name = diff_of(subtask, attempt)
    path = os.path.join(run_dir, name)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):
        os.unlink(path)
    _write(path, text.encode("utf-8", "replace"))
    return name


def read_kept(run_dir: str, subtask: str, attempt: int) -> Kept | None:
    """None when nothing usable is kept of that attempt."""
    folder = folder_of(run_dir, subtask, attempt)
    try:
        with open(os.path.join(folder, _LIST), "rb") as file:
            value = json.loads(file.read(_MOST_LIST_BYTES))
        changes = tuple(_change(one) for one in value["changes"])
        return Kept(
            subtask=str(value["subtask"]),
            attempt=int(value["attempt"]),
            workspace=str(value["workspace"]),
            changes=changes,
            folder=folder,
        )
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _change(value: Mapping[str, Any]) -> Change:
    was, now = (None if value[n] is None else Node(**value[n]) for n in ("was", "now"))
    return Change(path=str(value["path"]), was=was, now=now, content=str(value["content"]))


def _write(path: str, content: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(path: str) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
