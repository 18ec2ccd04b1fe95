"""What a benchmark found, row by row, as text for people and as data for programs."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from luna_tui.core.makespan import Bound
from luna_tui.core.schedule import efficiency, speedup

COLUMNS = (
    "workload", "workers", "sequential", "parallel", "speed-up", "bound", "efficiency", "what binds",
    "longest first", "once claimed",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRow:
    """One workload, measured."""

    name: str
    title: str
    count: int
    """Subtasks."""
    workers: int
    """Of the parallel runs."""
    sequential_s: tuple[float, ...]
    """Every sequential run, in order."""
    parallel_s: tuple[float, ...]
    """Every parallel run, in order."""
    bound: Bound
    """What no schedule on these workers can beat."""
    longest_first_s: float
    """What the rule of the scheduler takes when starting costs nothing."""
    claimed: float | None = None
    """The speed-up once claimed; None where nothing was."""
    failed: int = 0
    """Subtasks that did not succeed, over all runs."""
    throttled: int = 0
    """Answers with 429, over all runs."""

    @property
    def speedup(self) -> float | None:
        """Median sequential over median parallel time."""
        return speedup(statistics.median(self.sequential_s), statistics.median(self.parallel_s))

    @property
    def efficiency(self) -> float | None:
        """Bound over median parallel time, 0 to 1."""
        return efficiency(self.bound.seconds, statistics.median(self.parallel_s))

    @property
    def overhead(self) -> float:
        """Part by which the median parallel time is above the scheduler's rule at no cost."""
        return statistics.median(self.parallel_s) / self.longest_first_s - 1.0

    @property
    def possible(self) -> float:
        """The highest speed-up that the bound leaves."""
        return statistics.median(self.sequential_s) / self.bound.seconds


def verdict(row: BenchRow) -> str:
    """What to think of the claim: impossible by counting, out of reach of these latencies, or possible."""
    if row.claimed is None:
        return "-"
    claim = f"{row.claimed:g}x"
    if row.claimed > row.count and row.count <= row.workers:
        return f"{claim}: impossible, {row.count} subtasks"
    if row.claimed > row.workers:
        return f"{claim}: impossible, {row.workers} workers"
    if row.claimed > row.possible:
        return f"{claim}: not here, at most {row.possible:.1f}x"
    return f"{claim}: possible"


def cells(row: BenchRow) -> tuple[str, ...]:
    """One line of the table, a text for each of COLUMNS."""
    return (
        row.title,
        str(row.workers),
        seconds_text(row.sequential_s),
        seconds_text(row.parallel_s),
        "-" if row.speedup is None else f"{row.speedup:.1f}x",
        f"{row.bound.seconds:.1f} s",
        "-" if row.efficiency is None else f"{row.efficiency:.3f}",
        row.bound.name,
        f"{row.longest_first_s:.1f} s ({row.overhead:+.1%})",
        verdict(row),
    )


def row_data(row: BenchRow) -> dict[str, Any]:
    """One row for a program; times in seconds."""
    return {
        "name": row.name,
        "title": row.title,
        "subtasks": row.count,
        "workers": row.workers,
        "sequential_s": list(row.sequential_s),
        "parallel_s": list(row.parallel_s),
        "speedup": row.speedup,
        "bound_s": row.bound.seconds,
        "bound_name": row.bound.name,
        "possible": row.possible,
        "efficiency": row.efficiency,
        "longest_first_s": row.longest_first_s,
        "overhead": row.overhead,
        "claimed": row.claimed,
        "verdict": verdict(row),
        "failed": row.failed,
        "throttled": row.throttled,
    }


def seconds_text(values: Sequence[float]) -> str:
    """`61.2 s`, or the median with the range of several runs."""
    middle = f"{statistics.median(values):.1f} s"
    return middle if len(values) < 2 else f"{middle} ({min(values):.1f} to {max(values):.1f})"


def pipe_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table that reads as plain text and as Markdown."""
    lines = [tuple(cell.replace("|", "\\|") for cell in line) for line in (columns, *rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(columns))]

    def joined(line: Sequence[str]) -> str:
        return "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |"

    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([joined(lines[0]), rule, *map(joined, lines[1:])])
