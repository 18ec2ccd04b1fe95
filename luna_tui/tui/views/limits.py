"""The limits screen: what is used of each, who waits for it, what others use, and what if."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.events import Gauge
from luna_tui.core.forecast import WhatIf, cost_forecast, forecast, in_flight_usd, useful_workers, what_if
from luna_tui.core.lanes import limit_shares
from luna_tui.core.limits import SHARES
from luna_tui.core.line import Place, line_of
from luna_tui.core.reasons import mode_word
from luna_tui.core.samples import Throttle
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n, _p
from luna_tui.core.words import Mode, WaitReason
from luna_tui.tui.views.frame import title
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.lanes import chart, last_cells
from luna_tui.tui.views.pages import without_air
from luna_tui.tui.views.spans import Line, Looks, Role, Span
from luna_tui.tui.views.text import clock, fit, money, pad, tokens

_NAMES = ("rpm", "itpm", "otpm")
_CHART_CELLS = 20
_CHART_CELL_S = 15
_LABEL = 15
_MINUTE_S = 60.0
_SHOWN_REFUSALS = 2
_BOUNDS = {
    "workers": N_("workers"),
    "critical_path": N_("critical path"),
    "rpm": "RPM",
    "itpm": "ITPM",
    "otpm": "OTPM",
}


def limits_lines(state: RunState, now_s: float, looks: Looks) -> list[Line]:
    """All lines of the screen, the title first."""
    g = glyphs_for(looks.ascii)
    waiting = line_of(state)
    lines: list[Line] = [
        _title(state, now_s, looks, g),
        (),
        *_table(state, now_s, looks, waiting, g),
        (),
        *_beside(state, now_s),
        (),
        *_what_if(state, now_s),
        (),
        *_refusals(state, now_s, waiting),
    ]
    return without_air(lines, looks.height - 2)


def _title(state: RunState, now_s: float, looks: Looks, g: Glyphs) -> Line:
    """Tier, mode, whose limits these are, and how old the server's word is."""
    said = f"{state.tier or '?'} {mode_word(state.mode)} ({SHARES[state.mode]:.0%})"
    if state.limits is not None and state.limits.family:
        said += "  " + state.limits.family
    age_s = _server_age_s(state, now_s)
    right = _("server: no word yet") if age_s is None else _("server {age} old").format(age=_seconds(age_s))
    return title(state, _("LIMITS"), said, looks, g, right=right)


def _gauges(state: RunState) -> dict[str, Gauge]:
    limits = state.limits
    return {} if limits is None else {"rpm": limits.rpm, "itpm": limits.itpm, "otpm": limits.otpm}


def _server_age_s(state: RunState, now_s: float) -> float | None:
    ages = [g.server_age_s for g in _gauges(state).values() if g.server_age_s is not None]
    return min(ages) + max(0.0, now_s - state.limits_at) if ages else None


def _seconds(length_s: float) -> str:
    return _("{s:.0f} s").format(s=length_s) if length_s < _MINUTE_S else clock(length_s)


def _table(
    state: RunState, now_s: float, looks: Looks, waiting: Mapping[str, Place], g: Glyphs
) -> list[Line]:
    """A row for each limit and one for the money."""
    words = (
        pad(_("limit"), 7, g.cut), _right(_("used"), 7), _right(_("reserved"), 10), _right(_("cap"), 7),
        _right(_("limit"), 8),
    )  # fmt: skip
    chart_word, who = _("5 min"), _("who waits")
    head = "".join(("       ", *words[1:])) + f"  {pad(chart_word, _CHART_CELLS, g.cut)}    {who}"
    lines: list[Line] = [(Span(head, Role.DIM),)]
    counts = {n: sum(p.reason == n for p in waiting.values()) for n in _NAMES}
    binds = max(counts, key=counts.__getitem__) if any(counts.values()) else ""
    for name in _NAMES:
        room = max(8, looks.width - 65)
        lines.append(
            _limit_row(state, now_s, name, _who(state, waiting, name, room, g), g, binds=name == binds)
        )
    lines.append(_money_row(state, now_s, g))
    return lines


def _right(text: str, width: int) -> str:
    return fit(text, width).rjust(width)


def _limit_row(state: RunState, now_s: float, name: str, who: str, g: Glyphs, *, binds: bool) -> Line:
    gauge = _gauges(state).get(name)
    if gauge is None:
        figures = f"{'?':>7}{'?':>10}{'?':>7}{'?':>8}"
    else:
        figures = (
            f"{tokens(gauge.settled):>7}{tokens(gauge.reserved):>10}"
            f"{tokens(gauge.cap):>7}{tokens(gauge.limit):>8}"
        )
    shares = limit_shares(state, name, last_cells(now_s, _CHART_CELLS, _CHART_CELL_S), now_s)
    drawn = chart(shares, 1.0, 1, g)[0]
    role = Role.WARN if binds else Role.TEXT
    sign = f" {g.binds} " if binds else "   "
    return (
        Span(f"{name.upper():<7}", Role.STRONG), Span(figures, role), Span("  "),
        Span(pad(drawn, _CHART_CELLS), Role.GAUGE_WARN if binds else Role.ACCENT),
        Span(sign, Role.WARN), Span(" "), Span(who, Role.STATE_LIMIT if who != "-" else Role.DIM),
    )  # fmt: skip


def _who(state: RunState, waiting: Mapping[str, Place], reason: str, room: int, g: Glyphs) -> str:
    """Labels of those that wait for one thing, in order of their place in line; `-` when nobody does."""
    found = sorted((p.place, i) for i, p in waiting.items() if p.reason == reason)
    labels = [state.subtasks[i].label for _place, i in found]
    for count in range(len(labels), 0, -1):
        left = len(labels) - count
        text = " ".join(labels[:count]) + (_(" + {n} more").format(n=left) if left else "")
        if len(text) <= room:
            return text
    return _n("{n} waits", "{n} wait", len(labels)).format(n=len(labels)) if labels else "-"


def _money_row(state: RunState, now_s: float, g: Glyphs) -> Line:
    used = money(state.cost_usd) + ("+?" if state.unpriced and state.cost_usd is not None else "")
    cap = _("none") if state.budget_usd is None else money(state.budget_usd)
    reserved = in_flight_usd(state)
    said = cost_forecast(state, now_s)
    plus_minus = "±" if g.dot == "·" else "+-"
    text = (
        _("forecast ?")
        if said is None
        else _("forecast {usd} {pm}{spread:.2f}").format(usd=money(said[0]), pm=plus_minus, spread=said[1])
    )
    over = said is not None and state.budget_usd is not None and said[0] > state.budget_usd
    figures = f"{used:>7}{money(reserved):>10}{cap:>7}{'':>8}"
    return (
        Span(pad(_p("7 cells", "budget"), 7, g.cut), Role.STRONG), Span(figures), Span("  "),
        Span(text, Role.WARN if over else Role.TEXT),
    )  # fmt: skip


def _beside(state: RunState, now_s: float) -> list[Line]:
    """What others use, what the server says, and how many workers the limits can feed."""
    gauges = _gauges(state)
    foreign = "  ".join(f"{n.upper()} {tokens(x.foreign)}" for n, x in gauges.items())
    told = "  ".join(
        f"{n.upper()} {'?' if x.server_remaining is None else tokens(x.server_remaining)}"
        for n, x in gauges.items()
    )
    age_s = _server_age_s(state, now_s)
    when = "" if age_s is None else _("  left, {age} ago").format(age=_seconds(age_s))
    return [
        _row(
            _("others use"), _("{amounts}  a minute, as believed").format(amounts=foreign) if foreign else "?"
        ),
        _row(_("server says"), told + when if age_s is not None else "?"),
        _row(_("estimate error"), _estimates(state)),
        _row(_("useful workers"), _useful(state)),
    ]


def _estimates(state: RunState) -> str:
    """How far off the expectations of requests were, those of output with what is reserved for it."""
    seen = state.estimates
    parts = []
    for name, error in ((_("in"), seen.input_error), (_("out"), seen.output_error)):
        parts.append(f"{name} ?" if error is None else f"{name} {error:+.0%}".replace("%", " %"))
    text = _("{errors}  (n {n})   reserve = p90 of the wave")
    return text.format(errors="  ".join(parts), n=seen.requests) if seen.requests else "?"


def _row(name: str, text: str, role: Role = Role.TEXT) -> Line:
    return (Span(pad(name, _LABEL), Role.DIM), Span(" "), Span(text, role))


def _useful(state: RunState) -> str:
    found = useful_workers(state)
    on = len(state.workers)
    allowed = _("automatic") if state.automatic else str(state.max_workers)
    now = _("now {on} of {allowed}").format(on=on, allowed=allowed)
    if found is not None:
        how = _("({n:.0f} admissions a minute x {s:.0f} s each, {name})").format(
            n=found.admissions, s=found.seconds, name=found.binds.upper()
        )
        return f"{found.workers} {how}   {now}"
    told = state.limits.useful_workers if state.limits is not None else None
    return f"{'?' if told is None else told}   {now}"


def _what_if(state: RunState, now_s: float) -> list[Line]:
    """A row for each setting worth a thought: what would be left, and what the run would have cost."""
    if state.finished is not None:
        return [_row(_("what if"), _("the run is over"))]
    left = forecast(state, now_s)
    if left is None:
        return [_row(_("what if"), _("? until three subtasks of the wave have ended"))]
    words = _right(_("ETA"), 8), _right(_("cost"), 9)
    lines: list[Line] = [_row(_("what if"), " " * 20 + "".join(words) + "   " + _("bound by"), Role.DIM)]
    lines.append(_setting_row(_("as it is"), what_if(state, now_s), Role.STRONG))
    for workers in _other_workers(state):
        said = _n("{n} worker", "{n} workers", workers).format(n=workers)
        lines.append(_setting_row(said, what_if(state, now_s, workers=workers)))
    for mode in Mode:
        if mode is not state.mode:
            lines.append(_setting_row(mode_word(mode), what_if(state, now_s, mode=mode)))
    return lines


def _setting_row(name: str, found: WhatIf, role: Role = Role.TEXT) -> Line:
    eta = "?" if found.seconds is None else clock(found.seconds)
    bound = _(_BOUNDS[found.bound_by]) if found.bound_by in _BOUNDS else "?"
    return _row("", f"{pad(name, 20)}{eta:>8}{money(found.usd):>9}   {bound}", role)


def _other_workers(state: RunState) -> list[int]:
    """As many as the limits can feed, half and double; never what is set, nor more than there is work for."""
    now = max(1, len(state.workers) if state.automatic else state.max_workers)
    left = len(state.subtasks) - state.ended
    found = useful_workers(state)
    wanted = [] if found is None else [found.workers]
    wanted += [now * 2, max(1, now // 2)]
    fit_in = [n for n in dict.fromkeys(wanted) if n != now and n <= max(left, 1)]
    return sorted(fit_in[:2])


def _refusals(state: RunState, now_s: float, waiting: Mapping[str, Place]) -> list[Line]:
    """Answers with 429, pauses that the server asked for, and a start that is still slow."""
    recent = sum(now_s - at <= _MINUTE_S for at in state.throttled_at[-1_000:])
    said = _("{n} in 60 s, {total} in the run").format(n=recent, total=len(state.throttled_at))
    lines = [_row("429", said, Role.WARN if recent else Role.TEXT)]
    shown = state.throttles[-_SHOWN_REFUSALS:]
    lines += [_row("", _refusal(state, t)) for t in reversed(shown)]
    overloads = state.tracks.statuses.get(529, 0)
    if overloads:
        lines.append(_row("529", _("{n} in the run (overloaded; not our doing)").format(n=overloads)))
    for reason, name in (
        (WaitReason.RETRY_AFTER, N_("server's pause")),
        (WaitReason.RAMP, N_("slow start")),
    ):
        held = [(p.left_s(now_s), i) for i, p in waiting.items() if p.reason == reason]
        if held:
            lines.append(_row(_(name), _paused(held)))
    return lines


def _refusal(state: RunState, seen: Throttle) -> str:
    s = state.subtasks.get(seen.subtask)
    who = s.label if s is not None else seen.subtask
    pause = "?" if seen.retry_after_s is None else _seconds(seen.retry_after_s)
    return _("{at}  {who}, retry-after {pause}").format(at=clock(seen.at), who=who, pause=pause)


def _paused(held: list[tuple[float | None, str]]) -> str:
    lefts = [left for left, _id in held if left is not None]
    count = _n("{n} waits", "{n} wait", len(held)).format(n=len(held))
    return count + (_(", next in {left}").format(left=_seconds(min(lefts))) if lefts else "")
