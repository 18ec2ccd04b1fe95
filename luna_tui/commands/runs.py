"""`run` and `demo`: in the dashboard, or in plain lines where there is no terminal for it."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping
from types import FrameType
from typing import TYPE_CHECKING

from luna_tui.commands.preflight import asks_first, look_first
from luna_tui.commands.settings import (
    checked_keys,
    config_of,
    plan_defaults,
    warn_of_budget,
    warn_of_workers,
)
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.outcome import exit_code
from luna_tui.core.plan import Plan
from luna_tui.core.tongue import choose
from luna_tui.core.words import Kind, Manner, Scope
from luna_tui.headless.printer import LinePrinter, RecordPrinter
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.plans import load_plan
from luna_tui.storage.resources import resource
from luna_tui.storage.translations import language, translations

if TYPE_CHECKING:
    from luna_tui.simulator.faults import Fault

DEMO_SPEED = 0.4
"""Slow enough to watch, and done within a minute."""
_CLOSE_AFTER_S = 10.0


def run_plan(args: argparse.Namespace) -> int:
    """Run a plan to its end; the exit code says how it went."""
    demo = args.command == "demo"
    more = {"run.provider": "simulator"} if demo else {}
    config = config_of(args, **more)
    choose(translations(language(config.lang, current_environ())))
    path = resource("examples/plans/demo.toml") if demo else args.plan
    plan = load_plan(path, workspace=args.workspace, defaults=plan_defaults(config))
    warn_of_workers(config)
    warn_of_budget(config, plan)
    choice = SimulatorChoice()
    if demo:
        speed = args.speed or DEMO_SPEED
        choice = SimulatorChoice(speed=speed, faults=_demo_faults())
    headless = args.headless or not screen_possible()
    keys = {} if headless else checked_keys(config)
    if not headless and asks_first(args, config, plan):
        decided = look_first(plan, config, keys)
        if decided.config is None:
            return decided.code
        config = decided.config
    printers: list[RecordPrinter] = [RecordPrinter(args.events)] if args.events else []
    lines = LinePrinter(sys.stderr)
    session = LiveSession(
        plan,
        config,
        run=args.run_id,
        simulator=choice,
        listeners=(*printers, lines),
        hold_for_person=not headless,
    )
    try:
        lines.quiet = not headless
        if headless:
            forced = _headless(session)
        else:
            forced = _dashboard(session, config, keys, plan, lines, closes=demo)
        return _end(session, lines, forced)
    finally:
        for printer in printers:
            printer.close()


def screen_possible() -> bool:
    """Whether a dashboard can be drawn: a terminal on both ends that can do more than a typewriter."""
    term = os.environ.get("TERM", "")
    if os.environ.get("CI", "").lower() in ("1", "true", "yes") or term in ("", "dumb", "unknown"):
        return False
    return sys.stdin.isatty() and sys.stderr.isatty()


def _demo_faults() -> tuple[Fault, ...]:
    """One 429, one 529 and one cut stream, each once; the run recovers from all in sight of the user."""
    from luna_tui.simulator.faults import Fault, FaultKind

    return (
        Fault(kind=FaultKind.RATE_LIMIT, match="module calendar.py", retry_after=4.0),
        Fault(kind=FaultKind.OVERLOADED, match="module difflib.py"),
        Fault(kind=FaultKind.CUT, match="module gzip.py", after=9),
    )


def _headless(session: LiveSession) -> int | None:
    threading.Thread(target=session.run, name="luna-run", daemon=True).start()
    return _until_ended(session)


def _until_ended(session: LiveSession, *, say: str = "") -> int | None:
    """Wait for the end of the run; a signal ends it, and gives the exit code."""
    caught: list[int] = []

    def stop(number: int, _: FrameType | None) -> None:
        caught.append(number)
        session.control.cancel(Scope.RUN, Manner.NOW, by=signal.Signals(number).name)

    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    if say:
        print(say, file=sys.stderr, flush=True)
    try:
        while not session.ended.wait(0.2):
            session.state()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 128 + caught[0] if caught else None


def _dashboard(
    session: LiveSession,
    config: Config,
    keys: Mapping[str, str],
    plan: Plan,
    lines: LinePrinter,
    *,
    closes: bool,
) -> int | None:
    from luna_tui.commands.screen import make_app
    from luna_tui.tui.app import run_app

    app = make_app(
        session,
        config,
        keys,
        drive=session.run,
        folder=str(session.run_dir.path),
        prompt_of={s.id: s.prompt for s in plan.subtasks() if s.kind is Kind.CLAUDE}.get,
        close_after_s=_CLOSE_AFTER_S if closes else None,
    )
    code = run_app(app)
    if app.error_text:
        print(app.error_text, file=sys.stderr, flush=True)
    goes_on = (code is None or bool(app.error_text)) and not session.ended.is_set()
    say = "The run goes on without a screen; ctrl+c ends it." if goes_on else ""
    lines.quiet = not goes_on
    session.left_alone()
    stopped = _until_ended(session, say=say) if app.driving else None
    return ExitCode.INTERNAL if app.error_text else (code or stopped)


def _end(session: LiveSession, lines: LinePrinter, forced: int | None) -> int:
    state = session.state()
    if state.finished is None:
        lines.say(f"left before the end; what ended is kept in {session.run_dir.path}")
        return forced or ExitCode.STOPPED_EARLY
    try:
        session.save_report()
    except LunaError as error:
        lines.say(f"{error.title}: {error.message}")
        return error.code
    counts = ", ".join(f"{n} {s.value.replace('_', ' ')}" for s, n in sorted(state.counts.items()))
    lines.say(f"{state.plan.name}: {counts}. {session.run_dir.path}")
    return forced if forced is not None else exit_code(state)
