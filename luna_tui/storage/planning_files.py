"""What a planning keeps on disk: the draft that is checked, and what the model answered when it failed."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from luna_tui.storage.paths import not_saved, private_dir, state_dir

_KEPT = 20
"""Folders of plannings that stay; older ones are removed when a new one is made."""


class PlanningFiles:
    """The folder of one planning, made when the first file is written."""

    def __init__(self, planning: str) -> None:
        self.folder = state_dir() / "plans" / planning

    def write(self, name: str, text: str) -> Path:
        """Write a file that only its owner can read, instead of one of this name; LunaError(74)."""
        self._make()
        path = self.folder / name
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
                file.write(text)
        except OSError as error:
            raise not_saved(path, error) from error
        return path

    def last_answer(self) -> Path | None:
        """The last answer that was kept; None when there is none."""
        found = sorted(self.folder.glob("answer*")) if self.folder.is_dir() else []
        return found[-1] if found else None

    def discard(self) -> None:
        """Nothing of the planning stays."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _make(self) -> None:
        if not self.folder.exists():
            private_dir(state_dir())
            _remove_old(private_dir(self.folder.parent))
        private_dir(self.folder)


def _remove_old(plans: Path) -> None:
    with suppress(OSError):
        for path in sorted(plans.iterdir())[: -_KEPT + 1]:
            shutil.rmtree(path, ignore_errors=True)
