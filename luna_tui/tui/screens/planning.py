"""While a plan is written: phases above, what the model writes below."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.app import ComposeResult

from luna_tui.tui.screens.base import LunaScreen, bindings
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.planning import planning_view
from luna_tui.tui.widgets.lines_panel import LinesPanel

if TYPE_CHECKING:
    from luna_tui.tui.planning_app import PlanningApp


class PlanningScreen(LunaScreen):
    """Shows how far it is; nothing of the plan has started."""

    KEYS = SCREEN_KEYS["planning"]
    BINDINGS = bindings(KEYS)

    def __init__(self) -> None:
        super().__init__()
        self._body = LinesPanel("planning")

    @property
    def about(self) -> PlanningApp:
        """The app, which has the planning."""
        return cast("PlanningApp", self.app)

    def compose(self) -> ComposeResult:
        """One panel."""
        yield self._body

    def draw(self) -> None:
        """Show how far it is."""
        self._body.show(planning_view(self.about.look(), self.looks()), self.luna.palette)

    def action_back(self) -> None:
        """Cancel."""
        self.about.cancel()

    def action_leave(self) -> None:
        """Cancel."""
        self.about.cancel()

    def action_retry(self) -> None:
        """Ask once more, where there is no plan."""
        if self.about.error is not None:
            self.about.begin()
            self.draw()

    def action_theme(self) -> None:
        """Next theme."""
        self.about.say(self.about.palettes.next())
