"""The dashboard of a run that goes on in another process, and does so when the dashboard is left."""

from __future__ import annotations

from textual.binding import Binding

from luna_tui.core.words import Watching
from luna_tui.tui.app import LunaApp


class AttachedApp(LunaApp):
    """Shows a run of another process on one terminal."""

    # Before the keys of any screen: it leaves everywhere, instead of asking what to stop.
    BINDINGS = [Binding("ctrl+c", "stop_all", show=False, priority=True)]


def app_for(watching: Watching) -> type[LunaApp]:
    """The dashboard that suits what a viewer has to do with the run."""
    return LunaApp if watching is Watching.OWN else AttachedApp
