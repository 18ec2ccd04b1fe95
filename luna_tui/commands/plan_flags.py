"""The flags of `plan` and `replan`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path


def add_plan_flags(parser: argparse.ArgumentParser, amount: Callable[[str], float]) -> None:
    """Add those of `plan`; `amount` reads an amount of USD."""
    parser.add_argument("goal", help="what is to be done, in your own words; - reads it from standard input")
    _common(parser, amount)


def add_replan_flags(parser: argparse.ArgumentParser, amount: Callable[[str], float]) -> None:
    """Add those of `replan`; `amount` reads an amount of USD."""
    parser.add_argument("run", help="id, unique part of one, or last")
    _common(parser, amount)


def _common(parser: argparse.ArgumentParser, amount: Callable[[str], float]) -> None:
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the plan there instead of to standard output"
    )
    parser.add_argument("--force", action="store_true", help="write over a file that is there")
    parser.add_argument("--json", action="store_true", help="the plan and what it will take, as data")
    parser.add_argument("--run", action="store_true", dest="start", help="start it, after a look at it")
    parser.add_argument(
        "--tools", metavar="NAMES", help="what subtasks may be granted, separated by commas; none = nothing"
    )
    parser.add_argument(
        "--allow-commands", action="store_true", help="the model may write commands that run on this machine"
    )
    parser.add_argument(
        "--max-usd", type=amount, metavar="USD", help="the most that the planning may cost; needs prices"
    )
