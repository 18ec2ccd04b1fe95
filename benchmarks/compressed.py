"""One compressed time for several processes: the same instant and date in each of them."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

_DATE = datetime(2026, 1, 1, tzinfo=UTC)


class CompressedClock:
    """`speed` of its seconds pass in a real one; they count from a monotonic instant that all share."""

    def __init__(self, speed: float, origin_s: float) -> None:
        self.speed = speed
        self.origin_s = origin_s

    def now(self) -> float:
        """Seconds since the origin."""
        return (time.monotonic() - self.origin_s) * self.speed

    def wall(self) -> datetime:
        """A date that moves with `now`."""
        return _DATE + timedelta(seconds=self.now())

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block for at most `timeout_s` seconds of this clock; True when the event is set."""
        return event.wait(None if timeout_s is None else timeout_s / self.speed)
