"""What a killed run left running is ended, and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from luna_tui.engine.clock import SystemClock
from luna_tui.runners.leftovers import MARK, end_leftovers

CLOCK = SystemClock()
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
)
SLEEPER = "import time; time.sleep(60)"
STARTS_ANOTHER = """
import os, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(child.pid, flush=True)
os._exit(0)
"""
ENDS_ITS_OWN = """
import sys
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.leftovers import end_leftovers
print(end_leftovers(sys.argv[1], SystemClock()))
"""


@pytest.fixture
def started() -> Iterator[list[subprocess.Popen[str]]]:
    processes: list[subprocess.Popen[str]] = []
    yield processes
    for process in processes:
        process.kill()
        process.communicate()


def python(script: str, run_dir: Path | str, *argv: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *argv],
        env={**os.environ, MARK: str(run_dir)},
        stdout=subprocess.PIPE,
        text=True,
    )


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def test_only_processes_of_the_run_are_ended(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    ours, other = tmp_path / "run", tmp_path / "run2"
    started += [python(STUBBORN, ours), python(SLEEPER, ours), python(STUBBORN, other)]
    for process in (started[0], started[2]):
        assert process.stdout is not None
        process.stdout.readline()
    assert end_leftovers(str(ours), CLOCK) == 2
    assert started[0].wait(10) == -signal.SIGKILL, "it ignored TERM"
    assert started[1].wait(10) != 0
    assert started[2].poll() is None, "it belongs to another run"
    assert end_leftovers(str(ours), CLOCK) == 0


def test_one_that_left_its_group_is_found_too(tmp_path: Path, started: list[subprocess.Popen[str]]) -> None:
    started.append(python(STARTS_ANOTHER, tmp_path))
    assert started[0].stdout is not None
    pid = int(started[0].stdout.readline())
    started[0].wait(10)
    assert end_leftovers(str(tmp_path), CLOCK) == 1
    assert not alive(pid)


def test_a_command_that_goes_on_with_its_own_run_is_spared(
    tmp_path: Path, started: list[subprocess.Popen[str]]
) -> None:
    started.append(python(ENDS_ITS_OWN, tmp_path, str(tmp_path)))
    assert started[0].communicate(timeout=20)[0] == "0\n"
    assert started[0].returncode == 0
