"""The problems screen: what needs a person, grouped by cause; keys act on the group."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.filter import FilterMistake, filtered
from luna_tui.core.problem_facts import Cause, Problem
from luna_tui.core.problems import next_problem, problems, shown
from luna_tui.core.tongue import _
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.filtering import ask_filter
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.frame import body_rows
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.problems import (
    ProblemsLook,
    Row,
    first_row,
    problems_view,
    rows,
)
from luna_tui.tui.views.spans import Looks, Panel

_SCREENS = {Cause.ASK: "asks", Cause.CHANGES: "changes"}
"""Screens on which a problem is looked at and settled."""


class ProblemsScreen(ListScreen):
    """Groups, the most urgent first; enter opens a group or its only subtask."""

    KEYS = SCREEN_KEYS["problems"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self.filter = ""
        self.opened: set[str] = set()
        """Keys of the groups whose members are shown."""
        self.shows_hidden = False
        self._rows: tuple[Row, ...] = ()
        self._hidden: frozenset[str] = frozenset()

    def entries(self) -> Sequence[str]:
        """Keys of the rows."""
        return [row.key for row in self._rows]

    def room(self) -> int:
        """Groups that fit."""
        tall = max((row.height for row in self._rows), default=1)
        return max(1, body_rows(self.looks()) // tall)

    def draw(self) -> None:
        """Find what is wrong now; the cursor stays on its group."""
        self._rows = self._find(self.filter)
        entries = self.entries()
        at = self._place(entries)
        self.selected = entries[at] if entries else None
        if entries:
            self.first = first_row(self._rows, at, self.first, self.looks())
        looks = self.looks(selected=self.selected, scroll=self.first if entries else 0, order=self.order)
        self._body.show(self.view(looks), self.luna.palette)

    def view(self, looks: Looks) -> Panel:
        """The groups."""
        state, now_s = self.luna.state_now()
        look = ProblemsLook(
            rows=self._rows, hidden=self._hidden, shows_hidden=self.shows_hidden, filter=self.filter
        )
        return problems_view(state, look, now_s, looks)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtasks of the group, or the one member."""
        row = self._row()
        if row is None:
            return ()
        return row.problem.subtasks if row.member is None else (row.member,)

    def problem_here(self) -> Problem | None:
        """The group under the cursor, whole."""
        row = self._row()
        found = problems(*self.luna.state_now())
        return next((p for p in found if row is not None and p.key == row.problem.key), None)

    def go_to_problem(self, problem: Problem) -> None:
        """Cursor on its group."""
        self.picked(problem.key)

    def action_open(self) -> None:
        """Open the subtask; a group of several shows its members, or hides them."""
        row = self._row()
        ids = self.under_cursor()
        if row is not None and row.problem.cause in _SCREENS:
            self.luna.open(_SCREENS[row.problem.cause])
        elif len(ids) == 1:
            self.app.push_screen(SubtaskScreen(ids[0]))
        elif row is not None and ids:
            self.opened ^= {row.key}
            self.draw()

    def action_mark(self) -> None:
        """Mark the whole group, or take all its marks away."""
        marked, ids = self.luna.viewing.marked, self.under_cursor()
        if all(i in marked for i in ids):
            marked.difference_update(ids)
        else:
            marked.update(ids)
        self._move(1)

    def action_filter(self) -> None:
        """Let a filter be typed."""
        ask_filter(self, self.filter, self._filter)

    def action_all(self) -> None:
        """Show what was said to be none, or hide it again."""
        self.shows_hidden = not self.shows_hidden
        self.draw()

    def action_not_a_problem(self) -> None:
        """Say that it is none; on one that was said to be none, say that it is one."""
        row = self._row()
        if row is not None and row.problem.key in self._hidden:
            self.luna.viewing.dismissed.pop(row.problem.key, None)
            self.luna.say(_("A problem again."))
            return
        super().action_not_a_problem()

    def _hop(self, step: int) -> None:
        """To the next group, round the end."""
        groups = [row.problem for row in self._rows if row.member is None]
        row = self._row()
        problem = next_problem(groups, row.problem.key if row is not None else None, step)
        if problem is not None:
            self.go_to_problem(problem)

    def _row(self) -> Row | None:
        return next((row for row in self._rows if row.key == self.selected), None)

    def _find(self, text: str) -> tuple[Row, ...]:
        state, now_s = self.luna.state_now()
        whole = problems(state, now_s, order=self.order)
        open_keys = {p.key for p in shown(whole, self.luna.viewing.dismissed)}
        self._hidden = frozenset(p.key for p in whole if p.key not in open_keys)
        keeps = filtered(state, now_s, text) if text else None
        found = whole
        if keeps is not None and not isinstance(keeps, FilterMistake):
            found = problems(state, now_s, order=self.order, keeps=keeps)
        if not self.shows_hidden:
            found = tuple(p for p in found if p.key in open_keys)
        return rows(found, self.opened, self.looks())

    def _filter(self, text: str) -> None:
        self.filter = text
        self.draw()
