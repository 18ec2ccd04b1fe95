"""Cancellation that reaches a blocked thread: a token per attempt, with hooks that unblock it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from luna_tui.engine.clock import Clock


class Cancelled(Exception):
    """Raised in the thread of an attempt whose token was cancelled."""


class CancelToken:
    """Says once and for all that an attempt must end, and unblocks what it waits for.

    Hooks run in the cancelling thread and must return at once and never raise: shut a socket
    down, signal a process group, set an event.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        """Protects `_hooks`, `_reason` and `_deadline_at`."""
        self._cancelled = threading.Event()
        self._hooks: dict[object, Callable[[], None]] = {}
        self._reason = ""
        self._deadline_at: float | None = None

    @property
    def cancelled(self) -> bool:
        """True after the first `cancel`."""
        return self._cancelled.is_set()

    @property
    def reason(self) -> str:
        """The reason given with the first `cancel`."""
        return self._reason

    def set_deadline(self, at: float | None) -> None:
        """Instant on the clock after which the attempt will be cancelled; lets reads be bounded."""
        with self._lock:
            self._deadline_at = at

    def remaining_s(self) -> float | None:
        """Seconds to the deadline, never negative; None without one."""
        with self._lock:
            at = self._deadline_at
        return None if at is None else max(0.0, at - self._clock.now())

    def cancel(self, reason: str) -> bool:
        """End the attempt; False when it had been cancelled before."""
        with self._lock:
            if self._cancelled.is_set():
                return False
            self._reason = reason
            self._cancelled.set()
            hooks = list(self._hooks.values())
        for hook in hooks:
            hook()
        return True

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled when the token was cancelled."""
        if self.cancelled:
            raise Cancelled(self._reason)

    @contextmanager
    def on_cancel(self, hook: Callable[[], None]) -> Iterator[None]:
        """While the block runs, `cancel` calls `hook`; a token cancelled before raises Cancelled."""
        key = object()
        with self._lock:
            if self._cancelled.is_set():
                raise Cancelled(self._reason)
            self._hooks[key] = hook
        try:
            yield
        finally:
            with self._lock:
                self._hooks.pop(key, None)

    def sleep(self, seconds: float) -> None:
        """Wait; raise Cancelled as soon as the token is cancelled."""
        if self._clock.wait(self._cancelled, seconds):
            raise Cancelled(self._reason)

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Wait for `event`; True when set, False after `timeout_s`; Cancelled when cancelled."""
        with self.on_cancel(event.set):
            happened = self._clock.wait(event, timeout_s)
        self.raise_if_cancelled()
        return happened
