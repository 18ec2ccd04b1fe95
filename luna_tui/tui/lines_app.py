"""What our apps share: screens made of lines, notices, themes, a quiet end when something breaks."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from rich.segment import Segment, Segments

from luna_tui.core.clean import clean
from luna_tui.core.words import Watching
from luna_tui.tui.paced import PacedApp
from luna_tui.tui.palettes import Palettes
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.theme import Palette, ThemeLike
from luna_tui.tui.viewing import Viewing
from luna_tui.tui.views.spans import Lines

R = TypeVar("R")


class LinesApp(PacedApp[R], inherit_bindings=False):
    """Has what a LunaScreen asks of its app."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    playing: bool | None = None
    """Whether the replay that is shown plays or stands; None = no replay."""
    jumps = 0
    """Rises when what screens remember of the run may not be so any more."""
    CSS = "Screen { background: ansi_default; color: ansi_default; }"

    def __init__(self, settings: Settings, themes: Mapping[str, ThemeLike]) -> None:
        super().__init__(fps=settings.fps)
        self.settings = settings
        """What it was told at the start."""
        self.viewing = Viewing(mouse=settings.mouse)
        """What this person chose to see."""
        self.palettes = Palettes(themes, settings.theme, settings.themes_changed)
        """Themes, and the one in use."""
        self._unread = [*settings.notices, *filter(None, [self.palettes.complaint])]
        self.notice = self._unread.pop(0) if self._unread else ""
        """One line that stands in for the key line until a key is pressed; then comes the next."""
        self.error_text = ""
        """What went wrong, when the app crashed; without values of variables."""

    @property
    def watching(self) -> Watching:
        """Where the run goes on that is shown; the app's own where it shows none."""
        return Watching.OWN

    @property
    def palette(self) -> Palette:
        """Styles in use."""
        return self.palettes.current

    def say(self, text: str) -> None:
        """Show one line until the next key."""
        self.notice = text
        self.draw_screens()

    def say_all(self, texts: Sequence[str]) -> None:
        """Show these, one after the other, each until the next key."""
        self._unread += texts
        if texts and not self.notice:
            self.next_notice()
            self.draw_screens()

    def next_notice(self) -> None:
        """A key acknowledges the notice."""
        self.notice = self._unread.pop(0) if self._unread else ""

    def on_mount(self) -> None:
        """Use the keys that were chosen."""
        if self.settings.keymap:
            self.set_keymap(dict(self.settings.keymap))

    def bar_rows(self, height: int) -> int:
        """Rows above every screen of a terminal so high; what is left is the screen's."""
        return 0

    def bar(self, width: int) -> Lines:
        """What stands in them."""
        return ()

    def draw_screens(self) -> None:
        """Draw what can be seen: the screen on top, and those below boxes."""
        for screen in reversed(self.screen_stack):
            if isinstance(screen, LunaScreen):
                screen.redraw()
            if not screen.is_modal:
                return

    def from_thread(self, call: Callable[..., object], *given: object) -> None:
        """Have the app's thread call this when it comes to it; nothing waits."""
        if self._loop is not None and not self._loop.is_closed():
            self.call_later(call, *given)

    def toggle_mouse(self) -> bool:
        """Leave the mouse to the terminal, or take it back; whether clicks are ours now."""
        self.viewing.mouse = not self.viewing.mouse
        self.set_mouse(self.viewing.mouse)
        return self.viewing.mouse

    def _fatal_error(self) -> None:
        """Leave a clean terminal and a traceback without values: they may hold prompts and keys."""
        if self._exception is not None:
            self.error_text = clean("".join(traceback.format_exception(self._exception)))
        self._exit_renderables.append(Segments([Segment("The screen crashed.\n")]))
        self._close_messages_no_wait()
