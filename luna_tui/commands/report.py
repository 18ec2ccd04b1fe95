"""`report`: what a run came to, made afresh from its journal."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import fold
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import find_run
from luna_tui.storage.reports import rewrite_report, write_text


def report(args: argparse.Namespace) -> int:
    """Print or write the report, and bring the files in the run's directory up to date where that may be.

    LunaError when there is no such run, nothing to read, or no way to write the file.
    """
    run_dir = find_run(args.run)
    read = read_journal(run_dir.path)
    if not read.records:
        raise LunaError(
            "nothing to report",
            f"the journal of {run_dir.run} is empty",
            f"look at {clean_line(str(run_dir.path))}",
            ExitCode.USAGE,
        )
    for damage in read.damaged:
        print(f"{damage.path}:{damage.line}: {damage.reason}", file=sys.stderr)
    state = fold(read.records)
    rewrite_report(run_dir, state)
    wants_json = args.json or (not args.md and args.output is not None and args.output.suffix == ".json")
    text = json.dumps(report_data(state), indent=1) + "\n" if wants_json else report_markdown(state)
    if args.output is None:
        print(text, end="")
    else:
        write_text(args.output, text)
        print(clean_line(str(Path(args.output).absolute())), file=sys.stderr)
    return ExitCode.OK
