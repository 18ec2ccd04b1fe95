"""What every thread was doing, in a file of the run: for whoever looks for a fault."""

from __future__ import annotations

import faulthandler
import itertools
from pathlib import Path


def write_stacks(folder: Path) -> Path:
    """Write the stacks of all threads to the next free `crash-N.txt`; no value of a variable is in it.

    OSError when the disk refuses.
    """
    for number in itertools.count(1):
        path = folder / f"crash-{number}.txt"
        try:
            with path.open("x", encoding="utf-8") as file:
                faulthandler.dump_traceback(file, all_threads=True)
        except FileExistsError:
            continue
        return path
    raise AssertionError("numbers do not end")
