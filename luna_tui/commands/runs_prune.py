"""`runs prune`, and the same at the end of every run: what is too old, too many or too large goes."""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from luna_tui.commands.own_program import start_aside
from luna_tui.commands.settings import config_of
from luna_tui.core.errors import ExitCode
from luna_tui.core.figures import sized
from luna_tui.core.retention import KeepLimits, to_remove
from luna_tui.core.run_summary import RunSummary
from luna_tui.core.tongue import _n
from luna_tui.engine.clock import SystemClock
from luna_tui.session.changes import clear_workspaces
from luna_tui.storage.paths import runs_dir
from luna_tui.storage.retention import links_in, remove_runs
from luna_tui.storage.summaries import RunShelf

PATIENCE_S = 0.3
"""How long the end of a run waits; what takes longer goes on in a process of its own."""


def prune(args: argparse.Namespace) -> int:
    """Remove runs that are over; 74 when one of them could not be removed."""
    given = {"runs": args.keep_runs, "gb": args.keep_gb, "days": args.keep_days}
    config = config_of(args, **{f"storage.keep_{name}": value for name, value in given.items()})
    root, now = runs_dir(), SystemClock().wall()
    runs = RunShelf(root).look(now)
    chosen = _chosen(root, runs, config.keep, now, args.spare)
    refused: tuple[tuple[str, str], ...] = ()
    if not args.dry_run:
        done = remove_runs(root, chosen, clear=clear_workspaces)
        chosen, refused = done.runs, done.refused
    for summary in chosen:
        print(f"{summary.run}  {summary.status.value}  {sized(summary.size_bytes)}")
    for run, why in refused:
        print(f"{run} stays: {why}", file=sys.stderr)
    said = "would free" if args.dry_run else "freed"
    size = sized(sum(r.size_bytes for r in chosen))
    left = len(runs) - len(chosen)
    waiting = sum(r.resumable for r in runs)
    stay = f"kept {_runs(left)}, {waiting} of which can go on"
    print(f"{said} {size}, {_runs(len(chosen))}; {stay}", file=sys.stderr)
    return ExitCode.NOT_SAVED if refused else ExitCode.OK


def prune_after(run: str, limits: KeepLimits, say: Callable[[str], object]) -> None:
    """Remove what has become too much with the run that just ended; it stays itself.

    Waits `PATIENCE_S` at most. The end of the process may cut the thread off that does it: a run is there
    whole or not at all, and another process goes on.
    """
    if limits == KeepLimits(runs=0, gigabytes=0.0, days=0.0):
        return
    removed: list[RunSummary] = []
    pruning = threading.Thread(
        target=_prune_quietly, args=(run, limits, removed.append), name="luna-prune", daemon=True
    )
    pruning.start()
    pruning.join(PATIENCE_S)
    if pruning.is_alive():
        start_aside(_argv(run, limits))
    if removed:
        freed = sized(sum(r.size_bytes for r in removed))
        text = _n(
            "{n} old run was removed, {size} freed (luna-tui config show: storage)",
            "{n} old runs were removed, {size} freed (luna-tui config show: storage)",
            len(removed),
        )
        say(text.format(n=len(removed), size=freed))


def _argv(run: str, limits: KeepLimits) -> list[str]:
    """The command that does the same."""
    given = {"runs": limits.runs, "gb": limits.gigabytes, "days": limits.days}
    flags = [word for name, value in given.items() for word in (f"--keep-{name}", str(value))]
    return ["runs", "prune", "--spare", run, *flags]


def _prune_quietly(run: str, limits: KeepLimits, done: Callable[[RunSummary], object]) -> None:
    root, now = runs_dir(), SystemClock().wall()
    chosen = _chosen(root, RunShelf(root).look(now), limits, now, run)
    remove_runs(root, chosen, done, clear_workspaces)


def _chosen(
    root: Path, runs: tuple[RunSummary, ...], limits: KeepLimits, now: datetime, spared: str = ""
) -> tuple[RunSummary, ...]:
    return to_remove(runs, limits, now, links_in(root) | {spared})


def _runs(count: int) -> str:
    return _n("{n} run", "{n} runs", count).format(n=count)
