"""Be the one process that writes a run, unless another one is."""

from __future__ import annotations

import threading

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, not_saved
from luna_tui.storage.run_lock import read_note

_ASKING_S = 0.02


def hold(run_dir: RunDir, disk: Disk | None = None) -> int:
    """Be the one process that writes a run, until the descriptor is closed; no child inherits it.

    LunaError(2) says which other process is, LunaError(74) why the lock file cannot be had.
    """
    disk = disk or Disk()
    try:
        try:
            return disk.lock(run_dir.lock)
        except BlockingIOError:
            # Who only asks whether the run is held holds it for an instant.
            threading.Event().wait(_ASKING_S)
            return disk.lock(run_dir.lock)
    except BlockingIOError as error:
        raise _still_running(run_dir) from error
    except OSError as error:
        raise not_saved(run_dir.path, error) from error


def _still_running(run_dir: RunDir) -> LunaError:
    note = read_note(run_dir)
    where = "another process has it"
    if note is not None:
        where = f"process {note.pid} on {clean_line(note.host)} has it"
    return LunaError(
        "still running",
        f"{run_dir.run} is under way: {where}",
        f"watch it: luna-tui attach {run_dir.run}",
        ExitCode.USAGE,
    )
