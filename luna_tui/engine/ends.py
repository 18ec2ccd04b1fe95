"""End subtasks before their time, and book the ends of those that never flew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from luna_tui.core.events import SubtaskFinished
from luna_tui.core.plan import Subtask
from luna_tui.core.words import Manner, Status
from luna_tui.engine.board import PlanBoard, Skip
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock
from luna_tui.engine.course import Course, WaveInProgress
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight


class Ends:
    """Decides ends from outside and what they do to others; every method takes the desk's lock."""

    def __init__(
        self,
        desk: FlightDesk,
        board: PlanBoard,
        course: Course,
        clock: Clock,
        deadlines: DeadlineThread,
        *,
        flights: Mapping[str, Flight],
        flown: Mapping[str, tuple[int, float]],
        book_end: Callable[[SubtaskFinished, str], None],
        go_on: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._board = board
        self._course = course
        self._clock = clock
        self._deadlines = deadlines
        self._flights = flights
        """By subtask, as they are."""
        self._flown = flown
        """Attempts and seconds of subtasks that flew before."""
        self._book_end = book_end
        self._go_on = go_on
        self.stopping: Ending | None = None
        """Nothing is admitted any more, in any wave."""

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

    def stop(self, ending: Ending, manner: Manner = Manner.FINISH) -> None:
        """Start nothing more; for callers that hold the lock."""
        with self._desk.lock:
            tokens = self.decide(ending, manner, wave=None, subtask=None)
            self._cancel_later(tokens, ending.reason)

    def skip(
        self, subtask_ids: Iterable[str], ending: Ending, announce: Callable[[Sequence[str]], object]
    ) -> list[CancelToken]:
        """End these now, as far as they have not ended; `announce` is told which, before anything happens."""
        with self._desk.lock:
            hit = [i for i in dict.fromkeys(subtask_ids) if self._may_end(i)]
            if not hit:
                return []
            announce(hit)
            return [token for i in hit for token in self._decide_one(i, ending, Manner.NOW)]

    def expire(self, wave: WaveInProgress) -> None:
        """The time of a wave is over."""
        reason = f"the wave timed out after {wave.wave.timeout:g} s"
        ending, skipped = Ending(Status.TIMED_OUT, reason), Ending(Status.SKIPPED, reason)
        with self._desk.lock:
            if wave.finished or self._course.still(wave):
                return
            wave.ends(ending)
            self._withdraw(range(wave.number, wave.number + 1), skipped)
            here = [f for f in self._flights.values() if f.wave == wave.wave.name]
            tokens = self._decide([f for f in here if f.started], ending)
            tokens += self._decide([f for f in here if not f.started], skipped)
            self._go_on()
        for token in tokens:
            token.cancel(reason)

    def book_skips(self, skips: Iterable[Skip]) -> None:
        """Tell of what is skipped for want of something else."""
        for skip in skips:
            self._book(skip.subtask, self._course.waves[skip.wave], Ending(Status.SKIPPED, skip.reason))

    def count(self, wave: WaveInProgress, status: Status) -> None:
        """Count an end; where it fails the wave of a strict plan, later waves end here and now."""
        if self._course.count(wave, status):
            self._end_after(wave)

    def take_up(self) -> None:
        """Work goes on in another process, which draws the conclusions that were left to draw."""
        with self._desk.lock:
            self.book_skips(self._board.strand())
            wrong = self._course.take_up()
            if wrong is not None:
                self._end_after(wrong)

    def _end_after(self, wrong: WaveInProgress) -> None:
        ending = self._course.stopped
        assert ending is not None
        tokens = self._end_waves(self._course.waves[wrong.number + 1 :], ending, Manner.FINISH)
        self._cancel_later(tokens, ending.reason)

    def _may_end(self, subtask_id: str) -> bool:
        flight = self._flights.get(subtask_id)
        if flight is None:
            return self._board.waits(subtask_id)
        return not flight.landed and (flight.ending is None or flight.again)

    def _decide_one(self, subtask_id: str, ending: Ending, manner: Manner) -> list[CancelToken]:
        flight = self._flights.get(subtask_id)
        if flight is not None:
            return [] if manner is Manner.FINISH and flight.goes_on else self._decide([flight], ending)
        if self._board.waits(subtask_id):
            skips = self._board.end(subtask_id, ending.status)
            self._book(self._board.find(subtask_id), self._course.of(subtask_id), ending)
            self.book_skips(skips)
            self._go_on()
        return []

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
        for flight in hit:
            flight.asked = False
        return self._decide([f for f in hit if manner is Manner.NOW or not f.goes_on], ending)

    def _decide(self, flights: Iterable[Flight], ending: Ending) -> list[CancelToken]:
        tokens = (self._desk.decide(flight, ending) for flight in flights)
        return [token for token in tokens if token is not None]

    def _withdraw(self, waves: range, ending: Ending) -> None:
        """End everything of these waves that was not handed out."""
        back, skips = self._board.drain(waves, ending.status)
        for subtask, number in back:
            self._book(subtask, self._course.waves[number], ending)
        self.book_skips(skips)

    def _book(self, subtask: Subtask, wave: WaveInProgress, ending: Ending) -> None:
        attempts, spent_s = self._flown.get(subtask.id, (0, 0.0))
        event = SubtaskFinished(
            wave=wave.wave.name,
            subtask=subtask.id,
            attempt=attempts,
            status=ending.status,
            duration_s=round(spent_s, 6),
            attempts=attempts,
            reason=ending.reason,
        )
        self._book_end(event, "")
        self.count(wave, ending.status)

    def _cancel_later(self, tokens: list[CancelToken], reason: str) -> None:
        """Cancel once the lock is free: hooks of a token may want locks of others."""

        def cancel() -> None:
            for token in tokens:
                token.cancel(reason)

        if tokens:
            self._deadlines.arm(self._clock.now(), cancel)
