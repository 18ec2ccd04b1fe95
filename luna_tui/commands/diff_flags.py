"""The command line of `diff`."""

from __future__ import annotations

import argparse


def add_diff_flags(parser: argparse.ArgumentParser) -> None:
    """Of which run and subtask, and what becomes of it."""
    parser.add_argument("run", help="id, unique part of one, or last")
    parser.add_argument("subtask", nargs="?", help="this subtask only")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--accept", action="store_true", help="take it over into the plan's workspace")
    what.add_argument("--drop", action="store_true", help="throw it away")
    parser.add_argument("--json", action="store_true", help="as data")
