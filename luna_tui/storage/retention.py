"""Remove kept runs so that a kill leaves no half run, and nothing outside of them is touched."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from luna_tui.core.run_summary import RunSummary
from luna_tui.storage.paths import why_not

_GONE = ".gone-"
"""What a folder is called that is being removed: it is no run any more."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What came of removing runs."""

    runs: tuple[RunSummary, ...]
    refused: tuple[tuple[str, str], ...] = ()
    """(id, why) of those that are still there."""

    @property
    def size_bytes(self) -> int:
        """Freed on the disk."""
        return sum(r.size_bytes for r in self.runs)


def _nothing(_: object) -> None:
    """Nothing is to be done."""


def remove_runs(
    root: Path,
    chosen: Iterable[RunSummary],
    done: Callable[[RunSummary], object] = _nothing,
    clear: Callable[[Path], object] = _nothing,
) -> Removed:
    """Remove runs one after the other, and what a removal that was killed left behind.

    `clear` is called before each, with its folder, while the run is held; `done` after each. A run
    that a process writes at this moment stays, and so does a link.
    """
    sweep(root)
    removed: list[RunSummary] = []
    refused: list[tuple[str, str]] = []
    for run in chosen:
        why = _remove(root, run.run, clear)
        if why:
            refused.append((run.run, why))
        else:
            removed.append(run)
            done(run)
    return Removed(tuple(removed), tuple(refused))


def sweep(root: Path) -> None:
    """Remove what a removal that was killed left behind."""
    with suppress(OSError), os.scandir(root) as entries:
        for entry in entries:
            if entry.name.startswith(_GONE) and entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)


def links_in(root: Path) -> frozenset[str]:
    """Names in the folder of runs that are links: what they point to is not ours to remove."""
    try:
        with os.scandir(root) as entries:
            return frozenset(e.name for e in entries if e.is_symlink())
    except OSError:
        return frozenset()


def _remove(root: Path, run: str, clear: Callable[[Path], object]) -> str:
    """Empty when it is gone, else why not."""
    folder = root / run
    if folder.is_symlink():
        return "it is a symbolic link"
    lock = None
    try:
        with suppress(FileNotFoundError):
            lock = os.open(folder / "lock", os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        if lock is not None:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        clear(folder)
        gone = root / f"{_GONE}{run}"
        os.rename(folder, gone)
        shutil.rmtree(gone, ignore_errors=True)
        if gone.exists():
            return "part of it could not be removed; the next time may"
    except OSError as error:
        return why_not(error)
    finally:
        if lock is not None:
            os.close(lock)
    return ""
