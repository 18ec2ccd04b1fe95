"""An app of its own before a run exists: shows what a plan will take, and ends with a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from luna_tui.core.limits import TierLimits
from luna_tui.core.plan import Plan
from luna_tui.core.plan_editing import Anew, Editing, Edition
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _
from luna_tui.core.words import Mode, Staffing
from luna_tui.session.parting import let_go
from luna_tui.tui.lines_app import LinesApp
from luna_tui.tui.screens.difference import DifferencePage
from luna_tui.tui.screens.preflight import PreflightScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.signals import Signals
from luna_tui.tui.theme import ThemeLike


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """On what terms to start."""

    mode: Mode
    workers: int | Staffing
    budget_usd: float | None = None
    dry_run: bool = False
    """With the simulator's answers."""
    plan: Plan | None = None
    """As it was changed here; None = it was not."""


class PlanKeeper(Protocol):
    """Writes a plan to a file; both may wait for the disk."""

    def suggest(self, plan: Plan) -> str:
        """A file that is not there yet."""
        ...

    def write(self, path: str, plan: Plan) -> str:
        """Write a new file; its whole path. LunaError when it cannot be written."""
        ...


class PreflightApp(LinesApp[Choice | None], inherit_bindings=False):
    """Has what a LunaScreen asks of its app, but no run."""

    BINDINGS = [("ctrl+c", "leave", "")]

    def __init__(
        self,
        survey: Survey,
        choice: Choice,
        *,
        tier: str,
        tiers: Mapping[str, TierLimits],
        provider: str,
        missing: str,
        sandbox: tuple[str, bool] = ("", True),
        models: Sequence[str] = (),
        keeper: PlanKeeper | None = None,
        only_here: bool = False,
        anew: Anew | None = None,
        settings: Settings,
        themes: Mapping[str, ThemeLike],
    ) -> None:
        """`missing` says why it cannot be started as it is; empty when it can.

        `sandbox` is what holds commands of agents, in a sentence, and whether anything does. `models` are
        those whose price is known. `only_here` = the plan is in no file that would stay.
        `anew` = it is what a run left, planned anew.
        """
        super().__init__(settings, themes)
        self.editing, self.anew = Editing(survey.plan), anew
        self.survey = survey if anew is None else Survey(anew.rest(survey.plan), survey.prices)
        """Of what would run."""
        self.models, self.keeper = tuple(models), keeper
        self.kept: Edition | None = None if only_here else self.editing.now
        """What a file holds."""
        self._warned = False
        self.choice = choice
        """As it is now; enter starts with it."""
        self.tier, self.tiers, self.provider, self.missing = tier, tiers, provider, missing
        self.sandbox = sandbox
        self.signals = Signals(
            terminate=lambda: self.from_thread(self.exit, None, 143),
            interrupt=lambda: self.from_thread(self.exit, None, 130),
            hang_up=lambda: self.from_thread(self.exit, None, 129),
        )

    def on_mount(self) -> None:
        """Show the plan."""
        self.push_screen(PreflightScreen())
        if self.anew is not None:
            self.push_screen(DifferencePage(self.anew))

    def takes_click(self) -> bool:
        """Every click selects: here is nothing that a stray one could spoil."""
        return True

    def edited(self) -> None:
        """The plan is another one: it takes something else from now on."""
        now = self.editing.now
        plan = now.left() if self.editing.changed else now.plan
        if self.anew is not None:
            plan = self.anew.rest(plan)
        self.survey = Survey(plan, self.survey.prices)

    def decide(self, choice: Choice | None) -> None:
        """Leave with a decision; None starts nothing."""
        if choice is not None and self.editing.changed:
            choice = replace(choice, plan=self.editing.now.left())
        self.exit(choice)

    def leave(self) -> None:
        """Leave and start nothing; says so first when a plan is lost by that."""
        if self.kept == self.editing.now or self._warned:
            self.decide(None)
            return
        self._warned = True
        self.say(_("The plan as it is now is in no file: o writes it, the same key again leaves it."))

    def action_leave(self) -> None:
        """ctrl+c on a screen without keys of its own for it."""
        self.decide(None)

    def action_stop_all(self) -> None:
        """ctrl+c while something is typed."""
        self.decide(None)

    def on_key(self) -> None:
        """A key acknowledges the notice."""
        self.next_notice()

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone: nothing starts."""
        let_go()
        self.exit(None, 129)


def run_preflight(app: PreflightApp) -> Choice | None:
    """Run the app on this terminal; None = start nothing."""
    app.signals.listen()
    try:
        return app.run(mouse=app.settings.mouse)
    finally:
        app.signals.give_back()
