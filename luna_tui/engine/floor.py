"""Who works on what right now: the current wave, its flights, and the gate that admits more."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from luna_tui.core.events import SubtaskFinished
from luna_tui.core.plan import Subtask, Wave
from luna_tui.core.words import Manner, Status, WaitReason
from luna_tui.engine.board import Skip, WaveBoard
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import Deadline, DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight


@dataclass(slots=True, eq=False)
class WaveInProgress:
    """The wave that runs now; protected by the desk's lock."""

    wave: Wave
    board: WaveBoard
    parallel: bool
    counts: Counter[Status] = field(default_factory=Counter)
    deadline: Deadline | None = None
    """Armed at the wave's first start."""
    ended_by: Ending | None = None
    """The timeout or cancellation that ended it early."""


class Floor:
    """Hands subtasks to workers and takes their ends back. Every method takes the desk's lock."""

    def __init__(
        self,
        desk: FlightDesk,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        workers: int,
        book_end: Callable[[SubtaskFinished, str], None],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._deadlines = deadlines
        self._book_end = book_end
        """Publishes and counts one end; called under the lock."""
        self._changed = threading.Condition(desk.lock)
        """Something can be taken, or the floor is closed: idle workers look again."""
        self._wave_over = threading.Condition(desk.lock)
        self._gates: set[threading.Event] = set()
        """Set when the pause ends; one per flight that waits at the gate."""
        self._current: WaveInProgress | None = None
        self._flights: dict[str, Flight] = {}
        self._closed = False
        self.workers = workers
        """Workers that may take something; a wave may lower it, never raise it."""
        self.paused = False
        self.stopping: Ending | None = None
        """Nothing is admitted any more, in any wave."""

    def run_wave(self, wave: WaveInProgress) -> None:
        """Let the workers have the wave; returns when each of its subtasks has ended."""
        with self._desk.lock:
            self._current = wave
            for skip in wave.board.doomed:
                self._close(wave, skip.subtask, Status.SKIPPED, skip.reason)
            if self.stopping is not None:
                self._withdraw_all(wave, self.stopping)
            self._changed.notify_all()
            while not wave.board.over:
                self._wave_over.wait()
            self._current = None
            if wave.deadline is not None:
                wave.deadline.disarm()

    def take(self, worker: int) -> Flight | None:
        """The next subtask for a worker; blocks until there is one. None = the run is over."""
        with self._desk.lock:
            while not self._closed:
                flight = self._try_take(worker)
                if flight is not None:
                    return flight
                self._changed.wait()
            return None

    def admit(self, flight: Flight) -> bool:
        """Wait while the run is paused; True when it had to. Raises Cancelled when the flight ends."""
        with self._desk.lock:
            if not self.paused:
                return False
            gate = threading.Event()
            self._gates.add(gate)
            self._desk.wait(flight, WaitReason.PAUSED, None, timed=False)
        try:
            flight.token.wait(gate)
        finally:
            with self._desk.lock:
                self._gates.discard(gate)
        return True

    def on_start(self, flight: Flight) -> None:
        """The wave's clock begins with its first start."""
        current = self._current
        if current is not None and current.deadline is None and current.wave.timeout > 0:
            at = self._clock.now() + current.wave.timeout
            current.deadline = self._deadlines.arm(at, lambda: self._expire(current))

    def on_end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        """A flight landed: free its worker, release or skip what depended on it."""
        self._flights.pop(flight.subtask.id, None)
        wave = self._current
        if wave is not None:
            wave.counts[event.status] += 1
            self._book_end(event, output)
            self._settle(wave, wave.board.end(event.subtask, event.status))

    def may_retry(self, flight: Flight) -> bool:
        """False once the wave or the run was asked to start nothing more."""
        with self._desk.lock:
            return self._current is not None and self._current.ended_by is None and self.stopping is None

    def decide(
        self, ending: Ending, manner: Manner, *, wave: str | None, subtask: str | None
    ) -> list[CancelToken]:
        """Decide the end of a subtask, a wave, or (both None) everything.

        Returns the tokens of the threads to unblock; the caller cancels them after it left the lock.
        """
        with self._desk.lock:
            current = self._current
            if wave is None and subtask is None:
                self.stopping = self.stopping or ending
            if current is None or (wave is not None and wave != current.wave.name):
                return []
            hit = [f for f in self._flights.values() if subtask is None or f.subtask.id == subtask]
            if manner is Manner.FINISH:
                hit = [f for f in hit if not f.running]
            tokens = self._decide(hit, ending)
            if subtask is None:
                current.ended_by = current.ended_by or ending
                self._withdraw_all(current, ending)
            elif current.board.withdraw(subtask):
                found = next(s for s in current.wave.subtasks if s.id == subtask)
                self._close(current, found, ending.status, ending.reason)
            return tokens

    def set_paused(self, paused: bool) -> bool:
        """Close or open the gate; False when it was so already."""
        with self._desk.lock:
            if self.paused == paused:
                return False
            self.paused = paused
            if not paused:
                for gate in self._gates:
                    gate.set()
                self._changed.notify_all()
            return True

    def set_workers(self, workers: int) -> None:
        """Use this many from the next take on; those above finish what they have."""
        with self._desk.lock:
            self.workers = workers
            self._changed.notify_all()

    def workers_for(self, wave: Wave, *, parallel: bool) -> int:
        """Workers a wave may use now."""
        if not parallel:
            return 1
        return min(self.workers, wave.max_workers or self.workers)

    def close(self) -> None:
        """Send the workers home."""
        with self._desk.lock:
            self._closed = True
            self._changed.notify_all()

    def _try_take(self, worker: int) -> Flight | None:
        current = self._current
        if current is None or self.paused or current.ended_by is not None:
            return None
        limit = self.workers_for(current.wave, parallel=current.parallel)
        if worker >= limit or len(self._flights) >= limit:
            return None
        subtask = current.board.take()
        if subtask is None:
            return None
        flight = Flight(subtask, current.wave.name, worker, CancelToken(self._clock))
        self._flights[subtask.id] = flight
        return flight

    def _expire(self, wave: WaveInProgress) -> None:
        reason = f"the wave timed out after {wave.wave.timeout:g} s"
        ending = Ending(Status.TIMED_OUT, reason)
        with self._desk.lock:
            if wave is not self._current:
                return
            wave.ended_by = wave.ended_by or ending
            started = [f for f in self._flights.values() if f.started]
            queued = [f for f in self._flights.values() if not f.started]
            tokens = self._decide(started, ending)
            tokens += self._decide(queued, Ending(Status.SKIPPED, reason))
            self._withdraw_all(wave, Ending(Status.SKIPPED, reason))
        for token in tokens:
            token.cancel(reason)

    def _decide(self, flights: list[Flight], ending: Ending) -> list[CancelToken]:
        tokens = (self._desk.decide(flight, ending) for flight in flights)
        return [token for token in tokens if token is not None]

    def _withdraw_all(self, wave: WaveInProgress, ending: Ending) -> None:
        for subtask in wave.board.drain():
            self._book(wave, subtask, ending.status, ending.reason)
        if wave.board.over:
            self._wave_over.notify_all()

    def _close(self, wave: WaveInProgress, subtask: Subtask, status: Status, reason: str) -> None:
        self._book(wave, subtask, status, reason)
        self._settle(wave, wave.board.end(subtask.id, status))

    def _settle(self, wave: WaveInProgress, skips: list[Skip]) -> None:
        for skip in skips:
            self._book(wave, skip.subtask, Status.SKIPPED, skip.reason)
        if wave.board.over:
            self._wave_over.notify_all()
        elif wave.board.ready > 0:
            self._changed.notify_all()

    def _book(self, wave: WaveInProgress, subtask: Subtask, status: Status, reason: str) -> None:
        wave.counts[status] += 1
        event = SubtaskFinished(
            wave=wave.wave.name,
            subtask=subtask.id,
            attempt=0,
            status=status,
            duration_s=0.0,
            attempts=0,
            reason=reason,
        )
        self._book_end(event, "")
