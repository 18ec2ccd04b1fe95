"""What the fold keeps of the past so that a picture of it need not look at every subtask."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luna_tui.core.stretches import Cause, of_last_span
from luna_tui.core.words import BAD, Schedule

if TYPE_CHECKING:
    from luna_tui.core.parts import SubtaskState
    from luna_tui.core.spans import Span, Try
    from luna_tui.core.state import RunState

MOST_BUCKETS = 2_048
FINEST_S = 0.125
MOST_SUMS = 512
"""Buckets that a worker's time is summed up in: more than any terminal has columns."""


@dataclass(slots=True)
class Spent:
    """Seconds of one worker by cause, in buckets that grow with the run: enough for a picture of it."""

    width_s: float = FINEST_S
    by_cause: dict[Cause, array[float]] = field(default_factory=dict)
    until: float = 0.0
    """End of the last stretch."""

    def add(self, cause: Cause, start_at: float, end_at: float) -> None:
        """A stretch that is over."""
        self.until = max(self.until, end_at)
        while end_at / self.width_s >= MOST_SUMS:
            self._double()
        sums = self.by_cause.setdefault(cause, array("d"))
        last = int(end_at / self.width_s)
        if last >= len(sums):
            sums.extend([0.0] * (last + 1 - len(sums)))
        for place in range(int(start_at / self.width_s), last + 1):
            begin = place * self.width_s
            sums[place] += max(0.0, min(end_at, begin + self.width_s) - max(start_at, begin))

    def between(self, start_at: float, end_at: float) -> dict[Cause, float]:
        """About the seconds by cause between two instants; a bucket counts as evenly mixed."""
        first, last = int(start_at / self.width_s), int(end_at / self.width_s)
        found: dict[Cause, float] = {}
        for cause, sums in self.by_cause.items():
            total = sum(sums[first + 1 : last])
            for place in {first, last}:
                if place < len(sums):
                    total += sums[place] * self._part(place, start_at, end_at)
            if total > 0.0:
                found[cause] = total
        return found

    def _part(self, place: int, start_at: float, end_at: float) -> float:
        """Share of a bucket between two instants; the last bucket is only as long as it is filled."""
        begin = place * self.width_s
        full = min(begin + self.width_s, self.until)
        covered = min(full, end_at) - max(begin, start_at)
        return covered / (full - begin) if covered > 0 else 0.0

    def _double(self) -> None:
        for cause, sums in self.by_cause.items():
            odd = sums + array("d", [0.0]) if len(sums) % 2 else sums
            pairs = zip(odd[::2], odd[1::2], strict=True)
            self.by_cause[cause] = array("d", (one + two for one, two in pairs))
        self.width_s *= 2


@dataclass(slots=True)
class Track:
    """What one worker had, in order of taking."""

    since: list[float] = field(default_factory=list)
    had: list[SubtaskState] = field(default_factory=list)
    failed_at: list[float] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    memo: dict[tuple[float, int], object] = field(default_factory=dict, compare=False, repr=False)
    """Cells of the past that were worked out for a picture; what is over does not change."""

    def take(self, s: SubtaskState, at: float) -> None:
        """The worker holds this one; said again it changes nothing."""
        if not self.had or self.had[-1] is not s:
            self.since.append(at)
            self.had.append(s)

    def between(self, start_at: float, end_at: float) -> range:
        """Places of what it had at some time between two instants."""
        return range(max(0, bisect_right(self.since, start_at) - 1), bisect_left(self.since, end_at))

    def failed_between(self, start_at: float, end_at: float) -> list[float]:
        """When attempts of it failed, between two instants."""
        return self.failed_at[bisect_left(self.failed_at, start_at) : bisect_left(self.failed_at, end_at)]


@dataclass(slots=True)
class Load:
    """How many were in flight over time, as worker-seconds in buckets that grow with the run."""

    width_s: float = FINEST_S
    buckets: list[float] = field(default_factory=list)
    count: int = 0
    """In flight since `at`."""
    at: float = 0.0
    most: int = 0

    def change(self, at: float, by: int) -> None:
        """So many more, or fewer, from `at` on."""
        if at > self.at:
            self._fill(at)
            self.at = at
        self.count += by
        self.most = max(self.most, self.count)

    def mean(self, start_at: float, end_at: float, now_s: float) -> float:
        """In flight on average between two instants; what lies after `now_s` is left out."""
        end_at = min(end_at, now_s)
        if end_at <= start_at:
            return 0.0
        total = self.count * max(0.0, end_at - max(start_at, self.at))
        last = min(len(self.buckets) - 1, int(end_at / self.width_s))
        for place in range(int(start_at / self.width_s), last + 1):
            total += self.buckets[place] * self._part(place, start_at, end_at)
        return total / (end_at - start_at)

    def _part(self, place: int, start_at: float, end_at: float) -> float:
        """Share of a bucket between two instants; the last bucket is only as long as it is filled."""
        begin = place * self.width_s
        full = min(begin + self.width_s, self.at)
        covered = min(full, end_at) - max(begin, start_at)
        return covered / (full - begin) if covered > 0 else 0.0

    def _fill(self, until: float) -> None:
        while until / self.width_s >= MOST_BUCKETS:
            odd = [*self.buckets, 0.0] if len(self.buckets) % 2 else self.buckets
            self.buckets = [one + two for one, two in zip(odd[::2], odd[1::2], strict=True)]
            self.width_s *= 2
        last = int(until / self.width_s)
        self.buckets += [0.0] * (last + 1 - len(self.buckets))
        at = self.at
        for place in range(int(at / self.width_s), last + 1):
            if not self.count:
                break
            stop = min(until, (place + 1) * self.width_s)
            self.buckets[place] += self.count * max(0.0, stop - at)
            at = stop


@dataclass(slots=True)
class Tracks:
    """The past of a run, indexed by worker and by time."""

    lanes: dict[int, Track] = field(default_factory=dict)
    """Worker number -> what it had."""
    load: Load = field(default_factory=Load)
    longest: dict[str, str] = field(default_factory=dict)
    """Wave -> the subtask at the end of its longest row; one entry with no name where waves are labels."""
    failed_tries: int = 0
    failed_usd: float = 0.0
    """Known costs of attempts that failed."""
    statuses: Counter[int] = field(default_factory=Counter)
    """Status of failed attempts, where there was one -> how many."""

    def begin(self, s: SubtaskState, at: float, *, runs: bool) -> None:
        """A subtask begins another stretch of its time."""
        if s.worker is not None:
            self.lanes.setdefault(s.worker, Track()).take(s, at)
        if runs:
            self.load.change(at, 1)

    def fail(self, s: SubtaskState, attempt: Try, at: float) -> None:
        """An attempt failed."""
        self.failed_tries += 1
        self.failed_usd += attempt.cost_usd or 0.0
        if attempt.status is not None:
            self.statuses[attempt.status] += 1
        self._mark(s, at)

    def finish(self, s: SubtaskState, at: float) -> None:
        """A subtask ended; one that ran out of time had no attempt that failed by itself."""
        if s.status in BAD and s.tries and s.tries[-1].error_kind is None:
            self._mark(s, at)

    def _mark(self, s: SubtaskState, at: float) -> None:
        if s.worker in self.lanes:
            self.lanes[s.worker].failed_at.append(at)

    def pay(self, attempt: Try, usd: float) -> None:
        """An attempt cost something; the price may come after its failure."""
        attempt.cost_usd = (attempt.cost_usd or 0.0) + usd
        if attempt.error_kind is not None:
            self.failed_usd += usd

    def end(self, s: SubtaskState, span: Span, at: float, *, runs: bool) -> None:
        """The stretch that a subtask was in is over."""
        if runs:
            self.load.change(at, -1)
        if span.worker in self.lanes:
            spent = self.lanes[span.worker].spent
            for stretch in of_last_span(s, at):
                spent.add(stretch.cause, stretch.start_at, stretch.end_at)


def note_end(state: RunState, s: SubtaskState) -> None:
    """Remember the longest row of subtasks that ends with this one, each needing the one before."""
    s.row_s = s.duration_s + max((n.row_s for n in needs(state, s)), default=0.0)
    if not s.tries:
        return  # it never ran: nothing was waited for it
    name = row_name(state, s)
    last = state.tracks.longest.get(name)
    if last is None or s.row_s >= state.subtasks[last].row_s:
        state.tracks.longest[name] = s.id


def row_name(state: RunState, s: SubtaskState) -> str:
    """Rows stay within a wave where the next wave waits for the end of this one."""
    return "" if state.plan.schedule is Schedule.DAG else s.wave


def needs(state: RunState, s: SubtaskState) -> list[SubtaskState]:
    """What a subtask needs and may stand before it in a row."""
    name = row_name(state, s)
    found = (state.subtasks.get(i) for i in s.planned.depends_on)
    return [n for n in found if n is not None and row_name(state, n) == name]
