"""`runs`: what is kept."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Sequence

from luna_tui.core.errors import ExitCode
from luna_tui.core.run_summary import RunSummary, short_names, summary_data
from luna_tui.engine.clock import SystemClock
from luna_tui.storage.paths import runs_dir
from luna_tui.storage.summaries import RunShelf
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.runs import head_text, run_row, run_sizes, run_text

_LAST = 20
"""Runs that are listed unless all are asked for."""
_WIDTH = 160
"""Where the output goes to no terminal."""


def list_runs(args: argparse.Namespace) -> int:
    """The kept runs, newest first."""
    root, now = runs_dir(), SystemClock().wall()
    every = RunShelf(root).look(now)
    wanted = [r for r in every if args.status in (None, r.status.value)]
    shown = wanted if args.all else wanted[:_LAST]
    if args.json:
        for summary in shown:
            print(json.dumps(summary_data(summary)))
    elif shown:
        _print_table(shown, short_names(r.run for r in every))
    elif not every:
        print(f"no runs in {root}; start one: luna-tui demo", file=sys.stderr)
    else:
        print(f"no run is {args.status}", file=sys.stderr)
    if len(wanted) > len(shown):
        print(f"{len(wanted) - len(shown)} older ones: luna-tui runs --all", file=sys.stderr)
    return ExitCode.OK


def _print_table(runs: Sequence[RunSummary], names: dict[str, str]) -> None:
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    glyphs = glyphs_for("utf" not in (sys.stdout.encoding or "").lower())
    home, now = os.path.expanduser("~"), SystemClock().wall()
    rows = [run_row(r, names[r.run], now, home, glyphs) for r in runs]
    sizes = run_sizes(rows, width)
    print(head_text(sizes, glyphs))
    for row in rows:
        print(run_text(row.texts, sizes, glyphs))
    for summary in runs:
        for wrong in summary.wrong:
            print(f"{names[summary.run]}: {wrong}", file=sys.stderr)
