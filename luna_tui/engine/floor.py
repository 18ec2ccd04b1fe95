"""Who works on what right now: the flights, their workers, and the gate that admits more."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable

from luna_tui.core.events import Event, SubtaskFinished
from luna_tui.core.expectations import Expectations
from luna_tui.core.limits import LOCAL_WORKERS, WorkerRule
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.core.prices import usd
from luna_tui.core.words import Manner, Status, WaitReason
from luna_tui.engine.aside import Aside
from luna_tui.engine.board import PlanBoard
from luna_tui.engine.budget import Budget, Spending
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.course import Course
from luna_tui.engine.crew import Crew
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.ends import Ends
from luna_tui.engine.flight import Ending, Flight
from luna_tui.engine.keeping import Busy, Keeping
from luna_tui.engine.returns import Returns


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
        spending: Spending,
        publish: Callable[[Event], object],
        book_end: Callable[[SubtaskFinished, str], None],
        crew: Crew,
    ) -> None:
        self._desk, self._clock, self._crew = desk, clock, crew
        self._book_end = book_end
        """Publishes and counts one end; called under the lock."""
        self._board = PlanBoard(
            plan, expectations,
            local_most=_local_most(rule), workers=_fixed_workers(rule), priced=spending.priced,
        )  # fmt: skip
        self._course = Course(
            plan, self._board, clock, deadlines,
            rule=rule, publish=publish, expire=lambda wave: self.ends.expire(wave),
        )  # fmt: skip
        self._all_over = threading.Condition(desk.lock)
        self._gates: set[threading.Event] = set()
        """Set when the pause ends; one per flight that waits at the gate."""
        self._flights: dict[str, Flight] = {}
        """By subtask."""
        self._flown: dict[str, tuple[int, float]] = {}
        """Subtask -> attempts it began and seconds in them, once it has ended."""
        self._failures: dict[str, int] = {}
        """Failures that an earlier process counted against the retries of those that had not ended."""
        self._line: set[Flight] = set()
        """Flights that are on their way to the limiter or wait there."""
        self._aside = Aside(desk, worker_left=self._has_room)
        self._free: list[int] = []
        """A heap of worker numbers that were used before."""
        self._numbers = 0
        """Worker numbers used so far."""
        self.rule = rule
        """How many flights there may be; a wave may lower it, never raise it."""
        self.paused = False
        self.held_to_the_end = False
        """All that was left was held by the budget, and nobody was there to raise it."""
        self.begun = self.over = False
        """Whether the run has been told of, and whether everything has ended for good."""
        self.ends = Ends(
            desk, self._board, self._course, clock, deadlines,
            flights=self._flights, flown=self._flown, book_end=book_end, go_on=self._go_on,
        )  # fmt: skip
        self.returns = Returns(
            desk, self._board, self._course,
            flights=self._flights, in_line=self._in_line, go_on=self._go_on,
        )  # fmt: skip
        self.budget = Budget(desk, spending, may_go=self._has_room, on_hold=self._held, on_room=self._go_on)
        busy = Busy(self._flights, self._line, self.budget)
        self.keeping = Keeping(desk, clock, deadlines, busy, give_up=self._give_up_unsaved)

    def restore(self, past: Past) -> None:
        """Take over how earlier processes left the run; before it is run."""
        with self._desk.lock:
            self._board.restore(past.ends)
            self._course.restore(past)
            self._flown.update(past.flown)
            self._failures.update(past.failures)
            self.budget.spent_usd = past.spent_usd

    def settle(self, event: SubtaskFinished, output: str) -> None:
        """Book an end that was reached before this process; before the run is run."""
        with self._desk.lock:
            if not self._board.waits(event.subtask):
                return
            skips = self._board.end(event.subtask, event.status)
            self._book_end(event, output)
            self._flown[event.subtask] = event.attempts, event.duration_s
            self.ends.count(self._course.of(event.subtask), event.status)
            self.ends.book_skips(skips)

    def run(self) -> None:
        """Let the workers have the plan; returns when each of its subtasks has ended."""
        with self._desk.lock:
            self.begun = True
            self._go_on()
            while self._board.left:
                self._all_over.wait()
            self.over = True

    @property
    def why_ended(self) -> Ending | None:
        """What ended the run early, if anything did."""
        return self.ends.stopping or self._course.stopped

    def admit(self, flight: Flight) -> bool:
        """The flight is on its way to the limiter; wait while the run is paused, or is not saved.

        True when it had to wait. Raises Cancelled when the flight ends.
        """
        if not self._shut and flight in self._line:
            return False
        with self._desk.lock:
            self._line.add(flight)
            if not self._shut:
                return False
            gate = threading.Event()
            self._gates.add(gate)
            if self.paused:
                self._desk.wait(flight, WaitReason.PAUSED, None, timed=False)
            else:
                self._desk.stand(flight)
            self.keeping.look()
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

    def on_ask(self, flight: Flight) -> None:
        """It waits for a person: its wave's clock stands, and others have its worker.

        Called under the lock, like the two that follow.
        """
        self._course.stand(self._course.of(flight.subtask.id), flight)
        self._aside.step(flight)
        self._go_on()

    def on_answer(self, flight: Flight, go: Callable[[], None]) -> None:
        """It has its answer; `go` is called as soon as there is a worker for it."""
        self._course.go_on(self._course.of(flight.subtask.id), flight)
        self._aside.come_back(flight, go)

    def ask_no_more(self, flight: Flight) -> None:
        """It ends and wants no answer; said again it changes nothing."""
        self._course.go_on(self._course.of(flight.subtask.id), flight)
        self._aside.drop(flight)

    def on_end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        """A flight landed: free its worker, release or skip what depended on it."""
        if self._flights.get(event.subtask) is not flight:
            return
        self._line.discard(flight)
        self.ask_no_more(flight)
        if flight.again:
            self._fly_again(flight)
            return
        del self._flights[event.subtask]
        self._flown[event.subtask] = event.attempts, event.duration_s
        heapq.heappush(self._free, flight.worker)
        self._crew.landed(flight)
        skips = self._board.end(event.subtask, event.status)
        wave = self._course.of(event.subtask)
        self._book_end(event, output)
        self.ends.count(wave, event.status)
        self.ends.book_skips(skips)
        self._go_on()
        self._crew.pass_on(flight)

    def may_retry(self, flight: Flight) -> bool:
        """False once the wave or the run was asked to start nothing more."""
        with self._desk.lock:
            ended = self._course.of(flight.subtask.id).ended_by is not None
            return self.ends.stopping is None and (flight.asked or not ended)

    def set_paused(self, paused: bool) -> bool:
        """Close or open the gate; False when it was so already."""
        with self._desk.lock:
            if self.paused == paused:
                return False
            self.paused = paused
            self._open_gate()
            return True

    def not_saved(self, why: str) -> None:
        """Close the gate until `saved`."""
        self.keeping.refused(why)

    def saved(self) -> None:
        """Open the gate again."""
        with self._desk.lock:
            self.keeping.saved()
            self._open_gate()

    def left_alone(self) -> None:
        """Nobody is there any more who could raise the budget."""
        with self._desk.lock:
            self.budget.hold_for_person = False
            if not self.over:
                self._go_on()

    def set_rule(self, rule: WorkerRule) -> None:
        """Use this many from now on; those above finish what they have."""
        with self._desk.lock:
            self.rule = rule
            self._board.local_most = _local_most(rule)
            self._board.use(_fixed_workers(rule))
            self._course.use(rule)
            self._go_on()

    @property
    def _shut(self) -> bool:
        return self.paused or bool(self.keeping.why)

    def _open_gate(self) -> None:
        if not self._shut:
            for gate in self._gates:
                gate.set()
            self._go_on()

    def _go_on(self) -> None:
        """After any end: tell of waves that are over, open the next, hand out what may go now."""
        self._course.advance()
        self._hand_out()
        if self._board.left == 0:
            self._all_over.notify_all()
            return
        if self.budget.held:
            self._give_up_held()
        if self.keeping.why:
            self.keeping.look()

    def _hand_out(self) -> None:
        self._aside.let_back()
        if self.budget.held and not self._shut:
            self._line.update(self.budget.let_go())
        while self._may_hand_out():
            # What is held keeps its worker from others that cost something, but from nobody else.
            spending = len(self._flights) - len(self._aside) < self.rule.most
            subtask = self._board.take(spending=spending)
            if subtask is None:
                return
            wave = self._course.of(subtask.id)
            self._course.begin(wave)
            before, spent_s = self._flown.get(subtask.id, (0, 0.0))
            flight = Flight(
                subtask, wave.wave.name, self._number(), CancelToken(self._clock), before, before, before,
                spent_s=spent_s, asked=wave.ended_by is not None,
                failures=self._failures.pop(subtask.id, 0),
            )  # fmt: skip
            self._flights[subtask.id] = flight
            self._line.add(flight)
            self._crew.man(flight, len(self._flights))

    def _fly_again(self, flight: Flight) -> None:
        """The same subtask, on the same worker, by the same thread unless that is lost."""
        subtask = self._board.find(flight.subtask.id)
        follower = flight.then(subtask, CancelToken(self._clock))
        self._flights[subtask.id] = follower
        self._line.add(follower)
        self._crew.follow(flight, follower, len(self._flights))

    def _held(self, flight: Flight) -> None:
        self._line.discard(flight)
        self._go_on()

    def _in_line(self, flight: Flight) -> bool:
        return flight in self._line or flight in self.budget.held

    def _give_up_held(self) -> None:
        """End the run when nothing but what is held is left, and nobody can change that."""
        if self.budget.hold_for_person or self._shut:
            return
        held = self.budget.held
        if len(held) == len(self._flights) and all(flight.ending is None for flight in held):
            self.held_to_the_end = self.ends.stopping is None
            reason = f"what is left would exceed the budget of {usd(self.budget.cap_usd or 0.0)}"
            self.ends.stop(Ending(Status.CANCELLED, reason), Manner.NOW)

    def _give_up_unsaved(self, why: str) -> None:
        if not self.over:
            self.ends.stop(Ending(Status.CANCELLED, f"not saved: {why}"), Manner.NOW)

    def _may_hand_out(self) -> bool:
        rule = self.rule
        if self._shut or self.over or not self._has_room():
            return False
        return rule.line_ahead is None or len(self._line) < rule.line_ahead

    def _has_room(self) -> bool:
        return len(self._flights) - len(self.budget.held) - len(self._aside) < self.rule.most

    def _number(self) -> int:
        if self._free:
            return heapq.heappop(self._free)
        self._numbers += 1
        return self._numbers - 1


def _local_most(rule: WorkerRule) -> int | None:
    """The rate limits say nothing of processes on this machine, so those get a number of their own."""
    return LOCAL_WORKERS if rule.automatic else None


def _fixed_workers(rule: WorkerRule) -> int | None:
    return None if rule.automatic else rule.most
