"""Which subtasks of a plan are ready, blocked, handed out or ended; the caller holds the lock."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from luna_tui.core.expectations import Expectations
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.ranking import Ranking, Turn
from luna_tui.core.words import GOOD, Status
from luna_tui.engine.queues import LOCAL, SPENDS, Queue, full, kind_of, queues_of


@dataclass(frozen=True, slots=True)
class Skip:
    """A subtask that can no longer run, and why."""

    subtask: Subtask
    wave: int
    """Number of its wave, from 0."""
    reason: str


@dataclass(frozen=True, slots=True)
class Return:
    """A subtask whose end was undone: it is in line again."""

    subtask: Subtask
    wave: int
    """Number of its wave, from 0."""
    was: Status
    """How it had ended."""


class _Phase(IntEnum):
    WAITING = 0
    """Blocked or ready; not handed out."""
    TAKEN = 1
    ENDED = 2


class PlanBoard:
    """Bookkeeping of a whole plan: each subtask is taken at most once and ends exactly once.

    `put_back` undoes an end; from then on the same holds for the subtask once more.

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
        priced: Callable[[Subtask], bool] = lambda subtask: False,
    ) -> None:
        """`priced` tells which subtasks cost something that is known."""
        self._subtasks = list(plan.subtasks())
        self._place = {s.id: n for n, s in enumerate(self._subtasks)}
        self._phase = bytearray(len(self._subtasks))
        self._kinds = bytes(kind_of(s, priced) for s in self._subtasks)
        self._unmet = [len(set(s.depends_on) & self._place.keys()) for s in self._subtasks]
        """By place: what it needs that has not succeeded."""
        self._bad = [0] * len(self._subtasks)
        """By place: what it needs that has ended otherwise."""
        self._how: list[Status | None] = [None] * len(self._subtasks)
        """By place: how it ended."""
        self._barred: set[int] = set()
        """Skipped for want of something they need."""
        self._dependents = self._feeds()
        self._queues = queues_of(plan)
        self._wave = [n for n, q in enumerate(self._queues) for _ in q.places]
        self._ranking = Ranking(self._subtasks, self._dependents, expectations)
        self._fronts: tuple[list[tuple[Turn, int]], ...] = ([], [], [])
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

    def restore(self, ends: Mapping[str, Status]) -> None:
        """Book ends of an earlier process; before anything is opened. Unknown ids are ignored."""
        known = {self._place[i]: status for i, status in ends.items() if i in self._place}
        for place, status in known.items():
            self._close(place, status)
            self._weigh(place, status, 1)
        self._barred.update(p for p, how in known.items() if how is Status.SKIPPED and self._bad[p])

    def strand(self) -> list[Skip]:
        """Skip what waits for something that ended badly, where an earlier process did not come to that."""
        skipped: list[Skip] = []
        for place, subtask in enumerate(self._subtasks):
            if self._bad[place] and self._phase[place] == _Phase.WAITING:
                needs = (self._place[i] for i in subtask.depends_on if i in self._place)
                bad = next(n for n in needs if self._how[n] not in (None, *GOOD))
                skipped.append(self._bar(place, bad))
                skipped += self._skip_dependents([place])
        return skipped

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
                if self._ready(place):
                    queue.lanes[self._kinds[place]].turns.append(self._ranking.turn(place))
            for lane in queue.lanes:
                heapq.heapify(lane.turns)
            self._show(queue)

    def use(self, workers: int | None) -> None:
        """Another number of workers takes from now on."""
        if workers != self._workers:
            self._workers = workers
            self._ranking.unpack()

    def take(self, *, spending: bool = True) -> Subtask | None:
        """The next subtask to run; None when none is ready or no more of its kind may run now.

        Without `spending` only of those that cost nothing that is known.
        """
        if self._ranking.due():
            self._rank_again()
        kind = self._next_kind(spending)
        if kind is None:
            return None
        turn, wave = heapq.heappop(self._fronts[kind])
        queue = self._queues[wave]
        heapq.heappop(queue.lanes[kind].turns)
        queue.lanes[kind].shown = None
        place = turn[-1]
        self._phase[place] = _Phase.TAKEN
        queue.taken += 1
        self._local += kind == LOCAL
        self._show(queue)
        return self._subtasks[place]

    def end(self, subtask_id: str, status: Status) -> list[Skip]:
        """Book an end; returns what is skipped by it, dependents of dependents included."""
        place = self._place[subtask_id]
        if self._phase[place] == _Phase.ENDED:
            return []
        queue = self._queues[self._wave[place]]
        taken = self._phase[place] == _Phase.TAKEN
        self._close(place, status)
        if taken:
            queue.taken -= 1
            self._local -= self._kinds[place] == LOCAL
            self._show(queue)
        if status in GOOD:
            self._release(place)
            return []
        return self._skip_dependents([place])

    def drain(self, waves: range, status: Status) -> tuple[list[tuple[Subtask, int]], list[Skip]]:
        """Take back everything of these waves that was not handed out, with the number of its wave.

        They have ended as `status`; the second list is what is skipped by that in other waves.
        """
        back: list[int] = []
        for queue in self._queues[waves.start : waves.stop]:
            if queue.left:
                back += [n for n in queue.places if self._phase[n] == _Phase.WAITING]
        for place in back:
            self._close(place, status)
        skips = self._skip_dependents(back)
        return [(self._subtasks[place], self._wave[place]) for place in back], skips

    def put_back(self, subtask_ids: Iterable[str], change: Callable[[Subtask], Subtask]) -> list[Return]:
        """Undo the ends of these, and of what was skipped for want of them; returns all of them.

        One that needs something that ended badly, and is not put back with it, stays as it is; one
        that already began is not undone by what it needs. `change` makes what is run of each that
        was named.
        """
        named = {self._place[i]: None for i in subtask_ids}
        back: list[Return] = []
        line = deque(named)
        while line:
            place = line.popleft()
            was = self._how[place]
            if was is None or self._bad[place] or not (place in named or place in self._barred):
                continue
            self._open_again(place, was)
            if place in named:
                self._subtasks[place] = change(self._subtasks[place])
            back.append(Return(self._subtasks[place], self._wave[place], was))
            line.extend(self._dependents[place])
        for place in (self._place[r.subtask.id] for r in back):
            self._line_up(place)
        return back

    def replace(self, subtask: Subtask) -> None:
        """Run this instead of the subtask of the same id, from its next attempt on."""
        self._subtasks[self._place[subtask.id]] = subtask

    def knows(self, subtask_id: str) -> bool:
        """Whether the plan has such a subtask."""
        return subtask_id in self._place

    def how(self, subtask_id: str) -> Status | None:
        """How a subtask ended; None when it has not."""
        return self._how[self._place[subtask_id]]

    def waits(self, subtask_id: str) -> bool:
        """Whether a subtask was not handed out yet, and has not ended."""
        place = self._place.get(subtask_id)
        return place is not None and self._phase[place] == _Phase.WAITING

    def find(self, subtask_id: str) -> Subtask:
        """The subtask with this id."""
        return self._subtasks[self._place[subtask_id]]

    def _ready(self, place: int) -> bool:
        return not (self._phase[place] or self._unmet[place])

    def _next_kind(self, spending: bool) -> int | None:
        """Which kind of lane has the best turn, of those that may be taken from."""
        found: int | None = None
        best: Turn | None = None
        for kind, fronts in enumerate(self._fronts):
            if not fronts or (not spending and kind == SPENDS):
                continue
            if self.local_most is not None and kind == LOCAL and self._local >= self.local_most:
                continue
            turn = self._best(kind)
            if turn is not None and (best is None or turn < best):
                found, best = kind, turn
        return found

    def _best(self, kind: int) -> Turn | None:
        """The first turn of a kind, after out-of-date ones were dropped."""
        fronts = self._fronts[kind]
        while fronts:
            turn, wave = fronts[0]
            queue = self._queues[wave]
            lane = queue.lanes[kind]
            if lane.shown == turn and self._ready(turn[-1]) and not full(queue):
                return turn
            heapq.heappop(fronts)
            if lane.shown == turn:
                lane.shown = None
                self._show(queue)
        return None

    def _show(self, queue: Queue) -> None:
        """Put the first turn of each lane where `take` looks, unless it stands there or may not go."""
        if not queue.open or full(queue):
            return
        for kind, lane in enumerate(queue.lanes):
            while lane.turns and not self._ready(lane.turns[0][-1]):
                heapq.heappop(lane.turns)
            if not lane.turns:
                lane.shown = None
            elif lane.turns[0] != lane.shown:
                lane.shown = lane.turns[0]
                heapq.heappush(self._fronts[kind], (lane.shown, lane.wave))

    def _rank_again(self) -> None:
        ready = [queue for queue in self._queues if queue.open and any(lane.turns for lane in queue.lanes)]
        self._ranking.refresh(sum(len(lane.turns) for queue in ready for lane in queue.lanes))
        for fronts in self._fronts:
            fronts.clear()
        for queue in ready:
            for lane in queue.lanes:
                places = dict.fromkeys(t[-1] for t in lane.turns if self._ready(t[-1]))
                lane.turns = [self._ranking.turn(place) for place in places]
                heapq.heapify(lane.turns)
                lane.shown = None
            self._show(queue)

    def _close(self, place: int, status: Status) -> None:
        self._phase[place] = _Phase.ENDED
        self._how[place] = status
        self._queues[self._wave[place]].left -= 1
        self.left -= 1

    def _release(self, place: int) -> None:
        for dependent in self._dependents[place]:
            self._unmet[dependent] -= 1
            self._line_up(dependent)

    def _line_up(self, place: int) -> None:
        """Let it be taken, if nothing blocks it."""
        queue = self._queues[self._wave[place]]
        if queue.open and self._ready(place):
            heapq.heappush(queue.lanes[self._kinds[place]].turns, self._ranking.turn(place))
            self._show(queue)

    def _open_again(self, place: int, was: Status) -> None:
        self._phase[place] = _Phase.WAITING
        self._how[place] = None
        self._barred.discard(place)
        self._queues[self._wave[place]].left += 1
        self.left += 1
        self._weigh(place, was, -1)

    def _weigh(self, place: int, status: Status, by: int) -> None:
        """Count an end for those that need it, or take it back with -1."""
        for dependent in self._dependents[place]:
            if status in GOOD:
                self._unmet[dependent] -= by
            else:
                self._bad[dependent] += by

    def _skip_dependents(self, causes: Iterable[int]) -> list[Skip]:
        skipped: list[Skip] = []
        open_causes = list(causes)
        while open_causes:
            cause = open_causes.pop()
            for dependent in self._dependents[cause]:
                self._bad[dependent] += 1
                if self._phase[dependent] == _Phase.WAITING:
                    skipped.append(self._bar(dependent, cause))
                    open_causes.append(dependent)
        return skipped

    def _bar(self, place: int, cause: int) -> Skip:
        self._close(place, Status.SKIPPED)
        self._barred.add(place)
        reason = _because(self._subtasks[cause].id, self._how[cause])
        return Skip(self._subtasks[place], self._wave[place], reason)


def _because(dependency: str, status: Status | None) -> str:
    words = {Status.TIMED_OUT: "timed out", Status.SKIPPED: "was skipped", Status.CANCELLED: "was cancelled"}
    return f"needs {dependency}, which {words.get(status or Status.FAILED, 'failed')}"
