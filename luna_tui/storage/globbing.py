"""Find the files of a folder that a pattern means, in order, and none outside the folder."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

_MAGIC = re.compile(r"[*?\[]")
_ANY = "**"
_DEEPEST = 200
"""Folders within folders that are looked into."""


def matching(root: Path, pattern: str, most: int) -> list[str]:
    """Paths of regular files relative to `root`, sorted; of more than `most` that many and one.

    `*` and `?` stay in one part of the path, `**` stands for any number of folders. Hidden names are
    found only by a part that begins with a dot, links to folders are not followed by `**`, and files
    outside `root` are left out. ValueError for a pattern that leaves it.
    """
    parts = [p for p in pattern.split("/") if p not in ("", ".")]
    if pattern.startswith("/") or ".." in parts or "\0" in pattern or not parts:
        raise ValueError("a pattern is relative to the workspace and stays in it")
    if parts[-1] == _ANY:
        parts.append("*")
    found = dict.fromkeys(islice(_walk(root, "", parts), most + 1))
    return sorted(found)


def _walk(root: Path, folder: str, parts: list[str]) -> Iterator[str]:
    head, rest = parts[0], parts[1:]
    if head == _ANY:
        while rest[0] == _ANY:
            rest = rest[1:]
        yield from _walk(root, folder, rest)
        for name, entry in _entries(root, folder):
            if not name.startswith(".") and entry.is_dir(follow_symlinks=False):
                yield from _walk(root, f"{folder}{name}/", [_ANY, *rest])
        return
    matches = _name_pattern(head)
    for name, entry in _entries(root, folder):
        if not matches.match(name) or (name.startswith(".") and not head.startswith(".")):
            continue
        if rest and _is_dir(root, entry):
            yield from _walk(root, f"{folder}{name}/", rest)
        elif not rest and _is_file(root, entry):
            yield folder + name


def _name_pattern(part: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(part) if _MAGIC.search(part) else re.escape(part) + r"\Z")


def _entries(root: Path, folder: str) -> list[tuple[str, os.DirEntry[str]]]:
    if folder.count("/") > _DEEPEST:
        return []
    try:
        with os.scandir(root / folder) as entries:
            return sorted((e.name, e) for e in entries if _is_text(e.name))
    except OSError:
        return []


def _is_text(name: str) -> bool:
    """A name that is no UTF-8 cannot be written into a plan or a prompt."""
    return not any("\ud800" <= c <= "\udfff" for c in name)


def _is_dir(root: Path, entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and _stays(root, entry)
    except OSError:
        return False


def _is_file(root: Path, entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file() and _stays(root, entry)
    except OSError:
        return False


def _stays(root: Path, entry: os.DirEntry[str]) -> bool:
    return not entry.is_symlink() or Path(os.path.realpath(entry.path)).is_relative_to(root)
