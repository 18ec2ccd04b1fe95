"""Move what a killed process left torn out of a run's journal, so that another process can go on."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from luna_tui.storage.disk import Disk
from luna_tui.storage.holder import hold
from luna_tui.storage.journal_reading import segments_of, usable
from luna_tui.storage.paths import RunDir, not_saved


@dataclass(frozen=True, slots=True)
class Repair:
    """What was moved aside."""

    lines: int
    where: str
    """The file that holds them now, relative to the run directory."""


def repair(run_dir: RunDir, disk: Disk | None = None, *, lock: int | None = None) -> Repair | None:
    """Move the torn end of the last segment to `journal.NNNN.torn`; None when nothing is torn.

    Torn is a line without an end, and any line after the last one that can be read; damage
    before that stays where it is. A process killed in the middle of it leaves nothing that the next
    call does not bring to the same end. The run is held meanwhile; `lock` = what `hold` gave the
    caller. LunaError(74) when the disk refuses, (2) when another process writes the run.
    """
    disk = disk or Disk()
    held = hold(run_dir, disk) if lock is None else lock
    try:
        return _repair(run_dir.path, disk)
    except OSError as error:
        raise not_saved(run_dir.path, error) from error
    finally:
        if lock is None:
            disk.close(held)


def _repair(folder: Path, disk: Disk) -> Repair | None:
    # A segment that was opened and never written to says nothing about the one before it.
    segment = next((s for s in reversed(segments_of(folder)) if s.stat().st_size), None)
    if segment is None:
        return None
    raw = segment.read_bytes()
    size = _usable(raw)
    torn = raw[size:]
    if not torn:
        return None
    aside = segment.with_suffix(".torn")
    _keep(aside, torn, disk)
    descriptor = disk.open_again(segment)
    try:
        disk.truncate(descriptor, size)
        disk.sync(descriptor)
    finally:
        disk.close(descriptor)
    return Repair(torn.count(b"\n") + (not torn.endswith(b"\n")), aside.name)


def _usable(raw: bytes) -> int:
    """Bytes up to the end of the last line that says something."""
    end = raw.rfind(b"\n") + 1
    while end:
        begin = raw.rfind(b"\n", 0, end - 1) + 1
        if usable(raw[begin : end - 1]):
            return end
        end = begin
    return 0


def _keep(aside: Path, torn: bytes, disk: Disk) -> None:
    """Add to the file in one move, unless a call that was killed did so already."""
    try:
        descriptor = os.open(aside, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        kept = b""
    else:
        with open(descriptor, "rb") as file:
            kept = file.read()
    if not kept.endswith(torn):
        disk.replace(aside, kept + torn)
