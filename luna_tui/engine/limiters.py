"""One limiter for each family of models, since the service pools its limits per family."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

from luna_tui.core.events import Gauge, LimitsObserved
from luna_tui.core.limits import Limits, family
from luna_tui.core.words import Mode
from luna_tui.engine.clock import Clock
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.limiter_shared import SharedTable


class Limiters:
    """The limiters of a run; each begins with the tier's limits when its family is first asked for."""

    def __init__(
        self,
        limits: Limits,
        mode: Mode,
        clock: Clock,
        *,
        table_of: Callable[[str], SharedTable | None] = lambda family: None,
    ) -> None:
        """`table_of` gives a family's books that are shared with other processes; None = our own."""
        self._limits, self._mode, self._clock = limits, mode, clock
        self._table_of = table_of
        self._lock = threading.Lock()
        """Protects everything above and the map."""
        self._by_family: dict[str, RateLimiter] = {}

    def of(self, model: str) -> RateLimiter:
        """The limiter that requests to a model pass."""
        name = family(model)
        with self._lock:
            found = self._by_family.get(name)
            if found is None:
                table = self._table_of(name)
                found = RateLimiter(self._limits, self._mode, self._clock, table=table)
                self._by_family[name] = found
            return found

    def set_mode(self, mode: Mode) -> None:
        """Use another share of every family's limits from now on."""
        with self._lock:
            self._mode = mode
            limiters = list(self._by_family.values())
        for limiter in limiters:
            limiter.set_mode(mode)

    def set_limits(self, limits: Limits) -> None:
        """Use other limits for every family from now on, until headers say otherwise."""
        with self._lock:
            self._limits = limits
            limiters = list(self._by_family.values())
        for limiter in limiters:
            limiter.set_limits(limits)

    def snapshot(self) -> LimitsObserved:
        """The books of the family that is closest to its limits; refusals and waits of all together."""
        with self._lock:
            limiters = dict(self._by_family)
        if not limiters:
            limiters = {"": RateLimiter(self._limits, self._mode, self._clock)}
        seen = {name: limiter.snapshot() for name, limiter in limiters.items()}
        closest = max(seen, key=lambda name: _use(seen[name]))
        waiting: dict[str, int] = {}
        for sample in seen.values():
            for reason, count in sample.waiting.items():
                waiting[reason] = waiting.get(reason, 0) + count
        return replace(
            seen[closest],
            family=closest,
            throttled=sum(sample.throttled for sample in seen.values()),
            waiting=waiting,
        )

    def close(self) -> None:
        """No request comes any more."""
        with self._lock:
            limiters = list(self._by_family.values())
        for limiter in limiters:
            limiter.close()


def _use(sample: LimitsObserved) -> tuple[int, float]:
    gauges: tuple[Gauge, ...] = (sample.rpm, sample.itpm, sample.otpm)
    return sum(sample.waiting.values()), max((g.settled + g.reserved) / max(1, g.cap) for g in gauges)
