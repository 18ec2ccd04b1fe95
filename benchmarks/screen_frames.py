"""What the screen costs over the same run without one: CPU and bytes, by size and rate, beside its peers."""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import table
from benchmarks.screen_terminal import BenchTerminal, environment, measured

BLUR = b"\x1b[O"


@dataclass(frozen=True, slots=True)
class Figures:
    """One run."""

    cpu: float
    """Share of a core."""
    bytes_s: float


@dataclass(frozen=True, slots=True)
class Case:
    """One row."""

    name: str
    program: str
    """paced, stock, headless, or a program of somebody else."""
    size: tuple[int, int]
    fps: int = 0
    tokens: float = 50.0
    keys: bytes = b""
    """Sent before it is measured."""
    over: str = ""
    """Name of the row whose CPU is taken off."""


CASES = (
    Case("no screen", "headless", (80, 24)),
    Case("80x24, 4 a second", "paced", (80, 24), 4, over="no screen"),
    Case("80x24, 4 a second, Textual's driver", "stock", (80, 24), 4, over="no screen"),
    Case("200x60, 10 a second", "paced", (200, 60), 10, over="no screen"),
    Case("200x60, 10 a second, Textual's driver", "stock", (200, 60), 10, over="no screen"),
    Case("80x24, 1 a second", "paced", (80, 24), 1, over="no screen"),
    Case("idle, nobody looks", "paced", (80, 24), 0, tokens=0.0, keys=BLUR),
)
PEERS = ("btop", "htop", "top")


def ours(case: Case, seconds: float) -> Figures:
    """One of our programs."""
    warm_s = min(3.0, seconds)
    given = ["--fps", str(case.fps), "--tokens", str(case.tokens), "--seconds", str(seconds)]
    given += ["--warm", str(warm_s)]
    width, height = case.size
    figures, seen = measured(case.program, *given, width=width, height=height, first_keys=case.keys)
    took_s = figures["ended_at"] - figures["began_at"]
    sent = seen.bytes_between(figures["began_at"], figures["ended_at"])
    return Figures(figures["cpu_s"] / took_s, sent / took_s)


def peer(program: str, seconds: float) -> Figures:
    """Somebody else's program as it comes, on the same terminal; its CPU is not told."""
    terminal = BenchTerminal([program], environ=environment())
    terminal.idle(3.0)
    began = time.monotonic()
    terminal.idle(seconds)
    sent = terminal.seen.bytes_between(began, time.monotonic())
    terminal.close()
    return Figures(float("nan"), sent / seconds)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure every case in turn, several times over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="a second of two cases")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    args = parser.parse_args(argv)
    cases = list(CASES[:2] if args.quick else CASES)
    seconds, repeats = (1.0, 1) if args.quick else (args.seconds, args.repeats)
    for name in () if args.quick else PEERS:
        if shutil.which(name):
            cases.append(Case(name, "peer", (80, 24)))
        else:
            print(f"{name.upper()} IS NOT INSTALLED: that comparison is left out", file=sys.stderr)
    found: dict[str, list[Figures]] = {case.name: [] for case in cases}
    for _ in range(repeats):
        for case in cases:
            found[case.name].append(
                peer(case.name, seconds) if case.program == "peer" else ours(case, seconds)
            )
    rows = [_row(case, found) for case in cases]
    if args.json:
        print(json.dumps({"title": "the screen", "cases": rows}))
        return
    head = ["", "CPU %", "over no screen", "kB/s", "kB/s from", "to"]
    table("The screen of 40 streams of 50 tokens a second", head, [_cells(row) for row in rows])


def _row(case: Case, found: dict[str, list[Figures]]) -> dict[str, float | str | None]:
    cpu = statistics.median(f.cpu for f in found[case.name]) * 100
    rates = [f.bytes_s / 1000 for f in found[case.name]]
    base = found.get(case.over)
    over = cpu - statistics.median(f.cpu for f in base) * 100 if base else None
    return {
        "name": case.name, "cpu": None if cpu != cpu else cpu, "over": over,
        "kb_s": statistics.median(rates), "least": min(rates), "most": max(rates),
    }  # fmt: skip


def _cells(row: dict[str, float | str | None]) -> list[str]:
    def number(key: str, digits: int) -> str:
        value = row[key]
        return "-" if not isinstance(value, float) else f"{value:.{digits}f}"

    return [
        str(row["name"]), number("cpu", 1), number("over", 1),
        *(number(k, 2) for k in ("kb_s", "least", "most")),
    ]  # fmt: skip


if __name__ == "__main__":
    main()
