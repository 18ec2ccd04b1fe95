"""Processes of the attach benchmark: a run whose events are made up, and a viewer that shows nothing."""

from __future__ import annotations

import os
import random
import sys
import threading
import time
from pathlib import Path

from luna_tui.core.events import (
    Attached,
    Detached,
    Event,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    UsageRecorded,
    WaveStarted,
)
from luna_tui.core.outline import outline
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.state import RunState
from luna_tui.core.words import Decision, GrantScope, Kind, Manner, Mode, Scope, Staffing, Status
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import SystemClock
from luna_tui.session.remote import RemoteSession
from luna_tui.session.serving import ServedRun
from luna_tui.session.shared_fold import SharedFold
from luna_tui.storage.journal import JournalWriter
from luna_tui.storage.paths import RunDir, create_run
from luna_tui.storage.run_lock import write_note
from luna_tui.wire.server import ControlServer
from luna_tui.wire.sockets import listen

WORKERS = 40
_TEXT = "The function returns early when the list is empty. "


class NoControl:
    """Takes every command and does nothing."""

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """Nothing."""

    def set_mode(self, mode: Mode, *, by: str) -> None:
        """Nothing."""

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        """Nothing."""

    def pause(self, *, by: str) -> None:
        """Nothing."""

    def resume(self, *, by: str) -> None:
        """Nothing."""

    def retry(self, subtasks: object, *, by: str, prompt: str | None = None) -> None:
        """Nothing."""

    def skip(self, subtasks: object, *, by: str) -> None:
        """Nothing."""

    def set_budget(self, usd: float | None, *, by: str) -> None:
        """Nothing."""

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        """Nothing."""

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        """Nothing."""


class MadeUpRun:
    """A run with a journal, a fold that is pulled ten times a second, and a server."""

    def __init__(self, subtasks: int) -> None:
        self.ids = [f"s{n:06d}" for n in range(subtasks)]
        plan = Plan(
            name="attach", workspace="/",
            waves=(Wave(name="wave", timeout=0.0, subtasks=tuple(_subtask(i) for i in self.ids)),),
        )  # fmt: skip
        self.run_dir = create_run("attach")
        self.bus = EventBus("attach", SystemClock())
        self.fold = SharedFold(RunState())
        self.journal = JournalWriter(self.run_dir, on_failure=print)
        served = ServedRun("attach", plan, self.fold, NoControl(), now_s=self.bus.now_s, tell=self._tell)
        path = self.run_dir.path / "control.sock"
        self.server = ControlServer(listen(path), served)
        write_note(self.run_dir, started_at="", socket=str(path))
        for subscriber in (self.journal.append, self.fold.put, self.server.put):
            self.bus.subscribe(subscriber)
        self.server.start()
        self.bus.publish(
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=outline(plan), mode=Mode.BALANCED, tier="tier2",
                max_workers=WORKERS, provider="none", version="0",
            )
        )  # fmt: skip
        self.bus.publish(WaveStarted(wave="wave", parallel=True, reason="", workers=WORKERS))

    def _tell(self, event: Attached | Detached) -> bool:
        self.bus.publish(event)
        return True

    def live_through(self, events: int) -> None:
        """The past: every subtask starts, says its share and ends, but for the last ones."""
        each = max(1, events // len(self.ids) - 3)
        for number, i in enumerate(self.ids):
            self.bus.publish(_started(i, number % WORKERS))
            for _ in range(each):
                self.bus.publish(_said(i))
            if number < len(self.ids) - WORKERS:
                for event in _ended(i):
                    self.bus.publish(event)
            self.fold.state()
        self.fold.state(wait=True)

    def storm(self, per_second: float, seconds: float) -> float:
        """Events in a second that 40 threads get published; `per_second` 0 = as many as they can."""
        until = time.perf_counter() + seconds
        counts = [0] * WORKERS
        pause = WORKERS / per_second if per_second else 0.0

        def speak(worker: int) -> None:
            event = _said(self.ids[-1 - worker])
            due = time.perf_counter() + random.Random(worker).random() * pause
            while time.perf_counter() < until:
                self.bus.publish(event)
                counts[worker] += 1
                due += pause
                time.sleep(max(0.0, due - time.perf_counter()))

        threads = [threading.Thread(target=speak, args=(n,)) for n in range(WORKERS)]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        while time.perf_counter() < until:
            time.sleep(0.1)
            self.fold.state()
        for thread in threads:
            thread.join()
        return sum(counts) / (time.perf_counter() - began)


def _subtask(i: str) -> Subtask:
    return Subtask(id=i, title=f"Subtask {i}", prompt="Summarise the module in five sentences. " * 5)


def _started(i: str, worker: int) -> Event:
    return SubtaskStarted(wave="wave", subtask=i, attempt=1, worker=worker, title=i, kind=Kind.CLAUDE)


def _said(i: str) -> Event:
    return SubtaskOutput(wave="wave", subtask=i, attempt=1, text=_TEXT)


def _ended(i: str) -> tuple[Event, ...]:
    return (
        UsageRecorded(wave="wave", subtask=i, attempt=1, model="m", input_tokens=900, output_tokens=300),
        SubtaskFinished(
            wave="wave", subtask=i, attempt=1, status=Status.SUCCEEDED, duration_s=4.0, attempts=1,
            output=_TEXT * 10,
        ),
    )  # fmt: skip


def run(subtasks: int, events: int) -> None:
    """Serve a run; `storm RATE SECONDS` on stdin is answered by events a second and the longest queue."""
    made_up = MadeUpRun(subtasks)
    made_up.live_through(events)
    print(made_up.run_dir.path, flush=True)
    for order in sys.stdin:
        rate, seconds = map(float, order.split())
        found = made_up.storm(rate, seconds)
        queued = max((peer.queued for peer in made_up.server.peers()), default=0)
        print(found, queued, flush=True)
    os._exit(0)


def view(folder: str) -> None:
    """Watch a run as a dashboard does, four times a second, until stdin ends."""
    session = RemoteSession(RunDir(Path(folder)), read_only=True)
    print("ready", flush=True)
    gone = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        gone.set()

    threading.Thread(target=wait, daemon=True).start()
    while not gone.wait(0.25):
        session.state()
    os._exit(0)


if __name__ == "__main__":
    view(sys.argv[2]) if sys.argv[1] == "view" else run(int(sys.argv[2]), int(sys.argv[3]))
