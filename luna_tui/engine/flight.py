"""A subtask between take-off and landing, and what its runner may do meanwhile."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from luna_tui.core.clean import Cleaner
from luna_tui.core.plan import Subtask
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import Status
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.limiter import Ticket
from luna_tui.engine.runner import Demand, Reply, Request, ServerLimits, T, Usage

OUTPUT_INTERVAL_S = 0.1
"""Shortest time between two output events of one subtask."""
FLUSH_GRID_S = 0.05
"""Delayed output is published at multiples of this: one wake-up, one commit for all that stream."""


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that was decided from outside the attempt: a timeout or a cancellation."""

    status: Status
    reason: str


@dataclass(slots=True, eq=False)
class Flight:
    """One subtask that holds a worker. All fields are protected by the desk's lock."""

    subtask: Subtask
    wave: str
    worker: int
    token: CancelToken
    before: int = 0
    """Attempts that began in earlier flights of the subtask."""
    attempt: int = 0
    """The one that is made or prepared; `before` until there is one."""
    begun: int = 0
    """The last one that began."""
    running: bool = False
    """An attempt is in flight now."""
    attempt_began_at: float = 0.0
    spent_s: float = 0.0
    """Seconds in attempts that ended, those of earlier flights included."""
    timer_since: float | None = None
    """Since when the timeout's clock runs; None while it stands."""
    timer_spent_s: float = 0.0
    deadline: Deadline | None = None
    ending: Ending | None = None
    again: bool = False
    """A person wants a new try: its end is not told, and another flight follows."""
    asked: bool = False
    """A person asked for this flight, so it may try again even in a wave that was asked to end."""
    landed: bool = False
    came_to: Status | None = None
    """How it ended, from the moment it landed."""
    abandoned: bool = False
    give_up: Callable[[], None] | None = None
    """Settles what the current attempt holds of the limits, when its thread will not."""
    successor: Flight | None = None
    """What its thread flies next, when that was known as it landed."""
    refused: Ticket | None = None
    """The ticket that a 429 refused; the next attempt waits at its place in the line."""
    failures: int = 0
    refusals: int = 0
    """429 and 529 answers, which say nothing about the subtask."""
    texts: list[str] = field(default_factory=list)
    """Cleaned text of the current attempt."""
    reserved_usd: float = 0.0
    """What its current attempt may still cost, as the budget counts it."""

    @property
    def started(self) -> bool:
        """At least one attempt of this flight began."""
        return self.begun > self.before

    @property
    def goes_on(self) -> bool:
        """An attempt is in flight that nobody wants replaced."""
        return self.running and not self.again

    def then(self, subtask: Subtask, token: CancelToken) -> Flight:
        """The flight that follows when a person wanted a new try: the same worker, everything else afresh."""
        return Flight(
            subtask, self.wave, self.worker, token,
            before=self.begun, attempt=self.begun, begun=self.begun,
            spent_s=self.spent_s, asked=True, refused=self.refused,
        )  # fmt: skip

    def afresh(self) -> None:
        """Give it all its retries and its whole time once more, where it is."""
        self.asked = True
        self.failures = self.refusals = 0
        self.timer_spent_s = 0.0


class FlightContext:
    """The AttemptContext of one attempt: redacts, cleans and coalesces output, passes figures on."""

    def __init__(
        self,
        flight: Flight,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        publish_output: Callable[[Flight, str], None],
        keep_raw: Callable[[str], None],
        on_usage: Callable[[Usage, bool], None],
        on_server_limits: Callable[[ServerLimits, bool], None],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        self._flight = flight
        self._token = flight.token
        self._clock = clock
        self._deadlines = deadlines
        self._publish_output = publish_output
        self._keep_raw = keep_raw
        self._on_usage = on_usage
        self._on_server_limits = on_server_limits
        self._redactor = redaction.redactor()
        self._cleaner = Cleaner()
        self._shown = redaction.redactor()
        """Of cleaned text: colours inside a secret hid it from the first one."""
        self._lock = threading.Lock()
        """Protects `_pending`, `_flush` and `_published_at`; text is published in the order it came."""
        self._pending: list[str] = []
        self._flush: Deadline | None = None
        self._published_at = float("-inf")

    @property
    def token(self) -> CancelToken:
        """Cancelled when the attempt must end."""
        return self._token

    def output(self, text: str) -> None:
        """Keep the text without secrets, publish it cleaned, at most ten times a second."""
        text = self._redactor.feed(text)
        if not text:
            return
        self._keep_raw(text)
        with self._lock:
            self._pending.append(self._shown.feed(self._cleaner.feed(text)))
            if self._flush is not None:
                return
            due_at = self._published_at + OUTPUT_INTERVAL_S
            if self._clock.now() >= due_at:
                self._publish_pending()
            else:
                at = math.ceil(due_at / FLUSH_GRID_S) * FLUSH_GRID_S
                self._flush = self._deadlines.arm(at, self._flush_now)

    def usage(self, usage: Usage, *, final: bool) -> None:
        """Book tokens of this attempt."""
        self._on_usage(usage, final)

    def server_limits(self, limits: ServerLimits, *, refused: bool = False) -> None:
        """Pass rate-limit headers to the limiter."""
        self._on_server_limits(limits, refused)

    def turn(self, number: int, demand: Demand, send: Callable[[], T]) -> T:
        """Send one more request of the attempt."""
        raise NotImplementedError

    def ask(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Put requests to a person."""
        raise NotImplementedError

    def tool_called(self, call: str, tool: str, summary: str) -> None:
        """Tell that a tool is in use."""
        raise NotImplementedError

    def tool_finished(self, call: str, *, ok: bool, result: str = "") -> None:
        """Tell that it returned."""
        raise NotImplementedError

    def close(self) -> None:
        """Publish what is left; no output is taken afterwards."""
        rest = self._redactor.flush()
        if rest:
            self._keep_raw(rest)
        with self._lock:
            if self._flush is not None:
                self._flush.disarm()
                self._flush = None
            cleaned = self._cleaner.feed(rest) + self._cleaner.flush()
            self._pending.append(self._shown.feed(cleaned) + self._shown.flush())
            self._publish_pending()

    def _flush_now(self) -> None:
        with self._lock:
            self._flush = None
            self._publish_pending()

    def _publish_pending(self) -> None:
        text = "".join(self._pending)
        self._pending.clear()
        if text:
            self._published_at = self._clock.now()
            self._publish_output(self._flight, text)
