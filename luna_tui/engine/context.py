"""What a runner may do in an attempt: its texts, figures, requests, tools and questions on their way out."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

from luna_tui.core.clean import Cleaner
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.flight import Flight
from luna_tui.engine.runner import Demand, Reply, Request, ServerLimits, T, Usage
from luna_tui.engine.tool_uses import ToolUses
from luna_tui.engine.turns import Requests

OUTPUT_INTERVAL_S = 0.1
"""Shortest time between two output events of one subtask."""
FLUSH_GRID_S = 0.05
"""Delayed output is published at multiples of this: one wake-up, one commit for all that stream."""


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
        requests: Requests,
        tools: ToolUses,
        ask: Callable[[Flight, Sequence[Request]], tuple[Reply, ...]],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        self._flight = flight
        self._token = flight.token
        self._clock = clock
        self._deadlines = deadlines
        self._publish_output = publish_output
        self._keep_raw = keep_raw
        self._on_usage = on_usage
        self._requests = requests
        self._tools = tools
        self._ask = ask
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
        """Pass rate-limit headers of the current request to the limiter."""
        self._requests.answered(limits, refused)

    def turn(self, number: int, demand: Demand, send: Callable[[], T]) -> T:
        """Send one more request of the attempt, when it may be sent."""
        self._say()
        return self._requests.turn(number, demand, send)

    def ask(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Put requests to a person, as far as they are not decided already."""
        self._say()
        self._requests.stand_aside()
        return self._ask(self._flight, requests)

    def tool_called(self, call: str, tool: str, summary: str) -> None:
        """Tell that a tool is in use, after what was said before it."""
        self._say()
        self._tools.called(call, tool, summary)

    def tool_finished(self, call: str, *, ok: bool, result: str = "") -> None:
        """Tell that it returned."""
        self._tools.finished(call, ok=ok, result=result)

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

    def _say(self) -> None:
        """Publish what waits for its time, so that what happens next comes after it."""
        with self._lock:
            if self._flush is not None:
                self._flush.disarm()
                self._flush = None
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
