"""Read what a plan is made of besides its own file, and remember it, so that a run keeps all of it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput
from luna_tui.storage.fields import nearest, shortened
from luna_tui.storage.plan_problems import TITLE
from luna_tui.storage.text_source import read_text

KEPT = "inputs.json"
"""Name of what was read, in the directory of a run."""
MAX_BYTES = 64 * 1024 * 1024


class InputError(Exception):
    """Something that cannot be read: what is wrong, and what to do."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class Inputs:
    """What one plan reads; each thing is read once.

    `kept` = what an earlier load read, by key: that is given again, whatever there is now.
    """

    def __init__(self, root: Path, kept: Mapping[str, str] | None = None) -> None:
        self.root = root
        """The workspace."""
        self._kept = kept or {}
        self.read: dict[str, str] = {}
        """Key -> text, of all that was read so far."""

    def file(self, name: str) -> str:
        """The text of a file of the workspace; raises InputError."""
        return self.once(f"file:{name}", lambda: self._file(name))

    def once(self, key: str, read: Callable[[], str]) -> str:
        """The text under a key, now or as it was; what `read` raises is passed on."""
        if key not in self.read:
            self.read[key] = self._kept[key] if key in self._kept else read()
        return self.read[key]

    def _file(self, name: str) -> str:
        shown = shortened(clean_line(name))
        if "\0" in name or not name.strip():
            raise InputError(f"{shown!r} is no name of a file", "a file of the workspace")
        path = Path(os.path.realpath(self.root / name))
        if not path.is_relative_to(self.root):
            raise InputError(f"{shown} lies outside the workspace {self.root}", "move it in")
        try:
            return read_text(path, TITLE, max_bytes=MAX_BYTES)
        except InvalidInput as error:
            problem = error.problems[0]
            where = f"{shown}, line {problem.line}:" if problem.line else shown
            near = _near(path) if not path.exists() else ""
            raise InputError(f"{where} {problem.what}", near or problem.fix) from None


def kept_inputs(folder: Path) -> dict[str, str]:
    """What the run in `folder` read when it began; nothing where it kept nothing."""
    try:
        value = json.loads((folder / KEPT).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return {str(k): v for k, v in value.items() if isinstance(v, str)} if isinstance(value, dict) else {}


def _near(path: Path) -> str:
    try:
        near = nearest(path.name, os.listdir(path.parent))
    except OSError:
        return ""
    return near if near.startswith("did you mean") else ""
