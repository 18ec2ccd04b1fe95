"""An app of its own before a run exists: shows what a plan will take, and ends with a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.limits import TierLimits
from luna_tui.core.survey import Survey
from luna_tui.core.words import Mode, Staffing
from luna_tui.session.parting import let_go
from luna_tui.tui.lines_app import LinesApp
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
        settings: Settings,
        themes: Mapping[str, ThemeLike],
    ) -> None:
        """`missing` says why it cannot be started as it is; empty when it can.

        `sandbox` is what holds commands of agents, in a sentence, and whether anything does.
        """
        super().__init__(settings, themes)
        self.survey = survey
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

    def takes_click(self) -> bool:
        """Every click selects: here is nothing that a stray one could spoil."""
        return True

    def decide(self, choice: Choice | None) -> None:
        """Leave with a decision; None starts nothing."""
        self.exit(choice)

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
