"""The program without a command: the home screen, and from there every other command and back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from types import FrameType

from luna_tui.commands.compare import compared, folded
from luna_tui.commands.own_program import program
from luna_tui.commands.screen import draws_boxes
from luna_tui.commands.settings import checked_keys, plan_defaults
from luna_tui.core.clean import clean_line
from luna_tui.core.comparison import Comparison
from luna_tui.core.errors import ExitCode
from luna_tui.core.home import HomeContents, PlanningPrice, Verb, Wish
from luna_tui.core.run_summary import KeptStatus
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, choose
from luna_tui.engine.clock import SystemClock
from luna_tui.storage.config import Config, current_environ, load_config
from luna_tui.storage.paths import find_run, runs_dir
from luna_tui.storage.plan_files import PlanShelf
from luna_tui.storage.summaries import RunShelf
from luna_tui.storage.translations import language, translations

Perform = Callable[[Sequence[str]], int]
"""Run a command of this program on this terminal; its exit code."""
STOP_S = 20.0
"""Patience with a run that was asked to stop."""
_TOLD = (
    ExitCode.INTERNAL, ExitCode.USAGE, ExitCode.NOT_SAVED, ExitCode.CREDENTIALS, ExitCode.INVALID,
)  # fmt: skip
"""After these there is something on the terminal to be read."""


class Shelf:
    """HomeSource of this computer."""

    def __init__(self, config: Config, known: frozenset[str]) -> None:
        self.folder = str(Path.cwd())
        self.home = os.path.expanduser("~")
        self.offered = frozenset(verb for verb in Verb if verb.value in known)
        self._config = config
        self._clock = SystemClock()
        self._runs = RunShelf(runs_dir())
        self._plans = PlanShelf(Path.cwd(), plan_defaults(config))
        self._last: HomeContents | None = None
        self._lock = threading.Lock()
        """Protects the shelves: an app that was left may still be looking when the next one begins."""

    def now(self) -> datetime:
        """The date and time, UTC."""
        return self._clock.wall()

    def look(self) -> HomeContents | None:
        """What there is; None when nothing changed since the last look."""
        with self._lock:
            found = HomeContents(self._runs.look(self.now()), self._plans.look())
            if found == self._last:
                return None
            self._last = found
            return found

    def statuses(self) -> dict[str, KeptStatus]:
        """How every run stands now, the newest first."""
        with self._lock:
            return {r.run: r.status for r in self._runs.look(self.now())}

    def state(self, run: str) -> RunState:
        """The fold of a run."""
        return folded(find_run(run))

    def compare(self, before: str, after: str) -> Comparison:
        """What changed from one run to another."""
        return compared(find_run(before), find_run(after))

    def planning_price(self) -> PlanningPrice:
        """What a planning in this folder may cost."""
        from luna_tui.session.planning import PlanRequest
        from luna_tui.session.planning_price import planning_price

        request = PlanRequest(goal="", workspace=Path.cwd(), defaults=plan_defaults(self._config))
        return planning_price(self._config, request)

    def stop(self, run: str, *, now: bool) -> str:
        """Ask a run that is on to stop; the last line of what was said."""
        argv = [*argv_of(Wish(Verb.CANCEL, run)), *(["--now"] if now else [])]
        try:
            done = subprocess.run(
                program(argv),
                capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=STOP_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return _("{run} did not answer").format(run=run)
        lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
        return clean_line(lines[-1]) if lines else _("{run} was asked to stop").format(run=run)


def home(known: frozenset[str], perform: Perform | None = None) -> int:
    """Show the home screen again and again until it is left; `known` are the commands of this program."""
    from luna_tui.commands.screen import settings_of
    from luna_tui.tui.home_app import HomeApp, HomePlace, run_home
    from luna_tui.tui.views.home import RUN

    environ = current_environ()
    config = load_config(explicit=None, cwd=Path.cwd(), environ=environ, flags={})
    keys = checked_keys(config)
    plain = config.ascii or not draws_boxes(environ)
    choose(translations(language(config.lang, environ), ascii=plain))
    settings, themes = settings_of(config, keys)
    shelf, place = Shelf(config, known), HomePlace()
    while True:
        app = HomeApp(shelf, place, settings, themes=themes)
        wish = run_home(app)
        if wish is None:
            if app.error_text:
                print(app.error_text, file=sys.stderr, flush=True)
                return ExitCode.INTERNAL
            return app.return_code or ExitCode.OK
        before = shelf.statuses()
        try:
            code = (perform or run_program)(argv_of(wish))
        except Ended as ended:
            return 128 + ended.number
        after = shelf.statuses()
        if _goes_on_without_us(code, before, after) or not sys.stdin.isatty():
            return code
        if code in _TOLD:
            wait_for_enter()
        news = shelf.look()
        if news is not None:
            place.take(news)
        new = next((run for run in after if run not in before), None)
        if new is not None:
            place.selected = RUN + new
        settings = replace(settings, notices=(), theme=app.palette.name)


def argv_of(wish: Wish) -> list[str]:
    """The command line that does what was wished for."""
    match wish.verb:
        case Verb.DEMO:
            return ["demo"]
        case Verb.RUN:
            return ["run", wish.what, "--set", "ui.preflight=always"]
        case Verb.PLAN:
            return ["plan", "--run", "--", wish.what]
    return [wish.verb.value, wish.what]


def _goes_on_without_us(code: int, before: dict[str, KeptStatus], after: dict[str, KeptStatus]) -> bool:
    """Whether a run that was begun here was left while it goes on: whoever did that wants the terminal."""
    on = KeptStatus.RUNNING
    begun = any(status is on and before.get(run) is not on for run, status in after.items())
    return code == ExitCode.STOPPED_EARLY and begun


class Ended(Exception):
    """A signal ends us while another command has the terminal."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def run_program(argv: Sequence[str]) -> int:
    """Run a command in a process of its own that has the terminal for itself; its exit code.

    SIGTERM is handed on to it, and when the terminal hangs up it is left to itself: both raise Ended.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        raise Ended(number)

    def ignore(_number: int, _frame: FrameType | None) -> None:
        """Keys that interrupt are meant for the command; a handler, since it would inherit a SIG_IGN."""

    calls = {signal.SIGINT: ignore, signal.SIGTERM: end, signal.SIGHUP: end}
    before = {number: signal.signal(number, call) for number, call in calls.items()}
    child = subprocess.Popen(program(argv))
    try:
        code = child.wait()
    except Ended as ended:
        if ended.number == signal.SIGTERM:
            child.terminate()
            child.wait()
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if code < 0:
        _put_in_order()
    return 128 - code if code < 0 else code


def _put_in_order() -> None:
    """The command was killed, and left the terminal as it was."""
    from luna_tui.tui.restore import RESTORE, cook, drop_input

    if sys.stdin.isatty():
        cook(sys.stdin.fileno())
        print(RESTORE, end="", file=sys.stderr, flush=True)
        drop_input(sys.stdin.fileno())


def wait_for_enter() -> None:
    """Leave what a command said on the terminal until it was read."""
    print(_("enter goes back to the list"), file=sys.stderr, end=" ", flush=True)
    with suppress(EOFError, KeyboardInterrupt):
        sys.stdin.readline()
