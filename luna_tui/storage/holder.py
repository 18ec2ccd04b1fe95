"""Be the process that goes on with a run, unless another one has it."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, not_saved
from luna_tui.storage.run_lock import read_note


def hold_to_go_on(run_dir: RunDir, disk: Disk | None = None) -> int:
    """Be the one process that writes a run; LunaError(2) says which other one does.

    The caller closes the descriptor, or hands it to the journal's writer.
    """
    try:
        return (disk or Disk()).lock(run_dir.lock)
    except BlockingIOError as error:
        note = read_note(run_dir)
        where = "another process has it"
        if note is not None:
            where = f"process {note.pid} on {clean_line(note.host)} has it"
        raise LunaError(
            "still running",
            f"{run_dir.run} is under way: {where}",
            f"watch it: luna-tui attach {run_dir.run}",
            ExitCode.USAGE,
        ) from error
    except OSError as error:
        raise not_saved(run_dir.path, error) from error
