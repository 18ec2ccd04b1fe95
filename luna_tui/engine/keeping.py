"""Nothing new begins while what happens cannot be saved, and nothing goes on like that for long."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from luna_tui.engine.budget import Budget
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight

GIVE_UP_S = 10.0
"""How long a run with nothing in flight waits for the disk before it ends."""


@dataclass(frozen=True, slots=True)
class Busy:
    """What tells whether anything is in flight."""

    flights: Mapping[str, Flight]
    """By subtask, as they are."""
    line: set[Flight]
    """Those that wait at a gate, or are on their way to one."""
    budget: Budget

    @property
    def in_flight(self) -> bool:
        """Something has begun and not ended."""
        return len(self.line) + len(self.budget.held) < len(self.flights)


class Keeping:
    """Whether the run is saved; every method takes the desk's lock or is called under it."""

    def __init__(
        self,
        desk: FlightDesk,
        clock: Clock,
        deadlines: DeadlineThread,
        busy: Busy,
        *,
        give_up: Callable[[str], None],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._deadlines = deadlines
        self._busy = busy
        self._give_up = give_up
        """Ends the run; called under the lock."""
        self._gates: set[threading.Event] = set()
        """Of attempts that were admitted and begin when that is saved, or end when their changes are."""
        self._patience: Deadline | None = None
        self.why = ""
        """Why nothing is saved; empty while all is."""

    def refused(self, why: str) -> None:
        """From now on nothing is saved."""
        with self._desk.lock:
            self.why = self.why or why
            self.look()

    def saved(self) -> None:
        """What happened is saved, and what happens will be."""
        with self._desk.lock:
            self.why = ""
            self.look()
            for gate in self._gates:
                gate.set()

    def look(self) -> None:
        """Begin to lose patience when nothing is in flight that would be worth waiting for."""
        if not self.why or self._busy.in_flight:
            if self._patience is not None:
                self._patience.disarm()
                self._patience = None
        elif self._patience is None:
            self._patience = self._deadlines.arm(self._clock.now() + GIVE_UP_S, self._lose_patience)

    def wait(self, flight: Flight) -> None:
        """The start of an attempt, or what it changed, is not saved: wait for that; Cancelled when it ends.

        Its time stands still meanwhile, and it counts as one that waits at a gate.
        """
        with self._desk.lock:
            if not self.why:
                return
            gate = threading.Event()
            self._gates.add(gate)
            self._desk.stand(flight)
            self._busy.line.add(flight)
            self.look()
        try:
            flight.token.wait(gate)
        finally:
            with self._desk.lock:
                self._gates.discard(gate)
                self._busy.line.discard(flight)
                self._desk.go_on(flight)

    def _lose_patience(self) -> None:
        with self._desk.lock:
            self._patience = None
            if self.why:
                self._give_up(self.why)
