"""Screens that are lists: a cursor that keeps its entry, marks, and as much in sight as fits."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from textual.app import ComposeResult

from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.views.frame import body_rows, first_shown
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.widgets.lines_panel import LinesPanel


class ListScreen(ActingScreen):
    """Entries by key; looking never changes the run."""

    def __init__(self) -> None:
        super().__init__()
        self._body = LinesPanel("list")
        self.selected: str | None = None
        """Key of the entry under the cursor."""
        self.first = 0
        """Number of the first entry shown."""
        self.order = 0

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def entries(self) -> Sequence[str]:
        """Keys of all entries in the order shown; it must be cheap to ask again.

        Of very many, any sequence will do: it is asked for its length, for what is in sight, and for the
        place of the entry under the cursor when that has moved.
        """
        raise NotImplementedError

    def view(self, looks: Looks) -> Panel:
        """The whole screen; `looks.scroll` is the number of the first entry to show."""
        raise NotImplementedError

    def room(self) -> int:
        """Entries that fit."""
        return body_rows(self.looks())

    def draw(self) -> None:
        """The cursor stays on its entry; where that is gone, on the one that took its place."""
        entries = self.entries()
        at = self._place(entries)
        self.selected = entries[at] if entries else None
        self.first = first_shown(len(entries), at, self.first, self.room())
        looks = self.looks(selected=self.selected, scroll=self.first, order=self.order)
        self._body.show(self.view(looks), self.luna.palette)

    def picked(self, key: str) -> None:
        """Clicking only selects."""
        self.selected = key
        self.draw()

    def action_down(self) -> None:
        """Cursor down."""
        self._move(1)

    def action_up(self) -> None:
        """Cursor up."""
        self._move(-1)

    def action_page_down(self) -> None:
        """A page down."""
        self._move(max(1, self.room() - 1))

    def action_page_up(self) -> None:
        """A page up."""
        self._move(-max(1, self.room() - 1))

    def action_first(self) -> None:
        """To the first entry."""
        self._move(-len(self.entries()))

    def action_last(self) -> None:
        """To the last entry."""
        self._move(len(self.entries()))

    def action_sort(self) -> None:
        """Next order."""
        self.order += 1
        self.draw()

    def action_mark(self) -> None:
        """Mark the subtasks under the cursor, or take their marks away; then go on to the next entry."""
        for subtask in self.under_cursor():
            self.luna.viewing.mark(subtask)
        self._move(1)

    def _place(self, entries: Sequence[str]) -> int:
        """Where the cursor is; its old place when its entry is gone. Looks for it only when it moved."""
        count = len(entries)
        if not (0 <= self._at < count and entries[self._at] == self.selected):
            with suppress(ValueError):
                self._at = entries.index(self.selected or "")
        self._at = max(0, min(count - 1, self._at))
        return self._at

    _at = 0

    def _move(self, by: int) -> None:
        entries = self.entries()
        if entries:
            self._at = max(0, min(len(entries) - 1, self._place(entries) + by))
            self.selected = entries[self._at]
            self.draw()
