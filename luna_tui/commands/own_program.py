"""How this program is started anew, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

_PACKAGE_FOLDER = Path(__file__).resolve().parents[2]
_ENTRY = "import sys; sys.path.append(sys.argv.pop(1)); from luna_tui.cli import entry; entry()"


def program(argv: Sequence[str]) -> list[str]:
    """The command line; files of the folder we are in cannot stand in for modules."""
    return [sys.executable, "-P", "-c", _ENTRY, str(_PACKAGE_FOLDER), *argv]


def start_aside(argv: Sequence[str]) -> bool:
    """Start a command that neither needs nor keeps this terminal; False when the system refuses."""
    null = subprocess.DEVNULL
    with suppress(OSError):
        subprocess.Popen(program(argv), stdin=null, stdout=null, stderr=null, start_new_session=True)
        return True
    return False
