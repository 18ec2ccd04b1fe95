"""Who works on what right now: the flights, their workers, and the gate that admits more."""

from __future__ import annotations

import heapq
import threading
from collections import deque
from collections.abc import Callable, Iterable

from luna_tui.core.events import Event, SubtaskFinished
from luna_tui.core.expectations import Expectations
from luna_tui.core.limits import LOCAL_WORKERS, WorkerRule
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.words import Manner, Status, WaitReason
from luna_tui.engine.board import PlanBoard, Skip
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.course import Course, WaveInProgress
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight


class Floor:
    """Hands subtasks to workers and takes their ends back. Every method takes the desk's lock.

    A worker is a number, the lowest that is free; a thread takes whatever was handed out. So
    threads exist only for flights there were at once, and the screen sees few numbers.
    """

    def __init__(
        self,
        plan: Plan,
        desk: FlightDesk,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        rule: WorkerRule,
        expectations: Expectations,
        publish: Callable[[Event], object],
        book_end: Callable[[SubtaskFinished, str], None],
        start_thread: Callable[[], bool],
    ) -> None:
        self._desk = desk
        self._clock = clock
        self._deadlines = deadlines
        self._book_end = book_end
        """Publishes and counts one end; called under the lock."""
        self._start_thread = start_thread
        """Starts one more thread that takes; False when the system has none to give."""
        self._board = PlanBoard(plan, expectations, local_most=_local_most(rule))
        self._course = Course(
            plan, self._board, clock, deadlines, rule=rule, publish=publish, expire=self._expire
        )
        self._handed_out = threading.Condition(desk.lock)
        """A flight waits for a thread, or the floor is closed."""
        self._all_over = threading.Condition(desk.lock)
        self._gates: set[threading.Event] = set()
        """Set when the pause ends; one per flight that waits at the gate."""
        self._flights: dict[str, Flight] = {}
        self._line: set[Flight] = set()
        """Flights that are on their way to the limiter or wait there."""
        self._unmanned: deque[Flight] = deque()
        """Handed out, and no thread has it yet."""
        self._free: list[int] = []
        """A heap of worker numbers that were used before."""
        self._numbers = 0
        """Worker numbers used so far."""
        self._threads = 0
        """Threads that fly, or come back to take the next one."""
        self._coming = 0
        """Those that are new or come back; they take without being woken."""
        self._closed = False
        self.rule = rule
        """How many flights there may be; a wave may lower it, never raise it."""
        self.paused = False
        self.stopping: Ending | None = None
        """Nothing is admitted any more, in any wave."""

    def run(self) -> None:
        """Let the workers have the plan; returns when each of its subtasks has ended."""
        with self._desk.lock:
            self._go_on()
            while self._board.left:
                self._all_over.wait()

    @property
    def why_ended(self) -> Ending | None:
        """What ended the run early, if anything did."""
        return self.stopping or self._course.stopped

    def take(self) -> Flight | None:
        """A flight for the calling thread; blocks until there is one. None = the run is over."""
        with self._desk.lock:
            self._coming -= 1
            while not self._unmanned and not self._closed:
                self._handed_out.wait()
            return self._unmanned.popleft() if self._unmanned else None

    def admit(self, flight: Flight) -> bool:
        """The flight is on its way to the limiter; wait while the run is paused.

        True when it had to wait. Raises Cancelled when the flight ends.
        """
        if not self.paused and flight in self._line:
            return False
        with self._desk.lock:
            self._line.add(flight)
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
        """An attempt was admitted: the line is shorter, and its wave's clock runs."""
        self._line.discard(flight)
        self._course.start_clock(self._course.of(flight.subtask.id))
        if self.rule.automatic:
            self._hand_out()

    def on_end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        """A flight landed: free its worker, release or skip what depended on it."""
        if self._flights.pop(flight.subtask.id, None) is None:
            return
        self._line.discard(flight)
        heapq.heappush(self._free, flight.worker)
        if flight.abandoned:
            self._threads -= 1
        else:
            self._coming += 1
        skips = self._board.end(event.subtask, event.status)
        wave = self._course.of(event.subtask)
        self._book_end(event, output)
        self._count(wave, event.status)
        self._skip(skips)
        self._go_on()
        if self._unmanned and not flight.abandoned:
            flight.successor = self._unmanned.popleft()
            self._coming -= 1

    def may_retry(self, flight: Flight) -> bool:
        """False once the wave or the run was asked to start nothing more."""
        with self._desk.lock:
            return self.stopping is None and self._course.of(flight.subtask.id).ended_by is None

    def decide(
        self, ending: Ending, manner: Manner, *, wave: str | None, subtask: str | None
    ) -> list[CancelToken]:
        """Decide the end of a subtask, a wave, or (both None) everything.

        Returns the tokens of the threads to unblock; the caller cancels them after it left the lock.
        """
        with self._desk.lock:
            if subtask is not None:
                return self._decide_one(subtask, ending, manner)
            waves = self._course.waves
            if wave is None:
                self.stopping = self.stopping or ending
            else:
                named = self._course.named(wave)
                waves = [] if named is None or named.finished else [named]
            tokens = self._end_waves(waves, ending, manner)
            self._go_on()
            return tokens

    def stop(self, ending: Ending) -> None:
        """Let what runs finish and start nothing more; for callers that hold the lock."""
        with self._desk.lock:
            tokens = self.decide(ending, Manner.FINISH, wave=None, subtask=None)
            self._cancel_later(tokens, ending.reason)

    def set_paused(self, paused: bool) -> bool:
        """Close or open the gate; False when it was so already."""
        with self._desk.lock:
            if self.paused == paused:
                return False
            self.paused = paused
            if not paused:
                for gate in self._gates:
                    gate.set()
                self._hand_out()
            return True

    def set_rule(self, rule: WorkerRule) -> None:
        """Use this many from now on; those above finish what they have."""
        with self._desk.lock:
            self.rule = rule
            self._board.local_most = _local_most(rule)
            self._course.use(rule)
            self._hand_out()

    def close(self) -> None:
        """Send the threads home."""
        with self._desk.lock:
            self._closed = True
            self._handed_out.notify_all()

    def _go_on(self) -> None:
        """After any end: tell of waves that are over, open the next, hand out what may go now."""
        self._course.advance()
        self._hand_out()
        if self._board.left == 0:
            self._all_over.notify_all()

    def _hand_out(self) -> None:
        while self._may_hand_out() and (subtask := self._board.take()) is not None:
            wave = self._course.of(subtask.id)
            self._course.begin(wave)
            flight = Flight(subtask, wave.wave.name, self._number(), CancelToken(self._clock))
            self._flights[subtask.id] = flight
            self._line.add(flight)
            self._unmanned.append(flight)
            # Threads that are about to come back from a flight that landed count as there.
            if self._threads < len(self._flights) and self._start_thread():
                self._threads += 1
                self._coming += 1
            elif len(self._unmanned) > self._coming:
                self._handed_out.notify()

    def _may_hand_out(self) -> bool:
        if self.paused or self._closed or len(self._flights) >= self.rule.most:
            return False
        return self.rule.line_ahead is None or len(self._line) < self.rule.line_ahead

    def _number(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._numbers += 1
        return self._numbers - 1

    def _decide_one(self, subtask_id: str, ending: Ending, manner: Manner) -> list[CancelToken]:
        flight = self._flights.get(subtask_id)
        if flight is not None:
            return [] if manner is Manner.FINISH and flight.running else self._decide([flight], ending)
        if self._board.waits(subtask_id):
            skips = self._board.end(subtask_id, ending.status)
            self._book(self._board.find(subtask_id), self._course.of(subtask_id), ending)
            self._skip(skips)
            self._go_on()
        return []

    def _expire(self, wave: WaveInProgress) -> None:
        reason = f"the wave timed out after {wave.wave.timeout:g} s"
        ending, skipped = Ending(Status.TIMED_OUT, reason), Ending(Status.SKIPPED, reason)
        with self._desk.lock:
            if wave.finished:
                return
            wave.ends(ending)
            self._withdraw(range(wave.number, wave.number + 1), skipped)
            here = [f for f in self._flights.values() if f.wave == wave.wave.name]
            tokens = self._decide([f for f in here if f.started], ending)
            tokens += self._decide([f for f in here if not f.started], skipped)
            self._go_on()
        for token in tokens:
            token.cancel(reason)

    def _end_waves(self, waves: list[WaveInProgress], ending: Ending, manner: Manner) -> list[CancelToken]:
        """Decide the end of neighbouring waves."""
        if not waves:
            return []
        for wave in waves:
            wave.ends(ending)
        # First, because it takes a second for 100,000 subtasks, and the grace of flights runs from `_decide`.
        self._withdraw(range(waves[0].number, waves[-1].number + 1), ending)
        names = {wave.wave.name for wave in waves}
        hit = [f for f in self._flights.values() if f.wave in names]
        return self._decide([f for f in hit if manner is Manner.NOW or not f.running], ending)

    def _decide(self, flights: Iterable[Flight], ending: Ending) -> list[CancelToken]:
        tokens = (self._desk.decide(flight, ending) for flight in flights)
        return [token for token in tokens if token is not None]

    def _withdraw(self, waves: range, ending: Ending) -> None:
        """End everything of these waves that was not handed out."""
        back, skips = self._board.drain(waves, ending.status)
        for subtask, number in back:
            self._book(subtask, self._course.waves[number], ending)
        self._skip(skips)

    def _skip(self, skips: Iterable[Skip]) -> None:
        for skip in skips:
            self._book(skip.subtask, self._course.waves[skip.wave], Ending(Status.SKIPPED, skip.reason))

    def _book(self, subtask: Subtask, wave: WaveInProgress, ending: Ending) -> None:
        event = SubtaskFinished(
            wave=wave.wave.name,
            subtask=subtask.id,
            attempt=0,
            status=ending.status,
            duration_s=0.0,
            attempts=0,
            reason=ending.reason,
        )
        self._book_end(event, "")
        self._count(wave, ending.status)

    def _count(self, wave: WaveInProgress, status: Status) -> None:
        """Count an end; where it fails the wave of a strict plan, later waves end here and now."""
        if not self._course.count(wave, status):
            return
        ending = self._course.stopped
        assert ending is not None
        self._cancel_later(
            self._end_waves(self._course.waves[wave.number + 1 :], ending, Manner.FINISH), ending.reason
        )

    def _cancel_later(self, tokens: list[CancelToken], reason: str) -> None:
        """Cancel once the lock is free: hooks of a token may want locks of others."""

        def cancel() -> None:
            for token in tokens:
                token.cancel(reason)

        if tokens:
            self._deadlines.arm(self._clock.now(), cancel)


def _local_most(rule: WorkerRule) -> int | None:
    """The rate limits say nothing of processes on this machine, so those get a number of their own."""
    return LOCAL_WORKERS if rule.automatic else None
