"""What all screens share: they draw when told to, from the run's state and their own size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from textual.await_complete import AwaitComplete
from textual.binding import Binding
from textual.geometry import Size
from textual.screen import Screen

from luna_tui.core.words import Watching
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.keys import Keys
from luna_tui.tui.views.spans import Looks, Panel
from luna_tui.tui.widgets.lines_panel import LinesPanel

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp


BAR = "bar"
"""Id of the panel above a screen that is no part of it."""


def bindings(keys: Keys) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """Bindings with ids from the table of keys; the action is the last part of the id."""
    return [Binding(k.keys, k.id.rpartition(".")[2], k.does, id=k.id, show=False) for k in keys]


class LunaScreen(Screen[Any]):
    """A screen of the dashboard."""

    AUTO_FOCUS = None

    @property
    def luna(self) -> LunaApp:
        """The app."""
        return cast("LunaApp", self.app)

    @property
    def glyphs(self) -> Glyphs:
        """Characters to draw with."""
        return glyphs_for(self.luna.settings.ascii)

    @property
    def space(self) -> Size:
        """Cells that this screen may fill: all but those of a bar above it."""
        width, height = self.app.size
        return Size(width, height - (0 if self.is_modal else self.luna.bar_rows(height)))

    def looks(
        self, *, selected: str | None = None, follow: bool = True, scroll: int = 0, order: int = 0
    ) -> Looks:
        """This screen's size and choices."""
        size = self.space
        viewing = self.luna.viewing
        return Looks(
            width=size.width,
            height=size.height,
            selected=selected,
            marked=frozenset(viewing.marked),
            filter=viewing.filter,
            order=order,
            density=viewing.density.get((size.width, size.height), 0),
            peek=viewing.peek,
            ascii=self.luna.settings.ascii,
            follow=follow,
            stream_text=self.luna.stream_text,
            status=self.luna.line_words,
            scroll=scroll,
            keymap=self.luna.settings.keymap,
            watching=self._unsaid(),
            notice=self.luna.notice,
            playing=self.luna.playing,
        )

    def _unsaid(self) -> Watching:
        """What this viewer has to do with the run, unless a bar above says so already."""
        barred = self.space.height < self.app.size.height
        return Watching.OWN if barred else self.luna.watching

    def draw(self) -> None:
        """Show the run as it is now; only called while the panels are there."""

    def picked(self, key: str) -> None:
        """An entry was clicked; clicking only selects."""

    def on_lines_panel_picked(self, event: LinesPanel.Picked) -> None:
        """Select, unless the click only brought the terminal to the front."""
        if self.luna.takes_click():
            self.picked(event.key)

    def rewound(self) -> None:
        """Forget what was seen of the run: a replay went elsewhere, and it may not be so any more."""

    def redraw(self) -> None:
        """Draw, unless this screen is not there yet or not any more."""
        if not (self._composed and self.is_attached):
            return
        if self._jumps != self.luna.jumps:
            self._jumps = self.luna.jumps
            self.rewound()
        self._show_bar()
        self.draw()

    def _show_bar(self) -> None:
        size = self.app.size
        lines = self.luna.bar(size.width) if self.space.height < size.height else ()
        if self._bar is None and lines:
            self._bar = LinesPanel(BAR)
            self.mount(self._bar, before=0)
        if self._bar is not None:
            self._bar.show(Panel(lines), self.luna.palette)

    def dismiss(self, result: object = None) -> AwaitComplete:
        """Close this screen, and no other: a key may come when it is closed or has one on top."""
        return super().dismiss(result) if self.is_active else AwaitComplete()

    _composed = False
    _jumps = 0
    _bar: LinesPanel | None = None

    def on_mount(self) -> None:
        """The panels are there from now on."""
        self._composed = True
        self.redraw()

    def on_unmount(self) -> None:
        """The panels are gone."""
        self._composed = False

    def on_resize(self) -> None:
        """Draw for the new size."""
        self.redraw()

    def on_screen_resume(self) -> None:
        """Draw what happened meanwhile."""
        self.redraw()
