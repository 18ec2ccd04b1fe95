"""Gauges: of each limit what is used, reserved and allowed; money, time and subtasks beside them."""

from __future__ import annotations

from luna_tui.core.events import Gauge
from luna_tui.core.forecast import cost_forecast, in_flight_usd, when_cap_passed
from luna_tui.core.insight import flow, forecast
from luna_tui.core.metrics import Measured
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _p
from luna_tui.core.words import LIMIT_REASONS
from luna_tui.tui.views.fitting import Steps, fitted, said
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Lines, Role, Span
from luna_tui.tui.views.text import clock, pad, tokens, width_of

_NARROW = 60
_TWO_COLUMNS = 160
_WARN_SHARE = 0.85
_LEAST_CELLS = 6
_BAR = 34
"""Cells of a bar that has a line of its own."""
_ORDER = ("told", "told", "binds", "figures", "told", "binds", "figures")
_Named = tuple[tuple[str, Gauge], ...]


def gauges(
    state: RunState, now_s: float, width: int, g: Glyphs, *, tall: bool, measured: Measured | None = None
) -> Lines:
    """One line; or one each when there is room, in two columns on a wide screen.

    `measured` lets the line of the time say what was lost to waiting.
    """
    limits = state.limits
    if limits is None:
        told = said(Role.DIM, _("limits: none asked for yet"), _("no limits yet"))
        line = fitted({"told": told}, ("told",), width, g.cut, right={"$": _money(state, now_s)})
        return (line,)
    named: _Named = (("RPM", limits.rpm), ("ITPM", limits.itpm), ("OTPM", limits.otpm))
    name, next_s = _binding(state, now_s)
    if not tall:
        return (_compact(state, now_s, width, g, named, name),)
    room = (width - 2) // 2 if width >= _TWO_COLUMNS else width
    left = [
        _tall(n, gauge, room, g, binds=n == name, next_s=next_s, age_s=now_s - state.limits_at)
        for n, gauge in named
    ]
    cost = _cost_line(state, now_s, room, g)
    if width < _TWO_COLUMNS:
        return (*left, cost) if cost else tuple(left)
    right = [_time_line(state, now_s, room, g, measured), _done_line(state, now_s, room, g)]
    right = [cost, *right] if cost else [*right, ()]
    gap = Span("  ")
    return tuple(
        (*one, Span(" " * (room - width_of(one))), gap, *two) for one, two in zip(left, right, strict=True)
    )


def _binding(state: RunState, now_s: float) -> tuple[str, float | None]:
    """The limit that most of those who wait, wait for; and when the next of them goes on."""
    waits = [(n, r.value.upper(), left) for r, n, left in flow(state, now_s).waits if r in LIMIT_REASONS]
    return max(waits, key=lambda wait: wait[0])[1:] if waits else ("", None)


def _share(gauge: Gauge) -> float:
    return (gauge.settled + gauge.reserved) / max(1, gauge.cap)


def _bar(used: float, reserved: float, cells: int, g: Glyphs, *, cap: float = 1.0, warn: bool) -> Line:
    """Shares of the whole as cells: used, reserved, free up to the cap, its mark, what is beyond it."""
    mark = min(cells - 1, round(cells * cap))
    full = min(mark, max(1, round(cells * used))) if used > 0 else 0
    booked = min(mark - full, max(1, round(cells * reserved))) if reserved > 0 else 0
    return (
        Span(g.bar_left, Role.DIM),
        Span(g.used * full, Role.GAUGE_WARN if warn else Role.GAUGE_USED),
        Span(g.reserved * booked, Role.GAUGE_RESERVED),
        Span(g.free * (mark - full - booked) + g.cap + g.free * (cells - mark - 1), Role.GAUGE_FREE),
        Span(g.bar_right, Role.DIM),
    )


def _limit_bar(gauge: Gauge, cells: int, g: Glyphs) -> Line:
    limit = max(1, gauge.limit)
    warn = _share(gauge) >= _WARN_SHARE
    return _bar(gauge.settled / limit, gauge.reserved / limit, cells, g, cap=gauge.cap / limit, warn=warn)


def _compact(state: RunState, now_s: float, width: int, g: Glyphs, named: _Named, binding: str) -> Line:
    """All three and the money; where it is narrow only the one that binds, or the fullest."""
    money = _money(state, now_s)
    if width < _NARROW:
        by_name = dict(named)
        name = binding or max(named, key=lambda pair: _share(pair[1]))[0]
        room = width - width_of(money[min(1, len(money) - 1)] if money else ()) - len(name) - 8
        cells = max(_LEAST_CELLS, min(16, room))
        bare = _small(name, by_name[name], 0, g, binds=bool(binding))
        left: dict[str, Steps] = {
            "bar": (_small(name, by_name[name], cells, g, binds=bool(binding)), bare, ())
        }
        return fitted(left, ("$", "$", "bar", "$", "bar"), width, g.cut, right={"$": money}, gap=" ")
    most = (width - 33 - max(12, width_of(money[0]) if money else 0)) // 3
    cells = max(_LEAST_CELLS, min(24, most))
    parts: dict[str, Steps] = {
        name: (
            _small(name, gauge, cells, g, binds=name == binding),
            _small(name, gauge, _LEAST_CELLS, g, binds=name == binding),
        )
        for name, gauge in named
    }
    names = [name for name, _gauge in named]
    return fitted(parts, ("$", *names, "$", "$"), width, g.cut, right={"$": money}, gap=" ")


def _small(name: str, gauge: Gauge, cells: int, g: Glyphs, *, binds: bool) -> Line:
    share = round(100 * (gauge.settled + gauge.reserved) / max(1, gauge.limit))
    mark = Span(f"{share:>2}%{g.binds if binds else ''}", Role.WARN if binds else Role.TEXT)
    if not cells:
        return (Span(f"{name} "), mark)
    return (Span(name), *_limit_bar(gauge, cells, g), mark)


def _money(state: RunState, now_s: float) -> Steps:
    """`$1.41+4.56/11.00`: spent, in flight, and the most that may be spent; tokens without any price."""
    cap = "" if state.budget_usd is None else f"/{state.budget_usd:.2f}"
    used = state.tokens.input + state.tokens.output
    if state.cost_usd is None:
        told = _("{n} tok").format(n=tokens(used)) if used else ""
        return said(Role.DIM, f"{told} $?{cap}".strip() if cap else told, f"$?{cap}" if cap else told, "")
    spent = f"${state.cost_usd:.2f}"
    flying = in_flight_usd(state)
    more = "+?" if flying is None else f"+{flying:.2f}" if flying else ""
    over = state.budget_usd is not None and when_cap_passed(state, now_s) is not None
    role = Role.WARN if over else Role.DIM
    return said(role, f"{spent}{more}{cap}", f"{spent}{cap}", spent, "")


def _tall(
    name: str, gauge: Gauge, width: int, g: Glyphs, *, binds: bool, next_s: float | None, age_s: float
) -> Line:
    figures = f"{tokens(gauge.settled):>5} + {tokens(gauge.reserved):>5}"
    limit = f"({tokens(gauge.limit)})"
    of_cap = _("of {cap}").format(cap=f"{tokens(gauge.cap):>5}")
    parts: dict[str, Steps] = {
        "figures": said(Role.TEXT, f"{figures} {of_cap} {limit:<7}", f"{figures} {of_cap}", figures),
        "binds": _binds(g, next_s) if binds else (),
        "told": _server(gauge, age_s),
    }
    return _lined(name, _limit_bar(gauge, _bar_cells(width), g), parts, width, g)


def _bar_cells(width: int) -> int:
    return max(10, min(_BAR, width - 62)) if width >= 80 else 10


def _lined(name: str, bar: Line, parts: dict[str, Steps], width: int, g: Glyphs) -> Line:
    """A gauge of a line of its own: name, bar, and what fits of the words."""
    head: Line = (Span(pad(name, 5)), *bar, Span(" ")) if bar else (Span(pad(name, 5)),)
    return (*head, *fitted(parts, _ORDER, max(0, width - width_of(head)), g.cut))


def _binds(g: Glyphs, next_s: float | None) -> Steps:
    if next_s is None:
        return said(Role.WARN, _("{mark} binds").format(mark=g.binds), g.binds)
    in_s = f"{next_s:.1f}"
    return said(
        Role.WARN,
        _("{mark} binds: next admitted in {s} s").format(mark=g.binds, s=in_s),
        _("{mark} binds").format(mark=g.binds),
        g.binds,
    )


def _server(gauge: Gauge, age_s: float) -> Steps:
    if gauge.server_remaining is None or gauge.server_age_s is None:
        return ()
    numbers = {"n": tokens(gauge.server_remaining), "s": f"{gauge.server_age_s + max(0.0, age_s):.0f}"}
    return said(
        Role.DIM,
        _("server says {n} left, {s} s ago").format(**numbers),
        _("server: {n} left").format(**numbers),
        "",
    )


def _cost_line(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """Spent, in flight, free, and what all of it may come to; words alone while prices are unknown."""
    cells = _bar_cells(width)
    bar: Line = ()
    if state.cost_usd is None:
        used = state.tokens.input + state.tokens.output
        if not used and state.budget_usd is None:
            return ()
        told = _("price of the model unknown; {n} tokens so far").format(n=tokens(used))
        short = _("price unknown")
        if not state.unpriced and not used:
            told = short = _come(state, None, g)
        parts: dict[str, Steps] = {"told": said(Role.DIM, told, short, "$?")}
        return _lined("$", bar, parts, width, g)
    flying, cost = in_flight_usd(state), cost_forecast(state, now_s)
    whole = state.budget_usd or (cost[0] if cost else 0.0)
    over = state.budget_usd is not None and cost is not None and cost[0] > state.budget_usd
    if whole > 0:
        bar = _bar(state.cost_usd / whole, (flying or 0.0) / whole, cells, g, warn=over)
    spent = f"{state.cost_usd:.2f}"
    more = "?" if flying is None else f"{flying:.2f}"
    told = _("{spent} spent + {more} in flight").format(spent=spent, more=more)
    short = f"{spent} + {more}"
    come, warning = _come(state, cost, g), " !" if over else ""
    words = [f"{told}; {come}{warning}", f"{short}, {come}{warning}", f"{short}{warning}", spent]
    return _lined("$", bar, {"told": said(Role.WARN if over else Role.TEXT, *words)}, width, g)


def _come(state: RunState, cost: tuple[float, float] | None, g: Glyphs) -> str:
    """What all of it may come to, of how much."""
    about = "?" if cost is None else f"{cost[0]:.2f} {g.spread}{cost[1]:.2f}"
    if state.budget_usd is None:
        return _("forecast {about}").format(about=about)
    return _("forecast {about} of {cap}").format(about=about, cap=f"{state.budget_usd:.2f}")


def _time_line(state: RunState, now_s: float, width: int, g: Glyphs, measured: Measured | None) -> Line:
    left = None if state.paused else forecast(state, now_s)
    cells = _bar_cells(width)
    bar: Line = ()
    so_far = clock(now_s)
    if state.finished is not None:
        words = [_("ended after {took}").format(took=clock(state.finished.wall_s)), so_far]
    elif left is None:
        words = [_("{took} so far; the end is not known yet").format(took=so_far), so_far]
    else:
        bar = _bar(now_s / max(1e-9, now_s + left[0]), 0.0, cells, g, warn=False)
        words = [_("{took} of about {all}").format(took=so_far, all=clock(now_s + left[0])), so_far]
    lost_s = sum(measured.lost.values()) if measured is not None else 0.0
    if lost_s >= 1.0:
        words.insert(0, words[0] + _("; lost to waiting so far {lost}").format(lost=clock(lost_s)))
    return _lined(_p("4 cells, a gauge", "time"), bar, {"told": said(Role.TEXT, *words)}, width, g)


def _done_line(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    total = max(1, len(state.subtasks))
    f = flow(state, now_s)
    numbers = {"ended": state.ended, "on": f.on, "later": f.queued + f.later, "total": len(state.subtasks)}
    told = _("{ended} ended, {on} on, {later} to come of {total}").format(**numbers)
    bar = _bar(state.ended / total, f.on / total, _bar_cells(width), g, warn=False)
    parts: dict[str, Steps] = {"told": said(Role.TEXT, told, f"{state.ended}/{len(state.subtasks)}")}
    return _lined(_p("4 cells, a gauge", "done"), bar, parts, width, g)
