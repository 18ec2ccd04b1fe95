"""Runs the program in children that kill themselves at a given event, and then once more to go on.

Started as a script by `test_killed_runs.py`, one case a line on stdin, as JSON; tells what came of each
on stdout. It has no threads of its own, so each child is a fork of it that has everything loaded.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from luna_tui import cli
from luna_tui.core.events import Event, Record
from luna_tui.core.freezing import freeze
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import ScaledClock
from luna_tui.session import LiveSession, live
from luna_tui.storage.disk import Disk

SPEED = 20.0
LOADED = (
    "commands.resume",
    "engine.executor",
    "headless.plain",
    "runners.claude",
    "runners.command",
    "runners.registry",
    "storage.journal_repair",
    "storage.outputs",
    "storage.reports",
)
"""What every child would load."""


class QuickClock(ScaledClock):
    """Pauses before another try take no time worth a word."""

    def __init__(self) -> None:
        super().__init__(SPEED)


def die() -> None:
    """As `kill -9` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def kill_at_event(number: int) -> None:
    """End this process when that many events have been published by it."""
    publish, seen = EventBus.publish, 0

    def counted(bus: EventBus, event: Event) -> Record:
        nonlocal seen
        record = publish(bus, event)
        seen += 1
        if seen == number:
            die()
        return record

    EventBus.publish = counted  # type: ignore[method-assign, assignment]


def kill_at_disk(name: str, number: int, *, after: bool) -> None:
    """End this process at the so manieth operation of the disk with this name."""
    operation, seen = getattr(Disk, name), 0

    def counted(disk: Disk, *args: Any) -> Any:
        nonlocal seen
        seen += 1
        if seen == number and not after:
            die()
        done = operation(disk, *args)
        if seen == number:
            die()
        return done

    setattr(Disk, name, counted)


def keep_state(path: Path) -> None:
    """Write the state that the front end saw at the end."""
    save = LiveSession.save_report

    def kept(session: LiveSession) -> None:
        path.write_text(json.dumps(freeze(session.state())), encoding="utf-8")
        save(session)

    LiveSession.save_report = kept  # type: ignore[method-assign, assignment]


def child(folder: Path, command: list[str], case: dict[str, Any]) -> int:
    """Fork, and run one command to its end; what `waitpid` says, as an exit code."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.environ["XDG_STATE_HOME"] = str(folder / "state")
    os.environ["XDG_CONFIG_HOME"] = str(folder / "config")
    said = os.open(folder / "said", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(said, stream)
    vars(live)["SystemClock"] = QuickClock
    keep_state(folder / "state.json")
    if "event" in case:
        kill_at_event(case["event"])
    if "disk" in case:
        kill_at_disk(case["disk"], case["number"], after=case["after"])
    code = 70
    try:
        code = cli.main(command)
    finally:
        os._exit(code)


def main() -> None:
    """One case after the other."""
    for name in LOADED:
        importlib.import_module(f"luna_tui.{name}")
    for line in sys.stdin:
        case = json.loads(line)
        codes = [child(Path(case["folder"]), step["argv"], step) for step in case["steps"]]
        sys.stdout.write(json.dumps(codes) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
