"""`bench`: the five claimed workloads, measured: one worker, many workers, and what no schedule can beat."""

from __future__ import annotations

import argparse
import json
import platform
import signal
import statistics
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luna_tui import __version__
from luna_tui.commands.bench_cases import (
    LOCAL,
    BenchOptions,
    cores_here,
    local_row,
    simulated_rows,
)
from luna_tui.commands.bench_runs import Laboratory, Stopped, passing_folder
from luna_tui.commands.settings import config_of
from luna_tui.core.bench_picture import picture
from luna_tui.core.bench_rows import COLUMNS, BenchRow, cells, pipe_table, row_data
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.workloads import WORKLOADS
from luna_tui.storage.config import Config
from luna_tui.storage.paths import not_saved

_QUICK_SPEED, _QUICK_LOCAL_S = 150.0, 0.1
_DEFAULTS = {
    "run.provider": "simulator",
    "run.tier": "tier2",
    "run.mode": "balanced",
    "run.workers": "table",
}
"""Not what the user's config says: figures are compared with those of others."""


def bench(args: argparse.Namespace) -> int:
    """Measure, and print the table."""
    if args.svg and not args.svg.absolute().parent.is_dir():
        raise LunaError("bad --svg", f"there is no folder for {args.svg}", "make it first", ExitCode.USAGE)
    config = config_of(args, **_DEFAULTS)
    options = _options(args, config)
    caught: list[int] = []

    def end(number: int, _: object) -> None:
        caught.append(number)
        raise KeyboardInterrupt

    before = {n: signal.signal(n, end) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        rows = _measure(args.only, options, config)
    except KeyboardInterrupt:
        return 128 + (caught[0] if caught else signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    _tell(args, options, config, rows)
    return ExitCode.SOME_FAILED if any(row.failed for row in rows) else ExitCode.OK


def _options(args: argparse.Namespace, config: Config) -> BenchOptions:
    return BenchOptions(
        seed=args.seed,
        spread=args.spread,
        estimates=args.estimates,
        speed=_QUICK_SPEED if args.quick else args.speed,
        repeat=args.repeat,
        workers=config.workers,
        local_s=_QUICK_LOCAL_S if args.quick else BenchOptions().local_s,
    )


def _measure(only: Sequence[str], options: BenchOptions, config: Config) -> list[BenchRow]:
    laboratory = Laboratory(config)
    with passing_folder():
        try:
            workloads = [w for w in WORKLOADS if not only or w.name in only]
            rows = simulated_rows(workloads, options, config, laboratory, _say) if workloads else []
            if not only or LOCAL in only:
                rows.append(local_row(options, laboratory, _say))
        except (KeyboardInterrupt, Stopped):
            laboratory.stop()
            raise KeyboardInterrupt from None
    return rows


def _tell(args: argparse.Namespace, options: BenchOptions, config: Config, rows: Sequence[BenchRow]) -> None:
    if args.svg:
        _draw(args.svg, rows, options)
    if args.json:
        print(json.dumps(_data(options, config, rows, quick=args.quick), indent=1))
        return
    print(pipe_table(COLUMNS, [cells(row) for row in rows]))
    for note in _notes(options, config, rows, quick=args.quick):
        _say(note)


def _notes(options: BenchOptions, config: Config, rows: Sequence[BenchRow], *, quick: bool) -> list[str]:
    simulated = [row.efficiency or 0.0 for row in rows if row.name != LOCAL]
    worst = f" Lowest efficiency: {min(simulated):.3f}." if simulated else ""
    return [
        f"{config.tier} {config.mode}, seed {options.seed}, spread {options.spread:g}, {options.estimates} "
        f"estimates. Seconds are those of the run, {options.speed:g} of them in a real second; the runs with "
        "one worker went on side by side, which leaves the CPU idle, the parallel ones one by one.",
        "bound: no schedule on these workers and limits can be shorter. longest first: what the scheduler's "
        f"rule takes when starting costs nothing, and by how much the measured time is above it.{worst}",
        f"answers with 429: {sum(row.throttled for row in rows)}, "
        f"subtasks that failed: {sum(row.failed for row in rows)}",
        *(
            ["--quick compresses time so far that the program's own work shows: do not quote it"]
            if quick
            else []
        ),
    ]


def _data(options: BenchOptions, config: Config, rows: Sequence[BenchRow], *, quick: bool) -> dict[str, Any]:
    return {
        "version": __version__,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
        "cores": cores_here(),
        "tier": config.tier,
        "mode": config.mode.value,
        "speed": options.speed,
        "seed": options.seed,
        "spread": options.spread,
        "estimates": options.estimates,
        "quick": quick,
        "rows": [row_data(row) for row in rows],
    }


def _draw(path: Path, rows: Sequence[BenchRow], options: BenchOptions) -> None:
    shown = [row for row in rows if row.name != LOCAL] or list(rows)
    text = picture(
        shown,
        title=f"The claimed workloads, measured on {statistics.mode(row.workers for row in shown)} workers",
        foot=f"luna-tui bench: real engine and SDK, simulated API, time compressed {options.speed:g} times",
    )
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise not_saved(path, error) from error


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
