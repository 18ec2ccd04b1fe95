"""A run that a test tells, served on a socket of its own."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from support import plan, subtask, wave

from luna_tui import __version__
from luna_tui.core.events import (
    Attached,
    Detached,
    Event,
    Record,
    RunStarted,
    SubtaskOutput,
    SubtaskStarted,
    WaveStarted,
)
from luna_tui.core.outline import outline
from luna_tui.core.state import RunState
from luna_tui.core.words import Decision, GrantScope, Kind, Manner, Mode, Scope, Staffing
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import SystemClock
from luna_tui.session.serving import ServedRun
from luna_tui.session.shared_fold import SharedFold
from luna_tui.wire.client import Connection, Snapshot
from luna_tui.wire.messages import Hello, Wish
from luna_tui.wire.server import ControlServer
from luna_tui.wire.sockets import listen

WAVES = ("scan", "merge")
IDS = (*(f"scan-{n}" for n in range(6)), "merge-all")


class RecordingControl:
    """Remembers commands; every method is RunControl's."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        self.calls.append(("cancel", by, scope, manner, wave, subtask))

    def set_mode(self, mode: Mode, *, by: str) -> None:
        self.calls.append(("mode", by, mode))

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        self.calls.append(("workers", by, workers))

    def pause(self, *, by: str) -> None:
        self.calls.append(("pause", by))

    def resume(self, *, by: str) -> None:
        self.calls.append(("resume", by))

    def retry(self, subtasks: Sequence[str], *, by: str, prompt: str | None = None) -> None:
        self.calls.append(("retry", by, list(subtasks), prompt))

    def skip(self, subtasks: Sequence[str], *, by: str) -> None:
        self.calls.append(("skip", by, list(subtasks)))

    def set_budget(self, usd: float | None, *, by: str) -> None:
        self.calls.append(("budget", by, usd))

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        self.calls.append(("decide", by, approval, decision, scope, reason))

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        self.calls.append(("changes", by, subtask, accept))


class ServedStage:
    """A made-up run with its server; every record it publishes is kept in `records`."""

    def __init__(self, folder: Path, *, begun: bool = True) -> None:
        self.path = folder / "control.sock"
        self.plan = plan(
            wave("scan", *(subtask(i) for i in IDS[:-1])), wave("merge", subtask(IDS[-1], depends_on=IDS[:1]))
        )
        self.control = RecordingControl()
        self.records: list[Record] = []
        self.begun = False
        self.bus = EventBus("20260102-150405-7f3a", SystemClock())
        self.fold = SharedFold(RunState())
        served = ServedRun(
            "20260102-150405-7f3a",
            self.plan,
            self.fold,
            self.control,
            now_s=self.bus.now_s,
            tell=self._tell,
        )
        self.server = ControlServer(listen(self.path), served)
        for subscriber in (self.records.append, self.fold.put, self.server.put):
            self.bus.subscribe(subscriber)
        self.server.start()
        if begun:
            self.begin()

    def __enter__(self) -> ServedStage:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.close()

    def _tell(self, event: Attached | Detached) -> bool:
        if self.begun:
            self.bus.publish(event)
        return self.begun

    def begin(self) -> None:
        """The run starts, with all of the first wave in flight."""
        self.begun = True
        self.publish(
            RunStarted(
                started_at="2026-01-02T15:04:05Z", plan=outline(self.plan), mode=Mode.BALANCED, tier="tier2",
                max_workers=6, provider="simulator", version="0",
            ),
            WaveStarted(wave="scan", parallel=True, reason="parallel", workers=6),
        )  # fmt: skip
        for worker, i in enumerate(IDS[:-1], 1):
            self.publish(
                SubtaskStarted(wave="scan", subtask=i, attempt=1, worker=worker, title=i, kind=Kind.CLAUDE)
            )

    def publish(self, *events: Event) -> None:
        """Facts of the run."""
        for event in events:
            self.bus.publish(event)

    def say(self, text: str, subtask: str = IDS[0]) -> None:
        """A subtask says something."""
        self.publish(SubtaskOutput(wave="scan", subtask=subtask, attempt=1, text=text))

    def state(self) -> RunState:
        """The fold of the run's own front end."""
        return self.fold.state(wait=True)

    def connect(
        self, wish: Wish = Wish.CONTROL, by: str = "user", proto: tuple[int, int] = (1, 1)
    ) -> Connection:
        """A client of ours."""
        hello = Hello(lowest=proto[0], highest=proto[1], wish=wish, version=__version__, by=by)
        return Connection(self.path, hello)

    def raw(self) -> socket.socket:
        """A client that says what it likes; one that waits for more than 5 s fails the test."""
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.settimeout(5.0)
        found.connect(str(self.path))
        return found

    def told(self, kind: type[Event]) -> list[Event]:
        """Events of a kind, so far."""
        return [r.event for r in list(self.records) if isinstance(r.event, kind)]


def follow(connection: Connection, until_seq: int, state: RunState | None = None) -> RunState:
    """The state that a viewer has once it knows record `until_seq`; TimeoutError when that takes long."""
    state = state or RunState()
    for told in connection.told(10.0):
        if isinstance(told, Snapshot):
            assert told.state.seq >= state.seq
            state = told.state
        elif isinstance(told, Record):
            assert told.seq > state.seq, "a record came twice"
            state.apply(told)
        if state.seq >= until_seq:
            return state
    raise AssertionError("the run went away")


def until(true: Callable[[], object], timeout_s: float = 10.0, what: str = "it") -> None:
    """Wait for something that another thread does."""
    end = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.002)
