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


class ScaledClock:
    """Another clock, `speed` times as fast from the moment it is made.

    Give the same one to all parts of a run: then limits, latencies, timeouts and what is reported
    are in one scale, and an hour of it takes 3600 / `speed` seconds. Sockets and processes know
    nothing of it.
    """

    def __init__(self, speed: float, base: Clock | None = None) -> None:
        """`speed` above 0; `base` defaults to real time."""
        if speed <= 0:
            raise ValueError(f"speed {speed} must be above 0")
        self._speed = speed
        self._base = base or SystemClock()
        self._from = self._base.now()
        self._wall_from = self._base.wall()

    def now(self) -> float:
        """Seconds of this clock, equal to those of the base when it was made."""
        return self._from + self._passed_s()

    def wall(self) -> datetime:
        """The date and time when it was made, plus the seconds of this clock since."""
        return self._wall_from + timedelta(seconds=self._passed_s())

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block for at most `timeout_s` seconds of this clock."""
        return self._base.wait(event, None if timeout_s is None else timeout_s / self._speed)

    def _passed_s(self) -> float:
        return (self._base.now() - self._from) * self._speed


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
