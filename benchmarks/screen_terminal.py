"""A terminal of the benchmarks': a pseudo-terminal that is read at a given rate, counted and answered."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.glass import Glass

_TURN_S = 0.005
_CHUNK = 65_536
MODULE = "benchmarks.screen_child"
ROOT = Path(__file__).parent.parent


@dataclass(slots=True)
class Seen:
    """What a terminal got."""

    reads: list[tuple[float, int]] = field(default_factory=list)
    """Instant and bytes."""
    keys_s: list[float] = field(default_factory=list)
    """Seconds from each key to its paint."""

    def bytes_between(self, begin: float, end: float) -> int:
        """Bytes that came in a time."""
        return sum(size for at, size in self.reads if begin <= at <= end)


class BenchTerminal:
    """A program on a terminal of this size; the user of the terminal is this process."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        width: int = 80,
        height: int = 24,
        rate: float = 0.0,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        """`rate` = bytes a second that the terminal takes; 0 = as they come."""
        self.glass = Glass(width, height)
        self.seen = Seen()
        self._rate = rate
        self._allowed = 0.0
        self._turned_at = time.monotonic()
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ or environment(), cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self._master, keys)

    def turn(self) -> bool:
        """Take what may be taken now, show it and answer; False at the end."""
        now = time.monotonic()
        size = _CHUNK
        if self._rate:
            self._allowed = min(self._rate * 0.02, self._allowed + self._rate * (now - self._turned_at))
            size = int(self._allowed)
        self._turned_at = now
        if not size or not select.select([self._master], [], [], _TURN_S)[0]:
            if not size:
                time.sleep(_TURN_S)
            return True
        try:
            raw = os.read(self._master, size)
        except OSError:
            return False
        self._allowed -= len(raw)
        self.seen.reads.append((time.monotonic(), len(raw)))
        answer = self.glass.feed(raw)
        if answer:
            self.send(answer)
        return bool(raw)

    def run(self, *, seconds: float = 3_600.0) -> None:
        """Until it ends."""
        end = time.monotonic() + seconds
        while self.turn() and time.monotonic() < end:
            pass

    def key(self, number: int, *, patience_s: float) -> float:
        """Press the benchmark's key; seconds to its paint, `patience_s` when it did not come."""
        began = time.monotonic()
        self.send(b"Z")
        while not self.glass.shows(f"mark {number:04d}"):
            if not self.turn() or time.monotonic() - began > patience_s:
                return patience_s
        self.seen.keys_s.append(time.monotonic() - began)
        return self.seen.keys_s[-1]

    def idle(self, seconds: float) -> None:
        """Only watch."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and self.turn():
            pass

    def close(self) -> None:
        """End the program and the terminal."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self._master)


def environment(**more: str) -> dict[str, str]:
    """As on a person's own machine, whatever this one is."""
    left_out = ("CI", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY", "NO_COLOR", "COLORTERM")
    kept = {k: v for k, v in os.environ.items() if k not in left_out and not k.startswith("TEXTUAL")}
    return kept | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONPATH": str(ROOT)} | more


def child(case: str, out: str, *more: str) -> list[str]:
    """Command line of the program under measurement."""
    return [sys.executable, "-m", MODULE, case, "--out", out, *more]


def measured(
    case: str, *more: str, width: int = 80, height: int = 24, first_keys: bytes = b"", **environ: str
) -> tuple[dict[str, Any], Seen]:
    """Run a case to its end; its own figures, and what the terminal got."""
    with tempfile.TemporaryDirectory(prefix="luna-screen-") as folder:
        out = str(Path(folder) / "figures.json")
        argv = child(case, out, *more)
        terminal = BenchTerminal(argv, width=width, height=height, environ=environment(**environ))
        if first_keys:
            while not terminal.seen.reads:
                terminal.turn()
            terminal.idle(0.5)
            terminal.send(first_keys)
        terminal.run()
        terminal.close()
        return json.loads(Path(out).read_text()), terminal.seen
