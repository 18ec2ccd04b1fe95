"""Peak memory of a run with its journal and a front end's fold, each size in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import options, table

FRAME_S = 0.05


def peak_mb() -> float:
    """Largest resident size of this process so far; `ru_maxrss` would count the parent's, too."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("the kernel does not tell the peak of the resident size")


def child(count: int) -> None:
    """Run, fold as a front end does, and print what it took."""
    from benchmarks.noop import close_journal, noop_plan, open_journal, run_noops, scratch_run
    from luna_tui.core.state import RunState
    from luna_tui.engine.bus import Inbox

    inbox, state, over = Inbox(), RunState(), threading.Event()

    def watch() -> None:
        while not over.wait(FRAME_S):
            for record in inbox.drain():
                state.apply(record)

    before_mb = peak_mb()
    plan = noop_plan(count)
    began = time.perf_counter()
    watcher = threading.Thread(target=watch)
    watcher.start()
    with scratch_run() as run_dir:
        journal = open_journal(run_dir)
        run_noops(plan, subscribers=(journal.append, inbox.put))
        close_journal(journal)
    over.set()
    watcher.join()
    for record in inbox.drain():
        state.apply(record)
    if state.finished is None or len(state.subtasks) != count:
        raise RuntimeError("the fold missed the end")
    took_s = time.perf_counter() - began
    cpu_s = time.process_time()
    print(
        json.dumps(
            {"items": count, "before_mb": before_mb, "peak_mb": peak_mb(), "wall_s": took_s, "cpu_s": cpu_s}
        )
    )


def measure(count: int) -> dict[str, float]:
    """One size."""
    command = [sys.executable, "-m", "benchmarks.memory", "--items", str(count), "--child"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Compare sizes."""
    given = list(sys.argv[1:] if argv is None else argv)
    is_child = "--child" in given
    args = options(str(__doc__), [a for a in given if a != "--child"], items=100_000, quick_items=500)
    if is_child:
        child(args.items)
        return
    sizes = [args.items // 10, args.items * 3 // 10, args.items]
    rows = [measure(size) for size in sizes]
    if args.json:
        print(json.dumps({"title": "memory", "cases": rows}))
        return
    head = ["subtasks", "before MB", "peak MB", "MB per 10,000", "wall us each", "CPU us each"]
    table(
        "Peak memory of a run with journal and fold",
        head,
        [
            [
                f"{r['items']:,.0f}",
                f"{r['before_mb']:.0f}",
                f"{r['peak_mb']:.0f}",
                f"{(r['peak_mb'] - r['before_mb']) * 10_000 / r['items']:.1f}",
                f"{r['wall_s'] * 1e6 / r['items']:.0f}",
                f"{r['cpu_s'] * 1e6 / r['items']:.0f}",
            ]
            for r in rows
        ],
    )


if __name__ == "__main__":
    main()
