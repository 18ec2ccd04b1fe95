"""The strip of waves: how long each took, how far each is."""

from __future__ import annotations

from luna_tui.core.insight import Stand
from luna_tui.core.state import RunState, WaveState
from luna_tui.core.words import RunStatus
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import clock, fit_line, width_of

_STEPS = ((10, True), (8, True), (5, True), (3, True), (0, True), (3, False), (0, False))
"""(cells of a bar, names of the waves that are not open); the richest first."""
_MOST_SHOWN = 40


def strip(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """All waves, in fewer words where they need it; else those around the one that is on."""
    waves = list(state.waves.values())
    current = state.current_wave
    here = current.number - 1 if current else 0
    if len(waves) <= _MOST_SHOWN:
        for cells, named in _STEPS:
            line = _between(waves, 0, len(waves), now_s, g, cells, named=named)
            if width_of(line) <= width:
                return line
    best = _between(waves, here, here + 1, now_s, g, 0, named=False)
    for reach in range(1, min(len(waves), _MOST_SHOWN // 2)):
        first, last = max(0, here - reach // 2), min(len(waves), here + 1 + reach)
        line = _between(waves, first, last, now_s, g, 3, named=False)
        if width_of(line) > width:
            break
        best = line
    if width_of(best) > width and current is not None:
        best = _wave(current, now_s, g, 0, named=True)
    if width_of(best) > width and current is not None:
        best = (Span(f"{g.now}{current.number}/{len(waves)}", Role.STRONG),)
    return fit_line(best, width, g.cut)


def _between(
    waves: list[WaveState], first: int, last: int, now_s: float, g: Glyphs, cells: int, *, named: bool
) -> Line:
    """The waves from `first` to before `last`, and the others as ranges of numbers."""
    spans: list[Span] = []
    if first > 0:
        bad = any(w.failed for w in waves[:first])
        mark = g.states[Stand.FAILED] if bad else g.states[Stand.OK]
        spans.append(Span(f"{mark}{_numbers(1, first)} ", Role.BAD if bad else Role.GOOD))
    for wave in waves[first:last]:
        spans += [*_wave(wave, now_s, g, cells, named=named), Span(" ")]
    if last < len(waves):
        spans.append(Span(f"{g.free}{_numbers(last + 1, len(waves))}", Role.DIM))
    elif spans:
        spans.pop()
    return tuple(spans)


def _numbers(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}-{last}"


def _wave(wave: WaveState, now_s: float, g: Glyphs, cells: int, *, named: bool) -> tuple[Span, ...]:
    if wave.started_at is None:
        return (Span(f"{g.free}{wave.number} {wave.name}" if named else f"{g.free}{wave.number}", Role.DIM),)
    took = clock((wave.ended_at if wave.ended_at is not None else now_s) - wave.started_at)
    if wave.ended_at is not None:
        ok = wave.status is RunStatus.SUCCEEDED
        mark = g.states[Stand.OK] if ok else g.states[Stand.FAILED]
        told = f"{mark}{wave.number} {wave.name} {took}" if named else f"{mark}{wave.number}"
        head = Span(told, Role.GOOD if ok else Role.BAD)
        return (head, Span(" "), *_bar(wave, g, cells)) if named and cells else (head,)
    head = Span(f"{g.now}{wave.number} {wave.name} {took}", Role.STRONG)
    return (head, Span(" "), *_bar(wave, g, cells)) if cells else (head,)


def _bar(wave: WaveState, g: Glyphs, cells: int) -> tuple[Span, ...]:
    """Ended well, ended otherwise, on, and not begun; what there is of a kind has at least a cell."""
    total = max(1, len(wave.subtasks))
    done = round(cells * wave.good / total)
    lost = min(cells - done, -(-cells * (wave.ended - wave.good) // total))
    going = min(cells - done - lost, -(-cells * wave.on // total))
    return (
        Span(g.bar_left, Role.DIM),
        Span(g.used * done, Role.STATE_OK),
        Span("x" * lost, Role.BAD),
        Span(g.reserved * going, Role.STATE_RUNNING),
        Span(g.free * (cells - done - lost - going), Role.DIM),
        Span(g.bar_right, Role.DIM),
    )
