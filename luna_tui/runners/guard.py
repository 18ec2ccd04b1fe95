"""What bounds one blocking call of an attempt: its token, its deadline, its patience and its appetite."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Received for one attempt at most; no answer of the API comes near it."""
_AFTER_DEADLINE_S = 0.25
"""A read gives up this long after the deadline, so the deadline's own cancellation always comes first."""


GATHER_S = 0.12
"""Text that comes faster than this is gathered: a thread that wakes for every word costs more than the
word, and no screen shows it sooner."""
_FAST_S = 0.06
_LITTLE = 4_096
_IN_A_ROW = 8


class OversizedAnswer(Exception):
    """The server sent more than any answer can hold."""


class CallGuard:
    """Lives as long as one attempt; used by its thread only."""

    def __init__(self, token: CancelToken, clock: Clock, *, first_s: float, gap_s: float) -> None:
        self.token = token
        self._clock = clock
        self._gap_s = gap_s
        self._patient_until = clock.now() + first_s
        self._deadline_at: float | None = None
        """Instant of the token's deadline, as far as it was seen coming."""
        self._received = 0
        self._read_at = -math.inf
        self._fast = 0
        """Reads in a row that found little, soon after the one before."""

    def touch(self) -> None:
        """An event that says something arrived; pings are none, so they do not prolong anything."""
        self._patient_until = self._clock.now() + self._gap_s

    def bound(self, timeout_s: float | None) -> float:
        """Seconds the next call may block; TimeoutError when nothing is left."""
        now = self._clock.now()
        until = min(self._patient_until, self._latest(now))
        bound_s = until - now if timeout_s is None else min(until - now, timeout_s)
        if bound_s <= 0:
            raise TimeoutError("out of patience")
        return bound_s

    def _latest(self, now: float) -> float:
        remaining_s = self.token.remaining_s()
        if remaining_s is None:
            return math.inf
        if remaining_s > 0 or self._deadline_at is None:
            self._deadline_at = now + remaining_s
        return self._deadline_at + _AFTER_DEADLINE_S

    def gather(self) -> None:
        """Before a read: wait a moment where the last ones came fast and found little. Raises Cancelled."""
        if self._fast >= _IN_A_ROW:
            self.token.sleep(GATHER_S)

    def count(self, received: int) -> None:
        """Bytes that arrived; OversizedAnswer above the cap."""
        now, usual_s = self._clock.now(), GATHER_S if self._fast >= _IN_A_ROW else 0.0
        fast = received < _LITTLE and now - self._read_at < _FAST_S + usual_s
        self._fast = self._fast + 1 if fast else 0
        self._read_at = now
        self._received += received
        if self._received > MAX_ANSWER_BYTES:
            raise OversizedAnswer(f"more than {MAX_ANSWER_BYTES:,} bytes")


CURRENT_GUARD: ContextVar[CallGuard | None] = ContextVar("luna_current_guard", default=None)
"""Guard of the attempt this thread works on; set by the runner around each call."""


@contextmanager
def armed(token: CancelToken, unblock: Callable[[], None]) -> Iterator[None]:
    """While the block runs, a cancellation calls `unblock`; never after it.

    A canceller may have picked up a hook just before the block ended. By then the socket may
    serve another attempt, so the hook must have become harmless.
    """
    with _while_it_runs(unblock) as hook, token.on_cancel(hook):
        yield


@contextmanager
def limited(limit_s: float | None, unblock: Callable[[], None]) -> Iterator[None]:
    """While the block runs, `unblock` is called once so many seconds have passed, as processes know them;
    never after it. None = it is never called."""
    if limit_s is None:
        yield
        return
    with _while_it_runs(unblock) as hook:
        timer = threading.Timer(limit_s, hook)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


@contextmanager
def _while_it_runs(call: Callable[[], None]) -> Iterator[Callable[[], None]]:
    """`call` for another thread; it does nothing once the block has ended."""
    lock = threading.Lock()
    running = True

    def hook() -> None:
        with lock:
            if running:
                call()

    try:
        yield hook
    finally:
        with lock:
            running = False
