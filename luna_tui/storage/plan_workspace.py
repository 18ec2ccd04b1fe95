"""The folder a plan works in: which may be one, and what may be attached from it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.storage.fields import nearest, shortened

MAX_FILE_BYTES = 1024 * 1024
"""Largest file that may be attached to a prompt."""


def resolved_workspace(base: Path, text: str) -> Path:
    """The folder that `text` means, seen from `base`, without symbolic links; ValueError says why not.

    The root of the file system and the home folder are refused: a plan that reaches all of them
    was hardly meant.
    """
    if "\0" in text:
        raise ValueError("the name of the workspace holds a NUL character")
    try:
        path = (base / os.path.expanduser(text)).resolve()
        if not path.exists():
            raise ValueError(f"workspace {path} does not exist")
        if not path.is_dir():
            raise ValueError(f"workspace {path} is not a folder")
        home = Path(os.environ["HOME"]).resolve() if os.environ.get("HOME") else None
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it is a loop of symbolic links"
        raise ValueError(f"workspace {text[:100]} cannot be used: {why}") from error
    if path == Path(path.anchor):
        raise ValueError(f"workspace {path} is too wide; name a folder in it")
    if path == home:
        raise ValueError(f"workspace {path} is your whole home folder; name a folder in it")
    return path


class PlanFiles:
    """Answers whether files and folders of a workspace can be used; each name is looked at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._known: dict[str, tuple[str, str] | None] = {}
        self._sizes: dict[str, int] = {}

    def problem(self, name: str) -> tuple[str, str] | None:
        """What is wrong with attaching a file, and what to do; None when it can be attached."""
        if name not in self._known:
            self._known[name] = self._look(name)
        return self._known[name]

    def size(self, name: str) -> int:
        """Bytes of a file that can be attached; 0 for any other."""
        return self._sizes.get(name, 0) if self.problem(name) is None else 0

    def folder_problem(self, name: str) -> str | None:
        """Why a command cannot work in a folder; one that is not there yet may be made by a subtask."""
        shown = shortened(clean_line(name))
        path = self._beneath(name)
        if path is None:
            return f"cwd {shown} lies outside the workspace {self._root}"
        if os.path.lexists(path) and not os.path.isdir(path):
            return f"cwd {shown} is not a folder"
        return None

    def _look(self, name: str) -> tuple[str, str] | None:
        shown = shortened(clean_line(name))
        path = self._beneath(name)
        if path is None:
            return f"{shown} lies outside the workspace {self._root}", "move it in, or widen the workspace"
        try:
            status = path.stat()
        except OSError:
            return f"{shown} does not exist in the workspace {self._root}", _near_name(path)
        if stat.S_ISDIR(status.st_mode):
            return f"{shown} is a folder", "name the files in it"
        if not stat.S_ISREG(status.st_mode):
            return f"{shown} is not a regular file", "copy its content into one"
        if status.st_size > MAX_FILE_BYTES:
            size = f"{status.st_size:,} bytes"
            return f"{shown} has {size}", f"at most {MAX_FILE_BYTES:,} can be attached"
        self._sizes[name] = status.st_size
        return None

    def _beneath(self, name: str) -> Path | None:
        """The real path of a name, when it lies in the workspace."""
        if "\0" in name:
            return None
        path = Path(os.path.realpath(self._root / name))
        return path if path.is_relative_to(self._root) else None


def _near_name(path: Path) -> str:
    try:
        names = os.listdir(path.parent)
    except OSError:
        return "check the path"
    near = nearest(path.name, [n for n in names if n != path.name])
    return near if near.startswith("did you mean") else "check the path"
