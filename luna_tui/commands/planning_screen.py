"""Conduct a planning where a screen can show it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable

from luna_tui.commands.console import SCREEN
from luna_tui.commands.planning import conduct
from luna_tui.commands.settings import checked_keys
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.planning import PlanningRecord
from luna_tui.core.prices import price_of
from luna_tui.headless.printer import RecordPrinter
from luna_tui.session.planning import Planning, Proposal
from luna_tui.storage.config import Config


def conducted(
    make: Callable[[], Planning], args: argparse.Namespace, config: Config, console: str, goal: str
) -> Proposal:
    """Have it done on the screen or in plain lines; LunaError when there is no plan."""
    if console != SCREEN:
        return conduct(make(), args)
    append = getattr(args, "events_begun", False)
    printer = RecordPrinter(args.events, append=append) if args.events else None

    def tell(record: PlanningRecord) -> None:
        if printer is not None:
            printer(record)

    try:
        return _on_screen(make, config, goal, tell)
    finally:
        if printer is not None:
            printer.close()
            args.events_begun = True


def _on_screen(
    make: Callable[[], Planning], config: Config, goal: str, tell: Callable[[PlanningRecord], None]
) -> Proposal:
    from luna_tui.commands.screen import settings_of
    from luna_tui.tui.planning_app import PlanningApp, run_planning

    settings, themes = settings_of(config, checked_keys(config))
    price = price_of(config.prices, config.model)
    app = PlanningApp(make, goal=goal, price=price, tell=tell, settings=settings, themes=themes)
    proposal = run_planning(app)
    if proposal is not None:
        return proposal
    if app.error_text:
        print(app.error_text, file=sys.stderr, flush=True)
    if app.error is not None:
        raise app.error
    code = ExitCode.INTERNAL if app.error_text else ExitCode(app.return_code or ExitCode.INTERRUPTED)
    raise LunaError("no plan", "the planning was left; nothing was started", code=code)
