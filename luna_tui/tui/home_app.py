"""The app of the home screen: looks for news now and then, and is left with a wish."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from luna_tui.core.errors import LunaError
from luna_tui.core.home import HomeContents, HomeSource, Wish
from luna_tui.core.run_summary import RunSummary
from luna_tui.core.state import RunState
from luna_tui.session.parting import let_go
from luna_tui.tui.aside import aside
from luna_tui.tui.lines_app import LinesApp
from luna_tui.tui.screens.home import HomeScreen
from luna_tui.tui.screens.kept_page import HomeHelp
from luna_tui.tui.settings import Settings
from luna_tui.tui.signals import Signals
from luna_tui.tui.theme import ThemeLike
from luna_tui.tui.viewing import Viewing
from luna_tui.tui.views.home import kept_in_order, usable
from luna_tui.tui.views.keys import Keys

EVERY_S = 2.0
"""How often it looks for news."""


@dataclass(slots=True)
class HomePlace:
    """Where a person was; it outlives the app, which is made anew after each run."""

    selected: str | None = None
    """Key of the entry under the cursor."""
    order: int = 0
    ids: list[str] = field(default_factory=list)
    """Runs in the order shown."""
    contents: HomeContents | None = None
    """What there was at the last look."""
    viewing: Viewing | None = None

    def take(self, contents: HomeContents) -> None:
        """Show these from now on: what was there keeps its place, what is new comes on top."""
        if self.contents is None:
            self.selected = None
        self.contents = contents
        self.ids = kept_in_order(self.ids, contents, self.order)
        if self.viewing is not None:
            self.viewing.marked &= {r.run for r in contents.runs}


class HomeApp(LinesApp[Wish | None], inherit_bindings=False):
    """Has what a LunaScreen asks of its app, but no run."""

    BINDINGS = [("ctrl+c", "leave", "")]

    def __init__(
        self, source: HomeSource, place: HomePlace, settings: Settings, *, themes: Mapping[str, ThemeLike]
    ) -> None:
        super().__init__(settings, themes)
        self.source = source
        """Finds what is shown."""
        self.place = place
        """Where the cursor is."""
        self.viewing = place.viewing = place.viewing or self.viewing
        self._looking = False
        self.signals = Signals(
            terminate=lambda: self.from_thread(self.exit, None, 143),
            interrupt=lambda: self.from_thread(self.exit, None, 130),
            hang_up=lambda: self.from_thread(self.exit, None, 129),
        )
        self.home = HomeScreen()
        """The screen below all others."""

    def on_mount(self) -> None:
        """Show what is known, and look for news from now on."""
        self.push_screen(self.home)
        self.look()
        self.set_interval(EVERY_S, self._tick)

    def state_now(self) -> tuple[RunState, float]:
        """No run."""
        return RunState(), 0.0

    def takes_click(self) -> bool:
        """Every click selects: here is nothing that a stray one could spoil."""
        return True

    def runs(self) -> list[RunSummary]:
        """All runs in the order shown."""
        known = {r.run: r for r in self.place.contents.runs} if self.place.contents is not None else {}
        return [known[run] for run in self.place.ids]

    def sort(self, order: int) -> None:
        """Put them into this order."""
        self.place.order = order
        if self.place.contents is not None:
            self.place.ids = kept_in_order([], self.place.contents, order)

    def look(self) -> None:
        """Look for news, unless the last look is still on."""
        if not self._looking:
            self._looking = True
            aside(self, self.source.look, self._take, self._failed)

    def wish(self, wish: Wish) -> None:
        """Leave, and have this done."""
        self.exit(wish)

    def show_help(self, keys: Keys) -> None:
        """The keys of a screen."""
        self.push_screen(HomeHelp(usable(keys, self.source.offered)))

    def action_leave(self) -> None:
        """ctrl+c on a screen without keys of its own for it."""
        self.exit(None)

    def action_stop_all(self) -> None:
        """ctrl+c in a box or while something is typed."""
        self.exit(None)

    def on_key(self) -> None:
        """A key acknowledges the notice."""
        if self.notice:
            self.next_notice()
            self.draw_screens()

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone."""
        let_go()
        self.exit(None, 129)

    def _tick(self) -> None:
        """Ages grow while nothing else happens; what looks the same is not sent again."""
        self.look()
        self.draw_screens()

    def _take(self, contents: HomeContents | None) -> None:
        self._looking = False
        if contents is not None:
            self.place.take(contents)
            self.draw_screens()

    def _failed(self, error: LunaError) -> None:
        self._looking = False
        self.say(f"{error.title}: {error.message}")


def run_home(app: HomeApp) -> Wish | None:
    """Run the app on this terminal; None = leave the program."""
    app.signals.listen()
    try:
        return app.run(mouse=app.settings.mouse)
    finally:
        app.signals.give_back()
