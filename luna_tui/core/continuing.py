"""What it does to the state of a run that another process goes on with it; called by the fold only."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from luna_tui.core.agents import end_calls
from luna_tui.core.counting import note_trouble, pause
from luna_tui.core.events import PlannedSubtask, RunStarted
from luna_tui.core.parts import SubtaskState
from luna_tui.core.trying import end_span, end_try

if TYPE_CHECKING:
    from luna_tui.core.state import RunState


def continue_run(state: RunState, event: RunStarted, at: float) -> None:
    """Nothing of the process before is in flight any more, and nobody's wish to stop it holds.

    What had begun and not ended is back in line; that its attempt came to nothing is told by an
    event of its own. All counts and times stay.
    """
    state.staff.append((at, event.max_workers))
    state.mode, state.tier, state.provider = event.mode, event.tier, event.provider
    state.max_workers, state.automatic = event.max_workers, event.automatic
    state.version, state.budget_usd, state.sandbox = event.version, event.budget_usd, event.sandbox
    state.asks.clear()
    if event.away_s is not None:
        state.away.append((at, event.away_s))
    state.finished, state.stopping, state.not_saved, state.viewers = None, None, "", 0
    _end_pause(state, at)
    for s in list(state.live.values()):
        _line_up(state, s, at)
    for s in list(state.troubled.ghosts.values()):
        s.ghost = False
        note_trouble(state, s, s.status)
    state.ghosts = 0
    state.workers.clear()
    for wave in state.opened.values():
        wave.timed_from = at
    for wave in state.waves.values():
        wave.stood_s, wave.stands_since = 0.0, None
    _take_changes(state, event)


def _end_pause(state: RunState, at: float) -> None:
    state.paused = False
    if state.pauses and state.pauses[-1].end_at is None:
        state.pauses[-1].end_at = at


def _line_up(state: RunState, s: SubtaskState, at: float) -> None:
    pause(state, s)
    s.running, s.waiting, s.tool, s.asked, s.expected_s = False, None, None, None, None
    s.cancel_requested, s.started_at = False, None
    if s.tries and s.tries[-1].ended_at is None:
        end_try(state, s.tries[-1], at)
    end_calls(s, at)
    end_span(state, s, at)
    del state.live[s.id]
    state.waves[s.wave].blocked += s.unmet > 0


def _take_changes(state: RunState, event: RunStarted) -> None:
    """What the new process was told to do otherwise with the same subtasks, its model for example."""
    for wave in event.plan.waves:
        for planned in wave.subtasks:
            s = state.subtasks.get(planned.id)
            if s is not None and s.planned != planned:
                s.planned = _changed(s.planned, planned)


def _changed(before: PlannedSubtask, now: PlannedSubtask) -> PlannedSubtask:
    # What the counts were made of stays: a plan with another shape is another run.
    return replace(before, model=now.model, prompt=now.prompt, timeout=now.timeout, retries=now.retries)
