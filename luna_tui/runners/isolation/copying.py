"""Copy a workspace for one attempt, and keep once what its text files were, to compare with later."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
from contextlib import suppress
from typing import BinaryIO

from luna_tui.core.clean import clean_line
from luna_tui.core.figures import sized
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.runner import AttemptError
from luna_tui.runners.isolation.tree import (
    CHUNK,
    MOST_BYTES,
    MOST_FILES,
    Found,
    Node,
    digest_of,
    node_of,
    walk,
)
from luna_tui.runners.tools.files import is_binary

SHOWN_BYTES = 512 * 1024
"""Largest file whose lines are compared; of others only the name is told."""
_CLONE = 0x40049409
"""FICLONE: the file system shares the content until one of the two changes."""
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class BaseTexts:
    """Contents of small files as attempts found them, each once for the whole run, by digest."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        """Protects `_known`."""
        self._known: set[str] = set()

    def keep(self, content: bytes, digest: str) -> None:
        """Keep it unless it is there already."""
        with self._lock:
            if digest in self._known:
                return
            self._known.add(digest)
        os.makedirs(self._folder, mode=0o700, exist_ok=True)
        with suppress(FileExistsError), open(os.open(self._path(digest), _NEW, 0o600), "wb") as file:
            file.write(content)

    def get(self, digest: str) -> bytes | None:
        """None for what was too large, or never kept."""
        with suppress(OSError), open(self._path(digest), "rb") as file:
            content = file.read()
            return content if digest_of(content) == digest else None
        return None

    def _path(self, digest: str) -> str:
        return os.path.join(self._folder, digest)


def copy_tree(
    source: str, target: str, texts: BaseTexts, token: CancelToken, avoid: frozenset[tuple[int, int]]
) -> dict[str, Node]:
    """Copy all but git's own to a new folder, and say what it was; links stay links.

    AttemptError(WORKSPACE) before anything is copied when it is too large; Cancelled.
    """
    try:
        _measure(source, token, avoid)
        os.mkdir(target, 0o700)
        base: dict[str, Node] = {}
        for found in walk(source, avoid):
            token.raise_if_cancelled()
            path = os.path.join(target, found.path)
            if found.is_folder:
                os.mkdir(path, 0o700 | stat.S_IMODE(found.status.st_mode) & 0o077)
            elif found.is_link:
                base[found.path] = Node(link=found.target())
                os.symlink(found.target(), path)
            else:
                node = _copy(found, path, texts)
                if node is not None:
                    base[found.path] = node
        return base
    except OSError as error:
        raise uncopied(error) from error


def remember(root: str, texts: BaseTexts, token: CancelToken) -> dict[str, Node]:
    """What a fresh checkout is, with its small files kept."""
    base: dict[str, Node] = {}
    try:
        for found in walk(root):
            token.raise_if_cancelled()
            if found.is_link:
                base[found.path] = Node(link=found.target())
            elif found.is_file:
                with found.open() as file:
                    base[found.path] = _kept(file, found.status.st_size, texts)
    except OSError as error:
        raise uncopied(error) from error
    return base


def uncopied(error: OSError) -> AttemptError:
    """Why there is no copy, in words."""
    why = clean_line((error.strerror or str(error)).lower())
    named = f" {clean_line(os.fsdecode(error.filename))}:" if error.filename is not None else ""
    return AttemptError(ErrorKind.WORKSPACE, f"a workspace of its own could not be made:{named} {why}")


def _measure(source: str, token: CancelToken, avoid: frozenset[tuple[int, int]]) -> None:
    size = count = 0
    for found in walk(source, avoid):
        if found.is_file:
            size, count = size + found.status.st_size, count + 1
        if size > MOST_BYTES or count > MOST_FILES:
            token.raise_if_cancelled()
            raise AttemptError(
                ErrorKind.WORKSPACE,
                f"the workspace is too large to be copied: more than {sized(MOST_BYTES)} or {MOST_FILES:,}"
                ' files; name a smaller one in the plan, or isolate = "git-worktree"',
            )


def _copy(found: Found, path: str, texts: BaseTexts) -> Node | None:
    """None for a file that vanished meanwhile."""
    try:
        source = found.open()
    except FileNotFoundError:
        return None
    with source:
        mode = stat.S_IMODE(found.status.st_mode) & 0o777
        with open(os.open(path, _NEW, 0o600), "wb") as target:
            if not _cloned(source, target):
                while chunk := source.read(CHUNK):
                    target.write(chunk)
            target.flush()
            os.fchmod(target.fileno(), mode | 0o600)
        with open(path, "rb") as copied:
            return _kept(copied, os.fstat(copied.fileno()).st_size, texts)


def _cloned(source: BinaryIO, target: BinaryIO) -> bool:
    try:
        fcntl.ioctl(target.fileno(), _CLONE, source.fileno())
    except OSError:
        return False
    return True


def _kept(file: BinaryIO, size: int, texts: BaseTexts) -> Node:
    node = node_of(file)
    if size <= SHOWN_BYTES:
        file.seek(0)
        content = file.read(SHOWN_BYTES + 1)
        if digest_of(content) == node.digest and is_text(content):
            texts.keep(content, node.digest)
    return node


def is_text(content: bytes) -> bool:
    """Whether lines of it can be shown."""
    return len(content) <= SHOWN_BYTES and not is_binary(content)
