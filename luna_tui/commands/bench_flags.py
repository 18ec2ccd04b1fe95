"""The flags of `bench`."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

_NAMES = ("files", "validations", "batch", "tests", "searches", "local")


def add_bench_flags(
    parser: argparse.ArgumentParser, positive: Callable[[str], float], modes: Sequence[str]
) -> None:
    """Add all but those of the configuration; `positive` reads a number above 0."""
    parser.add_argument("--only", action="append", default=[], choices=_NAMES, help="may be repeated")
    parser.add_argument("--mode", choices=modes)
    parser.add_argument("--tier")
    parser.add_argument("--workers", metavar="N|auto|table", help="of the parallel runs; default: table")
    parser.add_argument("--speed", type=positive, default=10.0, help="seconds of a run in a real one")
    parser.add_argument("--repeat", type=_times, default=1, metavar="N", help="median and range of N runs")
    parser.add_argument("--seed", type=int, default=7, help="of the latencies")
    parser.add_argument("--spread", type=_spread, default=0.35, help="of the latencies; 0 = all alike")
    parser.add_argument(
        "--estimates", choices=("exact", "rough", "none"), default="exact",
        help="what the plans say of the latencies; rough = wrong by about a third",
    )  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="see that it works; no figures to quote")
    parser.add_argument("--json", action="store_true", help="as data")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw a picture too")


def _times(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 100:
        raise argparse.ArgumentTypeError("a number from 1 to 100")
    return value


def _spread(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 2:
        raise argparse.ArgumentTypeError("a number from 0 to 2")
    return value
