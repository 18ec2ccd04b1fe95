"""The plan during the run: all waves and subtasks as a tree."""

from __future__ import annotations

import time
from collections.abc import Sequence

from luna_tui.core.filter import Filter, FilterMistake, parse_filter
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.filtering import ask_filter
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.plan import PlanLook, plan_room, plan_view
from luna_tui.tui.views.plan_rows import WAVE, Asked, PlanRows
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.views.tree import Tree


class PlanScreen(ListScreen):
    """Waves open and close; what is in sight is all that is made."""

    KEYS = SCREEN_KEYS["plan"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._rows = PlanRows(time.perf_counter)
        self._parsed: tuple[object, Filter | FilterMistake] = ((), Filter())

    def rewound(self) -> None:
        """What was counted is of another moment; waves that were opened stay open."""
        self._rows.forget()

    def entries(self) -> Tree:
        """Waves and the subtasks of those that are open."""
        state, now_s = self.luna.state_now()
        return self._rows.tree(state, now_s, self._asked(), self.room())

    def room(self) -> int:
        """Rows that fit."""
        return plan_room(self.looks())

    def view(self, looks: Looks) -> Panel:
        """The tree."""
        state, now_s = self.luna.state_now()
        mistake = self._filter()
        look = PlanLook(
            tree=self.entries(),
            costs=self._rows.costs(state),
            complaint=str(mistake) if isinstance(mistake, FilterMistake) else "",
        )
        return plan_view(state, now_s, look, looks)

    def draw(self) -> None:
        """The first time, the cursor is on the wave that runs."""
        if self.selected is None:
            wave = self.luna.state_now()[0].current_wave
            self.selected = WAVE + wave.name if wave is not None else None
        super().draw()

    def picked(self, key: str) -> None:
        """The cursor goes there, into a wave that was closed too."""
        subtask = self.luna.state_now()[0].subtasks.get(key)
        if subtask is not None and not self._is_open(WAVE + subtask.wave):
            self._rows.open(subtask.wave, True)
        super().picked(key)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask under the cursor, or all of the wave that the filter lets through."""
        key = self.selected
        if key is None:
            return ()
        if not key.startswith(WAVE):
            return (key,)
        return tuple(self._leaves(key))

    def action_open(self) -> None:
        """Open the subtask under the cursor; a wave opens and closes."""
        key = self.selected
        if key is None:
            return
        if key.startswith(WAVE):
            self._fold(key, opened=not self._is_open(key))
        else:
            self.app.push_screen(SubtaskScreen(key))

    def action_expand(self) -> None:
        """Show the subtasks of the wave; when they are shown already, go to the first."""
        key = self.selected
        if key is None or not key.startswith(WAVE):
            return
        if self._is_open(key):
            self._move(1)
        else:
            self._fold(key, opened=True)

    def action_close(self) -> None:
        """Hide the subtasks of the wave; from a subtask go to its wave."""
        key = self.selected
        if key is None:
            return
        if key.startswith(WAVE):
            self._fold(key, opened=False)
        else:
            state = self.luna.state_now()[0]
            self.selected = WAVE + state.subtasks[key].wave
            self.draw()

    def action_filter(self) -> None:
        """Let a filter be typed; it holds on the run screen too."""
        ask_filter(self, self.luna.viewing.filter, self._use_filter)

    def _use_filter(self, text: str) -> None:
        self.luna.viewing.filter = text
        self.draw()

    def _filter(self) -> Filter | FilterMistake:
        """The filter in force, understood once."""
        made_of = (self.luna.viewing.filter, len(self.luna.state_now()[0].waves))
        if self._parsed[0] != made_of:
            self._parsed = (made_of, parse_filter(made_of[0], tuple(self.luna.state_now()[0].waves)))
        return self._parsed[1]

    def _asked(self) -> Asked:
        found = self._filter()
        if isinstance(found, FilterMistake):
            return Asked(order=self.order)
        return Asked(found, self.luna.viewing.filter, self.order)

    def _leaves(self, key: str) -> Sequence[str]:
        return next((b.leaves for b in self.entries().branches if b.key == key), ())

    def _is_open(self, key: str) -> bool:
        return any(b.open for b in self.entries().branches if b.key == key)

    def _fold(self, key: str, *, opened: bool) -> None:
        """Open or close; what was opened comes into sight, as much of it as fits."""
        self._rows.open(key.removeprefix(WAVE), opened)
        if opened:
            at = self.entries().index(key)
            last = at + len(self._leaves(key))
            self.first = max(self.first, min(at, last - self.room() + 1))
        self.draw()
