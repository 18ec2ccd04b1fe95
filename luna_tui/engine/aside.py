"""Flights that wait for a person: they keep no worker from others, and come back when one is free."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.core.words import WaitReason
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight


class Aside:
    """Every method is called under the desk's lock."""

    def __init__(self, desk: FlightDesk, *, worker_left: Callable[[], bool]) -> None:
        self._desk = desk
        self._worker_left = worker_left
        """Whether one more may be in flight."""
        self._flights: set[Flight] = set()
        self._coming: dict[Flight, Callable[[], None]] = {}
        """Those of them that are answered and want a worker, in that order -> what lets them go on."""

    def __len__(self) -> int:
        return len(self._flights)

    def step(self, flight: Flight) -> None:
        """It waits for a person from now on."""
        self._flights.add(flight)

    def come_back(self, flight: Flight, go: Callable[[], None]) -> None:
        """It is answered: `go` is called when there is a worker for it, at once if there is."""
        self._coming[flight] = go
        self.let_back()
        if flight in self._coming:
            self._desk.wait(flight, WaitReason.SLOT, None, timed=False)

    def let_back(self) -> None:
        """Let those go on for whom there are workers."""
        for flight, go in list(self._coming.items()):
            if not self._worker_left():
                return
            if flight.ending is None:
                self.drop(flight)
                go()

    def drop(self, flight: Flight) -> None:
        """It is over, or goes on."""
        self._flights.discard(flight)
        self._coming.pop(flight, None)
