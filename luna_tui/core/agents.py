"""What the fold knows of agents: calls of tools, open requests for a person, changes to look at."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from luna_tui.core.counting import go_on, pause
from luna_tui.core.events import (
    ApprovalDecided,
    ApprovalRequested,
    ChangedFile,
    ChangesAccepted,
    ChangesDropped,
    ChangesRefused,
    ToolCalled,
    ToolFinished,
    TurnFailed,
    TurnStarted,
    WorkspaceChanged,
)
from luna_tui.core.samples import Throttle, note_throttle
from luna_tui.core.spans import Call
from luna_tui.core.trying import MOST_TOOLS, RUN, begin_span, begin_tool, end_span, end_tool, in_flight, work
from luna_tui.core.words import Decision, ErrorKind, WaitReason

if TYPE_CHECKING:
    from luna_tui.core.parts import SubtaskState
    from luna_tui.core.state import RunState

_CHOICE = re.compile(r" *(\d{1,2})[.)] +(\S.*)")


@dataclass(slots=True)
class Ask:
    """A request that waits for a person."""

    approval: str
    subtask: str
    tool: str
    summary: str
    detail: str
    pattern: str
    question: bool
    since: float
    """Seconds since the run began."""

    @property
    def choices(self) -> tuple[str, ...]:
        """What a question may be answered with, as its last lines number it from 1; empty = any text."""
        if not self.question:
            return ()
        lines = [line for line in self.detail.splitlines() if line.strip()]
        listed = list(takewhile(bool, map(_CHOICE.fullmatch, reversed(lines))))[::-1]
        numbers = [int(match[1]) for match in listed if match]
        first = len(numbers) - numbers[::-1].index(1) - 1 if 1 in numbers else len(numbers)
        if numbers[first:] != list(range(1, len(numbers) - first + 1)):
            return ()
        return tuple(match[2].strip() for match in listed[first:] if match)


@dataclass(slots=True)
class Changes:
    """What a subtask changed in a workspace of its own."""

    subtask: str
    attempt: int
    files: tuple[ChangedFile, ...]
    diff_file: str
    settled: str = ""
    """`accepted` or `dropped`; empty = nobody has looked yet."""
    conflicts: tuple[str, ...] = ()
    """Why it could not be taken over when that was last tried."""

    @property
    def added(self) -> int:
        """Lines in all files."""
        return sum(f.added for f in self.files)

    @property
    def removed(self) -> int:
        """Lines in all files."""
        return sum(f.removed for f in self.files)


AgentEvent = (
    TurnStarted
    | TurnFailed
    | ToolCalled
    | ToolFinished
    | ApprovalRequested
    | ApprovalDecided
    | WorkspaceChanged
)
SettledEvent = ChangesAccepted | ChangesDropped | ChangesRefused


def apply_agent(state: RunState, event: AgentEvent | SettledEvent, at: float) -> None:
    """Take in what an agent did, what was done for it, or what became of its changes."""
    if isinstance(event, SettledEvent):
        _settle(state, event)
    elif event.subtask in state.subtasks:
        _apply(state, state.subtasks[event.subtask], event, at)


def _apply(state: RunState, s: SubtaskState, event: AgentEvent, at: float) -> None:
    match event:
        case TurnStarted():
            _turn(state, s, event, at)
        case TurnFailed():
            s.stirred_at = at
            if event.status == 429:
                state.throttled_at.append(at)
                note_throttle(state.throttles, Throttle(at, s.id, event.delay_s))
            if event.error_kind is not ErrorKind.RATE_LIMITED:
                s.asked = None
        case ToolCalled():
            s.tool = event.summary or event.tool
            s.stirred_at = at
            _have_worker(state, s, at)
            begin_tool(s, at)
            _note_call(s, event, at)
        case ToolFinished():
            _have_worker(state, s, at)
            _finish_call(s, event, at)
        case ApprovalRequested():
            state.asks[event.approval] = Ask(
                event.approval, event.subtask, event.tool, event.summary, event.detail,
                event.pattern, event.question, at,
            )  # fmt: skip
            time_wave(state, s.wave, at)
        case ApprovalDecided():
            state.asks.pop(event.approval, None)
            s.stirred_at = at
            time_wave(state, s.wave, at)
            left = any(ask.subtask == s.id for ask in state.asks.values())
            if not left and s.waiting is WaitReason.APPROVAL and event.decision is not Decision.WITHDRAWN:
                work_again(state, s, at)
        case WorkspaceChanged():
            state.changes[s.id] = Changes(s.id, event.attempt, event.files, event.diff_file)


def _settle(state: RunState, event: SettledEvent) -> None:
    changes = state.changes.get(event.subtask)
    if changes is None:
        return
    match event:
        case ChangesAccepted():
            changes.settled, changes.conflicts = "accepted", ()
        case ChangesDropped():
            changes.settled = "dropped"
        case ChangesRefused():
            changes.conflicts = event.conflicts


def end_asks(state: RunState, s: SubtaskState, at: float) -> None:
    """Nobody is asked any more for a subtask that is over, or begins anew."""
    if state.asks:
        for name in [a.approval for a in state.asks.values() if a.subtask == s.id]:
            del state.asks[name]
        time_wave(state, s.wave, at)


def time_wave(state: RunState, name: str, at: float) -> None:
    """The clock of a wave stands while anything in it waits for a person."""
    wave = state.waves[name]
    asks = any(state.subtasks[ask.subtask].wave == name for ask in state.asks.values())
    if asks and wave.stands_since is None:
        wave.stands_since = at
    elif not asks and wave.stands_since is not None:
        wave.stood_s += at - wave.stands_since
        wave.stands_since = None


def drop_changes(state: RunState, s: SubtaskState) -> None:
    """A new attempt begins: what an earlier one changed, and nobody settled, is no longer its result."""
    changes = state.changes.get(s.id)
    if changes is not None and not changes.settled:
        del state.changes[s.id]


def end_calls(s: SubtaskState, at: float) -> None:
    """No tool is in use any more; what had not returned has no result."""
    end_tool(s, at)
    for call in s.tries[-1].calls if s.tries else ():
        if call.end_at is None:
            call.end_at, call.ok = at, False


def work_again(state: RunState, s: SubtaskState, at: float) -> None:
    """The attempt is in flight again after it had to wait in its midst."""
    last = in_flight(s)
    if s.waiting is None or last is None:
        return
    work(state, last, at)
    pause(state, s)
    s.waiting, s.expected_s, s.running = None, None, True
    go_on(state, s)
    end_span(state, s, at)
    begin_span(state, s, RUN, at)


def _have_worker(state: RunState, s: SubtaskState, at: float) -> None:
    """It does something, so the wait for a worker after an answer is over."""
    if s.waiting is WaitReason.SLOT:
        work_again(state, s, at)


def _turn(state: RunState, s: SubtaskState, event: TurnStarted, at: float) -> None:
    s.stirred_at = at
    if s.tries:
        s.tries[-1].turns = event.turn
    s.asked = state.seq if s.asked is None else s.asked
    work_again(state, s, at)


def _note_call(s: SubtaskState, event: ToolCalled, at: float) -> None:
    if s.tries:
        calls = s.tries[-1].calls
        calls.append(Call(event.call, event.tool, event.summary, at, after_chars=s.chars))
        del calls[:-MOST_TOOLS]


def _finish_call(s: SubtaskState, event: ToolFinished, at: float) -> None:
    s.stirred_at = at
    calls = s.tries[-1].calls if s.tries else []
    call = next((c for c in reversed(calls) if c.call == event.call and c.end_at is None), None)
    if call is not None:
        call.end_at, call.ok, call.result = at, event.ok, event.result
    left = next((c for c in reversed(calls) if c.end_at is None), None)
    s.tool = None if left is None else left.summary or left.tool
    if left is None:
        end_tool(s, at)
