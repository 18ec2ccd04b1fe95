"""Put a terminal back that a screen has left, or could not leave."""

from __future__ import annotations

import os
import select
import termios
from contextlib import suppress

RESTORE = (
    "\x1b[?2026l"  # drawing is not held back any more
    "\x1b[?2004l"  # no brackets around pastes
    "\x1b[?7h"  # long lines wrap
    "\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l\x1b[?1016l"  # no reports of the mouse
    "\x1b[?1004l"  # none of the focus
    "\x1b[?2048l"  # none of the size
    "\x1b[<u"  # keys as they always were; each screen has its own stack, so before leaving it
    "\x1b[?1049l"  # the screen as it was before
    "\x1b[<u\x1b[0m\x1b[?25h"  # attributes and the cursor
)
"""Harmless to a terminal that is in order; the title is left alone."""
_LOCAL = termios.ICANON | termios.ECHO | termios.ECHOE | termios.ECHOK | termios.ISIG | termios.IEXTEN
_IN_OFF = termios.INLCR | termios.IGNCR | termios.IGNBRK | termios.PARMRK | termios.ISTRIP
_CHARACTERS = {
    termios.VINTR: 0x03, termios.VQUIT: 0x1C, termios.VERASE: 0x7F, termios.VKILL: 0x15, termios.VEOF: 0x04,
    termios.VSTART: 0x11, termios.VSTOP: 0x13, termios.VSUSP: 0x1A,
}  # fmt: skip


def cook(fd: int) -> None:
    """Lines, echo and ctrl+c as a shell expects them, like `stty sane`; nothing where `fd` is no terminal."""
    with suppress(termios.error):
        mode = termios.tcgetattr(fd)
        mode[0] = (mode[0] | termios.ICRNL | termios.IXON | termios.BRKINT) & ~_IN_OFF
        mode[1] |= termios.OPOST | termios.ONLCR
        mode[2] |= termios.CREAD
        mode[3] |= _LOCAL
        mode[3] &= ~(termios.NOFLSH | termios.TOSTOP | termios.ECHONL)
        for place, code in _CHARACTERS.items():
            mode[6][place] = bytes([code])
        if mode[3] & termios.ICANON:
            mode[6][termios.VMIN], mode[6][termios.VTIME] = 1, 0
        termios.tcsetattr(fd, termios.TCSANOW, mode)


def force(fd: int) -> None:
    """Throw away what the terminal has not taken and send the restoring sequences; waits for nothing."""
    with suppress(termios.error):
        termios.tcflush(fd, termios.TCOFLUSH)
    if select.select([], [fd], [], 0)[1]:
        with suppress(OSError):
            os.write(fd, RESTORE.encode())


def drop_input(fd: int) -> None:
    """Forget what was typed or reported and not yet read."""
    with suppress(termios.error):
        termios.tcflush(fd, termios.TCIFLUSH)
