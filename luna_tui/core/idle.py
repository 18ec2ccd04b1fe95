"""Why workers that could have worked did not: a sweep over the run, in worker-seconds by cause."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from luna_tui.core.spans import ENDED, Span
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import LIMIT_REASONS, Schedule, WaitReason

BARRIER = "barrier"
"""Its dependencies are done, and only the wave before its own keeps it."""
DEPENDENCY = "dependency"
"""Something it needs has not ended."""
TAIL = "tail"
"""Fewer subtasks were left than there were workers."""
SLOT = "slot"
"""It could have started: the way from one subtask to the next, and whatever has no other name."""
SHAPES = (TAIL, BARRIER, DEPENDENCY)
"""Causes that lie in the shape of the plan and its order; the others are waits."""
WORK = "run"
_WAIT = "wait:"
_LIMITS = frozenset(str(r) for r in (*LIMIT_REASONS, WaitReason.RETRY_AFTER))
_HELD = frozenset(str(r) for r in WaitReason if r is not WaitReason.SLOT)
"""Waits of subtasks that have a worker."""
_READY = "ready"


@dataclass(frozen=True, slots=True)
class Busy:
    """What the workers that could have been used did, in worker-seconds."""

    work_s: float
    idle_s: Mapping[str, float]
    """By cause; only causes that took time."""
    seen_s: Mapping[str, float]
    """Seconds during which a cause kept at least one subtask; only causes of its own, no shapes."""

    @property
    def usable_s(self) -> float:
        """Worker-seconds there were; never more workers than the plan has subtasks."""
        return self.work_s + sum(self.idle_s.values())


def busy(state: RunState, now_s: float) -> Busy:
    """Sweep the run from its start to `now_s`; n log n in the number of spans."""
    began_at = state.staff[0][0] if state.staff else 0.0
    changes = sorted(_changes(state, now_s), key=lambda change: change.at)
    moment = _Moment(_caps(state), len(state.subtasks))
    at = began_at
    for change in changes:
        if change.at > at:
            moment.lasts(min(change.at, now_s) - at)
            at = min(change.at, now_s)
        moment.take(change)
    moment.lasts(max(0.0, now_s - at))
    idle_s = {cause: s for cause, s in moment.idle_s.items() if s > 0.0}
    return Busy(moment.work_s, idle_s, dict(moment.seen_s))


@dataclass(frozen=True, slots=True)
class _Change:
    at: float
    phase: str = ""
    """The phase that so many more subtasks of a wave are in; empty for changes of the run."""
    more: int = 0
    wave: str = ""
    workers: int | None = None
    paused: bool | None = None


@dataclass(slots=True)
class _Moment:
    """How things stand between two changes, and the sums so far."""

    caps: Mapping[str, int]
    total: int
    """Subtasks of the plan."""
    counts: Counter[str] = field(default_factory=Counter)
    """Subtasks that have not ended, by phase."""
    ready: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    """Both by wave, for waves with a number of workers of their own."""
    barred: int = 0
    """Ready, but beyond the number of their wave: no worker could have been used for them."""
    workers: int = 0
    paused: bool = False
    work_s: float = 0.0
    idle_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    seen_s: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))

    def take(self, change: _Change) -> None:
        if change.workers is not None:
            self.workers = change.workers
        if change.paused is not None:
            self.paused = change.paused
        if not change.phase:
            return
        self.counts[change.phase] += change.more
        if change.wave in self.caps:
            self.barred -= self._barred(change.wave)
            if change.phase == _READY:
                self.ready[change.wave] += change.more
            elif change.phase == WORK or change.phase in _HELD:
                self.held[change.wave] += change.more
            self.barred += self._barred(change.wave)

    def lasts(self, seconds: float) -> None:
        """Share this many seconds of every worker out."""
        working = self.counts[WORK]
        self.work_s += working * seconds
        usable = min(self.workers, sum(self.counts.values()) - self.barred)
        left = usable - working
        for cause, count in (*self._causes(), (SLOT, left)):
            taken = min(left, count)
            if taken > 0:
                self._blame(cause, taken * seconds)
                left -= taken
                if cause not in SHAPES:
                    self.seen_s[cause] += seconds
        beyond = min(self.workers, self.total) - max(usable, working)
        if beyond > 0:
            self._blame(TAIL, beyond * seconds)

    def _causes(self) -> Iterator[tuple[str, int]]:
        """Causes with the subtasks they keep, those that hold a worker first."""
        waits = [(cause, count) for cause, count in self.counts.items() if count and cause in _HELD]
        yield from waits
        if self.paused:
            yield str(WaitReason.PAUSED), self.workers
        limits = [(count, cause) for cause, count in waits if cause in _LIMITS]
        # Where the limits decide how many work, what stands behind a full line waits for them too.
        yield (max(limits)[1] if limits else SLOT), self.counts[_READY] - self.barred
        yield BARRIER, self.counts[BARRIER]
        yield DEPENDENCY, self.counts[DEPENDENCY]

    def _blame(self, cause: str, worker_s: float) -> None:
        """Book worker-seconds; who waits for others waits for what those do.

        A worker that a barrier keeps idle while the last subtask before it waits for a limit is idle
        for that limit.
        """
        if cause not in SHAPES:
            self.idle_s[cause] += worker_s
            return
        others = {n: count for n, count in self.counts.items() if count and (n in _HELD or n == WORK)}
        if self.counts[_READY] > self.barred:
            others[str(WaitReason.PAUSED) if self.paused else SLOT] = self.counts[_READY] - self.barred
        total = sum(others.values())
        if not total:
            self.idle_s[SLOT if cause == TAIL else cause] += worker_s
        for name, count in others.items():
            self.idle_s[cause if name == WORK else name] += worker_s * count / total

    def _barred(self, wave: str) -> int:
        return max(0, self.ready[wave] - max(0, self.caps[wave] - self.held[wave]))


def _caps(state: RunState) -> dict[str, int]:
    return {name: w.most for name, w in state.waves.items() if w.most is not None}


def _changes(state: RunState, now_s: float) -> Iterator[_Change]:
    for at, workers in state.staff:
        yield _Change(at, workers=workers)
    for pause in state.pauses:
        yield _Change(pause.start_at, paused=True)
        if pause.end_at is not None:
            yield _Change(pause.end_at, paused=False)
    opened_at = _opened_at(state)
    began_at = state.staff[0][0] if state.staff else 0.0
    for s in state.subtasks.values():
        for span in _phases(state, s, began_at, opened_at[s.wave], now_s):
            yield _Change(span.start_at, span.phase, 1, s.wave)
            yield _Change(span.end_at if span.end_at is not None else now_s, span.phase, -1, s.wave)


def _opened_at(state: RunState) -> dict[str, float]:
    """Wave -> when the waves before it were over; 0 for all where waves are only labels."""
    opened: dict[str, float] = {}
    latest = 0.0
    for name, wave in state.waves.items():
        opened[name] = latest
        if state.plan.schedule is Schedule.WAVES:
            ends = (state.subtasks[i].ended_at for i in wave.subtasks)
            latest = max(latest, max((math.inf if e is None else e for e in ends), default=0.0))
    return opened


def _phases(
    state: RunState, s: SubtaskState, began_at: float, opened_at: float, now_s: float
) -> Iterator[Span]:
    """What the subtask did from the start of the run to its end; gaps only where an end was undone later."""
    end_at = min(now_s, s.ended_at if s.ended_at is not None else now_s)
    needs = (state.subtasks.get(i) for i in s.planned.depends_on)
    free_at = max((math.inf if n.ended_at is None else n.ended_at for n in needs if n), default=0.0)
    spans = sorted((*s.spans, *s.undone), key=lambda span: span.start_at) if s.undone else s.spans
    first_at = min(end_at, spans[0].start_at) if spans else end_at
    at = began_at
    for phase, until in ((DEPENDENCY, free_at), (BARRIER, opened_at), (_READY, first_at)):
        stop = min(until, first_at)
        if stop > at:
            yield Span(phase, at, stop)
            at = stop
    for span in spans:
        start = min(max(span.start_at, at), end_at)
        yield from _in_line(at, start, free_at if s.undone else at)
        stop = min(span.end_at if span.end_at is not None else end_at, end_at)
        at = max(start, stop)
        if at > start and span.phase != ENDED:
            yield Span(_phase(span), start, at)
    yield from _in_line(at, end_at, free_at if s.undone else at)


def _in_line(start_at: float, end_at: float, free_at: float) -> Iterator[Span]:
    """Not worked on: until `free_at` for want of something that was tried again, then ready."""
    free_at = min(max(start_at, free_at), end_at)
    for phase, start, end in ((DEPENDENCY, start_at, free_at), (_READY, free_at, end_at)):
        if end > start:
            yield Span(phase, start, end)


def _phase(span: Span) -> str:
    phase = span.phase.removeprefix(_WAIT)
    return phase if phase == WORK or phase in _HELD else _READY
