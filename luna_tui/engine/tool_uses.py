"""Tell of the tools that an agent uses during an attempt, several at once if it likes."""

from __future__ import annotations

import threading

from luna_tui.core.clean import short_line
from luna_tui.core.events import ToolCalled, ToolFinished
from luna_tui.core.redaction import Redaction
from luna_tui.engine.clock import Clock
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight

LINE_CHARS = 500
"""Longest line about the use of a tool."""


class ToolUses:
    """The uses of one attempt; safe from any thread."""

    def __init__(self, desk: FlightDesk, flight: Flight, clock: Clock, redaction: Redaction) -> None:
        self._desk = desk
        self._flight = flight
        self._attempt = flight.attempt
        self._clock = clock
        self._redaction = redaction
        self._lock = threading.Lock()
        """Protects `_open`."""
        self._open: dict[str, tuple[str, float]] = {}
        """Name of a use -> the tool, and when it was called."""

    def called(self, call: str, tool: str, summary: str) -> None:
        """A tool is in use from now on; `call` names the use within the attempt."""
        call, tool = self._line(call), self._line(tool)
        with self._lock:
            self._open[call] = tool, self._clock.now()
        self._desk.tell(
            self._flight,
            ToolCalled(
                wave=self._flight.wave, subtask=self._flight.subtask.id, attempt=self._attempt,
                tool=tool, summary=self._line(summary), call=call,
            ),
        )  # fmt: skip

    def finished(self, call: str, *, ok: bool, result: str) -> None:
        """It returned; a use that was not told of is ignored."""
        call = self._line(call)
        with self._lock:
            tool, since = self._open.pop(call, ("", 0.0))
        if not tool:
            return
        self._desk.tell(
            self._flight,
            ToolFinished(
                wave=self._flight.wave, subtask=self._flight.subtask.id, attempt=self._attempt,
                tool=tool, ok=ok, duration_s=round(self._clock.now() - since, 6),
                call=call, result=self._line(result),
            ),
        )  # fmt: skip

    def _line(self, text: str) -> str:
        return short_line(self._redaction.text(text), LINE_CHARS)
