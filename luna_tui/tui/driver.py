"""A terminal driver that survives what keyboards, stops and hang-ups send, and waits for no terminal."""

from __future__ import annotations

import codecs
import os
import re
import select
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, TextIO, cast

from textual._xterm_parser import XTermParser
from textual.drivers.linux_driver import LinuxDriver
from textual.events import CursorPosition, Key, MouseEvent, MouseMove, Paste
from textual.message import Message

from luna_tui.tui.outlet import Outlet
from luna_tui.tui.pace import Pacer, line_of
from luna_tui.tui.painter import ASK_ROW, Painter
from luna_tui.tui.paste import PasteGate

_READ_BYTES = 4_096
_POLL_S = 0.1
_LAST_ANSWER_S = 0.5
"""Time the last answer has to come before the screen is left, so that the shell does not get it."""
_MOST_MODIFIERS = 16
_KITTY_ESCAPE_ONLY = "\x1b[>1u"
_KITTY = re.compile("\x1b\\[[<>]\\d*u")


class LunaDriver(LinuxDriver):
    """Textual's own driver, but what it writes is paced, and no terminal can make it wait."""

    class Lost(Message):
        """The terminal is gone: nothing can be read from it any more."""

    def __init__(self, app: Any, **how: Any) -> None:
        super().__init__(app, **how)
        self._outlet = Outlet(cast(TextIO, self._file), self._taken)
        self.painter = Painter(getattr(app, "pacer", None) or Pacer(line_of(os.environ)), self._outlet.put)
        """What draws; the app gives it its updates."""
        self._remote = any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY"))
        self._answer = threading.Event()
        """No question is open that an answer may still come to."""

    def _get_terminal_size(self) -> tuple[int, int]:
        """What the terminal says; COLUMNS and LINES may be of another one, or long out of date."""
        with suppress(OSError, ValueError):
            width, height = os.get_terminal_size(cast(TextIO, self._file).fileno())
            if width and height:
                return width, height
        return super()._get_terminal_size()

    def write(self, data: str) -> None:
        """Queue for the terminal; returns at once."""
        if _KITTY.fullmatch(data):
            # It stays on after a dropped line or a kill, and who gets numbers for keys types no command.
            data = "" if self._remote else data if "<" in data else _KITTY_ESCAPE_ONLY
        if data:
            self._outlet.put(data)

    def set_mouse(self, on: bool) -> None:
        """Have clicks and the wheel reported, or leave the mouse to the terminal."""
        self._disable_mouse_support()
        self._mouse = on
        self._enable_mouse_support()
        if self._mouse_pixels:
            self._enable_mouse_pixels()

    def start_application_mode(self) -> None:
        """Take the terminal, and ask it the first question."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.painter.begin(asks=self.input_tty)

    def stop_application_mode(self) -> None:
        """Give the terminal back; no answer comes after this that the shell would take for keys."""
        pacer = self.painter.pacer
        pacer.stop()
        self._answer.clear()
        if pacer.asking:
            self._answer.wait(_LAST_ANSWER_S)
        self.painter.end()
        super().stop_application_mode()

    def close(self) -> None:
        """Leave the terminal; what it does not take soon is thrown away."""
        super().close()
        self._outlet.leave()

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

    def process_message(self, message: Message) -> None:
        """Keep answers to our questions; everything else goes to the app. On the thread that reads keys."""
        if isinstance(message, CursorPosition):
            number = self._question(message)
            if number is not None:
                self._answer.set()
                self._soon(self.painter.answered, monotonic(), number or None)
                return
            for key in XTermParser()._parse_extended_key(f"\x1b[1;{message.x + 1}R") or ():
                self.process_message(key)
            return
        if isinstance(message, Key | Paste) or (
            isinstance(message, MouseEvent) and not isinstance(message, MouseMove)
        ):
            self.painter.pressed()
        super().process_message(message)

    def _question(self, report: CursorPosition) -> int | None:
        """Number of the question that this answers, 0 = the latest; None = it is F3 with modifiers."""
        row, column = report.y + 1, report.x + 1
        if row == ASK_ROW:
            return column
        return None if row == 1 and 2 <= column <= _MOST_MODIFIERS else 0

    def _soon(self, call: Callable[..., object], *given: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(call, *given)

    def _taken(self, left: int) -> None:
        self._soon(self.painter.taken, left, monotonic())

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
