"""`runs compare`: what changed from one run to another."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from luna_tui.core.comparison import Comparison, compare_runs, comparison_data
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.run_summary import short_names
from luna_tui.core.state import RunState
from luna_tui.engine.clock import SystemClock
from luna_tui.storage.journal_reading import read_each
from luna_tui.storage.paths import RunDir, find_run, runs_dir
from luna_tui.storage.summaries import RunShelf
from luna_tui.tui.views.compare import compare_lines
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.text import plain

_WIDTH = 110
"""Where the output goes to no terminal."""


def compare(args: argparse.Namespace) -> int:
    """Show what got slower, dearer, failed anew, was fixed, added or removed."""
    before, after = find_run(args.before), find_run(args.after)
    found = compared(before, after)
    if args.json:
        print(json.dumps(comparison_data(found), indent=1))
        return ExitCode.OK
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    glyphs = glyphs_for("utf" not in (sys.stdout.encoding or "").lower())
    names = short_names([before.run, after.run])
    for line in compare_lines(found, (names[before.run], names[after.run]), width, glyphs):
        print(plain(line).rstrip())
    return ExitCode.OK


def compared(before: RunDir, after: RunDir) -> Comparison:
    """The comparison of two kept runs; LunaError(2) where one of them has nothing to compare."""
    shelf, now = RunShelf(runs_dir()), SystemClock().wall()
    digests = (shelf.one(before.run, now).plan_sha256, shelf.one(after.run, now).plan_sha256)
    return compare_runs(folded(before), folded(after), digests)


def folded(run: RunDir) -> RunState:
    """The fold of a kept run; LunaError(2) where its journal holds nothing."""
    state = RunState()
    read_each(run.path, state.apply)
    if not state.seq:
        raise LunaError("nothing to show", f"the journal of {run.run} is empty", code=ExitCode.USAGE)
    return state
