"""How long it takes to have the state of a run again: from its records, and from its journal on disk."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import close_journal, open_journal, scratch_run
from benchmarks.records import records
from luna_tui.core.events import Record
from luna_tui.core.state import RunState, fold
from luna_tui.storage.journal_reading import read_each, read_journal
from luna_tui.storage.paths import RunDir


def fold_records(given: list[Record]) -> Cost:
    """As the dashboard does."""
    return cost_of(lambda: fold(given))


def read_records(run_dir: RunDir, count: int) -> Cost:
    """As a replay does that keeps them all."""

    def body() -> None:
        if len(read_journal(run_dir.path).records) != count:
            raise RuntimeError("the journal lost records")

    return cost_of(body)


def fold_journal(run_dir: RunDir, count: int) -> Cost:
    """As whatever shows a run that is over: each line is checked, parsed, decoded and folded."""

    def body() -> None:
        state = RunState()
        read_each(run_dir.path, state.apply)
        if state.seq != count:
            raise RuntimeError("the journal lost records")

    return cost_of(body)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=100_000, quick_items=500)
    given = records(args.items)
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)
        for record in given:
            journal.append(record)
        close_journal(journal)
        cases = {
            "fold records": lambda: fold_records(given),
            "read a journal": lambda: read_records(run_dir, len(given)),
            "read a journal and fold it": lambda: fold_journal(run_dir, len(given)),
        }
        results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} records", results, as_json=args.json)


if __name__ == "__main__":
    main()
