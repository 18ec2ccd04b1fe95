"""The fold of agents: tools at once, requests for a person, turns that wait, changes to look at."""

from __future__ import annotations

from typing import Any

from support import plan, subtask, wave

from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangedFile,
    ChangesAccepted,
    ChangesRefused,
    Event,
    Record,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ToolCalled,
    ToolFinished,
    TurnStarted,
    WorkspaceChanged,
)
from luna_tui.core.outline import outline
from luna_tui.core.stand import Stand, silence_s, stand
from luna_tui.core.state import RunState
from luna_tui.core.words import Decision, Kind, Mode, Status, WaitReason

OF: dict[str, Any] = {"wave": "w", "subtask": "a", "attempt": 1}


def told(*events: tuple[float, Event]) -> RunState:
    state = RunState()
    begun = RunStarted(
        started_at="2026-01-01T00:00:00Z", plan=outline(plan(wave("w", subtask("a"), subtask("b")))),
        mode=Mode.BALANCED, tier="tier2", max_workers=2, provider="simulator", version="1",
    )  # fmt: skip
    started = SubtaskStarted(**OF, worker=0, title="a", kind=Kind.CLAUDE)
    whole: list[tuple[float, Event]] = [(0.0, begun), (1.0, started), *events]
    for seq, (at, event) in enumerate(whole, 1):
        state.apply(Record(seq, at, "r", event))
    return state


def asks(name: str) -> ApprovalRequested:
    return ApprovalRequested(**OF, approval=name, tool="run_command", summary=name)


def decided(name: str) -> ApprovalDecided:
    return ApprovalDecided(
        wave="w", subtask="a", approval=name, tool="run_command", decision=Decision.ALLOW, by="ana"
    )


def test_tools_at_once_are_one_stretch_and_each_is_remembered_where_it_came() -> None:
    state = told(
        (2.0, SubtaskOutput(**OF, text="Let me look.")),
        (3.0, ToolCalled(**OF, tool="read_file", summary="x.py", call="1")),
        (3.0, ToolCalled(**OF, tool="read_file", summary="y.py", call="2")),
        (4.0, ToolFinished(**OF, tool="read_file", ok=True, duration_s=1.0, call="1", result="9 lines")),
        (6.0, ToolFinished(**OF, tool="read_file", ok=False, duration_s=3.0, call="2")),
    )
    attempt = state.subtasks["a"].tries[-1]
    assert [(t.start_at, t.end_at) for t in attempt.tools] == [(3.0, 6.0)]
    assert [(c.summary, c.end_at, c.ok, c.result, c.after_chars) for c in attempt.calls] == [
        ("x.py", 4.0, True, "9 lines", 12),
        ("y.py", 6.0, False, "", 12),
    ]
    assert state.subtasks["a"].tool is None


def test_while_one_tool_is_left_the_subtask_is_at_a_tool_and_not_quiet() -> None:
    state = told(
        (3.0, ToolCalled(**OF, tool="read_file", summary="x.py", call="1")),
        (3.0, ToolCalled(**OF, tool="run_command", summary="pytest", call="2")),
        (4.0, ToolFinished(**OF, tool="read_file", ok=True, duration_s=1.0, call="1")),
    )
    s = state.subtasks["a"]
    assert s.tool == "pytest"
    assert stand(s, 500.0) is Stand.TOOL


def test_a_subtask_that_asks_waits_until_the_last_request_is_decided() -> None:
    events = (
        (2.0, SubtaskWaiting(**OF, reason=WaitReason.APPROVAL, worker=0)),
        (2.0, asks("a1")),
        (2.0, asks("a2")),
        (8.0, decided("a1")),
        (9.0, decided("a2")),
    )
    waiting = told(*events[:4])
    assert list(waiting.asks) == ["a2"]
    assert (waiting.subtasks["a"].waiting, waiting.running) == (WaitReason.APPROVAL, 0)
    going = told(*events)
    s = going.subtasks["a"]
    assert (going.asks, s.waiting, s.running, going.running, going.on) == ({}, None, True, 1, 1)
    assert [(span.phase, span.start_at, span.end_at) for span in s.spans] == [
        ("run", 1.0, 2.0),
        ("wait:approval", 2.0, 9.0),
        ("run", 9.0, None),
    ]
    assert silence_s(s, 10.0) == 1.0


def test_a_subtask_that_ends_asks_nobody_any_more() -> None:
    end = SubtaskFinished(**OF, status=Status.CANCELLED, duration_s=1.0, attempts=1)
    state = told((2.0, asks("a1")), (3.0, end))
    assert state.asks == {}


def test_a_turn_that_had_to_wait_goes_on_in_the_same_attempt() -> None:
    state = told(
        (2.0, SubtaskWaiting(**OF, reason=WaitReason.ITPM, worker=0)), (5.0, TurnStarted(**OF, turn=2))
    )
    s = state.subtasks["a"]
    assert (s.running, s.waiting, len(s.tries), s.tries[-1].turns) == (True, None, 1, 2)


def test_changes_wait_to_be_looked_at_and_say_why_they_could_not_be_taken_over() -> None:
    file = ChangedFile(path="x.py", kind="changed", added=3, removed=1)
    changed = (2.0, WorkspaceChanged(**OF, files=(file,), diff_file="diffs/a.1.diff"))
    refused = (3.0, ChangesRefused(subtask="a", by="ana", conflicts=("x.py changed meanwhile",)))
    changes = told(changed, refused).changes["a"]
    assert (changes.settled, changes.conflicts) == ("", ("x.py changed meanwhile",))
    assert (changes.added, changes.removed) == (3, 1)
    accepted = told(changed, refused, (4.0, ChangesAccepted(subtask="a", by="ana", files=1))).changes["a"]
    assert (accepted.settled, accepted.conflicts) == ("accepted", ())
