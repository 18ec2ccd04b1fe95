"""The run: workers, limits, waves, trouble. Looking never changes anything."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal

from luna_tui.core.filter import FilterMistake, filtered
from luna_tui.core.lost import Gauged
from luna_tui.core.state import RunState
from luna_tui.core.words import Watching
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.filtering import ask_filter
from luna_tui.tui.screens.replanning import Replans
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.entries import Entry, entries, sequence
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.run import ORDERS, TELLS_FROM, run_view
from luna_tui.tui.views.spans import Cell
from luna_tui.tui.widgets.lines_panel import LinesPanel

_ABOVE = ("header", "gauges", "waiting", "strip")
_BELOW = ("timeline", "attention", "keys")


class RunScreen(Replans):
    """The main screen."""

    CSS_PATH = "run_screen.tcss"
    KEYS = SCREEN_KEYS["run"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self.selected: str | None = None
        """Id of the subtask under the cursor."""
        self._order = 0
        self._sequence: tuple[int, ...] = ()
        """Worker numbers as they were sorted last; new ones follow."""
        self._row: int | None = None
        """Worker whose row the cursor is on."""
        self._pinned: str | None = None
        """Subtask that was gone to by name."""
        self._gauged = Gauged()
        self._in_attention = False
        """The cursor moves among attention lines instead of workers."""
        self._panels = {name: LinesPanel(name) for name in (*_ABOVE, "grid", "peek", *_BELOW)}

    def compose(self) -> ComposeResult:
        """Panels from top to bottom."""
        for name in _ABOVE:
            yield self._panels[name]
        with Horizontal(id="middle"):
            yield self._panels["grid"]
            yield self._panels["peek"]
        for name in _BELOW:
            yield self._panels[name]

    def draw(self) -> None:
        """Fold, view, show."""
        state, now_s = self.luna.state_now()
        looks = self.looks(selected=self.selected, order=self._order)
        measured = self._gauged.of(state, now_s) if looks.width >= TELLS_FROM else None
        shown = self._shown(state, now_s)
        view = run_view(
            state,
            now_s,
            looks,
            shown=shown,
            measured=measured,
            dismissed=self.luna.viewing.dismissed,
        )
        palette = self.luna.palette
        for name in (*_ABOVE, "grid", *_BELOW):
            self._panels[name].show(getattr(view, name), palette)
        peek = self._panels["peek"]
        peek.styles.width = view.peek_width
        peek.show(view.peek, palette)
        if self._settle(self._panels["grid"].panel.cells, shown):
            self.draw()

    def picked(self, key: str) -> None:
        """Clicking only selects."""
        self.selected = self._pinned = key
        self.draw()

    def action_down(self) -> None:
        """Cursor down."""
        self._move(0, 1)

    def action_up(self) -> None:
        """Cursor up."""
        self._move(0, -1)

    def action_left(self) -> None:
        """Cursor left."""
        self._move(-1, 0)

    def action_right(self) -> None:
        """Cursor right."""
        self._move(1, 0)

    def action_first(self) -> None:
        """First entry."""
        self._select(0)

    def action_last(self) -> None:
        """Last entry."""
        self._select(-1)

    def action_open(self) -> None:
        """Open the subtask under the cursor."""
        if self.selected is not None:
            self.app.push_screen(SubtaskScreen(self.selected))

    def action_peek(self) -> None:
        """Peek on or off."""
        self.luna.viewing.peek = not self.luna.viewing.peek
        self.draw()

    def action_richer(self) -> None:
        """Fewer, richer entries."""
        self._density(1)

    def action_denser(self) -> None:
        """More, shorter entries."""
        self._density(-1)

    def rewound(self) -> None:
        """Sorting and figures were of another moment."""
        self._gauged, self._sequence = Gauged(), ()

    def action_back(self) -> None:
        """This is the top: esc never stops work, and leaves what is only looked at."""
        if self.luna.watching is Watching.REPLAY:
            self.luna.leave()

    def action_sort(self) -> None:
        """Sort once, in the next order: rows then keep their places."""
        state, now_s = self.luna.state_now()
        self._order = (self._order + 1) % len(ORDERS)
        self._sequence = sequence(entries(state, now_s), ORDERS[self._order], now_s)
        self.draw()

    def action_panel(self) -> None:
        """Between the workers and the attention lines."""
        self._in_attention = not self._in_attention and bool(self._panels["attention"].panel.cells)
        if self._in_attention:
            self._select(0)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask under the cursor."""
        return (self.selected,) if self.selected is not None else ()

    def _density(self, by: int) -> None:
        size = self.space.width, self.space.height
        kept = self.luna.viewing.density
        kept[size] = max(-3, min(3, kept.get(size, 0) + by))
        self.draw()

    def action_filter(self) -> None:
        """Show only workers whose subtask matches."""
        ask_filter(self, self.luna.viewing.filter, self._use_filter)

    def _use_filter(self, text: str) -> None:
        self.luna.viewing.filter = text
        self.draw()

    def _shown(self, state: RunState, now_s: float) -> list[Entry]:
        """The workers that the filter lets through, in the order of the last sorting."""
        place = {worker: n for n, worker in enumerate(self._sequence)}
        found = entries(state, now_s)
        matches = filtered(state, now_s, self.luna.viewing.filter) if self.luna.viewing.filter else None
        if matches is not None and not isinstance(matches, FilterMistake):
            found = [e for e in found if matches(e.subtask)]
        return sorted(found, key=lambda e: place.get(e.worker, len(place) + e.worker))

    def _settle(self, cells: tuple[Cell, ...], shown: list[Entry]) -> bool:
        """Keep the cursor on its row when the worker takes another subtask; True when it moved.

        What was gone to by name stays selected, in sight or not.
        """
        of_worker = {e.worker: e.subtask.id for e in shown}
        if self.selected in {c.key for c in cells}:
            self._row = next((w for w, subtask in of_worker.items() if subtask == self.selected), self._row)
            return False
        if self.selected is not None and self.selected == self._pinned:
            return False
        if not cells:
            # No key may act on what the filter hides.
            moved, self.selected = self.selected is not None, None
            return moved
        self.selected = of_worker.get(self._row, cells[0].key) if self._row is not None else cells[0].key
        return True

    def _cells(self) -> tuple[Cell, ...]:
        return self._panels["attention" if self._in_attention else "grid"].panel.cells

    def _select(self, place: int) -> None:
        cells = self._cells()
        if cells:
            self.selected, self._pinned = cells[place].key, None
            self.draw()

    def _move(self, dx: int, dy: int) -> None:
        """To the nearest entry in that direction; a column's end goes on in the next column."""
        cells = self._cells()
        at = next((n for n, c in enumerate(cells) if c.key == self.selected), None)
        if not cells or at is None:
            self._select(0)
            return
        here = cells[at]
        if dx:
            beside = [n for n, c in enumerate(cells) if (c.column - here.column) * dx > 0]
            if beside:
                self._select(
                    min(
                        beside,
                        key=lambda n: (abs(cells[n].column - here.column), abs(cells[n].row - here.row)),
                    )
                )
            return
        column = [n for n, c in enumerate(cells) if c.column == here.column and (c.row - here.row) * dy > 0]
        if column:
            self._select(min(column, key=lambda n: abs(cells[n].row - here.row)))
        else:
            self._select(max(0, min(len(cells) - 1, at + dy)))
