"""The dashboard: pulls the run's state at its own pace and shows it; never makes the run wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from textual.events import AppBlur, AppFocus, Key

from luna_tui.core.state import RunState
from luna_tui.core.telling import status_sentences
from luna_tui.core.tongue import _
from luna_tui.core.words import Manner, Scope, Watching
from luna_tui.engine.control import RunControl
from luna_tui.session.protocol import Session
from luna_tui.tui.acts import Acts
from luna_tui.tui.announcing import Announcer
from luna_tui.tui.lines_app import LinesApp
from luna_tui.tui.screens.asks import AsksScreen
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.screens.changes import ChangesScreen
from luna_tui.tui.screens.events import EventsScreen
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.screens.limits import LimitsScreen
from luna_tui.tui.screens.plan import PlanScreen
from luna_tui.tui.screens.problems import ProblemsScreen
from luna_tui.tui.screens.report import ReportScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.screens.timeline import TimelineScreen
from luna_tui.tui.settings import Settings
from luna_tui.tui.signals import Signals
from luna_tui.tui.theme import ThemeLike
from luna_tui.tui.views.banner import no_commands
from luna_tui.tui.views.keys import Keys

_MOMENT_S = 1.0


class LunaApp(LinesApp[None], inherit_bindings=False):
    """One run on one terminal."""

    BINDINGS = [("ctrl+c", "stop_all", "")]
    SCREENS = {
        "run": RunScreen,
        "asks": AsksScreen,
        "changes": ChangesScreen,
        "problems": ProblemsScreen,
        "timeline": TimelineScreen,
        "limits": LimitsScreen,
        "events": EventsScreen,
        "plan": PlanScreen,
        "report": ReportScreen,
    }

    def __init__(
        self,
        session: Session,
        settings: Settings,
        *,
        themes: Mapping[str, ThemeLike],
        drive: Callable[[], object] | None = None,
    ) -> None:
        super().__init__(settings, themes)
        self._session = session
        self._drive = drive
        self.acts = Acts()
        """What this person did to the run."""
        self._announcer = Announcer(settings.channels)
        self._close_at: float | None = None
        self._focused = True
        self._drawn: tuple[int, int] = (-1, -1)
        self._reported = False
        self._reported_at = 0.0
        self._ignores_click = False
        self._looked_at = -1
        """Second in which theme files were looked at last."""
        self.signals = Signals(
            terminate=self._terminate,
            interrupt=lambda: self.from_thread(self.action_stop_all),
            hang_up=lambda: self._hung_up("SIGHUP"),
            report=lambda: self.from_thread(self._say_state),
            stacks=lambda: self.from_thread(self._say_stacks, settings.parting.stacks()),
            parting=settings.parting,
        )

    @property
    def closes_in_s(self) -> float | None:
        """Seconds until the app closes by itself; None = it stays."""
        return None if self._close_at is None else max(0.0, self._close_at - self._session.clock.now())

    @property
    def moment(self) -> float:
        """Seconds on a clock that only goes forward."""
        return self._session.clock.now()

    @property
    def watching(self) -> Watching:
        """Where the run goes on."""
        return self._session.watching

    def state_now(self) -> tuple[RunState, float]:
        """The fold, and the run's clock in seconds."""
        state = self._session.state()
        return state, self._session.now_s()

    def commands(self) -> RunControl | None:
        """The door for commands; None, with a notice, when this run takes none."""
        if self.takes_commands():
            return self._session.control
        self.say(no_commands(self.watching))
        return None

    @property
    def just_ended(self) -> bool:
        """The report opened by itself a moment ago: a key may be meant for what was there before."""
        return self._reported and self._session.clock.now() - self._reported_at < _MOMENT_S

    def takes_commands(self) -> bool:
        """Whether the run is on and can be changed."""
        return self._session.control is not None and self.state_now()[0].finished is None

    def settles_changes(self) -> RunControl | None:
        """The door for what becomes of changes: open while the run is on, and after it in its own process."""
        over = self.state_now()[0].finished is not None
        return None if over and self.watching is not Watching.OWN else self._session.control

    def would_end(self) -> bool:
        """Whether the run is on and lives only as long as this program shows or tells it."""
        return self.takes_commands() and self.watching is Watching.OWN

    def on_mount(self) -> None:
        """Show the run, start it, and look for news from now on."""
        self.push_screen("run")
        self._send(self._announcer.begin())
        self.set_interval(self.pacer.tick_s, self._frame)
        if self._drive is not None:
            # Not Textual's pool: leaving the app would wait for the end of the run.
            run = self._run_session
            threading.Thread(target=run, args=(self._drive,), name="luna-run", daemon=True).start()

    def on_unmount(self) -> None:
        """Leave the terminal its own title."""
        self._send(self._announcer.end())

    def _run_session(self, drive: Callable[[], object]) -> None:
        try:
            drive()
        except Exception as error:  # noqa: BLE001  the app's one worker: shown, and the app ends
            self.from_thread(self._handle_exception, error)

    def _terminate(self) -> None:
        """Leave a clean terminal at once, the run gets a little time; any thread may call it."""
        self.settings.parting.terminate()
        self.from_thread(self.exit, None, 143)

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone: let go of it and leave; the run goes on."""
        self.settings.parting.let_go()
        self._hung_up("SIGHUP" if self.signals.hung_up else "closed")

    def _hung_up(self, how: str) -> None:
        self.settings.parting.lost(how)
        self.from_thread(self.exit, None, 129)

    def _say_state(self) -> None:
        state, now_s = self.state_now()
        self.say(" ".join(status_sentences(state, now_s)))

    def _say_stacks(self, where: str) -> None:
        if where:
            self.say(_("what every thread is doing: {path}").format(path=where))

    def on_app_focus(self, event: AppFocus) -> None:
        """The clock ticks again."""
        self._ignores_click = self._ignores_click or not self._focused
        self._focused = True

    def takes_click(self) -> bool:
        """False for the click that brought the terminal to the front."""
        ignored, self._ignores_click = self._ignores_click, False
        return not ignored

    def on_app_blur(self, event: AppBlur) -> None:
        """No clock ticks while nobody looks."""
        self._focused = False

    def on_key(self, event: Key) -> None:
        """A key acknowledges the notice; one that was typed ahead of a box goes to the box."""
        if isinstance(self.screen, BoxScreen):
            self.screen.typed_ahead(event)
            return
        if self.notice:
            self.next_notice()
            self.draw_screens()
        self._ignores_click = False

    def open(self, name: str) -> None:
        """Go to a screen by its name: back to it when it is open below, else on top."""
        screen = self.get_screen(name)
        if screen not in self.screen_stack:
            self.push_screen(name)
            return
        while self.screen is not screen:
            self.pop_screen()

    def look_at(self, key: str) -> None:
        """Put the cursor of the screen on top on an entry."""
        if isinstance(self.screen, LunaScreen):
            self.screen.picked(key)

    def open_subtask(self, subtask: str) -> None:
        """The screen of one subtask."""
        self.push_screen(SubtaskScreen(subtask))

    def show_help(self, keys: Keys) -> None:
        """The keys of a screen."""
        self.push_screen(HelpScreen(keys))

    def keep_open(self) -> None:
        """Do not close by itself any more."""
        self._close_at = None

    def detach(self) -> None:
        """Leave; the run goes on, or it says why it would not."""
        on = self.would_end()
        why = self.settings.parting.why_stays if on else ""
        if why:
            self.say(_("The run would not go on without this terminal: {why}.").format(why=why))
            return
        self.viewing.away = on
        self.exit()

    def leave(self) -> None:
        """Leave, or ask first where the run would end."""
        if self.would_end():
            self.push_screen(StopMenu())
        else:
            self.exit()

    def leave_hard(self) -> None:
        """End everything that runs and leave at once."""
        control = self._session.control
        if control is not None and self.watching is Watching.OWN:
            control.cancel(Scope.RUN, Manner.NOW, by="user")
        self.exit(return_code=130)

    def action_stop_all(self) -> None:
        """ctrl+c on a screen without a stop menu of its own."""
        self.leave()

    def _frame(self) -> None:
        """Draw when there is news, or when a second has passed that somebody sees."""
        state, now_s = self.state_now()
        second = int(now_s if state.finished is None else (self.closes_in_s or 0))
        news = (state.seq, second if self._focused else self._drawn[1])
        if news != self._drawn and self.frame_due():
            self._drawn = news
            self.draw_screens()
        self.say_all(self.settings.heard())
        at = self._session.clock.now()
        dismissed = self.viewing.dismissed
        self._send(self._announcer.news(state, now_s, at, focused=self._focused, dismissed=dismissed))
        if self._focused and int(at) != self._looked_at:
            self._looked_at = int(at)
            self._take_in_themes()
        if state.finished is not None:
            self._after_end()

    def _take_in_themes(self) -> None:
        if (said := self.palettes.refresh()) is not None:
            self.say(said)

    def _send(self, sequence: str) -> None:
        """Hand bytes that are not part of the screen to the terminal."""
        if sequence and self._driver is not None:
            self._driver.write(sequence)

    def _after_end(self) -> None:
        if not self._reported:
            self._reported, self._reported_at = True, self._session.clock.now()
            self.draw_screens()  # a box that is open says that nothing came of it
            if self.settings.close_after_s is not None:
                self._close_at = self._session.clock.now() + self.settings.close_after_s
            while len(self.screen_stack) > 2:
                self.pop_screen()
            self.open("report")
        elif self.closes_in_s == 0.0:
            self.exit()


def run_app(app: LunaApp) -> int | None:
    """Run the app on this terminal; its return code when it failed or was left hard, else None."""
    app.signals.listen()
    try:
        app.run(mouse=app.settings.mouse)
    finally:
        app.signals.left.set()
    return app.return_code or None
