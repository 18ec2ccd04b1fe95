"""One request for a plan, sent as any other: through the limits, the budget and the retries of the engine."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from luna_tui import __version__
from luna_tui.core.attempt_use import AttemptUse
from luna_tui.core.events import AttemptFailed, Record, SubtaskFinished, UsageRecorded
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.redaction import Redaction
from luna_tui.core.words import ErrorKind, Kind, Manner, RunStatus, Scope
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import Clock
from luna_tui.storage.config import Config

if TYPE_CHECKING:
    from luna_tui.engine.executor import WaveExecutor
    from luna_tui.engine.limiters import Limiters
    from luna_tui.runners.planner import PlannerRunner

MAX_TOKENS = 16_000
"""Longest plan that a model may write."""
TIMEOUT_S = 600.0
LIKELY_TOKENS = 3_000
"""Of a plan, before anything is known of it."""


@dataclass(slots=True)
class Spent:
    """What all requests of a planning took."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = 0.0
    """None = the price is not known."""

    def add(self, usage: UsageRecorded) -> None:
        """One request more."""
        self.input_tokens += usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens
        self.output_tokens += usage.output_tokens
        known = self.cost_usd is not None and usage.cost_usd is not None
        self.cost_usd = (self.cost_usd or 0.0) + (usage.cost_usd or 0.0) if known else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """What a request came to."""

    text: str
    """All that was answered, also when that is not a whole answer."""
    status: RunStatus
    kind: ErrorKind | None = None
    """Why it failed."""
    reason: str = ""


class _Answer:
    """Keeps the one answer there is, in memory."""

    def __init__(self) -> None:
        self.text = ""
        self.reason = ""

    def write(self, subtask: str, attempt: int, text: str) -> None:
        """The whole text comes at the end."""

    def finish(self, subtask: str, attempt: int) -> str | None:
        """No file."""
        return None

    def save_result(self, result: SubtaskFinished, output: str, used: AttemptUse | None = None) -> None:
        """Keep the text and why there is no more of it."""
        self.text, self.reason = output, result.reason


class Requests:
    """Sends the requests of one planning, one after the other."""

    def __init__(
        self,
        config: Config,
        *,
        limiters: Limiters,
        runner: PlannerRunner,
        clock: Clock,
        rng: random.Random,
        redaction: Redaction,
        budget_usd: float | None,
    ) -> None:
        self._config = config
        self._limiters = limiters
        self._runner = runner
        self._clock = clock
        self._rng = rng
        self._redaction = redaction
        self._budget_usd = budget_usd
        self.spent = Spent()
        """So far."""
        self._lock = threading.Lock()
        """Protects the two below."""
        self._executor: WaveExecutor | None = None
        self._cancelled = ""

    @property
    def cancelled(self) -> str:
        """Who ended the planning; empty = nobody."""
        with self._lock:
            return self._cancelled

    def cancel(self, by: str) -> None:
        """End the request that is under way within a second, and send no other; safe from any thread."""
        with self._lock:
            self._cancelled = by
            executor = self._executor
        if executor is not None:
            executor.control.cancel(Scope.RUN, Manner.NOW, by=by)

    def send(self, system: str, prompt: str, follow: Callable[[Record], None]) -> Came:
        """Send one request and wait for its whole answer; `follow` is told what becomes of it."""
        failed: list[AttemptFailed] = []

        def take(record: Record) -> None:
            match record.event:
                case UsageRecorded():
                    self.spent.add(record.event)
                case AttemptFailed():
                    failed.append(record.event)
            follow(record)

        answer, bus = _Answer(), EventBus("planning", self._clock)
        bus.subscribe(take)
        executor = self._make_executor(self._plan(system, prompt), bus, answer)
        with self._lock:
            if self._cancelled:
                return Came(text="", status=RunStatus.CANCELLED, reason=self._cancelled)
            self._executor = executor
        try:
            status = executor.run()
        finally:
            with self._lock:
                self._executor = None
        kind = failed[-1].error_kind if failed and status is RunStatus.FAILED else None
        return Came(text=answer.text, status=status, kind=kind, reason=answer.reason)

    def _plan(self, system: str, prompt: str) -> Plan:
        asked = Subtask(
            id="plan",
            title="plan",
            system=system,
            prompt=prompt,
            model=self._config.model,
            max_tokens=MAX_TOKENS,
            timeout=TIMEOUT_S,
            retries=self._config.retries,
            estimate=Estimate(output_tokens=LIKELY_TOKENS),
        )
        return Plan(name="plan", waves=(Wave(name="plan", subtasks=(asked,), timeout=0.0),), workspace="/")

    def _make_executor(self, plan: Plan, bus: EventBus, answer: _Answer) -> WaveExecutor:
        from luna_tui.engine.executor import RunSettings, WaveExecutor

        config, left_usd = self._config, self._budget_usd
        if left_usd is not None:
            left_usd = max(0.0, left_usd - (self.spent.cost_usd or 0.0))
        settings = RunSettings(
            mode=config.mode,
            tier=config.tier,
            provider=config.provider,
            version=__version__,
            workers=1,
            tiers=config.tiers,
            prices=config.prices,
            budget_usd=left_usd,
            redaction=self._redaction,
        )
        return WaveExecutor(
            plan,
            settings,
            bus=bus,
            clock=self._clock,
            runners={Kind.CLAUDE: self._runner},
            limiter=self._limiters,
            store=answer,
            rng=self._rng,
        )
