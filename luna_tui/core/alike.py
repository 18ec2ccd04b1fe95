"""Subtasks that went wrong in the same way, kept in groups while more of them come."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from threading import Lock

from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.problem_facts import Cause

Waves = Mapping[str, WaveState]


@dataclass(slots=True)
class Alike:
    """Members of a group, in plan order, with what is known of all of them together."""

    cause: Cause
    key: str
    members: list[SubtaskState] = field(default_factory=list)
    newest: SubtaskState | None = None
    """The one that went wrong last."""
    since_at: float = 0.0
    tries: int = 0
    """Most that one of them made."""
    allowed: int = 0
    all_tries: int = 0
    by_wave: Counter[str] = field(default_factory=Counter)
    behind: tuple[int, tuple[str, ...], int] | None = None
    """(ends in the run when it was found, ids that need one directly, how many cannot run in all)."""
    _order: list[tuple[int, str]] = field(default_factory=list)
    _ids: tuple[str, ...] | None = None

    @property
    def ids(self) -> tuple[str, ...]:
        """Of the members."""
        if self._ids is None:
            self._ids = tuple(s.id for s in self.members)
        return self._ids

    def add(self, s: SubtaskState, waves: Waves) -> None:
        """One more."""
        at, place = went_wrong_at(s), (waves[s.wave].number, s.label)
        self.since_at = min(self.since_at, at) if self.members else at
        if self.newest is None or at >= went_wrong_at(self.newest):
            self.newest = s
        index = bisect(self._order, place)
        self._order.insert(index, place)
        self.members.insert(index, s)
        self.tries = max(self.tries, len(s.tries))
        self.allowed = max(self.allowed, s.planned.retries + 1)
        self.all_tries += len(s.tries)
        self.by_wave[s.wave] += 1
        self._ids = self.behind = None


Groups = dict[str, Alike]


def group(groups: Groups, found: Iterable[SubtaskState], cause: Cause, waves: Waves) -> Groups:
    """Put subtasks into the groups they belong to."""
    for s in found:
        key = why(s, cause)
        if key not in groups:
            groups[key] = Alike(cause, key)
        groups[key].add(s, waves)
    return groups


class _Followed:
    """The groups of one of the fold's dictionaries; only what is new in it is looked at."""

    def __init__(self, cause: Cause) -> None:
        self._cause = cause
        self._source: Mapping[str, SubtaskState] = {}
        self._groups: Groups = {}
        self._count = 0
        self._last: tuple[SubtaskState, float | None, str] | None = None

    def groups(self, found: Mapping[str, SubtaskState], waves: Waves) -> Groups:
        if not self._goes_on(found):
            self._source, self._groups, self._count, self._last = found, {}, 0, None
        new = list(islice(found.values(), self._count, None))
        if new:
            group(self._groups, new, self._cause, waves)
            self._count, self._last = len(found), self._seen(new[-1])
        return self._groups

    def _goes_on(self, found: Mapping[str, SubtaskState]) -> bool:
        """What was seen is still there, in its place: whoever leaves moves those behind it."""
        if found is not self._source or len(found) < self._count:
            return False
        if self._last is None:
            return True
        last = next(islice(found.values(), self._count - 1, None))
        return last is not None and self._seen(last) == self._last

    def _seen(self, s: SubtaskState) -> tuple[SubtaskState, float | None, str]:
        """What would be otherwise, had it left and come back."""
        return s, s.ended_at, why(s, self._cause)


class Ended:
    """Groups of those that timed out or failed; quick to ask again, also when there are very many."""

    def __init__(self) -> None:
        self._lock = Lock()
        """Protects `_followed`."""
        self._followed = {cause: _Followed(cause) for cause in (Cause.TIMED_OUT, Cause.FAILED)}

    def groups(self, cause: Cause, found: Mapping[str, SubtaskState], waves: Waves) -> list[Alike]:
        """The groups of one kind, in order of their first."""
        with self._lock:
            return list(self._followed[cause].groups(found, waves).values())


def why(s: SubtaskState, cause: Cause) -> str:
    """What a subtask has in common with others that went wrong for the same cause."""
    last = s.tries[-1] if s.tries else None
    if cause is Cause.TIMED_OUT or last is None or last.error_kind is None:
        return s.reason
    return str(last.error_kind) if last.status is None else f"{last.error_kind}:{last.status}"


def went_wrong_at(s: SubtaskState) -> float:
    """When it last ended a try, or ended."""
    ends = [t.ended_at for t in s.tries[-1:] if t.ended_at is not None]
    if s.ended_at is not None:
        ends.append(s.ended_at)
    return max(ends, default=s.started_at or 0.0)
