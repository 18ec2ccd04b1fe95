"""The only place where time is read or waited for."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Time as a parameter: everything that waits is given one of these."""

    def now(self) -> float:
        """Seconds on a monotonic clock."""
        ...

    def wall(self) -> datetime:
        """The date and time, UTC, for people only."""
        ...

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block until `event` is set or `timeout_s` seconds of this clock passed; True when it is set."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> float:
        """Seconds on the machine's monotonic clock."""
        return time.monotonic()

    def wall(self) -> datetime:
        """Date and time of the machine, UTC."""
        return datetime.now(UTC)

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block for at most `timeout_s` real seconds."""
        return event.wait(timeout_s)


class ManualClock:
    """Time that moves only when told to; waiting threads wake when their instant is reached."""

    _POLL_S = 0.002

    def __init__(self, now: float = 0.0, wall: datetime | None = None) -> None:
        self._now = now
        self._start = now
        self._wall = wall or datetime(2026, 1, 1, tzinfo=UTC)
        self._moved = threading.Condition()
        """Protects `_now`."""

    def now(self) -> float:
        """The instant last set."""
        with self._moved:
            return self._now

    def wall(self) -> datetime:
        """The start plus the seconds advanced."""
        return self._wall + timedelta(seconds=self.now() - self._start)

    def advance(self, seconds: float) -> None:
        """Move forward and wake whoever waited for an instant that has come."""
        with self._moved:
            self._now += seconds
            self._moved.notify_all()

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block until the event is set or `advance` passes the instant."""
        due = None if timeout_s is None else self.now() + timeout_s
        while not event.is_set():
            with self._moved:
                if due is not None and self._now >= due:
                    break
                self._moved.wait(self._POLL_S)
        return event.is_set()
