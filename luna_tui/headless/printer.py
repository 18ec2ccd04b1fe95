"""Print lines for people, and records as NDJSON where they are asked for."""

from __future__ import annotations

import errno
import os
import select
import sys
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import IO

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record
from luna_tui.core.planning import PlanningRecord, planning_line
from luna_tui.core.records import to_line

_POLL_S = 0.2
_REST_S = 0.01


class LinePrinter:
    """Prints lines; a closed pipe or a lost terminal ends it quietly."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._own: int | None = None
        self._broken = False
        self.gone = False
        """The terminal they went to is there no more."""
        self.hurried = False
        """Something else has to be done: a terminal that takes nothing now is not waited for."""

    def say(self, text: str) -> None:
        """Print one line; a terminal that takes nothing is waited for, but not in a hurry."""
        if self._broken:
            return
        try:
            terminal = self._terminal()
            if terminal is None:
                print(text, file=self._stream, flush=True)
            else:
                self._write(
                    terminal,
                    f"{text}\n".encode(getattr(self._stream, "encoding", None) or "utf-8", "replace"),
                )
        except (OSError, ValueError) as error:
            self._broken = True
            self.gone = isinstance(error, OSError) and error.errno == errno.EIO

    def _terminal(self) -> int | None:
        """The terminal, described for us alone, so that not to wait is no choice for others."""
        if not self._stream.isatty():
            return None
        if self._own is None:
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
            with suppress(OSError):
                self._own = os.open(os.ttyname(self._stream.fileno()), flags)
        return self._own

    def _write(self, terminal: int, raw: bytes) -> None:
        rest = memoryview(raw)
        while rest:
            try:
                rest = rest[os.write(terminal, rest) :]
            except BlockingIOError:
                if self.hurried:
                    return
                # It may be ready for less than a line end takes, so ready is not enough.
                select.select([], [], [], _REST_S)
                select.select([], [terminal], [], _POLL_S)


class RecordPrinter:
    """Writes every record as a line of NDJSON; `-` is stdout.

    A thread of its own writes: a reader that is slow holds nobody up, and gets every line.
    """

    def __init__(self, target: str, *, append: bool = False) -> None:
        """LunaError(74) when the file cannot be opened; `append` = what it holds stays."""
        self._stream: IO[str] = sys.stdout
        self._target = target
        if target != "-":
            try:
                self._stream = Path(target).open("a" if append else "w", encoding="utf-8")  # noqa: SIM115 - closed by `close`
            except OSError as error:
                raise LunaError(
                    "cannot write events",
                    f"{clean_line(target)}: {os.strerror(error.errno or 0)}",
                    "name another file after --events, or - for stdout",
                    ExitCode.NOT_SAVED,
                ) from error
        self._broken = False
        self._records: SimpleQueue[Record | PlanningRecord | None] = SimpleQueue()
        """None at the end."""
        self._thread: threading.Thread | None = None
        """Started with the first record."""
        self.lost = ""
        """Why events are missing, in words, known after `close`; empty when none is, or nobody read on."""

    def __call__(self, record: Record | PlanningRecord) -> None:
        """Write the record's line soon; a reader that went away ends the output, not the run."""
        self._records.put(record)
        if self._thread is None:
            self._thread = threading.Thread(target=self._write_all, name="luna-events", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Wait until every line is written; close a file that was opened here."""
        self._records.put(None)
        if self._thread is not None:
            self._thread.join()
        if self._stream is not sys.stdout:
            with suppress(OSError):
                self._stream.close()

    def _write_all(self) -> None:
        while (record := self._records.get()) is not None:
            if not self._broken:
                self._write(record)

    def _write(self, record: Record | PlanningRecord) -> None:
        try:
            line = to_line(record) if isinstance(record, Record) else planning_line(record)
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._broken = True
            if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
                where, why = clean_line(self._target), os.strerror(error.errno or 0)
                self.lost = f"events are missing in {where} from number {record.seq} on: {why}"
            if self._stream is sys.stdout:
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
