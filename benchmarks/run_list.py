"""How long the list of kept runs takes: a first look, and one when nothing changed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import scratch_run
from luna_tui.core.events import Record
from luna_tui.core.records import to_line
from luna_tui.core.state import fold
from luna_tui.engine.clock import SystemClock
from luna_tui.storage.journal import read_journal, seal
from luna_tui.storage.paths import RunDir, create_run, runs_dir
from luna_tui.storage.reports import write_report
from luna_tui.storage.summaries import RunShelf

DEMO = Path(__file__).parent.parent / "tests" / "journals" / "demo.ndjson"
ONE_IN = 20
"""One run of this many has no end, so that all of its journal has to be read."""


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=500, quick_items=20, repeats=7)
    with scratch_run() as scratch:
        shutil.rmtree(scratch.path)
        keep(args.items)
        shelf, now = RunShelf(runs_dir()), SystemClock().wall()
        shelf.look(now)

        def first() -> Cost:
            return cost_of(lambda: RunShelf(runs_dir()).look(now))

        def again() -> Cost:
            return cost_of(lambda: shelf.look(now))

        results = compare(
            {"first look": first, "nothing changed": again}, items=args.items, repeats=args.repeats
        )
    report(f"List of {args.items:,} kept runs, one in {ONE_IN} without an end", results, as_json=args.json)


def keep(count: int) -> None:
    """Runs of 40 subtasks, each with a file for every output and result."""
    records = read_journal(DEMO).records
    for number in range(count):
        run = create_run(f"r{number:04d}")
        mine = [replace(r, run=run.run) for r in records]
        if number % ONE_IN == 0:
            _write(run, mine[: len(mine) // 2])
        else:
            _write(run, mine)
            write_report(run, fold(mine))


def _write(run: RunDir, records: list[Record]) -> None:
    meta = {"run": run.run, "started_at": "2026-01-02T03:04:05Z", "workspace": "/w", "host": "h"}
    (run.path / "run.json").write_text(json.dumps(meta))
    run.lock.touch()
    run.journal(1).write_bytes(b"".join(seal(to_line(r)).encode() + b"\n" for r in records))
    for number in range(40):
        (run.outputs / f"s{number:02d}.1.txt").write_text("said\n")
        (run.results / f"s{number:02d}.json").write_text("{}")


if __name__ == "__main__":
    main()
