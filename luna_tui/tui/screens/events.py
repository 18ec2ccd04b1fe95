"""The events screen: the journal as it is written."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.events import Record
from luna_tui.core.filter import Filter, FilterMistake, parse_filter
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.filtering import ask_filter, ask_find
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.events import (
    EventsLook,
    events_rows,
    events_view,
    found_in,
    matching,
)
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.views.telling import tell


class EventsScreen(ListScreen):
    """Newest at the bottom; follows until the cursor moves away from the end."""

    KEYS = SCREEN_KEYS["events"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self.follow = True
        self.filter = ""
        self.find = ""
        self._records: list[Record] = []
        self._keys: list[str] = []
        self._made_of: tuple[int, str] | None = None

    def entries(self) -> Sequence[str]:
        """Sequence numbers of the records that the filter lets through; made again only on news."""
        state, now_s = self.luna.state_now()
        made_of = (state.seq, self.filter)
        if made_of != self._made_of:
            self._records = matching(state, state.log, now_s, self._parsed(self.filter), self.glyphs)
            self._keys = [str(r.seq) for r in self._records]
            self._made_of = made_of
        return self._keys

    def room(self) -> int:
        """Events that fit."""
        return events_rows(self.luna.state_now()[0], self.looks())

    def draw(self) -> None:
        """Following, the cursor is on the newest."""
        entries = self.entries()
        if self.follow and entries:
            self.selected = entries[-1]
        super().draw()

    def view(self, looks: Looks) -> Panel:
        """The journal."""
        folder = self.luna.settings.folder
        look = EventsLook(
            records=self._records,
            filter=self.filter,
            find=self.find,
            journal=f"{folder}/journal.*.ndjson" if folder else "",
        )
        return events_view(self.luna.state_now()[0], look, looks)

    def looks(
        self, *, selected: str | None = None, follow: bool = True, scroll: int = 0, order: int = 0
    ) -> Looks:
        """With this screen's follow."""
        return super().looks(selected=selected, follow=follow and self.follow, scroll=scroll, order=order)

    def under_cursor(self) -> tuple[str, ...]:
        """The subtask that the event is about."""
        told = self._told()
        return (told,) if told is not None else ()

    def picked(self, key: str) -> None:
        """Clicking selects, and stays there."""
        self.follow = False
        super().picked(key)

    def action_open(self) -> None:
        """Open the subtask that the event is about."""
        subtask = self._told()
        if subtask is not None:
            self.app.push_screen(SubtaskScreen(subtask))

    def action_follow(self) -> None:
        """Follow the newest, or stay."""
        self.follow = not self.follow
        self.draw()

    def action_filter(self) -> None:
        """Let a filter be typed."""
        ask_filter(self, self.filter, self._filter, self._count)

    def action_find(self) -> None:
        """Let a text be typed that is to be found."""
        ask_find(self, self.find, self._find, lambda text: len(self._places(text)))

    def action_next(self) -> None:
        """Next place found."""
        self._step(1)

    def action_previous(self) -> None:
        """Previous place found."""
        self._step(-1)

    def action_sort(self) -> None:
        """Events have one order: that of the journal."""

    def _move(self, by: int) -> None:
        """Moving away from the newest stays there; moving onto it follows again."""
        self.follow = False
        super()._move(by)
        entries = self.entries()
        if by > 0 and entries and self.selected == entries[-1]:
            self.follow = True
            self.draw()

    def _told(self) -> str | None:
        state = self.luna.state_now()[0]
        record = next((r for r in self._records if str(r.seq) == self.selected), None)
        subtask = tell(state, record, self.glyphs).subtask if record is not None else None
        return subtask if subtask in state.subtasks else None

    def _parsed(self, text: str) -> Filter:
        found = parse_filter(text, tuple(self.luna.state_now()[0].waves))
        return Filter() if isinstance(found, FilterMistake) else found

    def _count(self, text: str) -> tuple[int, int]:
        state, now_s = self.luna.state_now()
        return len(matching(state, state.log, now_s, self._parsed(text), self.glyphs)), len(state.log)

    def _filter(self, text: str) -> None:
        self.filter = text
        self.draw()

    def _places(self, text: str) -> list[int]:
        self.entries()
        return found_in(self.luna.state_now()[0], self._records, text, self.glyphs) if text else []

    def _find(self, text: str) -> None:
        self.find = text
        if text:
            self._step(-1)
        else:
            self.draw()

    def _step(self, by: int) -> None:
        """To the next place found in that direction, from the other end on when there is none."""
        places = self._places(self.find)
        at = self._place(self.entries())
        beyond = [p for p in places if (p - at) * by > 0]
        if places:
            self.follow = False
            ends = beyond or places
            self.selected = self._keys[min(ends) if by > 0 else max(ends)]
            self.draw()
