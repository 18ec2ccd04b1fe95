"""Attention lines: what is wrong, compared with what, its effect; and the event log."""

from __future__ import annotations

from luna_tui.core.insight import Stand, countdown_s, dependents, quiet_after_s, silence_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.tui.views.events import event_lines as event_lines
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Cell, Line, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, join

_RANK = {Stand.GHOST: 0, Stand.QUIET: 1, Stand.TIMED_OUT: 2, Stand.FAILED: 3, Stand.BACKOFF: 4}


def attention(state: RunState, now_s: float, width: int, height: int, g: Glyphs) -> Panel:
    """At most `height` lines of trouble, the most urgent first; the last says how many more there are."""
    found = _troubled(state, now_s)
    lines = [_line(state, s, how, now_s, width, g) for how, s in found[:height]]
    cells = [Cell(s.id, n, 0, width) for n, (_, s) in enumerate(found[:height])]
    if len(found) > height > 0:
        more = (Span(f"{g.cut}{len(found) - height + 1} more in trouble", Role.WARN),)
        lines[-1] = fit_line(more, width, g.cut)
        cells.pop()
    return Panel(tuple(lines), tuple(cells))


def _troubled(state: RunState, now_s: float) -> list[tuple[Stand, SubtaskState]]:
    quiet = quiet_after_s(state, state.current_wave)
    found = []
    for s in state.subtasks.values():
        how = stand(s, now_s, quiet_after_s=quiet)
        if how in _RANK:
            found.append((how, s))
    return sorted(found, key=lambda pair: _RANK[pair[0]])


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
