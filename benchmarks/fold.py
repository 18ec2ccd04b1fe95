"""How many records a front end folds in a second, live and from a journal's lines."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from benchmarks.records import records
from luna_tui.core.events import Record
from luna_tui.core.records import decode, to_line
from luna_tui.core.state import fold


def fold_records(given: list[Record]) -> Cost:
    """As the dashboard does."""
    return cost_of(lambda: fold(given))


def fold_lines(lines: list[str]) -> Cost:
    """As a replay does: parse, decode, fold."""

    def body() -> None:
        decoded = (decode(json.loads(line)) for line in lines)
        fold(record for record in decoded if record is not None)

    return cost_of(body)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=50_000, quick_items=500)
    given = records(args.items)
    lines = [to_line(record) for record in given]
    cases = {"fold": lambda: fold_records(given), "parse, decode, fold": lambda: fold_lines(lines)}
    results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"{args.items:,} records", results, as_json=args.json)


if __name__ == "__main__":
    main()
