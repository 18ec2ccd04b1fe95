"""Runs a plan with made-up runners and collects its records."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from luna_tui.core.events import Event, Record, SubtaskFinished, SubtaskStarted
from luna_tui.core.expectations import Expectations
from luna_tui.core.limits import TIERS
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Kind, Mode, OnFailure, RunStatus, Schedule, Staffing, Status
from luna_tui.engine.bus import EventBus
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.engine.executor import RunSettings, WaveExecutor
from luna_tui.engine.limiters import Limiters
from luna_tui.engine.outputs import NoOutputs
from luna_tui.engine.runner import (
    AttemptContext,
    Demand,
    Reply,
    Request,
    Runner,
    ServerLimits,
    T,
    Usage,
    Work,
)
from luna_tui.engine.workspaces import Changes, Workspaces

E = TypeVar("E")
Body = Callable[[Work, AttemptContext], str]


def subtask(id: str, **more: object) -> Subtask:
    """A claude subtask that a fake runner will do."""
    return Subtask(**{"id": id, "title": id, "prompt": id, "timeout": 20.0, **more})  # type: ignore[arg-type]


def wave(name: str, *subtasks: Subtask, **more: object) -> Wave:
    """A wave."""
    return Wave(**{"name": name, "subtasks": subtasks, "timeout": 0.0, **more})  # type: ignore[arg-type]


def plan(
    *waves: Wave, on_failure: OnFailure = OnFailure.CONTINUE, schedule: Schedule = Schedule.WAVES
) -> Plan:
    """A plan in memory."""
    return Plan(name="test", waves=waves, workspace="/", on_failure=on_failure, schedule=schedule)


class FakeRunner:
    """Does what a function says."""

    def __init__(self, body: Body, demand: Demand | None = None) -> None:
        self._body = body
        self._demand = demand

    def demand(self, work: Work) -> Demand | None:
        """The same for every attempt."""
        return self._demand

    def run(self, work: Work, context: AttemptContext) -> str:
        """Call the function."""
        return self._body(work, context)

    def close(self) -> None:
        """Nothing to close."""


@dataclass
class Run:
    """A run under test."""

    executor: WaveExecutor
    limiter: Limiters
    records: list[Record] = field(default_factory=list)
    status: RunStatus | None = None
    thread: threading.Thread | None = None
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def take(self, record: Record) -> None:
        """Subscriber."""
        with self._changed:
            self.records.append(record)
            self._changed.notify_all()

    def start(self) -> Run:
        """Run on a thread."""

        def body() -> None:
            self.status = self.executor.run()

        self.thread = threading.Thread(target=body, daemon=True)
        self.thread.start()
        return self

    def finish(self, timeout_s: float = 20.0) -> Run:
        """Wait for the end."""
        if self.thread is None:
            self.start()
        assert self.thread is not None
        self.thread.join(timeout_s)
        assert not self.thread.is_alive(), "the run did not end"
        return self

    def wait_for(self, kind: type[Event], count: int = 1, timeout_s: float = 10.0) -> None:
        """Until `count` events of a kind were published."""
        self.wait_until(lambda: len(self.all(kind)) >= count, timeout_s, f"{count} {kind.__name__}")

    def wait_until(self, true: Callable[[], bool], timeout_s: float = 10.0, what: str = "it") -> None:
        """Until something holds of the records."""
        with self._changed:
            ok = self._changed.wait_for(true, timeout_s)
        assert ok, f"{what} did not come"

    def wait_for_ends(self, count: int) -> None:
        """Until `count` subtasks have ended."""
        self.wait_for(SubtaskFinished, count)

    def all(self, kind: type[E]) -> list[E]:
        """Events of a kind, in order."""
        return [r.event for r in self.records if isinstance(r.event, kind)]

    def seqs(self, kind: type[Event]) -> list[int]:
        """Sequence numbers of the events of a kind."""
        return [r.seq for r in self.records if isinstance(r.event, kind)]

    def ends(self) -> dict[str, Status]:
        """Status of each subtask."""
        return {e.subtask: e.status for e in self.all(SubtaskFinished)}

    def order(self) -> list[str]:
        """Ids in order of their first start."""
        return list(dict.fromkeys(e.subtask for e in self.all(SubtaskStarted)))

    def state(self) -> RunState:
        """The fold."""
        return fold(self.records)


def make_run(
    body: Body | Runner,
    given: Plan,
    *,
    workers: int | Staffing = 20,
    tier: str = "tier2",
    mode: Mode = Mode.BALANCED,
    clock: Clock | None = None,
    settle: Callable[[int], bool] = lambda _: True,
    past: Past | None = None,
    workspaces: Workspaces | None = None,
    changes: Changes | None = None,
    **settings: Any,
) -> Run:
    """A run that has not started; `past` = what an earlier process did of it, `settle` = is it saved?"""
    clock = clock or SystemClock()
    bus = EventBus("run-under-test", clock, seq=past.seq if past else 0, at_s=past.at if past else 0.0)
    limiter = Limiters(TIERS[tier].limits, mode, clock)
    runner: Runner = FakeRunner(body) if callable(body) else body
    executor = WaveExecutor(
        given,
        RunSettings(mode=mode, tier=tier, provider="fake", version="0", workers=workers, **settings),
        bus=bus,
        clock=clock,
        runners=dict.fromkeys(Kind, runner),
        limiter=limiter,
        store=NoOutputs(),
        rng=random.Random(1),
        settle=settle,
        past=past,
        workspaces=workspaces,
        changes=changes,
    )
    run = Run(executor, limiter)
    bus.subscribe(run.take)
    return run


@dataclass
class RecordingContext:
    """An AttemptContext that remembers."""

    token: CancelToken
    texts: list[str] = field(default_factory=list)
    usages: list[tuple[Usage, bool]] = field(default_factory=list)
    limits: list[ServerLimits] = field(default_factory=list)
    heard: threading.Event = field(default_factory=threading.Event)
    turns: list[tuple[int, Demand]] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)
    replies: dict[str, Reply] = field(default_factory=dict)
    called: list[tuple[str, str, str]] = field(default_factory=list)
    finished: list[tuple[str, bool, str]] = field(default_factory=list)

    def output(self, text: str) -> None:
        """Remember text."""
        self.texts.append(text)
        self.heard.set()

    def usage(self, usage: Usage, *, final: bool) -> None:
        """Remember usage."""
        self.usages.append((usage, final))

    def server_limits(self, limits: ServerLimits, *, refused: bool = False) -> None:
        """Remember headers."""
        self.limits.append(limits)

    def turn(self, number: int, demand: Demand, send: Callable[[], T]) -> T:
        """Remember the turn and send it at once."""
        self.turns.append((number, demand))
        return send()

    def ask(self, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Remember what is asked and reply as `replies` says, else deny."""
        self.asked.extend(requests)
        return tuple(
            self.replies.get(r.summary, Reply(allowed=False, text="nobody is there")) for r in requests
        )

    def tool_called(self, call: str, tool: str, summary: str) -> None:
        """Remember the use of a tool."""
        self.called.append((call, tool, summary))

    def tool_finished(self, call: str, *, ok: bool, result: str = "") -> None:
        """Remember how it ended."""
        self.finished.append((call, ok, result))


def work_of(
    given: Subtask, *, workspace: str = "/", results: dict[str, str] | None = None, run_dir: str = ""
) -> Work:
    """One attempt's work."""
    return Work(
        subtask=given,
        wave="w",
        attempt=1,
        worker=0,
        workspace=workspace,
        run_dir=run_dir,
        results=results or {},
        expect=Expectations(plan(wave("w", given))).expect,
    )


def names(count: int, prefix: str = "s") -> Sequence[str]:
    """`s00`, `s01`, ..."""
    return [f"{prefix}{n:02d}" for n in range(count)]
