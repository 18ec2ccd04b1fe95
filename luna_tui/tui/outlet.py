"""Hand text to a terminal that may take its time, without waiting for it."""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import TextIO

from luna_tui.tui.restore import force

LEAVE_S = 1.0
"""Time the terminal has to take the rest when the screen is left."""
MOST_BYTES = 1_048_576
"""Waiting for the terminal, at most; it takes nothing then, and more is dropped."""
_POLL_S = 0.1
_CAREFUL_BYTES = 256
"""Sent at once where a write could wait; a terminal that is ready takes as much."""


class Outlet:
    """A queue to the terminal and the thread that empties it. Everything but that thread returns at once."""

    def __init__(self, stream: TextIO, taken: Callable[[int], None] = lambda left: None) -> None:
        """`taken` is told how many bytes are left when some were taken, on the outlet's thread."""
        self._stream = stream
        self._taken = taken
        self._fd = -1
        self._own = False
        self._gone = False
        self._abandoned = False
        self._queue: deque[bytes] = deque()
        self._pending = 0
        self._change = threading.Condition()
        """Protects `_queue` and `_pending`; told of both."""
        self._thread: threading.Thread | None = None

    def put(self, text: str) -> int:
        """Queue text; the bytes that it has, 0 when it was dropped."""
        raw = text.encode(self._stream.encoding or "utf-8", "replace")
        with self._change:
            if self._gone or self._pending + len(raw) > MOST_BYTES:
                return 0
            self._queue.append(raw)
            self._pending += len(raw)
            if self._thread is None:
                self._open()
            self._change.notify_all()
        return len(raw)

    def leave(self) -> bool:
        """Wait a little until everything is taken, else throw it away and restore what can be; then close."""
        with self._change:
            drained = self._change.wait_for(lambda: self._pending == 0, LEAVE_S)
            thread, self._thread = self._thread, None
            self._abandoned = True
            self._change.notify_all()
        if thread is not None:
            thread.join(LEAVE_S)
        self._queue.clear()
        self._pending = 0
        if not drained and not self._gone:
            force(self._fd)
        if self._own and (thread is None or not thread.is_alive()):
            os.close(self._fd)
        self._own, self._fd = False, -1
        return drained

    def _open(self) -> None:
        """A description of our own, so that not to wait is our choice and not that of all who share it."""
        self._fd, self._own, self._abandoned = self._stream.fileno(), False, False
        with suppress(OSError):
            flags = os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC
            self._fd, self._own = os.open(os.ttyname(self._fd), flags), True
        self._thread = threading.Thread(target=self._run, name="luna-outlet", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._queue or self._abandoned)
                if self._abandoned:
                    return
                raw = b"".join(self._queue)
                self._queue.clear()
            self._send(raw)

    def _send(self, raw: bytes) -> None:
        rest = memoryview(raw)
        while rest and not self._abandoned and not self._gone:
            size = self._write(rest)
            rest = rest[size:]
            if size:
                self._count(size)
        if rest:
            self._count(len(rest))

    def _write(self, rest: memoryview) -> int:
        try:
            if not select.select([], [self._fd], [], _POLL_S)[1]:
                return 0
            return os.write(self._fd, rest if self._own else rest[:_CAREFUL_BYTES])
        except BlockingIOError:
            return 0
        except (OSError, ValueError):
            self._gone = True
            return 0

    def _count(self, size: int) -> None:
        with self._change:
            self._pending -= size
            self._change.notify_all()
            left = self._pending
        self._taken(left)
