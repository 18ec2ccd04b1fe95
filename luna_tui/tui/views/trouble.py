"""Attention lines: what is wrong, compared with what, its effect; and the event log."""

from __future__ import annotations

import heapq
from itertools import islice

from luna_tui.core.events import (
    AttemptFailed,
    CancelRequested,
    JournalFailed,
    ModeChanged,
    Record,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    ThreadReturned,
    ToolCalled,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)  # fmt: skip
from luna_tui.core.insight import Stand, countdown_s, dependents, quiet_after_s, silence_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.core.words import Status
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Cell, Line, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, join

_RANK = {Stand.GHOST: 0, Stand.QUIET: 1, Stand.TIMED_OUT: 2, Stand.FAILED: 3, Stand.BACKOFF: 4}


def attention(state: RunState, now_s: float, width: int, height: int, g: Glyphs) -> Panel:
    """At most `height` lines of trouble, the most urgent first; the last says how many more there are."""
    found, total = _troubled(state, now_s, height)
    lines = [_line(state, s, how, now_s, width, g) for how, s in found]
    cells = [Cell(pair[1].id, n, 0, width) for n, pair in enumerate(found)]
    if total > height > 0:
        more = (Span(_("{cut}{n} more in trouble").format(cut=g.cut, n=total - height + 1), Role.WARN),)
        lines[-1] = fit_line(more, width, g.cut)
        cells.pop()
    return Panel(tuple(lines), tuple(cells))


def _troubled(state: RunState, now_s: float, most: int) -> tuple[list[tuple[Stand, SubtaskState]], int]:
    """The most urgent ones, and how many there are; looks at what is live and at no more than it shows."""
    quiet = quiet_after_s(state, state.current_wave)
    ended = islice(state.troubled, max(0, most))
    found = [(stand(s, now_s, quiet_after_s=quiet), s) for s in ended]
    alive = [(stand(s, now_s, quiet_after_s=quiet), s) for s in state.live.values() if not s.ghost]
    alive = [pair for pair in alive if pair[0] in _RANK]
    first = heapq.nsmallest(most, alive + found, key=lambda pair: _RANK[pair[0]])
    return first, len(alive) + len(state.troubled)


def _line(state: RunState, s: SubtaskState, how: Stand, now_s: float, width: int, g: Glyphs) -> Line:
    head = f"{g.states[how]} {s.label} {s.planned.title}  "
    role = ROLES[how]
    match how:
        case Stand.QUIET:
            usual = quiet_after_s(state, state.current_wave)
            text = f"no token for {silence_s(s, now_s):.0f} s (usual here: under {usual:.0f} s)"
        case Stand.BACKOFF:
            left = countdown_s(s, now_s)
            again = f"again in {clock(left)}" if left is not None else "waits to try again"
            text = f"{s.tries[-1].message if s.tries else ''}; try {len(s.tries) + 1} {again}"
        case Stand.GHOST:
            text = "its thread ignores the cancellation; its worker was replaced"
        case _:
            text = f"{s.reason}, {len(s.tries)} {'try' if len(s.tries) == 1 else 'tries'}"
    feeds = dependents(state, s.id)
    if how in (Stand.FAILED, Stand.TIMED_OUT) and feeds:
        text += f"; blocks {', '.join(state.subtasks[i].label for i in feeds[:3])}"
        text += f" and {len(feeds) - 3} more" if len(feeds) > 3 else ""
    keys = (
        Span("enter", Role.KEY),
        Span(" look  "),
        Span("x", Role.KEY),
        Span(" stop"),
    )
    return join((Span(head, role), Span(text)), keys if how is Stand.QUIET else (), width, g.cut)


def event_lines(state: RunState, width: int, height: int, g: Glyphs) -> Panel:
    """The last events that a person would want to read."""
    lines: list[Line] = []
    for record in reversed(state.log):
        if len(lines) >= height:
            break
        said = _event(state, record)
        if said is not None:
            text, role = said
            lines.append(
                fit_line((Span(f"{clock(record.at):>5}  ", Role.DIM), Span(text, role)), width, g.cut)
            )
    return Panel(tuple(reversed(lines)))


def _event(state: RunState, record: Record) -> tuple[str, Role] | None:
    def label(subtask: str) -> str:
        s = state.subtasks.get(subtask)
        return f"{s.label} {s.planned.title}" if s else subtask

    match record.event:
        case WaveStarted() as e:
            return f"wave {e.wave}: {e.reason}", Role.STRONG
        case WaveFinished() as e:
            role = Role.GOOD if e.status.value == "succeeded" else Role.BAD
            return f"wave {e.wave} {e.status}" + (f": {e.reason}" if e.reason else ""), role
        case AttemptFailed() as e:
            again = f"; again in {e.delay_s:.1f} s" if e.will_retry and e.delay_s is not None else ""
            return f"{label(e.subtask)}: {e.message}{again}", Role.WARN
        case SubtaskFinished() as e:
            role = {Status.SUCCEEDED: Role.TEXT, Status.CACHED: Role.TEXT}.get(e.status, Role.BAD)
            return f"{label(e.subtask)} {e.status.value.replace('_', ' ')}" + (
                f": {e.reason}" if e.reason else ""
            ), role
        case SubtaskWaiting() as e:
            return f"{label(e.subtask)} waits: {e.reason.value.replace('_', ' ')}", Role.DIM
        case SubtaskStarted() as e:
            return f"{label(e.subtask)} started, try {e.attempt} on w{e.worker:02d}", Role.DIM
        case CancelRequested() as e:
            what = label(e.subtask) if e.subtask else (f"wave {e.wave}" if e.wave else "the run")
            return (
                f"{e.by} asked to stop {what} ({'now' if e.manner.value == 'now' else 'finish in flight'})",
                Role.WARN,
            )
        case ModeChanged() as e:
            return f"mode {e.from_} -> {e.to}, by {e.by}", Role.ACCENT
        case WorkersChanged() as e:
            return f"workers {e.from_} -> {e.to}", Role.ACCENT
        case RunPaused() as e:
            return f"paused by {e.by}", Role.ACCENT
        case RunResumed() as e:
            return f"goes on, by {e.by}", Role.ACCENT
        case ThreadAbandoned() as e:
            return f"{label(e.subtask)}: thread abandoned, worker w{e.worker:02d} replaced", Role.BAD
        case ThreadReturned() as e:
            return f"{label(e.subtask)}: abandoned thread came back, result dropped", Role.DIM
        case JournalFailed() as e:
            return f"NOT SAVED: {e.message}", Role.BAD
        case RunStarted() as e:
            return f"run {record.run} started, {e.tier} {e.mode}, {e.max_workers} workers", Role.STRONG
        case RunFinished() as e:
            return f"run {e.status} after {clock(e.wall_s)}", Role.STRONG
        case ToolCalled() as e:
            return f"{label(e.subtask)}: {e.tool} {e.summary}", Role.DIM
        case _:
            return None
