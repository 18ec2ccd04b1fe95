"""The past in lanes: what each worker did, wave by wave, and how many were on."""

from __future__ import annotations

from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import GOOD
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Panel, Role, Span
from luna_tui.tui.views.text import fit_line

_LABEL = 5
_PHASES = {
    "wait:backoff": ("r", Role.STATE_BACKOFF),
    "wait:retry_after": ("r", Role.STATE_BACKOFF),
    "wait:paused": ("=", Role.STATE_PAUSED),
}


def timeline(state: RunState, now_s: float, width: int, height: int, g: Glyphs) -> Panel:
    """A title, lanes for as many workers as fit, and the number on over time."""
    cells = width - _LABEL - 4
    if height < 4 or cells < 20 or now_s <= 0:
        return Panel(())
    cell_s = max(0.5, now_s / cells)
    lanes: dict[int, list[SubtaskState]] = {}
    for s in state.subtasks.values():
        if s.worker is not None:
            lanes.setdefault(s.worker, []).append(s)
    title = (
        f"timeline, one cell {cell_s:.1f} s   {g.used} run  {g.reserved} limit  r retry wait  x failed"
        f"   {g.pipe} wave"
    )
    lines: list[Line] = [fit_line((Span(title, Role.DIM),), width, g.cut)]
    room = height - 2
    shown = sorted(lanes)[:room] if len(lanes) <= room else sorted(lanes)[: room - 1]
    for worker in shown:
        lines.append(
            (Span(f"w{worker:02d}  ", Role.DIM), *_lane(state, lanes[worker], now_s, cell_s, cells, g))
        )
    if len(shown) < len(lanes):
        lines.append((Span(f"{g.cut}{len(lanes) - len(shown)} more workers", Role.DIM),))
    lines.append((Span("on   ", Role.DIM), *_on(state, now_s, cell_s, cells, g)))
    return Panel(tuple(lines))


def _lane(
    state: RunState, subtasks: list[SubtaskState], now_s: float, cell_s: float, cells: int, g: Glyphs
) -> tuple[Span, ...]:
    row: list[tuple[str, Role]] = [(" ", Role.DIM)] * min(cells, int(now_s / cell_s) + 1)
    for s in subtasks:
        for span in s.spans:
            mark = _PHASES.get(span.phase, (g.used, Role.STATE_RUNNING))
            if span.phase.startswith("wait:") and span.phase not in _PHASES:
                mark = (g.reserved, Role.STATE_LIMIT)
            last = int((span.end_at if span.end_at is not None else now_s) / cell_s)
            for place in range(int(span.start_at / cell_s), min(last + 1, len(row))):
                row[place] = mark
        if s.status is not None and s.status not in GOOD and s.ended_at is not None:
            place = min(len(row) - 1, int(s.ended_at / cell_s))
            row[place] = ("x", Role.STATE_FAILED)
    for wave in state.waves.values():
        if wave.started_at is not None and wave.number > 1:
            place = int(wave.started_at / cell_s)
            if place < len(row):
                row[place] = (g.pipe, Role.BORDER)
    return _merged(row)


def _on(state: RunState, now_s: float, cell_s: float, cells: int, g: Glyphs) -> tuple[Span, ...]:
    count = min(cells, int(now_s / cell_s) + 1)
    changes = [0.0] * (count + 1)
    for s in state.subtasks.values():
        for t in s.tries:
            first = min(count, int(t.started_at / cell_s))
            last = min(count, int((t.ended_at if t.ended_at is not None else now_s) / cell_s) + 1)
            changes[first] += 1
            changes[last] -= 1
    levels: list[float] = []
    level = 0.0
    for change in changes[:count]:
        level += change
        levels.append(level)
    top = max(1.0, 0.0 if state.automatic else float(state.max_workers), *levels)
    steps = len(g.steps) - 1
    text = "".join(" " if v <= 0 else g.steps[min(steps, round(v / top * steps))] for v in levels)
    return (Span(text, Role.ACCENT),)


def _merged(row: list[tuple[str, Role]]) -> tuple[Span, ...]:
    spans: list[Span] = []
    for char, role in row:
        if spans and spans[-1].role is role:
            spans[-1] = Span(spans[-1].text + char, role)
        else:
            spans.append(Span(char, role))
    return tuple(spans)
