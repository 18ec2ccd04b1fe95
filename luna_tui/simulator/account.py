"""The account that all connections of a server share: the virtual service on a clock, behind a lock."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Protocol

from luna_tui.simulator.headers import anthropic_fields, gateway_fields
from luna_tui.simulator.settings import SKEW_S, HeaderMode, SimulatorSettings
from luna_tui.simulator.virtual import Admitted, Charges, Refused, VirtualService


class SimulatorClock(Protocol):
    """What the simulator asks of a clock."""

    def now(self) -> float:
        """Seconds, monotonic."""
        ...

    def wall(self) -> datetime:
        """Date and time, UTC."""
        ...

    def wait(self, event: threading.Event, timeout_s: float | None = None) -> bool:
        """Block until the event is set or seconds of this clock passed; True when it is set."""
        ...


class Account:
    """Admits, charges and tells, at the time of the clock; thread-safe."""

    def __init__(self, settings: SimulatorSettings, clock: SimulatorClock) -> None:
        self._mode = settings.headers
        self._clock = clock
        self._lock = threading.Lock()
        """Protects `_service`, and keeps its instants in order."""
        self._service = VirtualService(settings, clock.now())

    def admit(self, input_tokens: int, max_tokens: int) -> Admitted | Refused:
        """Take a request, or say what is missing."""
        with self._lock:
            return self._service.admit(self._clock.now(), input_tokens, max_tokens)

    def produce(self, tokens: int) -> None:
        """Output was produced."""
        with self._lock:
            self._service.produce(self._clock.now(), tokens)

    def end(self, admitted: Admitted, produced: int) -> None:
        """An answer is over."""
        with self._lock:
            self._service.end(self._clock.now(), admitted, produced)

    def headers(self) -> dict[str, str]:
        """The rate-limit headers of an answer sent now."""
        with self._lock:
            now = self._clock.now()
            if self._mode is HeaderMode.GATEWAY:
                return gateway_fields(self._service.readings(now))
            told = self._service.headers(now)
        return {} if told is None else anthropic_fields(told, self._clock.wall())

    def date(self) -> str:
        """The `date` header of an answer sent now, by the server's clock."""
        skew_s = SKEW_S if self._mode is HeaderMode.SKEWED else 0.0
        return format_datetime(self._clock.wall() + timedelta(seconds=skew_s), usegmt=True)

    def charges(self) -> Charges:
        """What was counted so far."""
        with self._lock:
            return self._service.charges(self._clock.now())
