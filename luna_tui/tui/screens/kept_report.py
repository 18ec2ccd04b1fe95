"""The report of a kept run, over the home screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from luna_tui.core.home import Verb, Wish
from luna_tui.core.metrics import measure, measured
from luna_tui.core.report_facts import offers
from luna_tui.core.run_summary import KeptStatus, RunSummary
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.kept_page import KeptPage
from luna_tui.tui.views.home import usable
from luna_tui.tui.views.home_detail import can_replay, goes_on
from luna_tui.tui.views.keys import SCREEN_KEYS, Keys
from luna_tui.tui.views.report import report_lines
from luna_tui.tui.views.spans import Line

if TYPE_CHECKING:
    from luna_tui.tui.home_app import HomeApp


class KeptReport(KeptPage):
    """What a run came to; from here it can be replayed, or gone on with."""

    KEYS = SCREEN_KEYS["kept"]
    BINDINGS = bindings(KEYS)

    def __init__(self, state: RunState, run: RunSummary) -> None:
        super().__init__()
        self._state = state
        self._run = run
        self._offered = () if run.status is KeptStatus.RUNNING else offers(state)
        self._found = measured(state) if state.finished is not None else measure(state, state.at)

    @property
    def about(self) -> HomeApp:
        """The app."""
        return cast("HomeApp", self.app)

    def shown_keys(self) -> Keys:
        """Those that this run and this program allow."""
        offered = self.about.source.offered
        gone = set() if goes_on(self._run, offered) is not None else {"home.resume"}
        return tuple(k for k in usable(self.KEYS, offered) if k.id not in gone)

    def lines(self) -> list[Line]:
        """The report."""
        return report_lines(
            self._state, self._state.at, self.looks(),
            folder=self._run.folder, found=self._found, offered=self._offered,
            orphaned=self._run.status is KeptStatus.INTERRUPTED,
        )  # fmt: skip

    def action_replay(self) -> None:
        """Replay it."""
        if can_replay(self._run, self.about.source.offered):
            self.about.wish(Wish(Verb.REPLAY, self._run.run))

    def action_resume(self) -> None:
        """Go on with it; the home screen asks first."""
        if goes_on(self._run, self.about.source.offered) is None:
            self.about.say(_("There is nothing left to do in this run."))
        else:
            self.dismiss()
            self.about.home.action_resume()
