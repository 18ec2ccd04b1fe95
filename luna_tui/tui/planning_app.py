"""An app while a plan is written: shows its phases, and ends with a plan or without one."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from functools import partial

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.planning import PlanningRecord
from luna_tui.core.planning_progress import PlanningProgress
from luna_tui.core.prices import Price
from luna_tui.core.state import RunState
from luna_tui.session.parting import let_go
from luna_tui.session.planning import Planning, Proposal
from luna_tui.tui.lines_app import LinesApp
from luna_tui.tui.screens.planning import PlanningScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.signals import Signals
from luna_tui.tui.theme import ThemeLike
from luna_tui.tui.views.planning import TAIL_CHARS, PlanningLook

_EVERY_S = 0.25
"""How often what came meanwhile is shown; nothing is drawn when nothing came."""


class PlanningApp(LinesApp[Proposal | None], inherit_bindings=False):
    """Runs one planning after the other until there is a plan or somebody leaves."""

    BINDINGS = [("ctrl+c", "leave", "")]

    def __init__(
        self,
        make: Callable[[], Planning],
        *,
        goal: str,
        price: Price | None,
        tell: Callable[[PlanningRecord], None],
        settings: Settings,
        themes: Mapping[str, ThemeLike],
    ) -> None:
        """`make` makes a planning that has not begun; `tell` is told every record, on any thread."""
        super().__init__(settings, themes)
        self._make, self._tell = make, tell
        self._goal, self._price = goal, price
        self._planning: Planning | None = None
        self._lock = threading.Lock()
        """Protects the three below: other threads bring the news."""
        self._progress = PlanningProgress()
        self._text = ""
        self._news = True
        self._cancelling = False
        self.error: LunaError | None = None
        """Why there is no plan; None while there may be one."""
        self.signals = Signals(
            terminate=lambda: self.from_thread(self._end_by, ExitCode.TERMINATED),
            interrupt=lambda: self.from_thread(self.cancel),
            hang_up=lambda: self.from_thread(self._end_by, ExitCode.HANGUP),
        )

    def on_mount(self) -> None:
        """Begin."""
        self.push_screen(PlanningScreen())
        self.set_interval(_EVERY_S, self._show_news)
        self.begin()

    def state_now(self) -> tuple[RunState, float]:
        """No run."""
        return RunState(), 0.0

    def takes_click(self) -> bool:
        """There is nothing to click."""
        return False

    def look(self) -> PlanningLook:
        """What is shown now."""
        with self._lock:
            error = self.error
            return PlanningLook(
                goal=self._goal,
                progress=deepcopy(self._progress),
                text=self._text,
                price=self._price,
                failed="\n".join(filter(None, (error.message, error.hint))) if error is not None else "",
                cancelling=self._cancelling,
            )

    def begin(self) -> None:
        """Ask for a plan, from the beginning."""
        with self._lock:
            self._progress, self._text, self._news = PlanningProgress(), "", True
        self._cancelling, self.error = False, None
        try:
            self._planning = self._make()
        except LunaError as error:
            self._failed(error)
            return
        speaks = contextvars.copy_context()
        planning = self._planning
        body = partial(speaks.run, self._run, planning)
        threading.Thread(target=body, name="luna-planning", daemon=True).start()

    def cancel(self) -> None:
        """End it; asked twice, or where nothing is under way, leave at once."""
        if self._planning is None or self._cancelling or self.error is not None:
            self.exit(None)
            return
        self._cancelling = self._news = True
        self._planning.cancel()
        self._show_news()

    def action_leave(self) -> None:
        """ctrl+c on a screen without keys of its own for it."""
        self.cancel()

    def on_key(self) -> None:
        """A key acknowledges the notice."""
        self.next_notice()

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone: so is who wanted a plan."""
        let_go()
        self._end_by(ExitCode.HANGUP)

    def _run(self, planning: Planning) -> None:
        try:
            proposal = planning.run(self._take, self._write)
        except LunaError as error:
            self.from_thread(self._failed, error)
        except Exception as error:  # noqa: BLE001  raised again where the app ends with it
            self.from_thread(self._raise, error)
        else:
            self.from_thread(self.exit, proposal)

    def _take(self, record: PlanningRecord) -> None:
        with self._lock:
            self._progress.take(record)
            self._news = True
        self._tell(record)

    def _write(self, text: str) -> None:
        with self._lock:
            self._text = (self._text + text)[-TAIL_CHARS:]
            self._news = True

    def _failed(self, error: LunaError) -> None:
        self.error = error
        if error.code is ExitCode.INTERRUPTED:
            self.exit(None)
        else:
            self.draw_screens()

    def _raise(self, error: Exception) -> None:
        raise error

    def _end_by(self, code: ExitCode) -> None:
        if self._planning is not None:
            self._planning.cancel(by="signal")
        self.exit(None, code)

    def _show_news(self) -> None:
        with self._lock:
            news, self._news = self._news, False
        if news:
            self.draw_screens()


def run_planning(app: PlanningApp) -> Proposal | None:
    """Run the app on this terminal; None = there is no plan, and `app.error` may say why."""
    app.signals.listen()
    try:
        return app.run(mouse=app.settings.mouse)
    finally:
        app.signals.give_back()
