"""What a run loses when nobody reads its terminal: the program on one that is read, and one that never is."""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import table
from benchmarks.screen_terminal import environment

SIZE = struct.pack("HHHH", 60, 200, 0, 0)
"""Large enough that the first frames fill what the kernel keeps for a terminal."""
PATIENCE_S = 300.0
TARGET = 0.95
_LAST_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Ran:
    """One run of the program."""

    subtasks_s: float
    """Subtasks that ended in a second of the run."""
    waiting_bytes: int
    """Not read at the end of the run."""


def plan_of(folder: Path, subtasks: int) -> Path:
    """Commands that say something and end at once, so that the engine has all the work."""
    one = '[[wave.subtask]]\nid = "s{n}"\nkind = "command"\ncommand = ["echo", "one line of subtask {n}"]\n'
    path = folder / "plan.toml"
    waves = "".join(one.format(n=n) for n in range(subtasks))
    path.write_text(f'[plan]\nname = "stalled"\n[[wave]]\nname = "w"\n{waves}')
    return path


def ran(plan: Path, state: Path, *, read: bool) -> Ran:
    """Run the plan on a terminal of its own; `read` = somebody takes what it is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, SIZE)
    command = [sys.executable, "-m", "luna_tui", "run", str(plan)]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env=environment(XDG_STATE_HOME=str(state)),
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            finished = _follow(ours, state, read=read)
            waiting = struct.unpack("i", fcntl.ioctl(ours, termios.FIONREAD, bytes(4)))[0]
        finally:
            process.send_signal(signal.SIGTERM)
            while process.poll() is None:
                _take(ours)
            os.close(ours)
    return Ran(sum(finished["counts"].values()) / finished["wall_s"], waiting)


def _follow(terminal: int, state: Path, *, read: bool) -> dict[str, Any]:
    """The run's last event."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if read:
            _take(terminal)
        else:
            time.sleep(0.05)
        for journal in state.glob("luna-tui/runs/*/journal*"):
            with journal.open("rb") as file:
                file.seek(max(0, journal.stat().st_size - _LAST_BYTES))
                last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
            if b'"run_finished"' in last:
                return dict(json.loads(last))
    raise RuntimeError(f"the run did not end in {PATIENCE_S:g} s")


def _take(terminal: int) -> None:
    if select.select([terminal], [], [], 0.05)[0]:
        with suppress(OSError):
            os.read(terminal, 65_536)


def main(argv: Sequence[str] | None = None) -> None:
    """Take turns, and print the ratio of each turn."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=400, help="subtasks of a run; default 400")
    parser.add_argument("--repeats", type=int, default=8, help="turns, best even; default 8")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument(
        "--quick", action="store_true", help="a few subtasks, once: only to see that it works"
    )
    args = parser.parse_args(argv)
    items, repeats = (40, 1) if args.quick else (args.items, args.repeats)
    turns: list[tuple[Ran, Ran]] = []
    with tempfile.TemporaryDirectory(prefix="luna-stalled-") as name:
        folder = Path(name)
        plan = plan_of(folder, items)
        for turn in range(repeats):
            # Whoever comes first in a turn has it neither better nor worse in the end.
            first = turn % 2 == 0
            one = ran(plan, folder / f"{turn}-1", read=first)
            other = ran(plan, folder / f"{turn}-2", read=not first)
            turns.append((one, other) if first else (other, one))
    ratios = [stalled.subtasks_s / read.subtasks_s for read, stalled in turns]
    if args.json:
        print(json.dumps({"ratios": ratios, "mean": statistics.geometric_mean(ratios)}))
        return
    head = ["turn", "terminal read", "never read", "ratio", "bytes nobody read"]
    rows = [
        [
            str(n),
            f"{read.subtasks_s:.0f}",
            f"{stalled.subtasks_s:.0f}",
            f"{r:.3f}",
            f"{stalled.waiting_bytes:,}",
        ]
        for n, ((read, stalled), r) in enumerate(zip(turns, ratios, strict=True), 1)
    ]
    table(f"{items} subtasks a run, subtasks that ended in a second", head, rows)
    print(f"geometric mean {statistics.geometric_mean(ratios):.3f}, at least {TARGET} wanted")


if __name__ == "__main__":
    main()
