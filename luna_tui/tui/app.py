"""The dashboard: pulls the run's state at its own pace and shows it; never makes the run wait."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Mapping, Sequence

from rich.segment import Segment, Segments
from textual.events import AppBlur, AppFocus

from luna_tui.core.clean import clean
from luna_tui.core.state import RunState
from luna_tui.core.words import Manner, Scope
from luna_tui.engine.control import RunControl
from luna_tui.session import Session
from luna_tui.tui.keymap import usable_keys
from luna_tui.tui.paced import PacedApp
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.screens.pages import ReportScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.signals import Signals, let_go
from luna_tui.tui.theme import Palette, ThemeLike


class LunaApp(PacedApp, inherit_bindings=False):
    """One run on one terminal."""

    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    CSS = "Screen { background: ansi_default; color: ansi_default; }"
    BINDINGS = [("ctrl+c", "stop_all", "")]

    def __init__(
        self,
        session: Session,
        *,
        themes: Mapping[str, ThemeLike],
        theme_name: str = "dark",
        notices: Sequence[str] = (),
        drive: Callable[[], object] | None = None,
        fps: int = 0,
        ascii_only: bool = False,
        close_after_s: float | None = None,
        folder: str = "",
        keymap: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(fps=fps)
        self._session = session
        self._drive = drive
        self.ascii_only = ascii_only
        """Draw with ASCII characters only."""
        self.folder = folder
        """Where the run is kept, for the report; empty when it is not."""
        self._keymap_given, complaints = usable_keys(keymap or {})
        self._unread = [*notices, *complaints]
        self._palettes = [Palette(t) for t in themes.values()] or [Palette(None)]
        known = [p.name for p in self._palettes]
        if theme_name in known:
            self._at_palette = known.index(theme_name)
        else:
            self._at_palette = 0
            self._unread.append(f"theme {theme_name} is not known; using {known[0]}")
        self.notice = self._unread.pop(0) if self._unread else ""
        """One line that stands in for the waiting line until a key is pressed; then comes the next."""
        self._close_after_s = close_after_s
        self._close_at: float | None = None
        self._focused = True
        self._drawn: tuple[int, int] = (-1, -1)
        self._reported = False
        self.error_text = ""
        """What went wrong, when the app crashed; without values of variables."""
        self.driving = False
        """The run was started; it goes on when the app has left."""
        self._ignores_click = False
        self.signals = Signals(
            terminate=self._terminate,
            interrupt=lambda: self._from_thread(self.action_stop_all),
            hang_up=lambda: self._from_thread(self._hung_up),
        )

    @property
    def palette(self) -> Palette:
        """Styles in use."""
        return self._palettes[self._at_palette]

    @property
    def closes_in_s(self) -> float | None:
        """Seconds until the app closes by itself; None = it stays."""
        return None if self._close_at is None else max(0.0, self._close_at - self._session.clock.now())

    def state_now(self) -> tuple[RunState, float]:
        """The fold, and the run's clock in seconds."""
        state = self._session.state()
        return state, self._session.now_s()

    def commands(self) -> RunControl | None:
        """The door for commands; None, with a notice, when this run takes none."""
        control = self._session.control
        if control is None or self.state_now()[0].finished is not None:
            self.say("This run takes no commands any more." if control else "A replay takes no commands.")
            return None
        return control

    def say(self, text: str) -> None:
        """Show one line until the next key."""
        self.notice = text
        self._draw()

    def on_mount(self) -> None:
        """Show the run, start it, and look for news from now on."""
        if self._keymap_given:
            self.set_keymap(self._keymap_given)
        self.push_screen(RunScreen())
        self.set_interval(self.pacer.tick_s, self._frame)
        if self._drive is not None:
            self.driving = True
            # Not Textual's pool: leaving the app would wait for the end of the run.
            threading.Thread(
                target=self._run_session, args=(self._drive,), name="luna-run", daemon=True
            ).start()

    def _run_session(self, drive: Callable[[], object]) -> None:
        try:
            drive()
        except Exception as error:  # noqa: BLE001  the app's one worker: shown, and the app ends
            self._from_thread(self._handle_exception, error)

    def _from_thread(self, call: Callable[..., object], *given: object) -> None:
        """Have the app's thread call this when it comes to it; nothing waits."""
        if self._loop is not None and not self._loop.is_closed():
            self.call_later(call, *given)

    def _terminate(self) -> None:
        """End the run, leave a clean terminal; any thread may call it."""
        control = self._session.control
        if control is not None:
            control.cancel(Scope.RUN, Manner.NOW, by="SIGTERM")
        self._from_thread(self.exit, None, 143)

    def on_luna_driver_lost(self) -> None:
        """The terminal is gone: let go of it and leave; the run goes on."""
        let_go()
        self._hung_up()

    def _hung_up(self) -> None:
        self.exit(return_code=129)

    def on_app_focus(self, _: AppFocus) -> None:
        """The clock ticks again."""
        self._ignores_click = self._ignores_click or not self._focused
        self._focused = True

    def takes_click(self) -> bool:
        """False for the click that brought the terminal to the front."""
        ignored, self._ignores_click = self._ignores_click, False
        return not ignored

    def on_app_blur(self, _: AppBlur) -> None:
        """No clock ticks while nobody looks."""
        self._focused = False

    def on_key(self) -> None:
        """A key acknowledges the notice."""
        self.notice = self._unread.pop(0) if self._unread else ""
        self._ignores_click = False

    def next_palette(self) -> None:
        """Use the next theme."""
        self._at_palette = (self._at_palette + 1) % len(self._palettes)
        self.notice = f"theme {self.palette.name}"

    def show_report(self) -> None:
        """Open the report."""
        if not isinstance(self.screen, ReportScreen):
            self.push_screen(ReportScreen())

    def keep_open(self) -> None:
        """Do not close by itself any more."""
        self._close_at = None

    def leave(self) -> None:
        """Leave, or ask first while the run is on."""
        state, _ = self.state_now()
        if self._session.control is None or state.finished is not None:
            self.exit()
        else:
            self.push_screen(StopMenu(None))

    def leave_hard(self) -> None:
        """End everything that runs and leave at once."""
        control = self._session.control
        if control is not None:
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
            self._draw()
        if state.finished is not None:
            self._after_end()

    def _after_end(self) -> None:
        if not self._reported:
            self._reported = True
            if self._close_after_s is not None:
                self._close_at = self._session.clock.now() + self._close_after_s
            while len(self.screen_stack) > 2:
                self.pop_screen()
            self.push_screen(ReportScreen())
        elif self.closes_in_s == 0.0:
            self.exit()

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


def run_app(app: LunaApp) -> int | None:
    """Run the app on this terminal; its return code when it failed or was left hard, else None."""
    app.signals.listen()
    try:
        app.run(mouse=True)
    finally:
        app.signals.left.set()
    return app.return_code or None
