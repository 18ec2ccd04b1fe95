"""Leave well when a signal says so, even while the terminal takes nothing."""

from __future__ import annotations

import os
import signal
import sys
import termios
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from luna_tui.tui.restore import force

GRACE_S = 2.0
"""Time the app has to leave by itself before it is made to."""
RESTORE_S = 0.5
"""Time the terminal has to take the restoring sequences."""


class Signals:
    """SIGTERM, SIGINT and SIGHUP of an app; `left` is set when the app has gone by itself.

    Nothing is done in a handler but what cannot wait: a handler runs inside whatever the main
    thread does, which may be waiting for the terminal or hold a lock of the engine.
    """

    def __init__(
        self, *, terminate: Callable[[], None], interrupt: Callable[[], None], hang_up: Callable[[], None]
    ) -> None:
        """Each is called on a thread of its own."""
        self._calls = {signal.SIGTERM: terminate, signal.SIGINT: interrupt, signal.SIGHUP: hang_up}
        self._mode: list[Any] | None = None
        self.left = threading.Event()

    def listen(self) -> None:
        """Take the signals from now on; call from the main thread, before the terminal is changed."""
        with suppress(termios.error):
            self._mode = termios.tcgetattr(0)
        for number in self._calls:
            signal.signal(number, self._caught)

    def _caught(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            let_go()
        threading.Thread(target=self._act, args=(signal.Signals(number),), daemon=True).start()

    def _act(self, number: signal.Signals) -> None:
        self._calls[number]()
        if number is signal.SIGTERM and not self.left.wait(GRACE_S):
            self._force(128 + number)

    def _force(self, code: int) -> None:
        """The terminal takes nothing, so the app waits for it: restore what can be, and go."""
        restoring = threading.Thread(target=self._restore, daemon=True)
        restoring.start()
        restoring.join(RESTORE_S)
        os._exit(code)

    def _restore(self) -> None:
        """May wait for ever: another writer may fill the room that was made for us."""
        if self._mode is not None:
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._mode)
        force(sys.__stderr__.fileno() if sys.__stderr__ else 2)


def let_go() -> None:
    """Point the standard streams at the null device: the terminal is gone."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
