"""What stays as it is in a workspace that a command may write to."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator

NAMES = (".git", "luna-tui.toml", ".luna", ".claude")
_DEPTH = 3
_MOST_VISITED = 5_000
_MOST_FOUND = 64


class Guard:
    """The names as they stand before a command; what it made of those that were not there is set aside.

    Lives as long as one command. What is there is kept from it by whoever starts it.
    """

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._before = {name: _standing(os.path.join(workspace, name)) for name in NAMES}

    def present(self) -> list[str]:
        """Absolute paths of those that are files or folders, and of every `.git` a few folders down."""
        found = [os.path.join(self._workspace, name) for name, link in self._before.items() if link == ""]
        found += [path for path in _nested(self._workspace) if path not in found]
        return found[:_MOST_FOUND]

    def linked(self) -> list[str]:
        """Names that are links: what they lead to cannot be kept from a command."""
        return [name for name, link in self._before.items() if link]

    def set_aside(self) -> list[str]:
        """Move away what has been made since; the new names."""
        moved = []
        for name, before in self._before.items():
            path = os.path.join(self._workspace, name)
            if _standing(path) == before:
                continue
            aside = f"{name}.set-aside-{secrets.token_hex(4)}"
            try:
                os.rename(path, os.path.join(self._workspace, aside))
            except OSError:
                continue
            moved.append(aside)
        return moved


def _standing(path: str) -> str | None:
    """None where nothing is, where a link leads, empty for everything else."""
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return None
    except OSError:
        return ""


def _nested(workspace: str) -> Iterator[str]:
    waiting, visited = [(workspace, 0)], 0
    while waiting and visited < _MOST_VISITED:
        folder, depth = waiting.pop(0)
        try:
            entries = list(os.scandir(folder))
        except OSError:
            continue
        visited += len(entries)
        for entry in entries:
            if entry.is_symlink():
                continue
            if entry.name == ".git":
                yield entry.path
            elif depth < _DEPTH and entry.is_dir():
                waiting.append((entry.path, depth + 1))
