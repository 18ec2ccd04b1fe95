"""Threads that wait for the limiter, and short words for what they ask and use."""

from __future__ import annotations

import threading
from collections import deque

from luna_tui.core.limits import Limits
from luna_tui.core.words import WaitReason
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import ManualClock
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import Demand, Usage

LIMITS = Limits(rpm=1_000, itpm=10_000, otpm=2_000)


def ignore(reason: WaitReason, expected_s: float | None) -> None:
    return None


def used(tokens_in: int, tokens_out: int = 0, cache: int = 0) -> Usage:
    return Usage(model="m", input_tokens=tokens_in, output_tokens=tokens_out, cache_write_tokens=cache)


def asks(tokens_in: int, tokens_out: int = 1) -> Demand:
    return Demand(input_tokens=tokens_in, output_tokens=tokens_out)


class Waiter(threading.Thread):
    """Reserves on a thread of its own and keeps what it was told."""

    def __init__(
        self, limiter: RateLimiter, clock: ManualClock, demand: Demand, admitted: deque[Waiter] | None = None
    ) -> None:
        super().__init__(daemon=True)
        self.limiter, self.demand, self.admitted = limiter, demand, admitted
        self.token = CancelToken(clock)
        self.told: list[tuple[WaitReason, float | None]] = []
        self.spoken = threading.Semaphore(0)
        self.ticket: Ticket | None = None
        self.cancelled = False
        self.start()

    def run(self) -> None:
        def on_wait(reason: WaitReason, expected_s: float | None) -> None:
            self.told.append((reason, expected_s))
            self.spoken.release()

        try:
            self.ticket = self.limiter.reserve(self.demand, self.token, on_wait)
            if self.admitted is not None:
                self.admitted.append(self)
        except Cancelled:
            self.cancelled = True

    def waits(self) -> Waiter:
        """Return when it has been told (once more) why it waits."""
        assert self.spoken.acquire(timeout=10), "never told why it waits"
        return self

    def is_decided(self) -> Waiter:
        """Return when it was admitted or told why it waits."""
        while self.is_alive() and not self.told:
            self.join(0.002)
        return self

    def ends(self) -> Waiter:
        self.join(10)
        assert not self.is_alive(), "still waiting"
        return self

    @property
    def reasons(self) -> list[WaitReason]:
        return [reason for reason, _ in self.told]
