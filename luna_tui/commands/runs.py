"""`run` and `demo`: in the dashboard, or in plain lines where there is no terminal for it."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from luna_tui.commands.console import HEADLESS, SCREEN, chosen_console, follow_run
from luna_tui.commands.ending import end_run, ending_of
from luna_tui.commands.launch import Launcher
from luna_tui.commands.preflight import asks_first, beginning_of, look_first
from luna_tui.commands.screen import draws_boxes
from luna_tui.commands.settings import (
    checked_keys,
    config_of,
    plan_defaults,
    tell_sandbox,
    warn_of_budget,
    warn_of_secrets,
    warn_of_workers,
)
from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _n, choose
from luna_tui.core.words import Asking, OnFailure, RunStatus
from luna_tui.headless.printer import LinePrinter, RecordPrinter
from luna_tui.session import GoingOn, LiveSession, NewRun, SimulatorChoice
from luna_tui.storage.config import Config, current_environ
from luna_tui.storage.plans import load_plan
from luna_tui.storage.resources import resource
from luna_tui.storage.translations import language, translations

if TYPE_CHECKING:
    from luna_tui.simulator.faults import Fault

MOST_REPLANS = 2
"""How often what is left of a run is planned anew by itself, where the plan says `on_failure = "replan"`."""
DEMO_SPEED = 0.4
"""Slow enough to watch, and done within a minute."""


def run_plan(args: argparse.Namespace, launcher: Launcher) -> int:
    """Run a plan to its end; the exit code says how it went. `launcher` is what waits for us."""
    demo = args.command == "demo"
    more = {"run.provider": "simulator"} if demo else {}
    config = config_of(args, **more)
    speak(config)
    path = resource("examples/plans/demo.toml") if demo else args.plan
    plan = load_plan(path, workspace=args.workspace, defaults=plan_defaults(config))
    warn_of_workers(config)
    warn_of_budget(config, plan)
    warn_of_secrets(plan)
    tell_sandbox(config, plan)
    choice = SimulatorChoice()
    if demo:
        speed = args.speed or DEMO_SPEED
        choice = SimulatorChoice(speed=speed, faults=_demo_faults())
    console = chosen_console(args, config)
    beginning = NewRun(run=args.run_id, demo=demo)
    if console == SCREEN and asks_first(args, config, plan):
        decided = look_first(plan, config, checked_keys(config))
        if decided.config is None:
            return decided.code
        config, plan = decided.config, decided.plan or plan
        beginning = beginning_of(decided, beginning)
    return carry_out(args, config, plan, console, beginning, choice, launcher)


def speak(config: Config) -> None:
    """Use the language that the configuration and the environment ask for."""
    plain = config.ascii or not draws_boxes(current_environ())
    choose(translations(language(config.lang, current_environ()), ascii=plain))


def asking_of(args: argparse.Namespace, console: str) -> Asking:
    """Who answers what agents ask for; to a run that was detached somebody may come."""
    if args.yes:
        return Asking.ALLOW
    return Asking.DENY if console == HEADLESS and not args.detach else Asking.PERSON


def carry_out(
    args: argparse.Namespace,
    config: Config,
    plan: Plan,
    console: str,
    beginning: NewRun | GoingOn,
    choice: SimulatorChoice,
    launcher: Launcher,
    *,
    replans: int = 0,
) -> int:
    """Run a plan from where it begins to its end, and have it followed; the exit code says how it went.

    `replans` = how often the rest of it was planned anew by itself.
    """
    keys = {} if console == HEADLESS else checked_keys(config)
    append = getattr(args, "events_begun", False)
    printers = [RecordPrinter(args.events, append=append)] if args.events else []
    lines = LinePrinter(sys.stderr)
    session = LiveSession(
        plan,
        config,
        simulator=choice,
        listeners=tuple(printers),
        hold_for_person=console != HEADLESS,
        asking=asking_of(args, console),
        beginning=beginning,
    )
    _tell_leftovers(session, lines)
    wished: list[bool] = []
    try:
        closes = args.command == "demo"
        forced = follow_run(
            session, config, keys, lines, console,
            plan=plan, closes=closes, launcher=launcher, on_replan=lambda: wished.append(True),
        )  # fmt: skip
        with _without_hang_ups():
            code = end_run(session, lines, forced, ending_of(args, config, console))
    finally:
        for printer in printers:
            printer.close()
            if printer.lost:
                lines.say(printer.lost)
    args.events_begun = True
    if wished:
        from luna_tui.commands.replan import replan_on_screen

        again = replan_on_screen(args, config, session.run_dir, console, choice, launcher)
        return code if again is None else again
    if forced is not None or not _replans(plan, session.state(), replans):
        return code
    from luna_tui.commands.replan import replan_by_itself

    again = replan_by_itself(args, config, session.run_dir, console, choice, launcher, replans=replans)
    return code if again is None else again


def _tell_leftovers(session: LiveSession, lines: LinePrinter) -> None:
    count = session.leftovers
    if count:
        text = _n(
            "ended {n} process that the run had left running",
            "ended {n} processes that the run had left running",
            count,
        )
        lines.say(text.format(n=count))


def _replans(plan: Plan, state: RunState, replans: int) -> bool:
    """Whether the plan asks for a new plan of what is left, after a run that ended like this."""
    failed = state.finished is not None and state.finished.status is RunStatus.FAILED
    return plan.on_failure is OnFailure.REPLAN and failed and not state.not_saved and replans < MOST_REPLANS


@contextmanager
def _without_hang_ups() -> Iterator[None]:
    """What is left to do needs no terminal, and is done although one may go just now."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before or signal.SIG_DFL)


def _demo_faults() -> tuple[Fault, ...]:
    """One 429, one 529 and one cut stream, each once; the run recovers from all in sight of the user."""
    from luna_tui.simulator.faults import Fault, FaultKind

    return (
        Fault(kind=FaultKind.RATE_LIMIT, match="module calendar.py", retry_after=4.0),
        Fault(kind=FaultKind.OVERLOADED, match="module difflib.py"),
        Fault(kind=FaultKind.CUT, match="module gzip.py", after=9),
    )
