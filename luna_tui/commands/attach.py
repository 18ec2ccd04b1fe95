"""`attach`: watch a run that goes on in another process, and command it from here."""

from __future__ import annotations

import argparse
import functools
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui.commands.console import HEADLESS, PLAIN, SCREEN, chosen_console, screen_possible
from luna_tui.commands.screen import draws_boxes
from luna_tui.commands.settings import checked_keys, config_of
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.outcome import exit_code
from luna_tui.core.redaction import Redaction
from luna_tui.core.secrets import known_secrets
from luna_tui.core.tongue import _, choose
from luna_tui.core.words import Kind, Watching
from luna_tui.headless.plain import Left, PlainConsole
from luna_tui.headless.printer import LinePrinter
from luna_tui.session.kept_run import KeptSession, gone_words
from luna_tui.session.remote import RemoteSession
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.paths import RunDir, find_run
from luna_tui.storage.plan_inputs import kept_inputs
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_files import RunFiles
from luna_tui.storage.run_lock import is_held, running_runs
from luna_tui.storage.translations import language, translations

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp

Watched = RemoteSession | KeptSession


def attach(args: argparse.Namespace) -> int:
    """Watch a run; the exit code is the run's when it ended meanwhile, else 0."""
    config = config_of(args)
    plain = config.ascii or not draws_boxes(current_environ())
    choose(translations(language(config.lang, current_environ()), ascii=plain))
    run_dir = find_run(args.run) if args.run else _the_one_that_is_on()
    return attach_run(run_dir, config, chosen_console(args, config), read_only=args.read_only)


def attach_run(run_dir: RunDir, config: Config, console: str, *, read_only: bool = False) -> int:
    """Watch a run until it ends or is left; one that nobody works on is shown as it was left."""
    keys = {} if console == HEADLESS else checked_keys(config)
    lines = LinePrinter(sys.stderr)
    session = _session(run_dir, read_only=read_only)
    on = not session.ended.is_set()
    try:
        code = _watch(session, config, keys, lines, console)
    finally:
        session.close()
    state = session.state()
    if on and state.finished is None and session.watching is not Watching.LOST:
        lines.say(_("The run goes on; come back with: luna-tui attach {run}").format(run=run_dir.run))
        return code or ExitCode.OK
    if session.watching is Watching.LOST and console == SCREEN:
        lines.say(gone_words(run_dir.run))
    if not on or code:
        return code or ExitCode.OK
    return exit_code(state) if state.finished is not None else ExitCode.STOPPED_EARLY


def _session(run_dir: RunDir, *, read_only: bool) -> Watched:
    held = is_held(run_dir.lock)
    return RemoteSession(run_dir, read_only=read_only) if held else KeptSession(run_dir)


def _the_one_that_is_on() -> RunDir:
    found = running_runs()
    if len(found) == 1:
        return found[0]
    if not found:
        raise LunaError(
            "no run is on",
            "no process of yours works on a run",
            "show the last one: luna-tui show last",
            ExitCode.USAGE,
        )
    names = "\n".join(f"  luna-tui attach {run_dir.run}" for run_dir in found)
    raise LunaError("several runs are on", "say which one:", names, ExitCode.USAGE)


def _watch(
    session: Watched, config: Config, keys: Mapping[str, str], lines: LinePrinter, console: str
) -> int | None:
    """The exit code that a signal asks for; None = the run decides."""
    before: LunaApp | None = None
    seen = 0
    while True:
        if console == SCREEN:
            app = _dashboard(session, config, keys, before)
            code = _run_app(app)
            if app.error_text:
                print(app.error_text, file=sys.stderr, flush=True)
                return ExitCode.INTERNAL
            if not app.viewing.plain or code:
                return code
            app.viewing.plain = False
            console, before, seen = PLAIN, app, session.state().seq
        plain = PlainConsole(
            session,
            session.ended,
            lines,
            keys=sys.stdin.fileno() if console == PLAIN else None,
            screen=console == PLAIN and screen_possible(),
            heard=session.heard,
        )
        if plain.follow(seen) is not Left.SCREEN:
            return plain.code
        console = SCREEN


def _dashboard(session: Watched, config: Config, keys: Mapping[str, str], before: LunaApp | None) -> LunaApp:
    """A dashboard of the run; what its viewer chose in the one before stays chosen."""
    from luna_tui.commands.screen import make_app

    app = make_app(
        session,
        config,
        keys,
        folder=str(session.run_dir.path),
        kept=RunFiles(session.run_dir.path),
        plain=True,
        prompt_of=_prompts(session.run_dir),
        heard=session.heard,
    )
    if before is not None:
        app.viewing, app.acts = before.viewing, before.acts
    return app


def _run_app(app: LunaApp) -> int | None:
    from luna_tui.tui.app import run_app

    return run_app(app)


def _prompts(run_dir: RunDir) -> Callable[[str], str | None]:
    """Whole prompts from the plan that is kept with the run, read when the first one is asked for.

    The plan is kept as it is, so secrets are taken out here.
    """

    @functools.cache
    def known() -> Mapping[str, str]:
        names = (f"plan.{kind}" for kind in ("toml", "json", "jsonl", "ndjson"))
        kept = (name for name in names if (run_dir.path / name).exists())
        try:
            workspace = json.loads((run_dir.path / "run.json").read_bytes())["workspace"]
            plan = load_plan(
                run_dir.path / next(kept, "plan.toml"),
                workspace=Path(workspace),
                inputs=kept_inputs(run_dir.path),
            )
        except (LunaError, OSError, ValueError, TypeError, KeyError):
            return {}
        redaction = Redaction(known_secrets(current_environ()))
        return {s.id: redaction.text(s.prompt) for s in plan.subtasks() if s.kind is Kind.CLAUDE}

    return lambda subtask: known().get(subtask)
