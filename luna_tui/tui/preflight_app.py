"""An app of its own before a run exists: shows what a plan will take, and ends with a decision."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Mapping
from dataclasses import dataclass

from rich.segment import Segment, Segments
from textual.app import App

from luna_tui.core.clean import clean
from luna_tui.core.limits import TierLimits
from luna_tui.core.survey import Survey
from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.driver import LunaDriver
from luna_tui.tui.palettes import Palettes
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.screens.preflight import PreflightScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.signals import Signals, let_go
from luna_tui.tui.theme import Palette, ThemeLike
from luna_tui.tui.viewing import Viewing


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """On what terms to start."""

    mode: Mode
    workers: int | Staffing
    budget_usd: float | None = None
    dry_run: bool = False
    """With the simulator's answers."""


class PreflightApp(App[Choice | None], inherit_bindings=False):
    """Has what a LunaScreen asks of its app, but no run."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    CSS = "Screen { background: ansi_default; color: ansi_default; }"
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
        settings: Settings,
        themes: Mapping[str, ThemeLike],
    ) -> None:
        """`missing` says why it cannot be started as it is; empty when it can."""
        super().__init__(driver_class=LunaDriver, ansi_color=True)
        self.survey = survey
        self.choice = choice
        """As it is now; enter starts with it."""
        self.tier, self.tiers, self.provider, self.missing = tier, tiers, provider, missing
        self.settings = settings
        self.viewing = Viewing(mouse=settings.mouse)
        self.palettes = Palettes(themes, settings.theme)
        """Themes, and the one in use."""
        self._unread = [*settings.notices, *filter(None, [self.palettes.complaint])]
        self.notice = self._unread.pop(0) if self._unread else ""
        """One line that stands in for the key line until a key is pressed."""
        self.error_text = ""
        """What went wrong, when the app crashed; without values of variables."""
        self.signals = Signals(
            terminate=lambda: self._from_thread(143),
            interrupt=lambda: self._from_thread(130),
            hang_up=lambda: self._from_thread(129),
        )

    @property
    def palette(self) -> Palette:
        """Styles in use."""
        return self.palettes.current

    def on_mount(self) -> None:
        """Show the plan."""
        if self.settings.keymap:
            self.set_keymap(dict(self.settings.keymap))
        self.push_screen(PreflightScreen())

    def say(self, text: str) -> None:
        """Show one line until the next key."""
        self.notice = text
        self._draw()

    def takes_click(self) -> bool:
        """Every click selects: here is nothing that a stray one could spoil."""
        return True

    def decide(self, choice: Choice | None) -> None:
        """Leave with a decision; None starts nothing."""
        self.exit(choice)

    def action_leave(self) -> None:
        """ctrl+c on a screen without keys of its own for it."""
        self.decide(None)

    def on_key(self) -> None:
        """A key acknowledges the notice."""
        self.notice = self._unread.pop(0) if self._unread else ""

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone: nothing starts."""
        let_go()
        self.exit(None, 129)

    def _from_thread(self, code: int) -> None:
        if self._loop is not None and not self._loop.is_closed():
            self.call_later(self.exit, None, code)

    def _draw(self) -> None:
        for screen in reversed(self.screen_stack):
            if isinstance(screen, LunaScreen):
                screen.redraw()
            if not screen.is_modal:
                return

    def _fatal_error(self) -> None:
        """Leave a clean terminal and a traceback without values: they may hold prompts and keys."""
        if self._exception is not None:
            self.error_text = clean("".join(traceback.format_exception(self._exception)))
        self._exit_renderables.append(Segments([Segment("The screen crashed.\n")]))
        self._close_messages_no_wait()


def run_preflight(app: PreflightApp) -> Choice | None:
    """Run the app on this terminal; None = start nothing."""
    app.signals.listen()
    try:
        return app.run(mouse=app.settings.mouse)
    finally:
        app.signals.left.set()
        # Until a run takes them, signals mean again what they mean to any program.
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
