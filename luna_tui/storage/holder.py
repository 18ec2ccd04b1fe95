"""Who writes a run now, as its lock file says."""

from __future__ import annotations

import json
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, not_saved

_MOST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that writes a run."""

    pid: int
    host: str


def holder_of(run_dir: RunDir) -> Holder | None:
    """Who holds the run, or held it last; None when that is not written down."""
    try:
        with run_dir.lock.open("rb") as file:
            value = json.loads(file.read(_MOST_BYTES))
        return Holder(int(value["pid"]), clean_line(str(value["host"])))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def hold_to_go_on(run_dir: RunDir, disk: Disk | None = None) -> int:
    """Be the one process that writes a run; LunaError(2) says which other one does.

    The caller closes the descriptor, or hands it to the journal's writer.
    """
    try:
        return (disk or Disk()).lock(run_dir.lock)
    except BlockingIOError as error:
        held = holder_of(run_dir)
        where = f"process {held.pid} on {held.host} has it" if held is not None else "another process has it"
        raise LunaError(
            "still running",
            f"{run_dir.run} is under way: {where}",
            f"watch it: luna-tui attach {run_dir.run}",
            ExitCode.USAGE,
        ) from error
    except OSError as error:
        raise not_saved(run_dir.path, error) from error
