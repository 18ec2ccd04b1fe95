"""Which subtasks of a plan are ready, blocked, handed out or ended; the caller holds the lock."""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from luna_tui.core.expectations import Expectations
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.ranking import Ranking, Turn
from luna_tui.core.words import GOOD, Kind, Status


@dataclass(frozen=True, slots=True)
class Skip:
    """A subtask that can no longer run, and why."""

    subtask: Subtask
    wave: int
    """Number of its wave, from 0."""
    reason: str


class _Phase(IntEnum):
    WAITING = 0
    """Blocked or ready; not handed out."""
    TAKEN = 1
    ENDED = 2


@dataclass(slots=True, eq=False)
class _Lane:
    """The ready subtasks of a wave that are handed out by the same rule."""

    wave: int
    turns: list[Turn] = field(default_factory=list)
    """A heap; may hold subtasks that ended meanwhile."""
    shown: Turn | None = None
    """Its first turn, as long as that stands in the board's heap of all lanes."""


@dataclass(slots=True, eq=False)
class _Queue:
    """One wave."""

    places: range
    most: int | None
    """How many of it may be handed out at once; None = no limit of its own."""
    lanes: tuple[_Lane, _Lane]
    """Subtasks that ask Claude, and those that work on this machine."""
    left: int
    taken: int = 0
    """Handed out and not ended."""
    open: bool = False


class PlanBoard:
    """Bookkeeping of a whole plan: each subtask is taken at most once and ends exactly once.

    A wave is closed at first; `open` lets its subtasks be taken. Whatever a step costs, it costs it
    once per subtask or dependency, or log n of it: a plan may have 100,000 in one wave or in many.
    """

    def __init__(
        self,
        plan: Plan,
        expectations: Expectations,
        *,
        local_most: int | None = None,
        workers: int | None = None,
    ) -> None:
        self._subtasks = tuple(plan.subtasks())
        self._place = {s.id: n for n, s in enumerate(self._subtasks)}
        self._phase = bytearray(len(self._subtasks))
        self._unmet = [len(set(s.depends_on) & self._place.keys()) for s in self._subtasks]
        self._dependents = self._feeds()
        self._queues = _queues(plan)
        self._wave = [n for n, q in enumerate(self._queues) for _ in q.places]
        self._ranking = Ranking(self._subtasks, self._dependents, expectations)
        self._fronts: tuple[list[tuple[Turn, int]], list[tuple[Turn, int]]] = ([], [])
        """The first turn of every lane that may be taken from, by kind of lane; may be out of date."""
        self._local = 0
        self.local_most = local_most
        """Subtasks that work on this machine at once, over all waves; None = no limit."""
        self._workers = workers
        """Workers of the run; None = as many as the limits can use."""
        self.left = len(self._subtasks)
        """Subtasks that have not ended."""

    def _feeds(self) -> list[list[int]]:
        feeds: list[list[int]] = [[] for _ in self._subtasks]
        for place, subtask in enumerate(self._subtasks):
            for needed in set(subtask.depends_on):
                if needed in self._place:
                    feeds[self._place[needed]].append(place)
        return feeds

    def left_of(self, wave: int) -> int:
        """Subtasks of a wave that have not ended."""
        return self._queues[wave].left

    def wave_of(self, subtask_id: str) -> int:
        """Number of the wave of a subtask, from 0."""
        return self._wave[self._place[subtask_id]]

    def open(self, waves: range) -> None:
        """Let the subtasks of these waves be taken as soon as nothing blocks them."""
        queues = [self._queues[n] for n in waves]
        if not queues:
            return
        workers = self._workers
        if len(queues) == 1 and queues[0].most is not None:
            workers = None if workers is None else min(workers, queues[0].most)
        scope = range(queues[0].places.start, queues[-1].places.stop)
        self._ranking.enter(scope, workers if len(queues) == 1 else None)
        for queue in queues:
            queue.open = True
            for place in queue.places:
                if self._unmet[place] == 0 and self._phase[place] == _Phase.WAITING:
                    queue.lanes[self._kind(place)].turns.append(self._ranking.turn(place))
            for lane in queue.lanes:
                heapq.heapify(lane.turns)
            self._show(queue)

    def use(self, workers: int | None) -> None:
        """Another number of workers takes from now on."""
        if workers != self._workers:
            self._workers = workers
            self._ranking.unpack()

    def take(self) -> Subtask | None:
        """The next subtask to run; None when none is ready or no more of its kind may run now."""
        if self._ranking.due():
            self._rank_again()
        kind = self._next_kind()
        if kind is None:
            return None
        turn, wave = heapq.heappop(self._fronts[kind])
        queue = self._queues[wave]
        heapq.heappop(queue.lanes[kind].turns)
        queue.lanes[kind].shown = None
        place = turn[-1]
        self._phase[place] = _Phase.TAKEN
        queue.taken += 1
        self._local += kind
        self._show(queue)
        return self._subtasks[place]

    def end(self, subtask_id: str, status: Status) -> list[Skip]:
        """Book an end; returns what is skipped by it, dependents of dependents included."""
        place = self._place[subtask_id]
        if self._phase[place] == _Phase.ENDED:
            return []
        queue = self._queues[self._wave[place]]
        if self._phase[place] == _Phase.TAKEN:
            queue.taken -= 1
            self._local -= self._kind(place)
            self._close(place)
            self._show(queue)
        else:
            self._close(place)
        if status in GOOD:
            self._release(place)
            return []
        return self._skip_dependents([(place, status)])

    def drain(self, waves: range, status: Status) -> tuple[list[tuple[Subtask, int]], list[Skip]]:
        """Take back everything of these waves that was not handed out, with the number of its wave.

        They have ended as `status`; the second list is what is skipped by that in other waves.
        """
        back: list[int] = []
        for number in waves:
            queue = self._queues[number]
            if queue.left:
                back += [n for n in queue.places if self._phase[n] == _Phase.WAITING]
        for place in back:
            self._close(place)
        skips = self._skip_dependents([(place, status) for place in back])
        return [(self._subtasks[place], self._wave[place]) for place in back], skips

    def waits(self, subtask_id: str) -> bool:
        """Whether a subtask was not handed out yet, and has not ended."""
        place = self._place.get(subtask_id)
        return place is not None and self._phase[place] == _Phase.WAITING

    def find(self, subtask_id: str) -> Subtask:
        """The subtask with this id."""
        return self._subtasks[self._place[subtask_id]]

    def _kind(self, place: int) -> int:
        return int(self._subtasks[place].kind is not Kind.CLAUDE)

    def _next_kind(self) -> int | None:
        """Which kind of lane has the best turn, of those that may be taken from."""
        asks = self._best(0)
        local = None if self.local_most is not None and self._local >= self.local_most else self._best(1)
        if asks is None or local is None:
            return None if asks is local else int(asks is None)
        return int(local < asks)

    def _best(self, kind: int) -> Turn | None:
        """The first turn of a kind, after out-of-date ones were dropped."""
        fronts = self._fronts[kind]
        while fronts:
            turn, wave = fronts[0]
            queue = self._queues[wave]
            lane = queue.lanes[kind]
            if lane.shown == turn and self._phase[turn[-1]] == _Phase.WAITING and not _full(queue):
                return turn
            heapq.heappop(fronts)
            if lane.shown == turn:
                lane.shown = None
                self._show(queue)
        return None

    def _show(self, queue: _Queue) -> None:
        """Put the first turn of each lane where `take` looks, unless it stands there or may not go."""
        if not queue.open or _full(queue):
            return
        for kind, lane in enumerate(queue.lanes):
            while lane.turns and self._phase[lane.turns[0][-1]] != _Phase.WAITING:
                heapq.heappop(lane.turns)
            if lane.turns and lane.turns[0] != lane.shown:
                lane.shown = lane.turns[0]
                heapq.heappush(self._fronts[kind], (lane.shown, lane.wave))

    def _rank_again(self) -> None:
        ready = [queue for queue in self._queues if queue.open and any(lane.turns for lane in queue.lanes)]
        self._ranking.refresh(sum(len(lane.turns) for queue in ready for lane in queue.lanes))
        for fronts in self._fronts:
            fronts.clear()
        for queue in ready:
            for lane in queue.lanes:
                places = [t[-1] for t in lane.turns if self._phase[t[-1]] == _Phase.WAITING]
                lane.turns = [self._ranking.turn(place) for place in places]
                heapq.heapify(lane.turns)
                lane.shown = None
            self._show(queue)

    def _close(self, place: int) -> None:
        self._phase[place] = _Phase.ENDED
        self._queues[self._wave[place]].left -= 1
        self.left -= 1

    def _release(self, place: int) -> None:
        for dependent in self._dependents[place]:
            self._unmet[dependent] -= 1
            queue = self._queues[self._wave[dependent]]
            free = self._unmet[dependent] == 0 and self._phase[dependent] == _Phase.WAITING
            if free and queue.open:
                heapq.heappush(queue.lanes[self._kind(dependent)].turns, self._ranking.turn(dependent))
                self._show(queue)

    def _skip_dependents(self, causes: Iterable[tuple[int, Status]]) -> list[Skip]:
        skipped: list[Skip] = []
        open_causes = list(causes)
        while open_causes:
            cause, how = open_causes.pop()
            for dependent in self._dependents[cause]:
                if self._phase[dependent] == _Phase.WAITING:
                    self._close(dependent)
                    reason = _because(self._subtasks[cause].id, how)
                    skipped.append(Skip(self._subtasks[dependent], self._wave[dependent], reason))
                    open_causes.append((dependent, Status.SKIPPED))
        return skipped


def _queues(plan: Plan) -> list[_Queue]:
    queues: list[_Queue] = []
    first = 0
    for number, wave in enumerate(plan.waves):
        places = range(first, first + len(wave.subtasks))
        most = wave.max_workers if wave.parallel else 1
        queues.append(_Queue(places, most, (_Lane(number), _Lane(number)), len(places)))
        first = places.stop
    return queues


def _full(queue: _Queue) -> bool:
    return queue.most is not None and queue.taken >= queue.most


def _because(dependency: str, status: Status) -> str:
    words = {Status.TIMED_OUT: "timed out", Status.SKIPPED: "was skipped", Status.CANCELLED: "was cancelled"}
    return f"needs {dependency}, which {words.get(status, status.value)}"
