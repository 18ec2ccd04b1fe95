"""Screens with a list above and all there is of one entry below; keys act only on what was looked at."""

from __future__ import annotations

from luna_tui.core.tongue import _
from luna_tui.tui.screens.listing import ListScreen
from luna_tui.tui.views.detailed import shares
from luna_tui.tui.views.frame import first_shown
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.subtask_tabs import Document

LOOK_S = 0.5
"""How long an entry must have been shown before a key acts on it: one typed ahead was meant for another."""


class DetailScreen(ListScreen):
    """The cursor is on an entry of the list; the rest of the screen holds that entry, whole."""

    SAID = 2
    """Sentences below what is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reading = Reading()
        self._shown: str | None = None
        self._shown_at = float("inf")

    def document(self, key: str) -> Document:
        """All there is of an entry."""
        raise NotImplementedError

    def left(self, key: str) -> str:
        """What to say when an entry went away while it was shown; empty = nothing."""
        return ""

    def room(self) -> int:
        """Entries that are listed at once."""
        return max(1, shares(self.space.height, len(self.entries()), self.SAID).listed)

    @property
    def reads(self) -> int:
        """Rows of the entry that are shown at once."""
        return max(1, shares(self.space.height, len(self.entries()), self.SAID).read)

    @property
    def below(self) -> int:
        """Rows of the entry that are further down."""
        return max(0, len(self.reading.rows) - self.reading.first(self.reads) - self.reads)

    def draw(self) -> None:
        """The cursor stays on its entry; that another one is shown in its place is said."""
        entries = self.entries()
        gone = ""
        at = self._place(entries)
        self.selected = entries[at] if entries else None
        if self.selected != self._shown:
            if self._shown is not None and self._shown not in entries:
                gone = self.left(self._shown)
            self._shown, self._shown_at = self.selected, self.luna.moment
            self.reading = Reading()
        if self.selected is not None:
            page = self.document(self.selected)
            self.reading.resize(self.space.width)
            self.reading.set_text(page.text, page.marks, page.hangs)
        self.first = first_shown(len(entries), at, self.first, self.room())
        looks = self.looks(selected=self.selected, scroll=self.first)
        self._body.show(self.view(looks), self.luna.palette)
        if gone:
            self.luna.say_all([gone])

    def on_screen_resume(self) -> None:
        """What is on the screen is shown from now on."""
        self._shown_at = self.luna.moment

    def on_screen_suspend(self) -> None:
        """Nothing is shown any more."""
        self._shown_at = float("inf")

    def looked_at(self) -> bool:
        """Whether what is shown has been there for a moment; says so when it has not."""
        if self.luna.moment - self._shown_at >= LOOK_S:
            return True
        self.luna.say(_("That came before it could be read: look, then press the key again."))
        return False

    def taken_all(self) -> str:
        """The entry under the cursor, whole."""
        return self.reading.text

    def action_page_down(self) -> None:
        """Read on."""
        self._read(max(1, self.reads - 1))

    def action_page_up(self) -> None:
        """Read back."""
        self._read(-max(1, self.reads - 1))

    def action_first(self) -> None:
        """To the beginning of the entry."""
        self._read(-len(self.reading.rows))

    def action_last(self) -> None:
        """To its end."""
        self._read(len(self.reading.rows))

    def _read(self, rows: int) -> None:
        self.reading.scroll(rows, self.reads)
        self.draw()
