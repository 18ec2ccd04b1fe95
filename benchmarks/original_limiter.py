"""The limiter of the system behind the seed, rebuilt from its description: look once, sleep once, go."""

from __future__ import annotations

import threading
from collections import deque

from benchmarks.compressed import CompressedClock
from luna_tui.core.limits import Limits

_WINDOW_S = 60.0
_UNKNOWN_TOKENS = 1_000.0
_UNKNOWN_WAIT_S = 5.0


class WindowLimiter:
    """Books what finished calls used, over the last minute. Nothing is reserved for those that run."""

    def __init__(self, limits: Limits, share: float, clock: CompressedClock) -> None:
        self._caps = Limits(int(limits.rpm * share), int(limits.itpm * share), int(limits.otpm * share))
        self._clock = clock
        self._lock = threading.Lock()
        """Protects `_done`."""
        self._done: deque[tuple[float, int, int]] = deque()
        """(instant, input tokens, output tokens) of finished calls."""
        self._never = threading.Event()

    def book(self, input_tokens: int, output_tokens: int) -> None:
        """A call has finished."""
        with self._lock:
            self._done.append((self._clock.now(), input_tokens, output_tokens))

    def wait_if_needed(self) -> None:
        """Decide once from what is booked, and sleep that long; nobody looks a second time."""
        wait_s = self._wait_s()
        if wait_s > 0:
            self.sleep(wait_s)

    def sleep(self, seconds: float) -> None:
        """Sleep in the compressed time."""
        self._clock.wait(self._never, seconds)

    def _wait_s(self) -> float:
        with self._lock:
            now = self._clock.now()
            while self._done and self._done[0][0] < now - _WINDOW_S:
                self._done.popleft()
            done = list(self._done)
        last = done[-5:]
        likely_in = sum(d[1] for d in last) / len(last) if last else _UNKNOWN_TOKENS
        likely_out = sum(d[2] for d in last) / len(last) if last else _UNKNOWN_TOKENS
        over = (
            len(done) + 1 > self._caps.rpm
            or sum(d[1] for d in done) + likely_in > self._caps.itpm
            or sum(d[2] for d in done) + likely_out > self._caps.otpm
        )
        if not over:
            return 0.0
        if not done:
            return _UNKNOWN_WAIT_S
        return float(max(1, int(_WINDOW_S - (now - done[0][0]) + 1)))
