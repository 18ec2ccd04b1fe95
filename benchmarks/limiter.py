"""Measure ways to send 200 mixed requests through the rate limits of one account, each in its turn."""

from __future__ import annotations

import argparse
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.limiter_clients import CONTENDERS
from benchmarks.workloads import Work, mixed
from luna_tui.core.bench_rows import pipe_table
from luna_tui.core.limits import TIERS
from luna_tui.core.makespan import Load, best_bound

COLUMNS = (
    "approach",
    "makespan, virtual s",
    "of the limit used",
    "failed",
    "429s",
    "peak at once",
    "client CPU s",
)
_LIMITS = TIERS["tier2"].limits
_PATIENCE_S = 300.0
_ROOT = Path(__file__).parent.parent
OURS = next(iter(CONTENDERS))
"""Name of this program as it comes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One contender, once."""

    makespan_s: float
    """Virtual seconds from the start to the last answer."""
    used: float
    """Input tokens admitted beyond the first full bucket, over the refill until the last admission."""
    failed: int
    refused: int
    peak: int
    cpu_s: float
    """Real CPU seconds of the client's process, user and system."""


def measure(name: str, *, speed: float, count: int, seed: int) -> Run:
    """Run one contender against a server of its own."""
    origin = str(time.monotonic())
    shared = ["--speed", str(speed), "--origin", origin]
    command = [sys.executable, "-m", "benchmarks.limiter_server", *shared]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        try:
            url = server.stdout.readline().strip()
            more = ["--url", url, "--count", str(count), "--seed", str(seed)]
            client = [sys.executable, "-m", "benchmarks.limiter_clients", name, *shared, *more]
            done = subprocess.run(
                client, stdout=subprocess.PIPE, text=True, check=True, timeout=_PATIENCE_S, cwd=_ROOT
            )
            server.stdin.close()
            told = json.loads(server.stdout.readline())
            return run_of(json.loads(done.stdout), told, mixed(count, seed))
        finally:
            server.kill()


def run_of(client: Mapping[str, Any], server: Mapping[str, Any], works: Sequence[Work]) -> Run:
    """What client and server told, in one."""
    refilled = (server["last_s"] - server["first_s"]) * _LIMITS.itpm / 60.0
    admitted = sum(works[number].input_tokens for number in server["admitted"])
    return Run(
        makespan_s=client["makespan_s"],
        used=max(0.0, admitted - _LIMITS.itpm) / refilled if refilled > 0 else 0.0,
        failed=int(client["failed"]),
        refused=int(server["refused"]),
        peak=int(server["peak"]),
        cpu_s=client["cpu_s"],
    )


def cells(name: str, runs: Sequence[Run]) -> tuple[str, ...]:
    """The row of a contender; medians, with the range of the makespan."""
    middle = {
        field: statistics.median(getattr(run, field) for run in runs)
        for field in ("makespan_s", "used", "failed", "refused", "peak", "cpu_s")
    }
    low, high = min(run.makespan_s for run in runs), max(run.makespan_s for run in runs)
    spread = f" ({low:.0f} to {high:.0f})" if len(runs) > 1 else ""
    return (
        name,
        f"{middle['makespan_s']:.0f}{spread}" + (" *" if middle["failed"] else ""),
        f"{middle['used']:.2f}" if middle["used"] else "-",
        f"{middle['failed']:g}",
        f"{middle['refused']:g}",
        f"{middle['peak']:g}",
        f"{middle['cpu_s']:.1f}",
    )


def bounds_text(count: int, seed: int) -> str:
    """What no approach can beat on this work."""
    works = mixed(count, seed)
    loads = [Load(w.seconds, w.input_tokens, w.output_tokens) for w in works]
    bound = best_bound(loads, len(loads), _LIMITS)
    tokens_in, tokens_out = sum(w.input_tokens for w in works), sum(w.output_tokens for w in works)
    return (
        f"{count} requests, {tokens_in:,} input and {tokens_out:,} output tokens, one after another "
        f"{sum(w.seconds for w in works):,.0f} s; lower bound {bound.seconds:.1f} s ({bound.name})"
    )


def chosen(only: Sequence[str]) -> list[str]:
    """Contenders whose name contains one of the words, all without any; those not installed are told."""
    names = [name for name in CONTENDERS if not only or any(word in name for word in only)]
    if importlib.util.find_spec("aiolimiter") is None:
        _say("NOT INSTALLED, left out: aiolimiter. To measure it: python -m pip install aiolimiter")
        names = [name for name in names if "aiolimiter" not in name]
    return names


def main(argv: Sequence[str] | None = None) -> None:
    """Measure in turn, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--speed", type=float, default=8.0, help="virtual seconds in a real one")
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", action="append", default=[], help="part of a name; may be repeated")
    parser.add_argument("--quick", action="store_true", help="few requests, once: only to see that it works")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    if args.quick:
        args.count, args.repeats, args.speed = 20, 1, 20.0
    runs: dict[str, list[Run]] = {name: [] for name in chosen(args.only)}
    for turn in range(1, args.repeats + 1):
        for name in runs:
            run = measure(name, speed=args.speed, count=args.count, seed=args.seed)
            runs[name].append(run)
            _say(f"round {turn} of {args.repeats}: {name}: {run.makespan_s:.0f} s, {run.failed} failed")
    if args.json:
        print(json.dumps({name: [_data(run) for run in series] for name, series in runs.items()}, indent=1))
        return
    print(bounds_text(args.count, args.seed), end="\n\n")
    print(pipe_table(COLUMNS, [cells(name, series) for name, series in runs.items()]))
    print(f"\nMedians of {args.repeats}. * = requests were lost, so the makespan is that of less work.")


def _data(run: Run) -> dict[str, float]:
    return {name: getattr(run, name) for name in Run.__slots__}


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
