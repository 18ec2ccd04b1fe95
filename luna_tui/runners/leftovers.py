"""End what the commands of a run left running when the run's own process was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

from luna_tui.engine.clock import Clock

MARK = "LUNA_RUN_DIR"
"""Variable in the environment of every command: the directory of its run."""
GRACE_S = 1.0
"""Seconds between TERM and KILL."""
_PROC = Path("/proc")
_POLL_S = 0.05


def end_leftovers(run_dir: str, clock: Clock) -> int:
    """End every process of this user that carries the run's mark; returns how many there were.

    Call while the run's lock is held, before its first command is started. This process and those
    above it are spared: a command may itself go on with the run. Finds nothing without `/proc`.
    """
    found, never = _marked(run_dir), threading.Event()
    left = found
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, number)
        until = clock.now() + GRACE_S
        while left and clock.now() < until:
            clock.wait(never, _POLL_S)
            left = left & _marked(run_dir)
    return len(found)


def _marked(run_dir: str) -> frozenset[int]:
    mark = os.fsencode(f"{MARK}={run_dir}")
    spared = frozenset(_self_and_above())
    pids = (int(p.name) for p in _entries() if p.name.isdecimal())
    return frozenset(pid for pid in pids if pid not in spared and mark in _environ(pid))


def _entries() -> list[Path]:
    try:
        return list(_PROC.iterdir())
    except OSError:
        return []


def _environ(pid: int) -> list[bytes]:
    """Empty for a process of somebody else, and for one that has ended."""
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _self_and_above() -> Iterator[int]:
    pid = os.getpid()
    while pid > 1:
        yield pid
        try:
            stat = (_PROC / str(pid) / "stat").read_bytes()
        except OSError:
            return
        pid = int(stat.rpartition(b")")[2].split()[1])
