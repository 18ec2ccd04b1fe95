"""A terminal driver that survives what keyboards and hang-ups send."""

from __future__ import annotations

import codecs
import os
import select

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver

_READ_BYTES = 4_096
_POLL_S = 0.1


class LunaDriver(LinuxDriver):
    """Textual's own driver, but bytes that are no UTF-8 are ignored and an end of input leaves the app."""

    def run_input_thread(self) -> None:
        """Read keys until the app ends; runs on a thread of its own."""
        parser = XTermParser(self._debug)
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], _POLL_S)
            if ready:
                raw = os.read(self.fileno, _READ_BYTES)
                if not raw:
                    self._app.call_later(self._app.exit, None, 129)
                    return
                for message in parser.feed(decoder.decode(raw)):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)
