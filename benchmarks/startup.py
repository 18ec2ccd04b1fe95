"""How long commands take to answer, next to an interpreter that does nothing."""

from __future__ import annotations

import fcntl
import os
import pty
import resource
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Cost, compare, options, report
from benchmarks.noop import scratch_run

PLAN = Path(__file__).parent.parent / "examples" / "plans" / "demo.toml"
SEEN = b"luna"
"""On the screen as soon as the first frame is painted."""
PATIENCE_S = 20.0


def run(*arguments: str) -> Cost:
    """One process, from its start to its end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
    wall_s, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def first_frame() -> Cost:
    """The demo's dashboard on a terminal of 120 columns and 40 lines, until it has painted."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    command = [sys.executable, "-m", "luna_tui", "demo"]
    environ = {k: v for k, v in os.environ.items() if k not in ("CI", "NO_COLOR")} | {
        "TERM": "xterm-256color"
    }
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=environ, start_new_session=True
    ) as process:
        os.close(theirs)
        try:
            _read_until(ours, SEEN, began + PATIENCE_S)
            wall_s = time.perf_counter() - began
        finally:
            # The process that waits in front of it counts what the program used once it has ended.
            for program in _children(process.pid) or [process.pid]:
                os.kill(program, signal.SIGKILL)
            process.wait()
            os.close(ours)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _children(process: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _read_until(descriptor: int, wanted: bytes, until: float) -> None:
    painted = b""
    while wanted not in painted:
        left_s = until - time.perf_counter()
        if left_s <= 0 or not select.select([descriptor], [], [], left_s)[0]:
            raise RuntimeError(f"no frame in {PATIENCE_S:g} s")
        painted += os.read(descriptor, 65_536)


def main(argv: Sequence[str] | None = None) -> None:
    """Compare."""
    args = options(__doc__ or "", argv, items=1, quick_items=1, repeats=9)
    cases = {
        "python -c pass": lambda: run("-c", "pass"),
        "luna-tui --version": lambda: run("-m", "luna_tui", "--version"),
        "luna-tui check": lambda: run("-m", "luna_tui", "check", str(PLAN)),
        "luna-tui runs": lambda: run("-m", "luna_tui", "runs"),
        "luna-tui demo, first frame": first_frame,
    }
    with scratch_run():
        results = compare(cases, items=1, repeats=args.repeats)
    report("Start to end of a process", results, as_json=args.json)


if __name__ == "__main__":
    main()
