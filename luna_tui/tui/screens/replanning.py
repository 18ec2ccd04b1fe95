"""The key that has the rest of a run planned anew, once the run is over."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import LunaError
from luna_tui.core.home import PlanningPrice
from luna_tui.core.tongue import _
from luna_tui.core.words import GOOD, Watching
from luna_tui.tui.aside import aside
from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.screens.boxes.ask import AskBox
from luna_tui.tui.views.boxes.replan import replan_box


class Replans(ActingScreen):
    """Shows what planning anew may cost first; nothing of the run is changed by it."""

    def action_replan(self) -> None:
        """Offer it, or say why it cannot be had here."""
        luna = self.luna
        state = luna.state_now()[0]
        price_of = luna.settings.replanning
        if luna.watching is not Watching.OWN or price_of is None:
            luna.say(_("luna-tui replan {run} --run plans the rest anew").format(run=state.run))
        elif state.finished is None:
            luna.say(_("The rest can be planned anew when the run is over; x stops it."))
        elif sum(state.counts.get(status, 0) for status in GOOD) == len(state.subtasks):
            luna.say(_("Everything is done; there is nothing to plan anew."))
        else:
            self._offer(price_of)

    def _offer(self, price_of: Callable[[], PlanningPrice]) -> None:
        luna = self.luna

        def ask(price: PlanningPrice) -> None:
            takes = {"N": self._leave_for_it}
            self.app.push_screen(AskBox(replan_box(luna.state_now()[0], price), takes))

        def failed(error: LunaError) -> None:
            luna.say(clean_line(f"{error.title}: {error.message}"))

        aside(luna, price_of, ask, failed)

    def _leave_for_it(self) -> None:
        self.luna.viewing.replan = True
        self.luna.exit()
