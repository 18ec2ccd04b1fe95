"""Bring subtasks back in line because a person wants a new try."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from luna_tui.core.plan import Subtask
from luna_tui.core.words import GOOD, Kind
from luna_tui.engine.board import PlanBoard
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.course import Course
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight

Announce = Callable[[Sequence[str], Sequence[str]], object]
"""Told which of the named subtasks are concerned, and which go back in line, before anything happens."""


class Returns:
    """Undoes ends, and replaces flights by new ones."""

    def __init__(
        self,
        desk: FlightDesk,
        board: PlanBoard,
        course: Course,
        *,
        flights: Mapping[str, Flight],
        in_line: Callable[[Flight], bool],
        go_on: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._board = board
        self._course = course
        self._flights = flights
        """By subtask, as they are."""
        self._in_line = in_line
        """Whether a flight is on its way to a gate or waits there."""
        self._go_on = go_on

    def retry(
        self, subtask_ids: Iterable[str], ending: Ending, announce: Announce, *, prompt: str | None
    ) -> list[CancelToken]:
        """Have these tried again; `ending` is what the attempts in flight are ended by.

        Returns the tokens of the threads to unblock; the caller cancels them after it left the lock.
        """

        def changed(subtask: Subtask) -> Subtask:
            return subtask if prompt is None else replace(subtask, prompt=prompt)

        with self._desk.lock:
            named = [i for i in dict.fromkeys(subtask_ids) if self._may(i, prompt)]
            ended = [i for i in named if i not in self._flights and not self._board.waits(i)]
            back = self._board.put_back(ended, changed)
            returned = [r.subtask.id for r in back]
            lost = set(ended).difference(returned)
            named = [i for i in named if i not in lost]
            flying = [i for i in named if i in self._flights]
            if not named:
                return []
            announce(named, [*flying, *returned])
            for i in named:
                if prompt is not None and i not in returned:
                    self._board.replace(changed(self._board.find(i)))
            for r in back:
                self._course.take_back(self._course.waves[r.wave], r.was)
            tokens = [self._again(self._flights[i], ending, prompt) for i in flying]
            self._go_on()
            return [token for token in tokens if token is not None]

    def undo(self, subtask_ids: Iterable[str], announce: Announce) -> None:
        """Bring back what an earlier process ended, also what ended well; before anything runs."""
        with self._desk.lock:
            wanted = [i for i in subtask_ids if self._board.knows(i)]
            back = self._board.put_back(wanted, lambda subtask: subtask)
            returned = [r.subtask.id for r in back]
            if back:
                announce([i for i in wanted if i in set(returned)], returned)
            for r in back:
                self._course.take_back(self._course.waves[r.wave], r.was)

    def _may(self, subtask_id: str, prompt: str | None) -> bool:
        """Whether a new try can be made of a subtask as it stands, as far as it alone is concerned."""
        if not self._board.knows(subtask_id):
            return False
        if prompt is not None:
            return self._board.find(subtask_id).kind is Kind.CLAUDE
        flight = self._flights.get(subtask_id)
        if flight is not None:
            return not flight.again and flight.came_to not in GOOD
        return not self._board.waits(subtask_id) and self._board.how(subtask_id) not in GOOD

    def _again(self, flight: Flight, ending: Ending, prompt: str | None) -> CancelToken | None:
        if prompt is None and flight.ending is None and not flight.running and self._in_line(flight):
            flight.afresh()
            return None
        return self._desk.retry(flight, ending)
