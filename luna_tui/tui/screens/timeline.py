"""The timeline screen: a cursor over lanes and bars, a window over time that moves only when told to."""

from __future__ import annotations

from luna_tui.core.lanes import Bar, Window, bars_around, critical_so_far
from luna_tui.core.lost import Gauged
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.lanes import CELL_LENGTHS_S, bar_in_words, cells_across, last_cells, whole_run, zoomed
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.views.timeline import (
    ORDERS,
    Lens,
    critical_workers,
    lanes_in_order,
    lanes_shown,
    timeline_view,
)


class TimelineScreen(ListScreen):
    """What every worker did, by cause; enter opens the bar under the cursor."""

    KEYS = SCREEN_KEYS["timeline"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self.follow = True
        """The window goes with now."""
        self.bar: tuple[str, float] | None = None
        """Key of the bar under the cursor; None = the latest one of the lane."""
        self.only_critical = False
        self._cell_s: float | None = None
        self._first_cell = 0
        self._sorted: list[int] = []
        self._sorted_as = (-1, 0)
        self._gauged = Gauged()

    def rewound(self) -> None:
        """There may be fewer lanes, and other figures."""
        self._sorted, self._sorted_as, self._gauged = [], (-1, 0), Gauged()

    def entries(self) -> tuple[str, ...]:
        """Workers in the order that was asked for last; new ones come at the end."""
        state, now_s = self.luna.state_now()
        begun = (self.order % len(ORDERS), sum(w.started_at is not None for w in state.waves.values()))
        if begun != self._sorted_as:
            self._sorted_as = begun
            self._sorted = lanes_in_order(state, now_s, begun[0])
        if len(self._sorted) < len(state.tracks.lanes):
            self._sorted += sorted(set(state.tracks.lanes) - set(self._sorted))
        on_path = critical_workers(state, critical_so_far(state, now_s)) if self.only_critical else ()
        return tuple(str(w) for w in self._sorted if not self.only_critical or w in on_path)

    def room(self) -> int:
        """Lanes that fit."""
        count = len(self._sorted)
        return lanes_shown(self.space.height, count)

    def view(self, looks: Looks) -> Panel:
        """The whole screen."""
        state, now_s = self.luna.state_now()
        lanes = tuple(int(w) for w in self.entries())
        lens = Lens(
            window=self.window(),
            lanes=lanes,
            first=looks.scroll,
            worker=self._worker(),
            bar=self._bar_under_cursor(),
            follow=self.follow,
            critical=critical_so_far(state, now_s),
            only_critical=self.only_critical,
            order=self.order % len(ORDERS),
            lost=self._gauged.of(state, now_s),
        )
        return timeline_view(state, now_s, looks, lens)

    def window(self) -> Window:
        """The part of the past that is shown."""
        now_s = self.luna.state_now()[1]
        count = cells_across(self.space.width)
        if not self.follow:
            return Window(self._first_cell, count, self._cell_s or CELL_LENGTHS_S[0])
        if self._cell_s is None:
            return whole_run(now_s, count)
        return last_cells(now_s, count, self._cell_s)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask of the bar under the cursor."""
        bar = self._bar_under_cursor()
        return (bar.subtask,) if bar is not None else ()

    def taken_line(self) -> str:
        """The bar under the cursor in words, for the clipboard."""
        bar = self._bar_under_cursor()
        return bar_in_words(self.luna.state_now()[0], bar) if bar is not None else ""

    def action_open(self) -> None:
        """Open the subtask of the bar under the cursor."""
        for subtask in self.under_cursor():
            self.app.push_screen(SubtaskScreen(subtask))

    def action_left(self) -> None:
        """To the bar before; where there is none in sight the past scrolls in."""
        self._step(-1)

    def action_right(self) -> None:
        """To the next bar."""
        self._step(1)

    def action_zoom_in(self) -> None:
        """Less time in a cell."""
        self._zoom(-1)

    def action_zoom_out(self) -> None:
        """More time in a cell."""
        self._zoom(1)

    def action_critical(self) -> None:
        """Only the lanes of the critical path, or all."""
        self.only_critical, self.bar = not self.only_critical, None
        self.draw()

    def picked(self, key: str) -> None:
        """Clicking selects the lane."""
        self.bar = None
        super().picked(key)

    def action_now(self) -> None:
        """Go to now, and follow it."""
        if self.follow:
            self._cell_s = None
        self.follow, self.bar = True, None
        self.draw()

    def action_begin(self) -> None:
        """Go to the start of the run."""
        self._stay(0, self.window().cell_s)
        self.bar = None
        self.draw()

    def _move(self, by: int) -> None:
        """To another lane, at the same instant."""
        bar = self._bar_under_cursor() if self.bar is not None else None
        super()._move(by)
        if bar is not None:
            at = (bar.start_at + bar.end_at) / 2
            near = min(self._bars(at), key=lambda b: max(b.start_at - at, at - b.end_at, 0.0), default=None)
            self.bar = near.key if near is not None else None
            self.draw()

    def _step(self, by: int) -> None:
        here = self._bar_under_cursor()
        found = self._bars(here.start_at) if here is not None else []
        place = found.index(here) + by if here in found else -1
        if 0 <= place < len(found):
            self._show(found[place], by)
            self.bar = found[place].key
        else:
            self._scroll(by)
        self.draw()

    def _scroll(self, by: int) -> None:
        """Show an earlier or later part; not beyond the start, nor beyond now."""
        window = self.window()
        last = max(window.first, last_cells(self.luna.state_now()[1], window.count, window.cell_s).first)
        first = max(0, min(last, window.first + by * max(1, window.count // 4)))
        if first != window.first:
            self._stay(first, window.cell_s)

    def _show(self, bar: Bar, by: int) -> None:
        """Bring a bar into sight; looking back ends the following of now."""
        window = self.window()
        if by < 0 and self.follow:
            self._stay(window.first, window.cell_s)
        margin = window.count // 4
        if bar.start_at < window.start_at:
            self._stay(max(0, window.first + window.place(bar.start_at) - margin), window.cell_s)
        elif bar.start_at >= window.end_at:
            past = window.place(bar.end_at) - window.count + 1
            self._stay(window.first + min(past, window.place(bar.start_at)), window.cell_s)

    def _stay(self, first: int, cell_s: float) -> None:
        self.follow, self._first_cell, self._cell_s = False, first, cell_s

    def _zoom(self, by: int) -> None:
        """Another length of cells, around the bar under the cursor, or up to now."""
        now_s = self.luna.state_now()[1]
        window = self.window()
        longest = CELL_LENGTHS_S.index(whole_run(now_s, window.count).cell_s)
        place = min(longest, zoomed(window.cell_s, by))
        self._cell_s = CELL_LENGTHS_S[place]
        if self.follow:
            self._cell_s = None if place == longest else self._cell_s
        else:
            bar = self._bar_under_cursor()
            middle = (window.start_at + window.end_at) / 2 if bar is None else (bar.start_at + bar.end_at) / 2
            self._first_cell = max(0, int(middle / CELL_LENGTHS_S[place]) - window.count // 2)
        self.draw()

    def _worker(self) -> int | None:
        return None if self.selected is None else int(self.selected)

    def _bars(self, at: float) -> list[Bar]:
        """Bars of the lane under the cursor around an instant."""
        state, now_s = self.luna.state_now()
        worker = self._worker()
        track = state.tracks.lanes.get(worker) if worker is not None else None
        return [] if worker is None or track is None else bars_around(track, worker, at, now_s)

    def _bar_under_cursor(self) -> Bar | None:
        if self.bar is None:
            found = self._bars(self.luna.state_now()[1])
            return found[-1] if found else None
        return next((b for b in self._bars(self.bar[1]) if b.key == self.bar), None)
