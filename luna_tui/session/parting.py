"""How a front end parts from its terminal, and what a signal asks of the run behind it."""

from __future__ import annotations

import errno
import os
import stat
import termios

_STREAMS = (0, 1, 2)


class Parting:
    """What a front end calls when it has to go. This one is a viewer's: the run is elsewhere."""

    @property
    def why_stays(self) -> str:
        """Why the run cannot go on without this terminal; empty when it can."""
        return ""

    def let_go(self) -> None:
        """The terminal is gone: nothing reaches for it any more. Call from the main thread."""
        let_go()

    def lost(self, how: str) -> None:
        """Have the run know that its terminal is gone; `how` as in TerminalLost."""

    def terminate(self) -> None:
        """SIGTERM came: end the run in good order; once more ends it now."""

    def wait(self) -> None:
        """Return when the run is over, or when it had all the time it gets."""

    def stacks(self) -> str:
        """Write what every thread is doing to a file, for whoever looks for a fault; where, or why not."""
        return ""


def let_go() -> None:
    """Point those standard streams at the null device that are, or were, a terminal."""
    _point_away([n for n in _STREAMS if _is_or_was_terminal(n)])


def let_go_of_all() -> None:
    """Point the standard streams, and whatever else is a terminal, at the null device.

    A stream that goes to a plain file stays: a file waits for nobody.
    """
    inherited = [int(name) for name in os.listdir("/dev/fd")]
    terminals = [n for n in inherited if n not in _STREAMS and _is_or_was_terminal(n)]
    _point_away([*(n for n in _STREAMS if not _is_file(n)), *terminals])


def has_gone(descriptor: int) -> bool:
    """Whether a terminal was taken away; the end of what was typed at it looks the same to a reader."""
    try:
        termios.tcgetattr(descriptor)
    except termios.error as error:
        return bool(error.args[0] == errno.EIO)
    return False


def _is_or_was_terminal(descriptor: int) -> bool:
    return os.isatty(descriptor) or has_gone(descriptor)


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _point_away(descriptors: list[int]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(null, descriptor)
    os.close(null)
