"""The run: workers, limits, waves, trouble. Looking never changes anything."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult
from textual.containers import Horizontal

from luna_tui.core.lost import Gauged
from luna_tui.core.words import Mode
from luna_tui.tui.screens.base import LunaScreen, bindings
from luna_tui.tui.screens.pages import HelpScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.keys import MODE_ORDER, RUN_KEYS
from luna_tui.tui.views.run import TELLS_FROM, run_view
from luna_tui.tui.views.spans import Cell
from luna_tui.tui.widgets.lines_panel import LinesPanel

_ABOVE = ("header", "gauges", "waiting", "strip")
_BELOW = ("timeline", "attention", "events", "keys")


class RunScreen(LunaScreen):
    """The main screen."""

    CSS_PATH = "run_screen.tcss"
    BINDINGS = bindings(RUN_KEYS)

    def __init__(self) -> None:
        super().__init__()
        self.selected: str | None = None
        """Id of the subtask under the cursor."""
        self._gauged = Gauged()
        self._events = False
        self._peek = True
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
        looks = replace(self.looks(selected=self.selected), peek=self._peek)
        measured = self._gauged.of(state, now_s) if looks.width >= TELLS_FROM else None
        view = run_view(state, now_s, looks, events=self._events, notice=self.luna.notice, measured=measured)
        palette = self.luna.palette
        for name in (*_ABOVE, "grid", *_BELOW):
            self._panels[name].show(getattr(view, name), palette)
        peek = self._panels["peek"]
        peek.styles.width = view.peek_width
        peek.show(view.peek, palette)
        if view.grid.cells and self.selected not in {cell.key for cell in view.grid.cells}:
            self.selected = view.grid.cells[0].key
            self.draw()

    def picked(self, key: str) -> None:
        """Clicking only selects."""
        self.selected = key
        self.draw()

    def action_move_down(self) -> None:
        """Cursor down."""
        self._move(0, 1)

    def action_move_up(self) -> None:
        """Cursor up."""
        self._move(0, -1)

    def action_move_left(self) -> None:
        """Cursor left."""
        self._move(-1, 0)

    def action_move_right(self) -> None:
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

    def action_pause(self) -> None:
        """Pause or go on."""
        control = self.luna.commands()
        if control is None:
            return
        if self.luna.state_now()[0].paused:
            control.resume(by="user")
        else:
            control.pause(by="user")
        self.draw()

    def action_mode(self) -> None:
        """Next mode."""
        control = self.luna.commands()
        if control is None:
            return
        mode = self.luna.state_now()[0].mode
        following = MODE_ORDER[(MODE_ORDER.index(mode.value) + 1) % len(MODE_ORDER)]
        control.set_mode(Mode(following), by="user")
        self.draw()

    def action_stop(self) -> None:
        """Open the stop menu."""
        if self.luna.commands() is not None:
            self.app.push_screen(StopMenu(self.selected))

    def action_events(self) -> None:
        """Event log on or off."""
        self._events = not self._events
        self.draw()

    def action_peek(self) -> None:
        """Peek on or off."""
        self._peek = not self._peek
        self.draw()

    def action_theme(self) -> None:
        """Next theme."""
        self.luna.next_palette()
        self.draw()

    def action_help(self) -> None:
        """Keys and states."""
        self.app.push_screen(HelpScreen())

    def action_report(self) -> None:
        """The report."""
        self.luna.show_report()

    def action_leave(self) -> None:
        """Leave, or ask first while the run is on."""
        self.luna.leave()

    def _cells(self) -> tuple[Cell, ...]:
        return self._panels["grid"].panel.cells

    def _select(self, place: int) -> None:
        cells = self._cells()
        if cells:
            self.selected = cells[place].key
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
