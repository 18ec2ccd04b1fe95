"""A plan of 100,000 subtasks on the plan screen at 120x40, next to Textual's DataTable with the same rows."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import tracemalloc
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.pilot import Pilot
from textual.widgets import DataTable

from benchmarks.measure import Spread, options, spread, table
from luna_tui.core.events import (
    Event,
    PlannedSubtask,
    PlannedWave,
    PlanOutline,
    Record,
    RunStarted,
    SubtaskStarted,
    WaveStarted,
)
from luna_tui.core.insight import elapsed_s, stand
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Kind, Mode, Watching
from luna_tui.engine.clock import ManualClock
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.plan import PlanScreen
from luna_tui.tui.settings import Settings

Way = Callable[[RunState, int], Coroutine[Any, Any, tuple[float, list[float]]]]
SIZE = (120, 40)
PAGES = 60
OPEN_MS, PAGE_MS = 300.0, 16.0
"""Targets: time to the first paint, and our work for a page."""


@dataclass(frozen=True, slots=True)
class Course:
    """One way through the list; times in milliseconds."""

    open_ms: float
    page_ms: float
    """Median of the work for a page: from the key to the lines of the whole screen."""
    worst_page_ms: float
    megabytes: float
    """Allocated by opening it, beyond what the run itself takes; weighed on a pass of its own."""


class Still:
    """A run that stands at one moment."""

    def __init__(self, state: RunState) -> None:
        self._state = state
        self.clock = ManualClock(state.at)
        self.control = None
        self.watching = Watching.REPLAY

    def state(self) -> RunState:
        """The same each time."""
        return self._state

    def since(self, seq: int) -> tuple[Record, ...]:
        """Nothing new."""
        return ()

    def now_s(self) -> float:
        """The moment."""
        return self._state.at


class TableApp(App[None]):
    """The alternative: every row is handed over at once."""

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self._state = state
        self.table: DataTable[str] = DataTable(cursor_type="row")

    def compose(self) -> ComposeResult:
        """One table."""
        yield self.table

    def fill(self) -> None:
        """The same columns as ours."""
        now_s = self._state.at
        self.table.add_columns("wave", "state", "time", "out", "$")
        rows = (
            (
                f"{s.label} {s.planned.title}",
                stand(s, now_s).value,
                f"{elapsed_s(s, now_s):.0f}",
                str(s.output_tokens or ""),
                f"{s.cost_usd:.2f}" if s.cost_usd else "",
            )
            for s in self._state.subtasks.values()
        )
        self.table.add_rows(rows)


def crowd(count: int) -> RunState:
    """A run of so many subtasks that has just begun."""
    planned = tuple(PlannedSubtask(id=f"s{n}", title=f"page {n}") for n in range(count))
    outline = PlanOutline(name="crawl", waves=(PlannedWave(name="w", parallel=True, subtasks=planned),))
    events: list[Event] = [
        RunStarted(
            started_at="2026-01-02T15:04:05Z",
            plan=outline,
            mode=Mode.BALANCED,
            tier="tier2",
            max_workers=15,
            provider="simulator",
            version="0",
        ),
        WaveStarted(wave="w", parallel=True, reason="parallel", workers=15),
    ]
    for n in range(15):
        started = SubtaskStarted(
            wave="w", subtask=f"s{n}", attempt=1, worker=n, title=f"page {n}", kind=Kind.CLAUDE
        )
        events.append(started)
    return fold(Record(seq, seq * 0.1, "benchmark", event) for seq, event in enumerate(events, 1))


def painted(app: App[None]) -> int:
    """Make the lines of the whole screen, as a paint does; how many segments they have."""
    screen = app.screen
    found: list[list[Segment]] = [list(strip) for strip in screen._compositor.render_strips()]
    return sum(len(line) for line in found)


async def ours(state: RunState, pages: int) -> tuple[float, list[float]]:
    """Open the plan screen and page through it; seconds to open, and for each page."""
    app = LunaApp(Still(state), Settings(), themes={})
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        began = time.perf_counter()
        app.open("plan")
        await _shown(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen.selected is not None)
        painted(app)
        opened_s = time.perf_counter() - began
        screen = app.screen
        assert isinstance(screen, PlanScreen)
        return opened_s, await _paged(app, screen.action_page_down, pilot, pages)


async def theirs(state: RunState, pages: int) -> tuple[float, list[float]]:
    """The same with a DataTable."""
    app = TableApp(state)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        began = time.perf_counter()
        app.fill()
        await _shown(pilot, lambda: app.table.row_count == len(state.subtasks))
        painted(app)
        opened_s = time.perf_counter() - began
        return opened_s, await _paged(app, app.table.action_page_down, pilot, pages)


async def _shown(pilot: Pilot[None], there: Callable[[], bool]) -> None:
    while True:
        await pilot.pause()
        if there():
            return


async def _paged(app: App[None], page: Callable[[], object], pilot: Pilot[None], pages: int) -> list[float]:
    """Only our work is timed: not the waits of the driver between one page and the next."""
    taken = []
    for _ in range(pages):
        began = time.perf_counter()
        page()
        painted(app)
        taken.append(time.perf_counter() - began)
        await pilot.pause()
    return taken


def weighed(way: Way, state: RunState) -> float:
    """Megabytes that opening it allocates at its peak, beyond the run itself."""
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        asyncio.run(way(state, 1))
        return (tracemalloc.get_traced_memory()[1] - before) / 1e6
    finally:
        tracemalloc.stop()


def course(way: Way, state: RunState, pages: int, megabytes: float) -> Course:
    """Open it and page through it once."""
    opened_s, taken = asyncio.run(way(state, pages))
    return Course(opened_s * 1e3, statistics.median(taken) * 1e3, max(taken) * 1e3, megabytes)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=100_000, quick_items=500, repeats=5)
    state = crowd(args.items)
    pages = 3 if args.quick else PAGES
    ways: dict[str, Way] = {"plan screen": ours, "DataTable": theirs}
    weights = {name: weighed(way, state) for name, way in ways.items()}
    found: dict[str, list[Course]] = {name: [] for name in ways}
    for _ in range(args.repeats):
        for name, way in ways.items():
            found[name].append(course(way, state, pages, weights[name]))
    _report(found, args.items, as_json=args.json)


def _report(found: dict[str, list[Course]], items: int, *, as_json: bool) -> None:
    names = ("open_ms", "page_ms", "worst_page_ms", "megabytes")
    spreads = {
        way: {name: spread([getattr(c, name) for c in courses]) for name in names}
        for way, courses in found.items()
    }
    first = next(iter(spreads.values()))
    reached = first["open_ms"].median <= OPEN_MS and first["page_ms"].median <= PAGE_MS
    title = f"{items:,} subtasks at {SIZE[0]}x{SIZE[1]}"
    if as_json:
        cases = {
            way: {name: [x.median, x.low, x.high] for name, x in row.items()} for way, row in spreads.items()
        }
        print(json.dumps({"title": title, "cases": cases, "reached": reached}))
        return
    head = ["", "open ms", "x", "page ms", "x", "worst page ms", "x", "MB", "x"]
    rows = [
        [way, *(cell for name in names for cell in _cells(row[name], first[name]))]
        for way, row in spreads.items()
    ]
    table(title, head, rows)
    print(f"targets: open {OPEN_MS:.0f} ms, page {PAGE_MS:.0f} ms: {'reached' if reached else 'NOT reached'}")


def _cells(mine: Spread, first: Spread) -> tuple[str, str]:
    return str(mine), f"{mine.median / max(first.median, 1e-9):.1f}"


if __name__ == "__main__":
    main()
