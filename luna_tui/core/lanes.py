"""What workers did over time, in stretches by cause, in bars by attempt, and in cells for a picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from luna_tui.core.spans import Try
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.stretches import RUN, Stretch, of_last_span, of_run, of_wait
from luna_tui.core.stretches import Cause as Cause
from luna_tui.core.tracks import Track, needs
from luna_tui.core.words import BAD, Schedule

_MOST_CELLS_KEPT = 8_192
_FEW_PER_CELL = 3
"""Above this a cell is made of the sums that the fold keeps, not of single attempts."""
_ROUNDING = 1e-9
_INSTANT_S = 1e-6
"""A cell of which less than this has passed is not there yet."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One attempt on a worker, with the waits before it; or the waits alone, while it has not begun."""

    subtask: str
    attempt: int
    worker: int | None
    stretches: tuple[Stretch, ...]
    over: bool
    """Nothing more is going to be added."""
    error: str = ""
    """Why the attempt failed; empty when it did not."""

    @property
    def start_at(self) -> float:
        """When the first wait or the attempt began."""
        return self.stretches[0].start_at

    @property
    def end_at(self) -> float:
        """When it ended; now while it has not."""
        return self.stretches[-1].end_at

    @property
    def key(self) -> tuple[str, float]:
        """What tells it from every other bar, also later."""
        return self.subtask, self.start_at


@dataclass(frozen=True, slots=True)
class Window:
    """Cells of equal length; they begin at multiples of it, so that time never slips within them."""

    first: int
    """Number of the first cell, from 0 at the start of the run."""
    count: int
    cell_s: float

    @property
    def start_at(self) -> float:
        """Where the first cell begins."""
        return self.first * self.cell_s

    @property
    def end_at(self) -> float:
        """Where the last cell ends."""
        return (self.first + self.count) * self.cell_s

    def place(self, at: float) -> int:
        """Which cell, from 0 at the first one, an instant lies in; may be outside."""
        return int(at / self.cell_s + _ROUNDING) - self.first

    def edges(self) -> Iterator[tuple[float, float]]:
        """Start and end of every cell."""
        return pairwise((self.first + n) * self.cell_s for n in range(self.count + 1))


@dataclass(frozen=True, slots=True)
class Cell:
    """What a worker did for most of a cell."""

    cause: Cause
    failed: bool = False
    """An attempt failed in it."""


def bars(s: SubtaskState, now_s: float) -> list[Bar]:
    """All bars of a subtask, in order of time."""
    found: list[Bar] = []
    waits: list[Stretch] = []
    tries = iter(s.tries)
    number, worker = 0, s.worker
    for span in s.spans:
        end_at = max(span.start_at, now_s if span.end_at is None else span.end_at)
        if waits and span.worker != worker:
            found.append(Bar(s.id, number + 1, worker, tuple(waits), over=True))
            waits = []
        worker = span.worker
        if span.phase != RUN:
            waits += of_wait(span, end_at)
            continue
        attempt = next(tries, None)
        number = attempt.number if attempt is not None else number + 1
        stretches = (*waits, *of_run(s, attempt, span.start_at, end_at))
        over = span.end_at is not None
        error = _error(s, attempt, last=attempt is s.tries[-1]) if attempt is not None and over else ""
        if stretches:
            found.append(Bar(s.id, number, worker, stretches, over, error))
        waits = []
    if waits:
        found.append(Bar(s.id, number + 1, worker, tuple(waits), s.spans[-1].end_at is not None))
    return found


def _error(s: SubtaskState, attempt: Try, *, last: bool) -> str:
    if attempt.error_kind is not None:
        return attempt.message or attempt.error_kind
    return s.reason or str(s.status) if last and s.status in BAD else ""


def lane_bars(track: Track, worker: int, start_at: float, end_at: float, now_s: float) -> Iterator[Bar]:
    """Bars of a worker that touch a stretch of time, in order; they never overlap."""
    for place in track.between(start_at, end_at):
        since = track.since[place]
        until = track.since[place + 1] if place + 1 < len(track.since) else now_s
        for bar in bars(track.had[place], now_s):
            if bar.worker == worker and since <= bar.start_at and (bar.start_at < until or until == now_s):
                cut = _until(bar, until)
                if cut is not None and cut.end_at >= start_at and cut.start_at < end_at:
                    yield cut


def bars_around(track: Track, worker: int, at: float, now_s: float) -> list[Bar]:
    """Bars of a worker near an instant, in order: those of what it had then, and of two before and after."""
    place = max(0, track.between(at, at).start)
    last = min(len(track.since) - 1, place + 2)
    start_at = track.since[max(0, place - 2)] if track.since else 0.0
    end_at = track.since[last + 1] if last + 1 < len(track.since) else now_s
    found = lane_bars(track, worker, start_at, end_at, now_s)
    return [bar for bar in found if bar.start_at < end_at and bar.end_at > start_at]


def _until(bar: Bar, until: float) -> Bar | None:
    """The bar up to the instant at which its worker was given something else."""
    if bar.end_at <= until:
        return bar
    kept = tuple(replace(s, end_at=min(s.end_at, until)) for s in bar.stretches if s.start_at < until)
    return replace(bar, stretches=kept) if kept else None


def cells(state: RunState, worker: int, window: Window, now_s: float) -> list[Cell | None]:
    """What a worker did in each cell; None after now. Cells that are over are worked out once."""
    track = state.tracks.lanes.get(worker)
    shown = max(0, min(window.count, window.place(now_s - _INSTANT_S) + 1))
    if track is None:
        return [Cell(Cause.IDLE)] * shown + [None] * (window.count - shown)
    found: list[Cell | None] = [_kept(track, window, n) for n in range(shown)]
    missing = [n for n, cell in enumerate(found) if cell is None]
    if missing:
        part = Window(window.first + missing[0], missing[-1] + 1 - missing[0], window.cell_s)
        fresh = _worked_out(track, worker, part, now_s)
        found[missing[0] : missing[-1] + 1] = fresh
        _keep(track, part, fresh, min(now_s, state.at))
    return found + [None] * (window.count - shown)


def _kept(track: Track, window: Window, place: int) -> Cell | None:
    kept = track.memo.get((window.cell_s, window.first + place))
    return kept if isinstance(kept, Cell) else None


def _keep(track: Track, window: Window, fresh: Sequence[Cell], over_at: float) -> None:
    if len(track.memo) > _MOST_CELLS_KEPT:
        track.memo.clear()
    for n, (cell, (_, end_at)) in enumerate(zip(fresh, window.edges(), strict=True)):
        if end_at < over_at:
            track.memo[window.cell_s, window.first + n] = cell


def _worked_out(track: Track, worker: int, window: Window, now_s: float) -> list[Cell]:
    had = track.between(window.start_at, window.end_at)
    if window.cell_s >= track.spent.width_s and len(had) > _FEW_PER_CELL * window.count:
        spent = [track.spent.between(*edges) for edges in window.edges()]
        last = track.had[-1]
        for stretch in of_last_span(last, now_s) if last.spans[-1].end_at is None else ():
            _share(spent, stretch, window)
    else:
        spent = [{} for _ in range(window.count)]
        for bar in lane_bars(track, worker, window.start_at, window.end_at, now_s):
            for stretch in bar.stretches:
                _share(spent, stretch, window)
    failed = {window.place(at) for at in track.failed_between(window.start_at, window.end_at)}
    cell_ends = (min(now_s, end) - start for start, end in window.edges())
    return [
        Cell(_most(by_cause, length), n in failed)
        for n, (by_cause, length) in enumerate(zip(spent, cell_ends, strict=True))
    ]


def _share(spent: list[dict[Cause, float]], stretch: Stretch, window: Window) -> None:
    first = max(0, window.place(stretch.start_at))
    last = min(window.count - 1, window.place(stretch.end_at))
    for n in range(first, last + 1):
        start = (window.first + n) * window.cell_s
        seconds = min(stretch.end_at, start + window.cell_s) - max(stretch.start_at, start)
        if seconds > 0:
            spent[n][stretch.cause] = spent[n].get(stretch.cause, 0.0) + seconds


def _most(by_cause: dict[Cause, float], length_s: float) -> Cause:
    """The cause that took most of a cell; idle where more than that was nothing."""
    if not by_cause:
        return Cause.IDLE
    cause = max(by_cause, key=by_cause.__getitem__)
    idle_s = length_s - sum(by_cause.values())
    return cause if by_cause[cause] >= idle_s else Cause.IDLE


def borders(state: RunState) -> list[tuple[float, WaveState]]:
    """When each wave after the first began; none where waves are only labels."""
    if state.plan.schedule is Schedule.DAG:
        return []
    begun = [(w.started_at, w) for w in state.waves.values() if w.started_at is not None]
    return [(at, wave) for at, wave in begun if wave.number > 1]


def in_flight(state: RunState, window: Window, now_s: float) -> list[float | None]:
    """How many were in flight on average in each cell; None after now."""
    load = state.tracks.load
    return [
        load.mean(start_at, end_at, now_s) if start_at < now_s - _INSTANT_S else None
        for start_at, end_at in window.edges()
    ]


@dataclass(frozen=True, slots=True)
class Critical:
    """The row of subtasks that no number of workers could make shorter, so far."""

    path: tuple[str, ...]
    """Ids in order of time; wave after wave where the next wave waits for the end of this one."""
    seconds: float


def critical_so_far(state: RunState, now_s: float) -> Critical:
    """The longest rows, those that end with a running subtask included; cheap, the fold keeps most of it."""
    ends: dict[str, tuple[float, SubtaskState]] = {}
    candidates = [state.subtasks[i] for i in state.tracks.longest.values()]
    candidates += [state.subtasks[i] for i in state.workers.values() if i in state.subtasks]
    for s in candidates:
        name = "" if state.plan.schedule is Schedule.DAG else s.wave
        seconds = _row_s(state, s, now_s)
        if name not in ends or seconds > ends[name][0]:
            ends[name] = (seconds, s)
    path: list[str] = []
    for name in state.waves if "" not in ends else ("",):
        if name in ends:
            path += reversed(_back(state, ends[name][1]))
    return Critical(tuple(path), sum(seconds for seconds, _ in ends.values()))


def _row_s(state: RunState, s: SubtaskState, now_s: float) -> float:
    if s.status is not None:
        return s.row_s
    spent_s = sum((now_s if t.ended_at is None else t.ended_at) - t.started_at for t in s.tries)
    return max((n.row_s for n in needs(state, s)), default=0.0) + spent_s


def _back(state: RunState, last: SubtaskState) -> list[str]:
    path: list[str] = []
    step: SubtaskState | None = last
    while step is not None:
        path.append(step.id)
        step = max(needs(state, step), key=lambda n: n.row_s, default=None)
    return path


def limit_shares(state: RunState, name: str, window: Window, now_s: float) -> list[float | None]:
    """How full a limit was in each cell, 0 to 1; None where nothing was observed."""
    samples = state.samples
    found: list[float | None] = []
    place = 0
    for start_at, end_at in window.edges():
        while place + 1 < len(samples) and samples[place + 1].at <= start_at:
            place += 1
        if start_at > now_s or not samples or samples[place].at >= end_at:
            found.append(None)
            continue
        last = place
        while last + 1 < len(samples) and samples[last + 1].at < end_at:
            last += 1
        shares = [s.share(name) for s in samples[place : last + 1]]
        found.append(sum(shares) / len(shares))
    return found


def nearest_limit(state: RunState) -> str:
    """`rpm`, `itpm` or `otpm`: the one that made somebody wait last, else the fullest; empty when unknown."""
    if not state.samples:
        return ""
    held = next((s.binds for s in reversed(state.samples[-60:]) if s.binds), "")
    last = state.samples[-1]
    return held or max(("itpm", "otpm", "rpm"), key=last.share)
