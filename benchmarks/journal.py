"""How many records become durable in a second, and how many are read back."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.noop import close_journal, open_journal, scratch_run
from benchmarks.records import records
from luna_tui.core.events import Record
from luna_tui.storage.journal import read_journal


def write(given: list[Record]) -> Cost:
    """Append all and wait until the last one is durable."""
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)

        def body() -> None:
            for record in given:
                journal.append(record)
            close_journal(journal)

        return cost_of(body)


def read(given: list[Record]) -> Cost:
    """Read a journal back and check every line."""
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)
        for record in given:
            journal.append(record)
        close_journal(journal)
        cost = cost_of(lambda: read_journal(run_dir.path))
        if len(read_journal(run_dir.path).records) != len(given):
            raise RuntimeError("the journal lost records")
        return cost


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=30_000, quick_items=500)
    given = records(args.items)
    cases = {"write, durable": lambda: write(given), "read, checked": lambda: read(given)}
    results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} records", results, as_json=args.json)


if __name__ == "__main__":
    main()
