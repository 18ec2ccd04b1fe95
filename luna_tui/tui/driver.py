"""A terminal driver that survives what keyboards, stops and hang-ups send."""

from __future__ import annotations

import codecs
import os
import select
from typing import Any, TextIO, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.message import Message

from luna_tui.tui.paste import PasteGate

_READ_BYTES = 4_096
_POLL_S = 0.1


class LunaDriver(LinuxDriver):
    """Textual's own driver, but it ignores bytes that are no UTF-8 and says when the terminal is gone."""

    class Lost(Message):
        """The terminal is gone: nothing can be read from it any more."""

    def __init__(self, app: Any, **how: Any) -> None:
        super().__init__(app, **how)
        self._file = cast(Any, _Drawing(cast(TextIO, self._file)))

    def run_input_thread(self) -> None:
        """Read keys until the app ends; runs on a thread of its own."""
        parser = XTermParser(self._debug)
        gate = PasteGate()
        decoder = codecs.getincrementaldecoder("utf-8")("ignore")
        while not self.exit_event.is_set():
            ready, _, _ = select.select([self.fileno], [], [], _POLL_S)
            raw = self._read() if ready else b""
            if ready and not raw:
                self.process_message(self.Lost())
                return
            text = gate.take(decoder.decode(raw)) if ready else gate.tick()
            if text:
                for message in parser.feed(text):
                    self.process_message(message)
            for message in parser.tick():
                self.process_message(message)

    def _read(self) -> bytes:
        try:
            return os.read(self.fileno, _READ_BYTES)
        except OSError:
            return b""

    def _enable_mouse_support(self) -> None:
        """Clicks and the wheel; reports of every motion would cost a quarter of a core."""
        if self._mouse:
            self.write("\x1b[?1000h\x1b[?1006h")

    def _sigcont_application(self, *_: object) -> None:
        """Go on after a stop, also after one that gave no warning or that never was."""
        if not self._auto_restart or self._writer_thread is None or not self._app.is_running:
            return
        if not self._must_signal_resume:
            # A second input thread would take every other key and hang the exit.
            self.suspend_application_mode()
            self._must_signal_resume = True
        self.resume_application_mode()


class _Drawing:
    """The stream the screen is drawn on; forgets what it is given once the terminal is gone."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._gone = False

    def write(self, text: str) -> int:
        """Hand on; the writer's thread must outlive the terminal, or the app waits for it for ever."""
        if not self._gone:
            try:
                self._stream.write(text)
            except OSError:
                self._gone = True
        return len(text)

    def flush(self) -> None:
        """Hand on."""
        if not self._gone:
            try:
                self._stream.flush()
            except OSError:
                self._gone = True

    def fileno(self) -> int:
        """Descriptor of the terminal."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether it is a terminal."""
        return self._stream.isatty()
