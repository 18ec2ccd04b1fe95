"""Begin and end the stretches and attempts of a subtask, and keep the indexes of them in step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from luna_tui.core.parts import SubtaskState
from luna_tui.core.spans import Span, Try

if TYPE_CHECKING:
    from luna_tui.core.state import RunState

RUN = "run"
TOOL = "tool"
MOST_TOOLS = 200
"""Calls of tools remembered of one attempt."""


def end_try(state: RunState, last: Try, at: float) -> None:
    """An attempt is over; said again with another instant, that one counts."""
    if last.waits_since is None:
        if last.ended_at is not None:
            state.tried.reopen(_worked_from(last), last.ended_at)
        state.tried.end(_worked_from(last), at)
    last.ended_at = at


def rest(state: RunState, s: SubtaskState, at: float) -> None:
    """The attempt in flight waits in its midst, if there is one: that is no work."""
    last = in_flight(s)
    if last is not None and last.waits_since is None:
        state.tried.end(_worked_from(last), at)
        last.waits_since = at


def work(state: RunState, last: Try, at: float) -> None:
    """It goes on after `rest`."""
    if last.waits_since is None:
        return
    state.tried.reopen(_worked_from(last), last.waits_since)
    waited_s = at - last.waits_since
    state.tried.opened_s += waited_s
    last.waited_s += waited_s
    last.waits_since = None


def in_flight(s: SubtaskState) -> Try | None:
    """The attempt that has begun and not ended, also while it waits in its midst."""
    return s.tries[-1] if s.tries and s.tries[-1].open else None


def _worked_from(last: Try) -> float:
    """When it would have begun without waits in its midst."""
    return last.started_at + last.waited_s


def begin_tool(s: SubtaskState, at: float) -> None:
    """The current attempt waits for a tool, or for one more."""
    if s.tries and not (s.tries[-1].tools and s.tries[-1].tools[-1].end_at is None):
        s.tries[-1].tools = (*s.tries[-1].tools, Span(TOOL, at))[-MOST_TOOLS:]


def end_tool(s: SubtaskState, at: float) -> None:
    """It waits for none any more."""
    if s.tries and s.tries[-1].tools and s.tries[-1].tools[-1].end_at is None:
        s.tries[-1].tools[-1].end_at = at


def begin_span(state: RunState, s: SubtaskState, phase: str, at: float) -> None:
    """The time of a subtask goes into something else from now on."""
    end_span(state, s, at)
    s.spans.append(Span(phase, at, worker=s.worker))
    state.tracks.begin(s, at, runs=phase == RUN)


def end_span(state: RunState, s: SubtaskState, at: float) -> None:
    """Nothing goes on with it now."""
    if s.spans and s.spans[-1].end_at is None:
        s.spans[-1].end_at = at
        state.tracks.end(s, s.spans[-1], at, runs=s.spans[-1].phase == RUN)
