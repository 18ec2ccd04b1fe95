"""Subtasks that do what a test says, attempt by attempt, and what must hold of the events of any run."""

from __future__ import annotations

import json
import threading
from array import array
from collections import Counter, defaultdict
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from support import FakeRunner, Run, make_run

from luna_tui.core.events import (
    Record,
    RetryRequested,
    SubtaskFinished,
    SubtaskStarted,
    WaveFinished,
)
from luna_tui.core.plan import Plan
from luna_tui.core.records import decode, to_line
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Status
from luna_tui.engine.control import RunControl
from luna_tui.engine.runner import AttemptContext, AttemptError, Demand, Work


class Play:
    """A run whose attempts succeed when they are let go, unless their part says otherwise.

    Parts by subtask, one word per attempt, the last one for all that follow: `ok` at once, `fail` at
    once, `again` = fails and may be retried, `wait` = until `let` or the cancellation, `deaf` = until
    `let` whatever is cancelled.
    """

    def __init__(self, given: Plan, demand: Demand | None = None, **more: Any) -> None:
        self.parts: dict[str, list[str]] = {}
        self.prompts: list[tuple[str, int, str]] = []
        self.results: dict[str, dict[str, str]] = {}
        self._let: set[str] = set()
        self._gates: defaultdict[str, list[threading.Event]] = defaultdict(list)
        self.run: Run = make_run(FakeRunner(self._body, demand), given, **more)

    def _body(self, work: Work, context: AttemptContext) -> str:
        self.prompts.append((work.subtask.id, work.attempt, work.subtask.prompt))
        self.results[work.subtask.id] = dict(work.results)
        part = self.parts.get(work.subtask.id, ["ok"])
        match part[min(work.attempt, len(part)) - 1]:
            case "fail":
                raise AttemptError(ErrorKind.REFUSED, "no")
            case "again":
                raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=0.0)
            case "later":
                raise AttemptError(ErrorKind.SERVER, "no", retryable=True, retry_after_s=3600.0)
            case "wait":
                context.token.wait(self._gate(work.subtask.id))
            case "deaf":
                self._gate(work.subtask.id).wait(30)
        return f"out {work.subtask.id} {work.attempt}"

    def start(self, **parts: str) -> Play:
        """Begin, with the part of each subtask as words in one text."""
        self.parts |= {i: words.split() for i, words in parts.items()}
        self.run.start()
        return self

    @property
    def control(self) -> RunControl:
        return self.run.executor.control

    def let(self, *ids: str) -> None:
        """Attempts that wait go on, now and from now on."""
        self._let.update(ids)
        for gate in [gate for i in ids for gate in self._gates[i]]:
            gate.set()

    def _gate(self, subtask: str) -> threading.Event:
        """One of its own for every attempt, since a cancellation sets what it waits for."""
        gate = threading.Event()
        self._gates[subtask].append(gate)
        if subtask in self._let:
            gate.set()
        return gate

    def ended(self, *ids: str) -> None:
        """Wait until these have ended, as the events tell it."""
        self.run.wait_until(lambda: all(self.state().subtasks[i].status for i in ids), what=f"end of {ids}")

    def running(self, *ids: str, attempt: int = 1) -> None:
        """Wait until this attempt of these has begun."""
        self.run.wait_until(lambda: {(i, attempt) for i in ids} <= self.begun, what=f"start of {ids}")

    @property
    def begun(self) -> set[tuple[str, int]]:
        """Attempts that began."""
        return {(e.subtask, e.attempt) for e in self.run.all(SubtaskStarted)}

    def state(self) -> RunState:
        """The fold so far."""
        return self.run.state()

    def finish(self) -> Run:
        """Wait for the end, and look whether the events make sense."""
        run = self.run.finish()
        check(run)
        return run


def check(run: Run) -> None:
    """What holds of the events of every run with commands, once it has ended."""
    ends: defaultdict[str, int] = defaultdict(int)
    undone: defaultdict[str, int] = defaultdict(int)
    state = RunState()
    good: set[str] = set()
    counts: dict[str, dict[str, int]] = {}
    for record in run.records:
        match record.event:
            case SubtaskFinished(subtask=i, status=status):
                assert state.subtasks[i].status is None, f"{i} ended twice"
                ends[i] += 1
                good |= {i} if status is Status.SUCCEEDED else set()
            case WaveFinished(wave=name):
                counts[name] = dict(record.event.counts)
            case SubtaskStarted(subtask=i, attempt=attempt):
                assert state.subtasks[i].status is None, f"{i} started after its end"
                numbers = [t.number for t in state.subtasks[i].tries]
                assert attempt == len(numbers) + 1, f"tries of {i}: {numbers}, then {attempt}"
                assert good.issuperset(state.subtasks[i].planned.depends_on), f"{i} lacks what it needs"
            case RetryRequested(requeued=ids):
                assert len(set(ids)) == len(ids)
                for i in ids:
                    undone[i] += state.subtasks[i].status is not None
        state.apply(record)
    for i, s in state.subtasks.items():
        assert s.status is not None
        assert ends[i] == 1 + undone[i]
        assert s.attempt == len(s.tries)
    for name, wave in state.waves.items():
        assert (wave.started_at is None) == (wave.ended_at is None)
        here = Counter(str(state.subtasks[i].status) for i in wave.subtasks)
        assert wave.started_at is None or counts[name] == here
    end = state.finished
    assert end is not None
    assert end.bound_s is not None
    assert sum(end.lost.values()) == pytest.approx(max(0.0, end.wall_s - end.bound_s), abs=1e-5)
    assert {str(k): n for k, n in state.counts.items()} == dict(end.counts)
    assert sum(state.counts.values()) == len(state.subtasks)
    same(state, fold(replayed(run.records)))


def replayed(records: list[Record]) -> list[Record]:
    """The records as a journal gives them back."""
    read = [decode(json.loads(to_line(record))) for record in records]
    return [record for record in read if record is not None]


def same(one: Any, other: Any, where: str = "state") -> None:
    """Equal in everything, but for the rounding of instants."""
    assert type(one) is type(other) or isinstance(one, int | float), where
    if is_dataclass(one):
        for f in fields(one):
            same(getattr(one, f.name), getattr(other, f.name), f"{where}.{f.name}")
    elif isinstance(one, dict):
        assert list(one) == list(other), where
        for key in one:
            same(one[key], other[key], f"{where}[{key}]")
    elif isinstance(one, list | tuple | array):
        assert len(one) == len(other), where
        for n, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{where}[{n}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, abs=1e-5), where
    else:
        assert one == other, where
