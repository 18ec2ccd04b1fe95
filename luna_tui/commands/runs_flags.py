"""The flags of `runs`, `runs prune` and `runs compare`."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from luna_tui.core.run_summary import KeptStatus


def add_runs_flags(
    parser: argparse.ArgumentParser, config_flags: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Add them all; `config_flags` adds those of the configuration."""
    parser.set_defaults(what="list")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--all", action="store_true", help="all of them, not only the last ones")
    parser.add_argument(
        "--status", choices=[s.value for s in KeptStatus], help="only runs that stand like this"
    )
    what = parser.add_subparsers(metavar="prune | compare", required=False)
    prune = what.add_parser("prune", help="remove runs that are over, as [storage] says or as given")
    prune.set_defaults(what="prune")
    prune.add_argument("--dry-run", action="store_true", help="say what would go; remove nothing")
    prune.add_argument("--keep-runs", type=int, metavar="N", help="keep this many; 0 = no limit")
    prune.add_argument("--keep-gb", type=float, metavar="GB", help="keep this much; 0 = no limit")
    prune.add_argument("--keep-days", type=float, metavar="DAYS", help="keep them this long; 0 = no limit")
    prune.add_argument("--spare", metavar="RUN", default="", help="never this one, by its whole id")
    config_flags(prune)
    compare = what.add_parser("compare", help="what got slower, dearer, failed anew or was fixed")
    compare.set_defaults(what="compare")
    compare.add_argument("before", metavar="A", help="a run: id, unique part of one, or last")
    compare.add_argument("after", metavar="B", help="the run to compare with it")
    compare.add_argument("--json", action="store_true", help="as data")
