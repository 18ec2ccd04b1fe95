"""What a run may spend: a request that would exceed it is held until there is room again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from luna_tui.core.plan import Subtask
from luna_tui.core.prices import Price, cost_usd, price_of
from luna_tui.core.words import WaitReason
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight
from luna_tui.engine.runner import Demand

_GRAIN_USD = 1e-9
"""Sums of prices are off by less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """What a run may spend, as decided before its start."""

    prices: Mapping[str, Price]
    """By model."""
    cap_usd: float | None = None
    """None = no cap."""
    hold_for_person: bool = False
    """Somebody is there who can raise the cap."""

    def priced(self, subtask: Subtask) -> bool:
        """Whether it is known what its tokens cost."""
        return price_of(self.prices, subtask.model) is not None


@dataclass(frozen=True, slots=True)
class _Held:
    estimate_usd: float
    gate: threading.Event


def estimate_usd(price: Price, demand: Demand) -> float:
    """What a request may cost: nine of ten that are like it stay within."""
    return cost_usd(
        price,
        demand.input_tokens - demand.written_tokens,
        max(demand.output_tokens, demand.dear_output_tokens),
        demand.kept_tokens,
        demand.written_tokens,
        demand.searches,
    )


class Budget:
    """Reserves before a request, counts what it cost, holds what does not fit.

    Spent, reserved and the estimate together never exceed the cap when a request is admitted. A
    model without a known price is never held. Every method takes the desk's lock.
    """

    def __init__(
        self,
        desk: FlightDesk,
        spending: Spending,
        *,
        may_go: Callable[[], bool],
        on_hold: Callable[[Flight], None],
        on_room: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._prices = spending.prices
        self.hold_for_person = spending.hold_for_person
        """Somebody is there who can raise the cap, so what is held waits for that."""
        self._may_go = may_go
        """Whether a worker is left for one that was held."""
        self._on_hold = on_hold
        self._on_room = on_room
        """Called when there may be room for those that are held."""
        self.cap_usd = spending.cap_usd
        """The most that may be spent; None = no cap."""
        self.spent_usd = 0.0
        self.reserved_usd = 0.0
        """What requests in flight may still cost."""
        self.held: dict[Flight, _Held] = {}
        """Flights that wait for room, in the order they came."""

    @property
    def figures(self) -> tuple[float | None, float | None, float | None]:
        """Cap, spent, reserved; the latter None where no price is known."""
        if not self._prices:
            return self.cap_usd, None, None
        return self.cap_usd, self.spent_usd, self.reserved_usd

    def afford(self, flight: Flight, demand: Demand) -> None:
        """Reserve what the next request may cost; wait until it fits. Raises Cancelled."""
        price = price_of(self._prices, flight.subtask.model)
        if price is None:
            return
        estimate = estimate_usd(price, demand)
        with self._desk.lock:
            self._give_back(flight)
            if self._fits(estimate):
                self._reserve(flight, estimate)
                return
            self._desk.wait(flight, WaitReason.BUDGET, None, timed=False)
            gate = threading.Event()
            self.held[flight] = _Held(estimate, gate)
            self._on_hold(flight)
        try:
            flight.token.wait(gate)
        except BaseException:
            self.release(flight)
            raise
        finally:
            with self._desk.lock:
                self.held.pop(flight, None)

    def settle(self, flight: Flight, used_usd: float | None) -> None:
        """A request came to its end and cost this much; the rest of what was reserved for it is free.

        None = nobody knows, so it stays reserved as long as the attempt goes on.
        """
        if used_usd is None:
            return
        with self._desk.lock:
            self.spent_usd += used_usd
            self.release(flight)

    def release(self, flight: Flight) -> None:
        """Nothing more comes of what was reserved; what was not used is free."""
        if flight.reserved_usd == 0.0:
            return
        with self._desk.lock:
            self._give_back(flight)
            if self.held:
                self._on_room()

    def set_cap(self, usd: float | None) -> None:
        """Another cap from now on; what is in flight goes on."""
        with self._desk.lock:
            self.cap_usd = usd
            self._on_room()

    def let_go(self) -> list[Flight]:
        """Let those go on that fit by now, in order, each judged by itself; returns them."""
        gone: list[Flight] = []
        for flight, held in list(self.held.items()):
            if not self._may_go():
                break
            if flight.ending is None and self._fits(held.estimate_usd):
                self._reserve(flight, held.estimate_usd)
                del self.held[flight]
                held.gate.set()
                gone.append(flight)
        return gone

    def _fits(self, estimate_usd: float) -> bool:
        if self.cap_usd is None:
            return True
        return self.spent_usd + self.reserved_usd + estimate_usd <= self.cap_usd + _GRAIN_USD

    def _reserve(self, flight: Flight, estimate_usd: float) -> None:
        flight.reserved_usd = estimate_usd
        self.reserved_usd += estimate_usd

    def _give_back(self, flight: Flight) -> None:
        self.reserved_usd = max(0.0, self.reserved_usd - flight.reserved_usd)
        flight.reserved_usd = 0.0
