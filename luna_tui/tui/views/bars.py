"""The lines above the grid: header, gauges, the waiting line, the strip of waves."""

from __future__ import annotations

from luna_tui.core.events import Gauge
from luna_tui.core.insight import Flow, flow, forecast, summed_s
from luna_tui.core.metrics import measure
from luna_tui.core.state import RunState, WaveState
from luna_tui.core.words import GOOD, LIMIT_REASONS, RunStatus, Status, WaitReason
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Lines, Role, Span
from luna_tui.tui.views.text import clock, fit_line, join, money, tokens, width_of

_MOST_MEASURED = 500
"""Subtasks above which bounds are worked out for the report only, not for every frame."""
_FOREIGN_SHARE = 0.1
"""Part of a limit that others must use before the screen says so; less is the estimate's own noise."""
_BAD = (Status.FAILED, Status.TIMED_OUT)
_REASONS = {
    WaitReason.BUDGET: "budget",
    WaitReason.APPROVAL: "approval",
    WaitReason.PAUSED: "paused",
    WaitReason.BACKOFF: "backoff",
    WaitReason.RETRY_AFTER: "retry-after",
    WaitReason.SLOT: "slot",
    WaitReason.RAMP: "first answers",
}


def run_word(state: RunState, now_s: float) -> tuple[str, Role]:
    """The state of the run in one word, and how it looks."""
    if state.finished is not None:
        match state.finished.status:
            case RunStatus.SUCCEEDED:
                return "DONE", Role.GOOD
            case RunStatus.FAILED:
                return "FAILED", Role.BAD
            case RunStatus.HELD:
                return "HELD", Role.BANNER
            case RunStatus.CANCELLED:
                return "STOPPED", Role.BANNER
    in_flight = flow(state, now_s).in_flight
    if state.stopping is not None:
        return f"STOPPING {in_flight} left", Role.BANNER
    if state.paused:
        return (f"PAUSING {in_flight} in flight" if in_flight else "PAUSED"), Role.BANNER
    return "RUNNING", Role.STRONG


def header(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """Who, where, how it stands, how much is done, and when it may end."""
    total = len(state.subtasks)
    done = sum(n for s, n in state.counts.items() if s in GOOD)
    failed = sum(state.counts.get(s, 0) for s in _BAD)
    lost = sum(n for s, n in state.counts.items()) - done - failed
    word, role = run_word(state, now_s)
    wave = state.current_wave
    place = f"  wave {wave.number}/{len(state.waves)} {wave.name}" if wave else ""
    if width < 60:
        place = f" {wave.number}/{len(state.waves)}" if wave else ""
    name = f"  {state.plan.name}" if width >= 100 else ""
    spans = [
        Span("luna ", Role.TITLE),
        Span(state.run[-4:], Role.DIM),
        Span(name + place + "  "),
        Span(word, role),
        Span("  " if width < 60 else f" {clock(now_s)}  ", Role.DIM),
        Span(f"{done}/{total}" + ("" if width < 60 else " ok"), Role.STRONG),
    ]
    if failed:
        spans.append(Span(f"  {failed} failed", Role.BAD))
    if lost:
        spans.append(Span(f"  {lost} not run", Role.DIM))
    on = flow(state, now_s).on
    if on:
        spans.append(Span(f"  {on} on"))
    return join(tuple(spans), _header_right(state, now_s, width), width, g.cut)


def _header_right(state: RunState, now_s: float, width: int) -> Line:
    parts: list[Span] = []
    if width >= 100:
        parts.append(Span(f"{state.tier} {state.mode}   ", Role.DIM))
    if width >= 140 and now_s > 1:
        parts.append(Span(f"{_speed(state, now_s)}   "))
    if state.finished is None:
        left = forecast(state, now_s)
        eta = "ETA ?" if left is None else f"ETA {clock(left[0])} ±{clock(left[1])}"
        parts.append(Span(eta, Role.DIM if left is None else Role.STRONG))
    return tuple(parts)


def _speed(state: RunState, now_s: float) -> str:
    """The speed-up so far beside what it could be at most, while working that out is cheap."""
    speed = f"speed-up {summed_s(state, now_s) / now_s:.1f}"
    if len(state.subtasks) > _MOST_MEASURED:
        return speed
    most = measure(state, now_s).could_be
    return f"{speed} of at most {most:.1f}" if most else speed


def gauges(state: RunState, now_s: float, width: int, g: Glyphs, *, tall: bool) -> Lines:
    """Used, reserved and cap of each limit: one line, or one line each when there is room."""
    limits = state.limits
    if limits is None:
        return ((Span("limits: none asked for yet", Role.DIM),),)
    named = (("RPM", limits.rpm), ("ITPM", limits.itpm), ("OTPM", limits.otpm))
    waits = [(n, r.value.upper()) for r, n, _ in flow(state, now_s).waits if r in LIMIT_REASONS]
    binding = max(waits)[1] if waits else ""
    if tall:
        return tuple(
            _tall(name, gauge, width, g, binds=name == binding, now_s=now_s, at=state.limits_at)
            for name, gauge in named
        )
    if width < 60:
        name, gauge = max(named, key=lambda pair: _share(pair[1]))
        spans = _small(name, gauge, max(8, width - 26), g, binds=name == binding)
    else:
        cells = max(6, (width - 44) // 3)
        spans = tuple(s for n, x in named for s in (*_small(n, x, cells, g, binds=n == binding), Span(" ")))
    cost = _cost(state)
    return (join(spans, ((Span(cost, Role.DIM),) if cost else ()), width, g.cut),)


def _cost(state: RunState) -> str:
    total = state.tokens.input + state.tokens.output
    text = f"{tokens(total)} tok" if total else ""
    if state.cost_usd is None:
        return text
    return f"{text} {money(state.cost_usd)}" + (" + ?" if state.unpriced else "")


def _share(gauge: Gauge) -> float:
    return (gauge.settled + gauge.reserved) / max(1, gauge.cap)


def _bar(gauge: Gauge, cells: int, g: Glyphs) -> tuple[Span, ...]:
    """Cells of the whole limit: used, reserved, free up to the cap, the cap's mark, free beyond it."""
    limit = max(1, gauge.limit)
    mark = min(cells - 1, round(cells * gauge.cap / limit))
    used = min(mark, round(cells * gauge.settled / limit))
    if gauge.settled > 0:
        used = max(1, used)
    reserved = min(mark - used, round(cells * gauge.reserved / limit))
    warn = Role.GAUGE_WARN if _share(gauge) >= 0.85 else Role.GAUGE_USED
    return (
        Span(g.bar_left, Role.DIM),
        Span(g.used * used, warn),
        Span(g.reserved * reserved, Role.GAUGE_RESERVED),
        Span(g.free * (mark - used - reserved) + g.cap + g.free * (cells - mark - 1), Role.GAUGE_FREE),
        Span(g.bar_right, Role.DIM),
    )


def _small(name: str, gauge: Gauge, cells: int, g: Glyphs, *, binds: bool) -> tuple[Span, ...]:
    share = round(100 * (gauge.settled + gauge.reserved) / max(1, gauge.limit))
    after = Span(f"{share:>2}%{g.binds if binds else ' '}", Role.WARN if binds else Role.TEXT)
    return (Span(name), *_bar(gauge, cells, g), after)


def _tall(name: str, gauge: Gauge, width: int, g: Glyphs, *, binds: bool, now_s: float, at: float) -> Line:
    cells = max(10, min(60, width - 84))
    figures = (
        f" {tokens(gauge.settled):>5} + {tokens(gauge.reserved):>5} of {tokens(gauge.cap):>5} "
        f"({tokens(gauge.limit)})"
    )
    told = ""
    if gauge.server_remaining is not None and gauge.server_age_s is not None:
        age = gauge.server_age_s + max(0.0, now_s - at)
        told = f"   server: {tokens(gauge.server_remaining)} left, {clock(age)} ago"
    bind = (Span(f"  {g.binds} binds", Role.WARN),) if binds else ()
    line = (Span(f"{name:<5}"), *_bar(gauge, cells, g), Span(figures), Span(told, Role.DIM), *bind)
    return fit_line(line, width, g.cut)


def waiting_line(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """What is in flight and what the rest waits for, in words."""
    if state.not_saved:
        return fit_line((Span(f"NOT SAVED: {state.not_saved}", Role.BAD),), width, g.cut)
    if state.finished is not None:
        return fit_line(
            (Span(f"ended after {clock(state.finished.wall_s)}   R report   q leave", Role.DIM),),
            width,
            g.cut,
        )
    f = flow(state, now_s)
    waiting = sum(n for _, n, _ in f.waits)
    spans = [Span(_in_flight(state, f, width))]
    if state.paused:
        spans.append(Span("  Paused: nothing more starts; p goes on.", Role.WARN))
    if f.waits:
        spans.append(Span(f"  {waiting} wait{'s' if waiting == 1 else ''}: "))
        spans.append(Span(", ".join(_wait(r, n, left) for r, n, left in f.waits), Role.WARN))
        spans.append(Span("."))
    if f.queued and not state.paused:
        spans.append(Span(f"  {f.queued} queued for a worker.", Role.DIM))
    others = _others(state)
    if others:
        spans.append(Span(f"  Others use {others}.", Role.WARN))
    throttled = sum(1 for t in state.throttled_at if now_s - t <= 60)
    if width >= 100:
        spans.append(Span(f"  429 in the last minute: {throttled}", Role.WARN if throttled else Role.DIM))
    return fit_line(tuple(spans), width, g.cut)


def _in_flight(state: RunState, f: Flow, width: int) -> str:
    """How many are in flight, and how many the limits could keep there at the sizes seen so far."""
    if not f.on:
        return "Nothing in flight."
    useful = state.limits.useful_workers if state.limits is not None else None
    left = f.on + f.queued + f.later
    if useful is None or useful >= left:
        return f"{f.in_flight} of {f.on} in flight."
    rate = " at this token rate" if width >= 100 else ""
    more = "  More workers would not be faster." if width >= 140 and useful <= f.on else ""
    return f"{f.in_flight} of {f.on} in flight, {useful} useful{rate}.{more}"


def _others(state: RunState) -> str:
    """What others are believed to take of the limits we share, where it is worth a word."""
    if state.limits is None:
        return ""
    named = (("RPM", state.limits.rpm), ("ITPM", state.limits.itpm), ("OTPM", state.limits.otpm))
    worst = max(named, key=lambda pair: pair[1].foreign / max(1, pair[1].limit))
    if worst[1].foreign < _FOREIGN_SHARE * worst[1].limit:
        return ""
    return f"{tokens(worst[1].foreign)} {worst[0]}"


def _wait(reason: WaitReason, count: int, left: float | None) -> str:
    name = reason.value.upper() if reason in LIMIT_REASONS else _REASONS[reason]
    if left is None:
        return f"{name} {count}"
    return f"{name} {count} (next in {left:.0f} s)" if left < 60 else f"{name} {count} ({clock(left)})"


def strip(state: RunState, now_s: float, width: int, g: Glyphs) -> Line:
    """The waves: how long each took, how far each is."""
    spans: list[Span] = []
    for cells in (8, 5, 3, 0):
        spans = []
        for wave in state.waves.values():
            spans += [*_wave(state, wave, now_s, g, cells), Span(" ")]
        if width_of(tuple(spans)) <= width:
            break
    return fit_line(tuple(spans), width, g.cut)


def _wave(state: RunState, wave: WaveState, now_s: float, g: Glyphs, cells: int) -> tuple[Span, ...]:
    label = f"{wave.number} {wave.name}"
    if wave.started_at is None:
        return (Span(f"{g.dot}{label}", Role.DIM),)
    took = clock((wave.ended_at if wave.ended_at is not None else now_s) - wave.started_at)
    subtasks = [state.subtasks[i] for i in wave.subtasks]
    total = max(1, len(subtasks))
    good = sum(s.status in GOOD for s in subtasks)
    ended = sum(s.status is not None for s in subtasks)
    on = sum(s.status is None and (s.running or s.waiting is not None) for s in subtasks)
    if wave.ended_at is not None:
        ok = wave.status is RunStatus.SUCCEEDED
        mark = "✓" if g.dot == "·" else "+"
        head = Span(f"{mark if ok else 'x'}{label} {took} ", Role.GOOD if ok else Role.BAD)
    else:
        head = Span(f"{g.now}{label} {took} ", Role.STRONG)
    if cells == 0:
        return (head,)
    done = round(cells * good / total)
    lost = min(cells - done, -(-cells * (ended - good) // total))
    going = min(cells - done - lost, -(-cells * on // total))
    return (
        head,
        Span(g.bar_left, Role.DIM),
        Span(g.used * done, Role.STATE_OK),
        Span("x" * lost, Role.BAD),
        Span(g.reserved * going, Role.STATE_RUNNING),
        Span(g.free * (cells - done - lost - going), Role.DIM),
        Span(g.bar_right, Role.DIM),
    )
