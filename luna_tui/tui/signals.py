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

from luna_tui.session.parting import Parting
from luna_tui.tui.restore import force

GRACE_S = 2.0
"""Time the app has to leave by itself before it is made to."""
RESTORE_S = 0.5
"""Time the terminal has to take the restoring sequences."""


class Signals:
    """Signals of an app; `left` is set when the app has gone by itself.

    Nothing is done in a handler but what cannot wait: a handler runs inside whatever the main
    thread does, which may be waiting for the terminal or hold a lock of the engine.
    """

    def __init__(
        self,
        *,
        terminate: Callable[[], None],
        interrupt: Callable[[], None],
        hang_up: Callable[[], None],
        report: Callable[[], None] = lambda: None,
        stacks: Callable[[], None] = lambda: None,
        parting: Parting | None = None,
    ) -> None:
        """Each is called on a thread of its own; `parting` is told to let go of the terminal."""
        self._calls = {
            signal.SIGTERM: terminate,
            signal.SIGINT: interrupt,
            signal.SIGHUP: hang_up,
            signal.SIGUSR1: report,
            signal.SIGQUIT: stacks,
        }
        self._parting = parting or Parting()
        self._mode: list[Any] | None = None
        self._before: dict[int, Any] = {}
        self.left = threading.Event()
        self.hung_up = False
        """A SIGHUP came."""

    def listen(self) -> None:
        """Take the signals from now on; call from the main thread, before the terminal is changed."""
        with suppress(termios.error):
            self._mode = termios.tcgetattr(0)
        for number in self._calls:
            if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._caught)

    def give_back(self) -> None:
        """The app has gone: until something else takes them, signals mean what they meant before."""
        self.left.set()
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.hung_up = True
            # A terminal that is still there belongs to somebody else now.
            self._set_mode()
            self._parting.let_go()
        threading.Thread(target=self._act, args=(signal.Signals(number),), daemon=True).start()

    def _act(self, number: signal.Signals) -> None:
        self._calls[number]()
        if number is signal.SIGTERM and not self.left.wait(GRACE_S):
            self._force(128 + number)

    def _force(self, code: int) -> None:
        """The terminal takes nothing, so the app waits for it: restore what can be, and go after the run."""
        restoring = threading.Thread(target=self._restore, daemon=True)
        restoring.start()
        restoring.join(RESTORE_S)
        self._parting.wait()
        if not self.left.is_set():
            os._exit(code)

    def _set_mode(self) -> None:
        if self._mode is not None:
            # From the background this would stop the program.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
            with suppress(termios.error):
                termios.tcsetattr(0, termios.TCSANOW, self._mode)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _restore(self) -> None:
        """May wait for ever: another writer may fill the room that was made for us."""
        self._set_mode()
        force(sys.__stderr__.fileno() if sys.__stderr__ else 2)
