"""Measure alternatives in turn, so that a noisy machine is equally noisy to each, and print medians."""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that something took."""

    wall_s: float
    cpu_s: float
    """Of the whole process, user and system, all threads."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, smallest and largest of a series."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:,.1f} ({self.low:,.1f} to {self.high:,.1f})"


@dataclass(frozen=True, slots=True)
class Result:
    """One case of a comparison; times in microseconds for one item."""

    name: str
    items: int
    wall_us: Spread
    cpu_us: Spread
    wall_ratio: float
    """Median wall time in relation to that of the first case."""
    cpu_ratio: float

    @property
    def per_second(self) -> float:
        """Items in one second of wall time."""
        return 1e6 / self.wall_us.median


def options(
    description: str, argv: Sequence[str] | None, *, items: int, quick_items: int, repeats: int = 5
) -> argparse.Namespace:
    """`items`, `repeats`, `json` and `quick` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--items", type=int, help=f"how many of them; default {items:,}")
    parser.add_argument("--repeats", type=int, help=f"times each case is measured; default {repeats}")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--quick", action="store_true", help="a few items, once: only to see that it works")
    args = parser.parse_args(argv)
    args.items = args.items or (quick_items if args.quick else items)
    args.repeats = args.repeats or (1 if args.quick else repeats)
    return args


def cost_of(body: Callable[[], object]) -> Cost:
    """Call once and measure."""
    cpu, wall = time.process_time(), time.perf_counter()
    body()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def compare(cases: Mapping[str, Callable[[], Cost]], *, items: int, repeats: int) -> list[Result]:
    """Measure every case once, then every case again, `repeats` times."""
    costs: dict[str, list[Cost]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, measure in cases.items():
            costs[name].append(measure())
    results: list[Result] = []
    for name, series in costs.items():
        wall, cpu = _each_us([c.wall_s for c in series], items), _each_us([c.cpu_s for c in series], items)
        first = results[0] if results else None
        wall_ratio = wall.median / first.wall_us.median if first else 1.0
        cpu_ratio = cpu.median / max(first.cpu_us.median, 1e-9) if first else 1.0
        results.append(Result(name, items, wall, cpu, wall_ratio, cpu_ratio))
    return results


def report(title: str, results: Sequence[Result], *, as_json: bool) -> None:
    """Print a comparison."""
    if as_json:
        rows = [_row(r) for r in results]
        print(json.dumps({"title": title, "cases": rows}))
        return
    head = ["", "wall us each", "x", "CPU us each", "x", "per second"]
    table(
        title,
        head,
        [
            [
                r.name,
                str(r.wall_us),
                f"{r.wall_ratio:.2f}",
                str(r.cpu_us),
                f"{r.cpu_ratio:.2f}",
                f"{r.per_second:,.0f}",
            ]
            for r in results
        ],
    )


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print columns: the first to the left, the others to the right."""
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head))]
    print(title)
    for row in (head, *rows):
        cells = [
            row[0].ljust(widths[0]),
            *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True)),
        ]
        print("  ".join(cells).rstrip())


def spread(values: Sequence[float]) -> Spread:
    """Median and limits of a series."""
    return Spread(statistics.median(values), min(values), max(values))


def _each_us(seconds: Sequence[float], items: int) -> Spread:
    return spread([s * 1e6 / items for s in seconds])


def _cells(result: Result) -> list[str]:
    ratios = f"{result.wall_ratio:.2f}", f"{result.cpu_ratio:.2f}"
    wall, cpu = str(result.wall_us), str(result.cpu_us)
    return [result.name, wall, ratios[0], cpu, ratios[1], f"{result.per_second:,.0f}"]


def _row(result: Result) -> dict[str, object]:
    return {
        "name": result.name,
        "items": result.items,
        "wall_us": [result.wall_us.median, result.wall_us.low, result.wall_us.high],
        "cpu_us": [result.cpu_us.median, result.cpu_us.low, result.cpu_us.high],
        "wall_ratio": result.wall_ratio,
        "cpu_ratio": result.cpu_ratio,
    }
