"""Which subtasks of a wave are ready, blocked or ended; the caller holds the lock."""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.plan import Subtask, Wave
from luna_tui.core.words import GOOD, Priority, Status

_RANK = {Priority.CRITICAL: 0, Priority.IMPORTANT: 1, Priority.NICE_TO_HAVE: 2}


@dataclass(frozen=True, slots=True)
class Skip:
    """A subtask that can no longer run, and why."""

    subtask: Subtask
    reason: str


class WaveBoard:
    """Bookkeeping of one wave: each subtask is taken at most once and ends exactly once."""

    def __init__(self, wave: Wave, ended: Mapping[str, Status]) -> None:
        self._subtasks = {s.id: s for s in wave.subtasks}
        self._order = {s.id: place for place, s in enumerate(wave.subtasks)}
        self._open = dict.fromkeys(self._subtasks)
        self._blocked: dict[str, set[str]] = {}
        self._dependents: dict[str, list[str]] = {}
        self._ready: list[tuple[int, int, str]] = []
        self.taken = 0
        """Subtasks handed out so far."""
        self.doomed: list[Skip] = []
        """Skipped from the start, because something in an earlier wave did not succeed."""
        self._place(wave, ended)

    def _place(self, wave: Wave, ended: Mapping[str, Status]) -> None:
        for subtask in wave.subtasks:
            inside = {d for d in subtask.depends_on if d in self._subtasks}
            for dependency in inside:
                self._dependents.setdefault(dependency, []).append(subtask.id)
            bad = [d for d in subtask.depends_on if d in ended and ended[d] not in GOOD]
            if bad:
                self.doomed.append(Skip(subtask, _because(bad[0], ended[bad[0]])))
            elif inside:
                self._blocked[subtask.id] = inside
            else:
                self._push(subtask.id)
        for skip in list(self.doomed):
            self._open.pop(skip.subtask.id, None)
        for skip in list(self.doomed):
            self.doomed.extend(self._skip_dependents(skip.subtask.id, Status.SKIPPED))

    @property
    def over(self) -> bool:
        """Every subtask has ended."""
        return not self._open

    @property
    def ready(self) -> int:
        """Subtasks that `take` could hand out now."""
        return len(self._ready)

    def take(self) -> Subtask | None:
        """The next subtask to run: by priority, then in plan order; None when none is ready."""
        while self._ready:
            _, _, subtask_id = heapq.heappop(self._ready)
            if subtask_id in self._open:
                self.taken += 1
                return self._subtasks[subtask_id]
        return None

    def end(self, subtask_id: str, status: Status) -> list[Skip]:
        """Book an end; returns what is skipped by it, dependents of dependents included."""
        if subtask_id not in self._open:
            return []
        del self._open[subtask_id]
        if status in GOOD:
            self._release(subtask_id)
            return []
        return self._skip_dependents(subtask_id, status)

    def drain(self) -> list[Subtask]:
        """Take back everything that was not handed out, ready or blocked, and book it as ended."""
        waiting = {entry[2] for entry in self._ready} | set(self._blocked)
        left = [self._subtasks[i] for i in sorted(waiting & set(self._open), key=self._order.__getitem__)]
        for subtask in left:
            del self._open[subtask.id]
        self._ready.clear()
        self._blocked.clear()
        return left

    def withdraw(self, subtask_id: str) -> bool:
        """Take one subtask back before it was handed out; False when it was or does not belong here."""
        waiting = subtask_id in self._blocked or any(e[2] == subtask_id for e in self._ready)
        if not waiting or subtask_id not in self._open:
            return False
        self._blocked.pop(subtask_id, None)
        return True

    def _push(self, subtask_id: str) -> None:
        rank = _RANK[self._subtasks[subtask_id].priority]
        heapq.heappush(self._ready, (rank, self._order[subtask_id], subtask_id))

    def _release(self, subtask_id: str) -> None:
        for dependent in self._dependents.get(subtask_id, ()):
            needs = self._blocked.get(dependent)
            if needs is None:
                continue
            needs.discard(subtask_id)
            if not needs:
                del self._blocked[dependent]
                self._push(dependent)

    def _skip_dependents(self, subtask_id: str, status: Status) -> list[Skip]:
        skipped: list[Skip] = []
        causes = [(subtask_id, status)]
        while causes:
            cause, how = causes.pop()
            for dependent in self._dependents.get(cause, ()):
                if dependent in self._open:
                    del self._open[dependent]
                    self._blocked.pop(dependent, None)
                    skipped.append(Skip(self._subtasks[dependent], _because(cause, how)))
                    causes.append((dependent, Status.SKIPPED))
        return skipped


def _because(dependency: str, status: Status) -> str:
    words = {Status.TIMED_OUT: "timed out", Status.SKIPPED: "was skipped", Status.CANCELLED: "was cancelled"}
    return f"needs {dependency}, which {words.get(status, status.value)}"
