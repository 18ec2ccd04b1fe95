"""Where a run is followed: on the screen, in plain sentences, or first the one and then the other."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui.commands.launch import Launcher
from luna_tui.commands.parting import RunParting
from luna_tui.commands.settings import plan_defaults
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.home import PlanningPrice
from luna_tui.core.plan import Plan
from luna_tui.core.redaction import Redaction
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind
from luna_tui.headless.plain import TERMINATED, Left, PlainConsole
from luna_tui.headless.printer import LinePrinter
from luna_tui.session import LiveSession
from luna_tui.session.parting import let_go_of_all
from luna_tui.storage.config import Config
from luna_tui.storage.run_files import RunFiles

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp

SCREEN, PLAIN, HEADLESS = "screen", "plain", "headless"
_CLOSE_AFTER_S = 10.0
_POLL_S = 0.05


def chosen_console(args: argparse.Namespace, config: Config) -> str:
    """`screen`, `plain` (sentences and keys) or `headless` (sentences only).

    LunaError(2) when a screen was asked for and there is no terminal.
    """
    detached = getattr(args, "detach", False)  # what only watches has no such flag
    if detached and args.console:
        raise LunaError(
            "nothing to show it on",
            "--detach shows nothing, so there is no console",
            "leave out --console, and look later with luna-tui attach",
            ExitCode.USAGE,
        )
    if args.headless or detached:
        return HEADLESS
    wanted = config.console
    if wanted == "auto":
        accessible = os.environ.get("ACCESSIBLE", "").lower() in ("1", "true", "yes")
        wanted = PLAIN if accessible else SCREEN if screen_possible() else HEADLESS
    elif wanted == SCREEN and not _terminal():
        raise LunaError(
            "no screen",
            "a screen was asked for, and this is no terminal that can show one",
            "leave out --console screen, or use --console plain",
            ExitCode.USAGE,
        )
    if wanted == PLAIN and not sys.stdin.isatty():
        return HEADLESS
    return wanted


def screen_possible() -> bool:
    """Whether a dashboard can be drawn: a terminal on both ends that can do more than a typewriter."""
    return os.environ.get("CI", "").lower() not in ("1", "true", "yes") and _terminal()


def _terminal() -> bool:
    term = os.environ.get("TERM", "")
    return term not in ("", "dumb", "unknown") and sys.stdin.isatty() and sys.stderr.isatty()


class RunThread:
    """The run on a thread of its own: whoever looks at it comes and goes."""

    def __init__(self, session: LiveSession) -> None:
        self._session = session
        self._lock = threading.Lock()
        """Protects `started`."""
        self._over = threading.Event()
        self.started = False
        self.error: BaseException | None = None
        """Why the run could not go on; None = it ended as runs end."""

    def start(self) -> None:
        """Start the run; a second call changes nothing."""
        with self._lock:
            if not self.started:
                self.started = True
                threading.Thread(target=self._run, name="luna-run", daemon=True).start()

    def __call__(self) -> None:
        """Start it, and wait for its end; raises what ended it."""
        self.start()
        self._over.wait()
        if self.error is not None:
            raise self.error

    def _run(self) -> None:
        try:
            self._session.run()
        except BaseException as error:  # noqa: BLE001  raised again where somebody waits for the run
            self.error = error
        finally:
            self._over.set()


def follow_run(
    session: LiveSession,
    config: Config,
    keys: Mapping[str, str],
    lines: LinePrinter,
    console: str,
    *,
    plan: Plan,
    closes: bool,
    launcher: Launcher,
    on_replan: Callable[[], None] = lambda: None,
) -> int | None:
    """Run to the end, and have it followed; the exit code that somebody asked for, None = the run decides.

    `on_replan` is called when the rest is to be planned anew after that.
    """
    thread, parting = RunThread(session), RunParting(session, launcher)
    if launcher.detaches:
        _begin_detached(session, thread, launcher)
    before: LunaApp | None = None
    seen = session.state().seq
    while True:
        if console == SCREEN:
            app = _dashboard(session, config, keys, thread, before, plan=plan, closes=closes, parting=parting)
            code = _run_app(app)
            if not app.viewing.plain or code or app.error_text:
                asked = _after_screen(session, app, thread, lines, code, parting)
                if app.viewing.replan:
                    on_replan()
                if app.viewing.replay:
                    from luna_tui.commands.replay import replay_run

                    replay_run(session.run_dir.path, config)
                return asked
            app.viewing.plain = False
            console, before, seen = PLAIN, app, session.state().seq
        thread.start()
        plain = _plain(session, lines, console, parting)
        left = plain.follow(seen)
        if left is Left.SCREEN:
            console = SCREEN
            continue
        if left is Left.AWAY:
            parting.leave(lines)
            plain = PlainConsole(session, session.ended, lines, parting=parting)
            plain.follow(session.state().seq)
        if thread.error is not None:
            raise thread.error
        return 128 + signal.SIGINT if left is Left.HARD else plain.code


def _begin_detached(session: LiveSession, thread: RunThread, launcher: Launcher) -> None:
    """Start, and once the run's first event is kept, have whoever waits be told where it is."""
    begun = threading.Event()
    session.subscribe(lambda record: begun.set())
    thread.start()
    while not begun.wait(_POLL_S):
        if thread.error is not None:
            raise thread.error
    run_dir = session.run_dir
    where = {
        "run": run_dir.run,
        "dir": str(run_dir.path),
        "pid": os.getpid(),
        "socket": str(session.socket) if session.socket else None,
        "attach": f"luna-tui attach {run_dir.run}",
    }
    let_go_of_all()
    launcher.send_away(ExitCode.OK, json.dumps(where))


def _plain(session: LiveSession, lines: LinePrinter, console: str, parting: RunParting) -> PlainConsole:
    keys = sys.stdin.fileno() if console == PLAIN else None
    return PlainConsole(
        session,
        session.ended,
        lines,
        keys=keys,
        screen=keys is not None and _terminal(),
        parting=parting,
    )


def _dashboard(
    session: LiveSession,
    config: Config,
    keys: Mapping[str, str],
    thread: RunThread,
    before: LunaApp | None,
    *,
    plan: Plan,
    closes: bool,
    parting: RunParting,
) -> LunaApp:
    """A dashboard of the run; what its viewer chose in the one before stays chosen."""
    from luna_tui.commands.screen import make_app

    app = make_app(
        session,
        config,
        keys,
        drive=thread,
        folder=str(session.run_dir.path),
        close_after_s=_CLOSE_AFTER_S if closes else None,
        kept=RunFiles(session.run_dir.path),
        plain=True,
        replays=True,
        replanning=partial(_price_of_the_rest, plan, config),
        prompt_of=_prompts(plan, session.redaction),
        parting=parting,
    )
    if before is not None:
        app.viewing, app.acts = before.viewing, before.acts
    return app


def _price_of_the_rest(plan: Plan, config: Config) -> PlanningPrice:
    from luna_tui.session.planning import PlanRequest
    from luna_tui.session.planning_price import planning_price

    goal = plan.goal or plan.name
    defaults = plan_defaults(config)
    return planning_price(config, PlanRequest(goal=goal, workspace=Path(plan.workspace), defaults=defaults))


def _prompts(plan: Plan, redaction: Redaction) -> Callable[[str], str | None]:
    """Id of a Claude subtask -> its whole prompt, without secrets."""
    prompts = {s.id: s.prompt for s in plan.subtasks() if s.kind is Kind.CLAUDE}

    def prompt_of(subtask: str) -> str | None:
        prompt = prompts.get(subtask)
        return None if prompt is None else redaction.text(prompt)

    return prompt_of


def _run_app(app: LunaApp) -> int | None:
    from luna_tui.tui.app import run_app

    return run_app(app)


def _after_screen(
    session: LiveSession,
    app: LunaApp,
    thread: RunThread,
    lines: LinePrinter,
    code: int | None,
    parting: RunParting,
) -> int | None:
    """The screen is gone, and the run may still be on: tell it to its end, if there is anybody to tell."""
    if app.error_text:
        print(session.redaction.text(app.error_text), file=sys.stderr, flush=True)
    if app.viewing.away and not session.ended.is_set():
        parting.leave(lines)
    session.left_alone()
    said = ""
    if app.error_text and not session.ended.is_set():
        said = _("The run goes on without a screen; ctrl+c ends it.")
    elif code == ExitCode.TERMINATED and not session.ended.is_set():
        said = _(TERMINATED)
    stopped = None
    if thread.started:
        told = LinePrinter(open(os.devnull, "w")) if code == ExitCode.INTERRUPTED else lines  # noqa: SIM115
        plain = PlainConsole(session, session.ended, told, parting=parting)
        plain.follow(session.state().seq, say=said)
        stopped = plain.code
    if app.error_text:
        return ExitCode.INTERNAL
    return stopped if code == ExitCode.HANGUP else (code or stopped)
