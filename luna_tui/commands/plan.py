"""`plan`: ask a model for a plan; it is shown and written, and started only when that is agreed to."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from luna_tui.commands.launch import Launcher
from luna_tui.commands.planning import check_flags, deliver, granted_tools
from luna_tui.commands.planning_screen import conducted
from luna_tui.commands.runs import speak
from luna_tui.commands.settings import config_of, plan_defaults, warn_of_workers
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.session import NewRun, SimulatorChoice
from luna_tui.session.planning import Planning, PlanRequest
from luna_tui.storage.config import Config

MOST_GOAL_CHARS = 100_000


def plan_goal(args: argparse.Namespace, launcher: Launcher) -> int:
    """Plan a goal; the exit code says whether there is a plan, and of a run of it how that went.

    `launcher` is what waits for us.
    """
    config = config_of(args)
    speak(config)
    console = check_flags(args, config)
    request = PlanRequest(
        goal=_goal(args.goal),
        workspace=args.workspace or Path.cwd(),
        tools=granted_tools(args.tools),
        commands=args.allow_commands,
        budget_usd=args.max_usd,
        defaults=plan_defaults(config),
    )
    warn_of_workers(config)
    check_price(args, config)
    choice = SimulatorChoice()
    proposal = conducted(
        lambda: Planning(request, config, simulator=choice), args, config, console, request.goal
    )
    return deliver(
        args, config, proposal, console, launcher,
        choice=choice, beginning=lambda plan: NewRun(run=args.run_id),
    )  # fmt: skip


def check_price(args: argparse.Namespace, config: Config) -> None:
    """LunaError(2) for a budget that cannot hold the planning: the price of the model is not known."""
    if args.max_usd is not None and config.model not in config.prices:
        raise LunaError(
            "bad --max-usd",
            f"no price is known of {config.model}, so no budget can hold it",
            f'give one under [prices."{config.model}"], or leave it out',
            ExitCode.USAGE,
        )


def _goal(given: str) -> str:
    text = sys.stdin.read(MOST_GOAL_CHARS + 1) if given == "-" else given
    if not text.strip():
        example = 'luna-tui plan "check the docs for dead links"'
        raise LunaError("no goal", "the goal is empty", example, ExitCode.USAGE)
    if len(text) > MOST_GOAL_CHARS:
        raise LunaError(
            "goal too long",
            f"the goal has more than {MOST_GOAL_CHARS:,} characters",
            "put the material into files of the workspace, and name them",
            ExitCode.USAGE,
        )
    return text
