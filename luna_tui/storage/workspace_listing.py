"""Which files a workspace has, by name and size; what git ignores and what is hidden is left out."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from luna_tui.core.clean import clean_line

MOST_FILES = 300
MOST_CHARS = 12_000
"""Of all names together."""
_LOOKED_AT = 20_000
_GIT_S = 5.0
_GIT = (
    # The configuration of a repository could name a program here, and a workspace is not trusted.
    "git", "-c", "core.fsmonitor=false", "ls-files", "-z", "--cached", "--others", "--exclude-standard",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listing:
    """What is told of a workspace."""

    files: tuple[tuple[str, int], ...]
    """(path relative to the workspace, bytes), the ones nearest to its root first."""
    more: int
    """How many there are beyond those."""


def list_workspace(root: Path) -> Listing:
    """Names and sizes, at most `MOST_FILES`; without links and names that cannot be shown."""
    names = _of_git(root)
    found = _sized(root, _walked(root) if names is None else names)
    found.sort(key=lambda file: (file[0].count("/"), file[0]))
    told: list[tuple[str, int]] = []
    left = MOST_CHARS
    for name, size in found[:MOST_FILES]:
        left -= len(name)
        if left < 0:
            break
        told.append((name, size))
    return Listing(tuple(told), len(found) - len(told))


def _of_git(root: Path) -> list[str] | None:
    """What git knows or would add; None where there is no repository, or no git."""
    try:
        done = subprocess.run(
            _GIT,
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_S,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode != 0:
        return None
    return [name.decode("utf-8", "replace") for name in done.stdout.split(b"\0") if name]


def _walked(root: Path) -> Iterator[str]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in files:
            yield os.path.relpath(os.path.join(folder, name), root)


def _sized(root: Path, names: Iterator[str] | list[str]) -> list[tuple[str, int]]:
    found = []
    for count, name in enumerate(names):
        if count >= _LOOKED_AT:
            break
        if any(part.startswith(".") for part in name.split("/")) or clean_line(name) != name:
            continue
        try:
            status = (root / name).lstat()
        except (OSError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((name, status.st_size))
    return found
