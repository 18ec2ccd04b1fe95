"""One thread that calls back when an instant has come: timeouts, graces, delayed flushes."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections.abc import Callable

from luna_tui.engine.clock import Clock


class Deadline:
    """A callback that is due once; `disarm` takes it back."""

    __slots__ = ("_callback", "at")

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at = at
        """Instant on the clock."""
        self._callback: Callable[[], None] | None = callback

    def disarm(self) -> None:
        """Never call back; a callback that has begun goes on."""
        self._callback = None

    def fire(self) -> None:
        """Call back, at most once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()

    @property
    def disarmed(self) -> bool:
        """True after `disarm` or `fire`."""
        return self._callback is None


class DeadlineThread:
    """Calls back on a daemon thread of its own; callbacks must be short and never raise."""

    _COMPACT_ABOVE = 512

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        """Protects `_heap`, `_thread` and `_closed`."""
        self._heap: list[tuple[float, int, Deadline]] = []
        self._order = itertools.count()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._closed = False

    def arm(self, at: float, callback: Callable[[], None]) -> Deadline:
        """Call `callback` when the clock has reached `at`."""
        deadline = Deadline(at, callback)
        with self._lock:
            first = not self._heap or at < self._heap[0][0]
            heapq.heappush(self._heap, (at, next(self._order), deadline))
            if len(self._heap) > self._COMPACT_ABOVE:
                self._drop_disarmed()
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._loop, name="luna-deadlines", daemon=True)
                self._thread.start()
        if first:
            self._wake.set()
        return deadline

    def close(self) -> None:
        """Call nobody back any more."""
        with self._lock:
            self._closed = True
            self._heap.clear()
        self._wake.set()

    def _drop_disarmed(self) -> None:
        alive = [entry for entry in self._heap if not entry[2].disarmed]
        if len(alive) < len(self._heap) // 2:
            heapq.heapify(alive)
            self._heap = alive

    def _loop(self) -> None:
        while True:
            self._wake.clear()
            with self._lock:
                if self._closed:
                    return
                due = self._take_due(self._clock.now())
                next_at = self._heap[0][0] if self._heap else None
            for deadline in due:
                deadline.fire()
            if not due:
                wait_s = None if next_at is None else max(0.0, next_at - self._clock.now())
                self._clock.wait(self._wake, wait_s)

    def _take_due(self, now: float) -> list[Deadline]:
        due = []
        while self._heap and self._heap[0][0] <= now:
            due.append(heapq.heappop(self._heap)[2])
        return due
