"""Publish what happens to flights, atomically: after an end was decided, nothing of that flight starts."""

from __future__ import annotations

import threading
from collections.abc import Callable

from luna_tui.core.events import (
    AttemptFailed,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    ThreadReturned,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    UsageRecorded,
    WorkspaceChanged,
)
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import Status, WaitReason
from luna_tui.engine.bus import EventBus
from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.flight import Ending, Flight
from luna_tui.engine.runner import AttemptError

GRACE_S = 0.8
"""Seconds a thread has to come back after its cancellation before it is abandoned."""


class FlightDesk:
    """Every state change of a flight and its event, under one lock."""

    def __init__(
        self,
        bus: EventBus,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        on_start: Callable[[Flight], None],
        on_usage: Callable[[UsageRecorded], None],
        save: Callable[[SubtaskFinished, str], None] | None,
        on_end: Callable[[Flight, SubtaskFinished, str], None],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        self.lock = threading.RLock()
        """Protects all flights, the wave's board and the order of the events about them."""
        self._bus = bus
        self._clock = clock
        self._deadlines = deadlines
        self._on_start = on_start
        self._on_usage = on_usage
        self._save = save
        """Called without the lock, since it waits for a disk; None = results are not kept."""
        self._on_end = on_end
        self._redaction = redaction

    def next_attempt(self, flight: Flight) -> None:
        """Give the flight a fresh token for its next attempt; Cancelled when its end was decided.

        The token it took off with serves its first attempt, and `start` sees an end decided until then.
        """
        if flight.attempt == flight.before:
            flight.attempt += 1
            return
        with self.lock:
            self.raise_if_ending(flight)
            flight.attempt += 1
            flight.texts.clear()
            flight.token = CancelToken(self._clock)

    def wait(self, flight: Flight, reason: WaitReason, expected_s: float | None, *, timed: bool) -> None:
        """Say that the flight waits, before an attempt or in its midst. The timeout's clock goes on only
        when `timed`."""
        with self.lock:
            self.raise_if_ending(flight)
            if not timed:
                self._stop_timer(flight)
            self._rest(flight)
            self._bus.publish(
                SubtaskWaiting(
                    wave=flight.wave,
                    subtask=flight.subtask.id,
                    reason=reason,
                    attempt=max(flight.before + 1, flight.attempt),
                    worker=flight.worker,
                    expected_s=expected_s,
                )
            )

    def stand(self, flight: Flight) -> None:
        """The flight waits for something of ours, and its timeout's clock with it."""
        with self.lock:
            self.raise_if_ending(flight)
            self._stop_timer(flight)

    def go_on(self, flight: Flight) -> None:
        """After `stand`, or a wait in its midst: the clocks of an attempt in flight run again."""
        with self.lock:
            if flight.running and flight.ending is None:
                self._run_timer(flight)
                self._work(flight)

    def start(self, flight: Flight) -> int:
        """An attempt was admitted, and that is record number so and so.

        Cancelled when the end of the flight was decided before.
        """
        with self.lock:
            self.raise_if_ending(flight)
            flight.begun, flight.running = flight.attempt, True
            flight.spent_before_s = flight.spent_s
            self._work(flight)
            self._run_timer(flight)
            self._on_start(flight)
            record = self._bus.publish(
                SubtaskStarted(
                    wave=flight.wave,
                    subtask=flight.subtask.id,
                    attempt=flight.attempt,
                    worker=flight.worker,
                    title=self._redaction.text(flight.subtask.title),
                    kind=flight.subtask.kind,
                )
            )
            return record.seq

    def turn(self, flight: Flight, number: int) -> int:
        """A further request of the attempt in flight was admitted, and that is record number so and so.

        Cancelled when the end of the flight was decided before.
        """
        with self.lock:
            self.raise_if_ending(flight)
            self._work(flight)
            self._run_timer(flight)
            self._on_start(flight)
            event = TurnStarted(
                wave=flight.wave, subtask=flight.subtask.id, attempt=flight.attempt, turn=number
            )
            return self._bus.publish(event).seq

    def turn_failed(self, flight: Flight, number: int, error: AttemptError, delay_s: float) -> None:
        """A further request failed and is sent again; Cancelled when the end was decided meanwhile."""
        with self.lock:
            self.raise_if_ending(flight)
            self._bus.publish(
                TurnFailed(
                    wave=flight.wave,
                    subtask=flight.subtask.id,
                    attempt=flight.attempt,
                    turn=number,
                    error_kind=error.kind,
                    message=error.message,
                    status=error.status,
                    delay_s=delay_s,
                )
            )

    def tell(self, flight: Flight, event: ToolCalled | ToolFinished | WorkspaceChanged) -> int | None:
        """Publish what the attempt in flight does, as record number so and so; dropped once that is over."""
        with self.lock:
            if flight.running and event.attempt == flight.attempt:
                return self._bus.publish(event).seq
        return None

    def output(self, flight: Flight, text: str) -> None:
        """Publish text of the running attempt; dropped once the flight has landed."""
        with self.lock:
            if flight.landed:
                return
            flight.texts.append(text)
            self._bus.publish(
                SubtaskOutput(wave=flight.wave, subtask=flight.subtask.id, attempt=flight.attempt, text=text)
            )

    def usage(self, event: UsageRecorded) -> None:
        """Publish tokens used; also those of an attempt that came to nothing, since they were paid."""
        with self.lock:
            self._on_usage(event)
            self._bus.publish(event)

    def fail(self, flight: Flight, error: AttemptError, delay_s: float | None) -> None:
        """An attempt failed; Cancelled when the end of the flight was decided meanwhile."""
        with self.lock:
            self._leave_attempt(flight)
            self.raise_if_ending(flight)
            self._bus.publish(
                AttemptFailed(
                    wave=flight.wave,
                    subtask=flight.subtask.id,
                    attempt=flight.attempt,
                    error_kind=error.kind,
                    message=error.message,
                    status=error.status,
                    will_retry=delay_s is not None,
                    delay_s=delay_s,
                )
            )

    def land(self, flight: Flight, status: Status, reason: str, output: str, output_file: str | None) -> None:
        """The thread of the flight came back; the first end that was decided is the one that counts."""
        with self.lock:
            late = flight.landed
            if late and flight.abandoned:
                self._bus.publish(
                    ThreadReturned(
                        wave=flight.wave,
                        subtask=flight.subtask.id,
                        attempt=flight.attempt,
                        worker=flight.worker,
                    )
                )
            if late:
                return
            ending = flight.ending
            if ending is not None and (status is not Status.SUCCEEDED or ending.status is Status.TIMED_OUT):
                status, reason = ending.status, ending.reason
            event = self._claim(flight, status, reason, output_file)
            if self._save is None or flight.again:
                self._on_end(flight, event, output)
                return
        self._end(flight, event, output)

    def decide(self, flight: Flight, ending: Ending) -> CancelToken | None:
        """Decide the end of a flight from outside; returns the token to cancel, None when it is too late.

        The caller cancels the token after it has left the lock. A new try that was wanted is not made.
        """
        with self.lock:
            wanted, flight.again = flight.again, False
            if flight.landed or (flight.ending is not None and not wanted):
                return None
            decided, flight.ending = flight.ending is not None, ending
            if decided:
                return None
            self._stop_timer(flight)
            self._deadlines.arm(self._clock.now() + GRACE_S, lambda: self._abandon(flight))
            return flight.token

    def retry(self, flight: Flight, ending: Ending) -> CancelToken | None:
        """End the flight without telling, so that another follows; what `decide` returns."""
        with self.lock:
            token = None if flight.landed or flight.ending is not None else self.decide(flight, ending)
            flight.again = True
            return token

    def _expire(self, flight: Flight) -> None:
        reason = f"timed out after {flight.subtask.timeout:g} s"
        token = self.decide(flight, Ending(Status.TIMED_OUT, reason))
        if token is not None:
            token.cancel(reason)

    def _abandon(self, flight: Flight) -> None:
        with self.lock:
            if flight.landed or flight.ending is None:
                return
            flight.abandoned = True
            give_up = flight.give_up
            event = self._claim(flight, flight.ending.status, flight.ending.reason, None)
            self._bus.publish(
                ThreadAbandoned(
                    wave=flight.wave, subtask=flight.subtask.id, attempt=flight.attempt, worker=flight.worker
                )
            )
        if give_up is not None:
            give_up()
        self._end(flight, event, "".join(flight.texts))

    def _claim(self, flight: Flight, status: Status, reason: str, file: str | None) -> SubtaskFinished:
        """Make this the one end of the flight; it is published after it was saved."""
        self._leave_attempt(flight)
        self._stop_timer(flight)
        flight.landed, flight.came_to = True, status
        return SubtaskFinished(
            wave=flight.wave,
            subtask=flight.subtask.id,
            attempt=flight.begun,
            status=status,
            duration_s=round(flight.spent_s, 6),
            attempts=flight.begun,
            reason=reason,
            output_file=file,
            worker=flight.worker,
        )

    def _end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        if self._save is not None and not flight.again:
            self._save(event, output)
        with self.lock:
            self._on_end(flight, event, output)

    def _leave_attempt(self, flight: Flight) -> None:
        flight.running = False
        self._rest(flight)

    def _work(self, flight: Flight) -> None:
        if flight.works_since is None:
            flight.works_since = self._clock.now()

    def _rest(self, flight: Flight) -> None:
        if flight.works_since is not None:
            flight.spent_s += self._clock.now() - flight.works_since
            flight.works_since = None

    def _run_timer(self, flight: Flight) -> None:
        if flight.subtask.timeout <= 0 or flight.timer_since is not None:
            flight.token.set_deadline(flight.deadline.at if flight.deadline else None)
            return
        flight.timer_since = self._clock.now()
        at = flight.timer_since + flight.subtask.timeout - flight.timer_spent_s
        flight.deadline = self._deadlines.arm(at, lambda: self._expire(flight))
        flight.token.set_deadline(at)

    def _stop_timer(self, flight: Flight) -> None:
        if flight.deadline is not None:
            flight.deadline.disarm()
            flight.deadline = None
        if flight.timer_since is not None:
            flight.timer_spent_s += self._clock.now() - flight.timer_since
            flight.timer_since = None

    def raise_if_ending(self, flight: Flight) -> None:
        if flight.landed or flight.ending is not None:
            raise Cancelled(flight.ending.reason if flight.ending else "the subtask has ended")
