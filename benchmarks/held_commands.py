"""What it costs to hold a command: `true` started plainly, by the launcher, in bubblewrap, under Landlock."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Sequence

from benchmarks.measure import Cost, compare, cost_of, options, report
from luna_tui.core.sandbox import REFUSED, SandboxKind, SandboxSettings
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.sandbox.choice import Sandbox
from luna_tui.runners.tools.base import Place
from luna_tui.runners.tools.running import RunCommand


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=50, quick_items=2)
    with tempfile.TemporaryDirectory() as folder:
        place = Place(subtask="a", workspace=folder, own=True, writable=True)
        cases: dict[str, Callable[[], Cost]] = {"plain": lambda: cost_of(lambda: _plain(args.items))}
        for kind in (SandboxKind.NONE, SandboxKind.BUBBLEWRAP, SandboxKind.LANDLOCK):
            sandbox = Sandbox(SandboxSettings(kind=kind), os.environ)
            if sandbox.found.kind != REFUSED:
                cases[f"run_command, {kind}"] = _held(RunCommand(sandbox), place, args.items)
        results = compare(cases, items=args.items, repeats=args.repeats)
    report(f"`true`, {args.items} times", results, as_json=args.json)


def _plain(items: int) -> None:
    for _ in range(items):
        subprocess.run(["true"], stdin=subprocess.DEVNULL, capture_output=True, check=True)


def _held(tool: RunCommand, place: Place, items: int) -> Callable[[], Cost]:
    def run() -> None:
        for _ in range(items):
            use = tool.describe({"command": ["true"]}, place)
            assert tool.use(use, place, CancelToken(SystemClock())).ok

    return lambda: cost_of(run)


if __name__ == "__main__":
    main()
