"""The past in lanes: a strip for the run screen, and the timeline screen."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from luna_tui.core.figures import lost_in_words
from luna_tui.core.forecast import forecast
from luna_tui.core.insight import quiet_after_s
from luna_tui.core.lanes import (
    Bar,
    Cause,
    Cell,
    Critical,
    Window,
    borders,
    in_flight,
    limit_shares,
    nearest_limit,
)
from luna_tui.core.metrics import Measured
from luna_tui.core.stand import Stand, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import N_, _, _n, _p
from luna_tui.tui.views.frame import key_line, rule, title
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.lanes import (
    LABEL,
    SIDE,
    axis,
    bar_in_words,
    cells_across,
    chart_lines,
    instant,
    lane,
    legend,
    merged,
    wave_line,
    whole_run,
)
from luna_tui.tui.views.spans import Cell as Place
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, pad

ORDERS = (N_("by worker"), N_("longest wait first"), N_("needs me first"))
_ON_KEY_LINE = (
    "go.back", "do.open", "go.help", "list.sort", "time.critical", "time.now", "take.line", "time.zoom_in",
    "time.zoom_out", "run.pause", "go.limits", "go.report", "run.leave",
)  # fmt: skip
_TALLEST_CHART = 8
_NEEDS = (
    Stand.GHOST, Stand.ASK, Stand.QUIET, Stand.HELD, Stand.BACKOFF, Stand.LIMIT, Stand.PAUSED, Stand.QUEUED,
    Stand.SENT, Stand.TOOL, Stand.STREAMING,
)  # fmt: skip
"""How urgently a worker's subtask needs somebody, the most urgent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What part of the past a person looks at."""

    window: Window
    lanes: Sequence[int]
    """Workers in the order shown."""
    first: int = 0
    """Place of the first lane shown."""
    worker: int | None = None
    """Lane of the cursor."""
    bar: Bar | None = None
    """The bar under the cursor."""
    follow: bool = True
    critical: Critical
    only_critical: bool = False
    order: int = 0
    lost: Measured | None = None
    """The run so far beside what was possible; None where it is too long to work that out while it runs."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which lines there is room for."""

    lanes: int
    axis: bool
    named: bool
    run: bool
    limit: bool
    waves: bool
    legend: bool
    lost: bool


def _rows(height: int) -> _Rows:
    """Lanes take at least a line; the others come one by one, the dearest first."""
    left = height - 2 - (1 if height >= 12 else 0)
    wants = (
        ("named", 7),
        ("run", 8),
        ("axis", 9),
        ("limit", 11),
        ("legend", 13),
        ("lost", 15),
        ("waves", 30),
    )
    has = {name: height >= least for name, least in wants}
    return _Rows(lanes=max(1, left - sum(has.values())), **has)


def lanes_shown(height: int, count: int) -> int:
    """How many of so many lanes fit on a screen of this height."""
    room = _rows(height).lanes
    return count if count <= room else max(1, room - 1)


def timeline_view(state: RunState, now_s: float, looks: Looks, lens: Lens) -> Panel:
    """The timeline screen, exactly `looks.height` lines."""
    g = glyphs_for(looks.ascii)
    rows = _rows(looks.height)
    drawn = _lanes(state, now_s, looks, lens, rows.lanes, g)
    lines: list[Line] = [_title(state, now_s, looks, lens, g)]
    indent = Span(" " * LABEL)
    if rows.axis:
        lines.append((indent, *axis(state, lens.window, now_s, g)))
    top = len(lines)
    lines += drawn.lines
    spare = rows.lanes - len(drawn.lines)
    if rows.waves:
        lines.append((indent, *wave_line(state, lens.window, now_s, g)))
    if rows.run:
        tall = min(_TALLEST_CHART, 1 + spare // (1 + rows.limit))
        charts = _charts(state, now_s, lens.window, g, limit=rows.limit, rows=tall)
        spare -= len(charts) - rows.run - rows.limit
        lines += charts
    lines += [()] * spare
    if rows.legend:
        crossed = any(0 <= lens.window.place(at) < lens.window.count for at, _wave in borders(state))
        on_path = bool(lens.critical.path)
        lines.append(legend(drawn.seen, g, looks.width, failed=drawn.failed, critical=on_path, waves=crossed))
    if rows.lost:
        lines.append(_lost(state, lens))
    if rows.named:
        lines.append(_named(state, lens))
    pairs = hints(SCREEN_KEYS["timeline"], looks.keymap, *_ON_KEY_LINE)
    foot: list[Line] = [rule(looks.width, g)] if looks.height >= 12 else []
    foot.append(key_line(pairs, looks, g))
    fitted = [fit_line(line, looks.width, g.cut) for line in lines][: max(0, looks.height - len(foot))]
    fitted += [()] * (looks.height - len(foot) - len(fitted))
    shown = (*fitted, *foot)[: looks.height]
    cells = tuple(Place(str(w), top + n, 0, looks.width) for n, w in enumerate(drawn.workers))
    return Panel(shown, tuple(c for c in cells if c.row < len(fitted)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    lines: list[Line]
    workers: Sequence[int]
    seen: set[Cause]
    failed: bool


def _lanes(state: RunState, now_s: float, looks: Looks, lens: Lens, room: int, g: Glyphs) -> _Drawn:
    count = lanes_shown(looks.height, len(lens.lanes))
    shown = lens.lanes[lens.first : lens.first + count]
    on_path = critical_workers(state, lens.critical)
    lines: list[Line] = []
    seen: set[Cause] = set()
    failed = False
    for worker in shown:
        bar = lens.bar if worker == lens.worker else None
        row, cells = lane(state, worker, lens.window, now_s, g, bar=bar)
        seen |= {c.cause for c in cells if c is not None}
        failed = failed or _has_failure(cells)
        label = _label(worker, g, here=worker == lens.worker, critical=worker in on_path)
        held = _held(state, worker, now_s, g) if lens.follow and looks.width >= 60 else ()
        lines.append((*label, *merged(row), *held))
    if len(shown) < len(lens.lanes) and room > 1:
        lines.append(_more(lens.first, len(shown), len(lens.lanes), g))
    if not lens.lanes:
        said = (
            _("No lane is on the critical path.") if lens.only_critical else _("No worker has started yet.")
        )
        lines.append((Span(said, Role.DIM),))
    return _Drawn(lines, shown, seen, failed)


def _more(first: int, shown: int, count: int, g: Glyphs) -> Line:
    below, above = count - first - shown, first
    parts = [_n("{n} more lane", "{n} more lanes", n).format(n=n) for n in (below,) if n]
    if above:
        parts.append(_("{n} above").format(n=above))
    return (Span(g.cut + ", ".join(parts) + " (j k)", Role.DIM),)


def _label(worker: int, g: Glyphs, *, here: bool, critical: bool) -> Line:
    name = f"w{worker:02d}"
    sign = "^" if critical else " "
    gap = " " * max(0, LABEL - 1 - len(name))
    return (Span(name, Role.SELECTED if here else Role.DIM), Span(gap), Span(sign, Role.STRONG))


def _held(state: RunState, worker: int, now_s: float, g: Glyphs) -> Line:
    """What the worker holds now, where the lane ends at now."""
    s = state.subtasks.get(state.workers.get(worker, ""))
    if s is None:
        return ()
    how = _how(state, s, now_s)
    return (Span("  "), Span(g.states[how], ROLES[how]), Span(f" {s.label}"[: SIDE - 3], Role.DIM))


def _how(state: RunState, s: SubtaskState, now_s: float) -> Stand:
    return stand(s, now_s, quiet_after_s=quiet_after_s(state, state.wave_of(s)), paused=state.paused)


def lanes_in_order(state: RunState, now_s: float, order: int) -> list[int]:
    """Workers in one of the ORDERS."""
    workers = sorted(state.tracks.lanes)
    held = {w: state.subtasks.get(state.workers.get(w, "")) for w in workers}
    if order == 1:
        return sorted(workers, key=lambda w: -_waits_s(held[w], now_s))
    if order == 2:
        return sorted(workers, key=lambda w: _urgency(state, held[w], now_s))
    return workers


def _waits_s(s: SubtaskState | None, now_s: float) -> float:
    return now_s - s.waiting_since if s is not None and s.waiting is not None else -1.0


def _urgency(state: RunState, s: SubtaskState | None, now_s: float) -> int:
    how = _how(state, s, now_s) if s is not None else None
    return _NEEDS.index(how) if how in _NEEDS else len(_NEEDS)


def _title(state: RunState, now_s: float, looks: Looks, lens: Lens, g: Glyphs) -> Line:
    window = lens.window
    left = forecast(state, now_s) if state.finished is None else None
    whole = _(" of ~{time}").format(time=clock(now_s + left[0])) if left is not None else ""
    stretch = _("{start}-{end}{whole}   cell {cell:g} s").format(
        start=instant(window.start_at, window.cell_s * 10),
        end=clock(min(now_s, window.end_at)),
        whole=whole,
        cell=window.cell_s,
    )
    said = [stretch]
    if lens.only_critical:
        said.append(_("critical path only"))
    if lens.order:
        said.append(_(ORDERS[lens.order % len(ORDERS)]))
    goes = _("f goes to now") if state.finished is None else _("f goes to the end")
    right = _("zoom +/-  arrows move") if lens.follow else goes
    return title(state, _("TIMELINE"), "   ".join(said), looks, g, right=right)


def _charts(
    state: RunState, now_s: float, window: Window, g: Glyphs, *, limit: bool, rows: int = 1
) -> list[Line]:
    """How many were in flight, and how full the limit nearest to its cap was."""
    levels = in_flight(state, window, now_s)
    top = max(1.0, float(state.tracks.load.most), 0.0 if state.automatic else float(state.max_workers))
    figure = "" if state.finished is not None else _("  {n} now").format(n=state.running)
    lines = chart_lines(_p("4 cells, a chart", "run"), levels, top, figure, g, rows=rows)
    name = nearest_limit(state)
    if limit and name:
        shares = limit_shares(state, name, window, now_s)
        figure = f"  {state.samples[-1].share(name):.0%}"
        lines += chart_lines(name.upper(), shares, 1.0, figure, g, rows=rows)
    elif limit:
        lines.append((Span(_("limits: none asked for yet"), Role.DIM),))
    return lines


def _lost(state: RunState, lens: Lens) -> Line:
    found = lens.lost
    if found is None:
        said = _("lost so far: worked out at the end, since the run is so large")
        return (Span(said, Role.DIM),)
    words = lost_in_words(found.lost, ", ")
    if not words:
        return (Span(_("lost so far: nothing worth a second"), Role.DIM),)
    head = _("lost so far {time}: ") if state.finished is None else _("lost {time}: ")
    return (Span(head.format(time=clock(found.wall_s - found.bound_s)), Role.DIM), Span(words))


def _named(state: RunState, lens: Lens) -> Line:
    """The bar under the cursor in words."""
    if lens.bar is None:
        if lens.worker is None:
            return ()
        return (Span(_("w{worker:02d} did nothing here").format(worker=lens.worker), Role.DIM),)
    return (Span(bar_in_words(state, lens.bar), Role.BAD if lens.bar.error else Role.STRONG),)


def critical_workers(state: RunState, critical: Critical) -> frozenset[int]:
    """Workers that had a subtask of the critical path."""
    found = (state.subtasks[i].worker for i in critical.path if i in state.subtasks)
    return frozenset(w for w in found if w is not None)


def timeline(state: RunState, now_s: float, width: int, height: int, g: Glyphs) -> Panel:
    """The strip: a title, lanes for as many workers as fit, the charts; empty where it would say nothing."""
    if height < 4 or cells_across(width) < 20 or now_s <= 0:
        return Panel(())
    window = whole_run(now_s, cells_across(width))
    charts = _charts(state, now_s, window, g, limit=height >= 6 and bool(state.samples))
    waves = height >= 9 and len(state.waves) > 1
    room = height - 1 - len(charts) - waves
    workers = sorted(state.tracks.lanes)
    shown = workers if len(workers) <= room else workers[: room - 1]
    lines: list[Line] = []
    seen: set[Cause] = set()
    failed = False
    for worker in shown:
        row, cells = lane(state, worker, window, now_s, g)
        seen |= {c.cause for c in cells if c is not None}
        failed = failed or _has_failure(cells)
        lines.append((Span(pad(f"w{worker:02d}", LABEL, g.cut), Role.DIM), *merged(row)))
    if len(shown) < len(workers):
        left = len(workers) - len(shown)
        said = _n("{n} more lane", "{n} more lanes", left).format(n=left)
        lines.append((Span(g.cut + said + _("   t opens the full timeline"), Role.DIM),))
    lines += charts
    if waves:
        lines.append((Span(" " * LABEL), *wave_line(state, window, now_s, g)))
    title_text = _("timeline, cell {cell:g} s   ").format(cell=window.cell_s)
    room = width - len(title_text)
    head: Line = (Span(title_text, Role.DIM),)
    head += legend(seen, g, room, failed=failed, critical=False, waves=bool(borders(state)))
    return Panel(tuple(fit_line(line, width, g.cut) for line in (head, *lines)))


def _has_failure(cells: Collection[Cell | None]) -> bool:
    return any(c is not None and c.failed for c in cells)
