"""`reset`: put a terminal in order that a killed dashboard left behind; may be typed blind."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.tui.restore import RESTORE, cook, drop_input

_DEVICE = "the command tty, typed in a terminal, names its device"


def reset(path: Path | None = None) -> int:
    """Restore the terminal this was typed on, wherever the output goes, or the one at `path`."""
    fd = _terminal() if path is None else _device(path)
    if fd is None:
        raise LunaError(
            "no terminal",
            "there is no terminal here to put in order",
            "type it in the terminal that is broken, without a pipe",
            ExitCode.USAGE,
        )
    cook(fd)
    os.write(fd, RESTORE.encode())
    # Reports of the mouse that came until now would be the shell's next command.
    drop_input(fd)
    return ExitCode.OK


def _device(path: Path) -> int:
    try:
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    except OSError as error:
        raise LunaError("no such terminal", f"{path}: {error.strerror}", _DEVICE, ExitCode.USAGE) from None
    if not os.isatty(fd):
        os.close(fd)
        raise LunaError("no terminal", f"{path} is something else", _DEVICE, ExitCode.USAGE)
    return fd


def _terminal() -> int | None:
    with suppress(OSError):
        return os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    for stream in (sys.__stderr__, sys.__stdout__, sys.__stdin__):
        if stream is not None and stream.isatty():
            return stream.fileno()
    return None
