"""How soon a viewer of a run sees it, and what viewers cost the run: none, some, and a stopped one."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.measure import Spread, options, spread, table
from luna_tui.session.remote import RemoteSession
from luna_tui.storage.paths import RunDir

PASTS = ((1_000, 40), (100_000, 40), (100_000, 2_000))
"""Events, and subtasks that they are of."""
RATES = (2_000, 20_000, 0)
"""Events a second that are offered; 0 = as many as can be published."""
CROWDS = ("0", "1", "3", "8", "1 stopped")
STORM_S = 2.0


@contextmanager
def made_up_run(subtasks: int, events: int) -> Iterator[tuple[subprocess.Popen[str], RunDir]]:
    """A run in a process of its own, with a past."""
    with tempfile.TemporaryDirectory(prefix="luna-benchmark-") as folder:
        child = _child(["run", str(subtasks), str(events)], XDG_STATE_HOME=folder)
        try:
            yield child, RunDir(Path(_line(child)))
        finally:
            child.kill()
            child.communicate()


@contextmanager
def viewer(run_dir: RunDir, *, stopped: bool) -> Iterator[None]:
    """Somebody who watches from another process, or is stopped after a first look."""
    child = _child(["view", str(run_dir.path)])
    try:
        _line(child)
        if stopped:
            child.send_signal(signal.SIGSTOP)
        yield
    finally:
        child.send_signal(signal.SIGCONT)
        child.kill()
        child.communicate()


def attach_ms(run_dir: RunDir) -> float:
    """From nothing to a state that can be drawn."""
    began = time.perf_counter()
    session = RemoteSession(run_dir, read_only=True)
    assert session.state().seq > 0
    took = time.perf_counter() - began
    session.close()
    session.ended.wait(5.0)
    return took * 1_000


def storm(child: subprocess.Popen[str], rate: int, seconds: float) -> tuple[float, int]:
    """Events a second, and the bytes that waited for the slowest viewer at the end."""
    assert child.stdin is not None
    child.stdin.write(f"{rate} {seconds}\n")
    child.stdin.flush()
    per_second, queued = _line(child).split()
    return float(per_second), int(queued)


def costs(
    repeats: int, seconds: float, rates: Sequence[int] = RATES, crowds: Sequence[str] = CROWDS
) -> dict[str, dict[str, list[tuple[float, int]]]]:
    """Rate -> crowd -> what was measured, every crowd in turn."""
    found: dict[str, dict[str, list[tuple[float, int]]]] = {}
    with made_up_run(200, 1_000) as (child, run_dir):
        storm(child, 0, seconds / 4)
        for _ in range(repeats):
            for rate in rates:
                for crowd in crowds:
                    with ExitStack() as viewers:
                        count = int(crowd.split()[0])
                        for _each in range(count):
                            viewers.enter_context(viewer(run_dir, stopped="stopped" in crowd))
                        name = f"{rate:,}" if rate else "all they can"
                        found.setdefault(name, {}).setdefault(crowd, []).append(storm(child, rate, seconds))
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Measure."""
    args = options(str(__doc__), argv, items=30, quick_items=2, repeats=5)
    pasts: dict[str, Spread] = {}
    for events, subtasks in PASTS[:1] if args.quick else PASTS:
        with made_up_run(subtasks, events) as (_, run_dir):
            attach_ms(run_dir)
            took = spread([attach_ms(run_dir) for _ in range(args.items)])
            pasts[f"{events:,} events, {subtasks:,} subtasks"] = took
    crowds = costs(1, STORM_S / 10, RATES[:1], CROWDS[:2]) if args.quick else costs(args.repeats, STORM_S)
    if args.json:
        print(json.dumps({"attach_ms": {k: v.median for k, v in pasts.items()}, "storms": crowds}))
        return
    rows = [[name, f"{s.median:.0f} ({s.low:.0f} to {s.high:.0f})"] for name, s in pasts.items()]
    table("attach, until the state is there", ["", "ms"], rows)
    print()
    table(
        "40 threads publish; viewers are processes of their own",
        ["events a second offered", "viewers", "published a second", "of none", "kB that wait"],
        [row for rate, found in crowds.items() for row in _rows(rate, found)],
    )


def _rows(rate: str, found: dict[str, list[tuple[float, int]]]) -> Iterator[list[str]]:
    none = statistics.median(per_second for per_second, _ in found["0"])
    for crowd, series in found.items():
        reached = spread([per_second for per_second, _ in series])
        queued = max(waiting for _, waiting in series) // 1_024
        yield [rate, crowd, f"{reached.median:,.0f}", f"{reached.median / none:.2f}", f"{queued:,}"]


def _child(argv: Sequence[str], **environ: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.attach_child", *argv],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | environ,
    )  # fmt: skip


def _line(child: subprocess.Popen[str]) -> str:
    assert child.stdout is not None
    return child.stdout.readline().strip()


if __name__ == "__main__":
    main()
