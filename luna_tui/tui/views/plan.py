"""All waves and subtasks as a tree, as they stand; only the rows in sight are made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.insight import Stand, countdown_s, elapsed_s, quiet_after_s, silence_s, stand
from luna_tui.core.spending import WaveCost
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import GOOD, Kind
from luna_tui.tui.views.entries import said
from luna_tui.tui.views.frame import body_rows, framed, key_line, title
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.plan_rows import ORDERS
from luna_tui.tui.views.preflight import tree_mark
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, pad, tokens, width_of
from luna_tui.tui.views.tree import Tree

_ON_KEY_LINE = (
    "do.open", "list.mark", "list.filter", "list.sort", "do.retry", "do.skip", "run.stop", "go.back",
    "go.help", "do.edit", "go.problems", "go.palette",
)  # fmt: skip
_WORDS = {
    Stand.QUEUED: N_("queued"), Stand.HELD: N_("held by the budget"), Stand.ASK: N_("asks"),
    Stand.PAUSED: N_("paused"), Stand.SENT: N_("sent"), Stand.STREAMING: N_("streaming"),
    Stand.TOOL: N_("runs"), Stand.GHOST: N_("thread is left"), Stand.OK: N_("ok"),
    Stand.CACHED: N_("from cache"), Stand.FAILED: N_("failed"), Stand.TIMED_OUT: N_("timed out"),
    Stand.CANCELLED: N_("cancelled"), Stand.SKIPPED: N_("skipped"),
}  # fmt: skip
_ENDED = (Stand.OK, Stand.CACHED, Stand.CANCELLED, Stand.SKIPPED)
HEADS_FROM = 16
"""Height of the screen from which columns have titles."""
_MOST_NAME, _MOST_STATE = 44, 36
_MANY = 4
"""Needed subtasks that are named in a row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLook:
    """What the plan screen shows of a run."""

    tree: Tree
    costs: Mapping[str, WaveCost]
    complaint: str = ""
    """What is wrong with the filter; empty when it is understood, or there is none."""


@dataclass(frozen=True, slots=True)
class _Widths:
    """Cells of the columns; 0 = left out."""

    name: int
    middle: int
    """State of a subtask; bar and counts of a wave."""
    time: int
    tokens: int
    cost: int
    about: int


def plan_view(state: RunState, now_s: float, look: PlanLook, looks: Looks) -> Panel:
    """The whole screen; `looks.scroll` is the number of the first row shown."""
    g = glyphs_for(looks.ascii)
    order = _(ORDERS[looks.order % len(ORDERS)])
    right = _("order: {order}").format(order=order)
    head = title(state, _("PLAN"), _rest(state, look, looks), looks, g, right=right)
    keys = key_line(hints(SCREEN_KEYS["plan"], looks.keymap, *_ON_KEY_LINE), looks, g)
    return framed(head, _body(state, now_s, look, looks, g), keys, looks, g)


def plan_room(looks: Looks) -> int:
    """Rows that fit."""
    return max(1, body_rows(looks) - (looks.height >= HEADS_FROM))


def _rest(state: RunState, look: PlanLook, looks: Looks) -> str:
    """The plan's name and size, or what the filter lets through."""
    if look.complaint:
        return look.complaint
    total = len(state.subtasks)
    if looks.filter:
        found = sum(len(b.leaves) for b in look.tree.branches)
        text = _("{filter}  {n} of {m} match")
        return text.format(filter=looks.filter, n=f"{found:,}", m=f"{total:,}")
    waves = _n("{n} wave", "{n} waves", len(state.waves)).format(n=len(state.waves))
    subtasks = _n("{n} subtask", "{n} subtasks", total).format(n=f"{total:,}")
    return f"{state.plan.name}  {waves}  {subtasks}"


def _body(state: RunState, now_s: float, look: PlanLook, looks: Looks, g: Glyphs) -> Panel:
    tree = look.tree
    if not len(tree):
        return Panel(((Span("  " + _("Nothing matches; / changes the filter."), Role.DIM),),))
    widths = _widths(looks.width)
    lines: list[Line] = [_heads(widths)] if looks.height >= HEADS_FROM else []
    cells: list[Cell] = []
    first = max(0, min(looks.scroll, len(tree) - 1))
    rows = plan_room(looks)
    waves = tuple(state.waves.values())
    for place in range(first, min(len(tree), first + rows)):
        number, leaf = tree.at(place)
        branch = tree.branches[number]
        if leaf is None:
            key = branch.key
            wave = waves[number] if len(waves) == len(tree.branches) else _wave(state, key)
            parts = _wave_row(wave, now_s, look, tree_mark(branch, looks), widths, g)
        else:
            key = branch.leaves[leaf]
            parts = _subtask_row(state, state.subtasks[key], now_s, looks, widths, g)
        cells.append(Cell(key, len(lines), 0, looks.width))
        lines.append(_row(parts, selected=key == looks.selected, looks=looks, g=g))
    return Panel(tuple(lines), tuple(cells))


def _wave(state: RunState, key: str) -> WaveState:
    return state.waves[key.partition(":")[2]]


def _row(parts: Line, *, selected: bool, looks: Looks, g: Glyphs) -> Line:
    """The row under the cursor is one bar, all across."""
    if not selected:
        return fit_line(parts, looks.width, g.cut)
    text = ">" + "".join(span.text for span in parts)[1:]
    return (Span(pad(text, looks.width, g.cut), Role.SELECTED),)


def _widths(width: int) -> _Widths:
    """Name and state are always there; then come time, cost, tokens, and what it says."""
    time, money, count = 7 if width >= 36 else 0, 8 if width >= 50 else 0, 7 if width >= 70 else 0
    rest = width - time - money - count
    named = min(_MOST_NAME + _MOST_STATE, rest if width < 100 else max(62, rest // 2))
    middle = min(_MOST_STATE, named * 2 // 5) if width >= 60 else min(16, named // 3)
    return _Widths(named - middle, middle, time, count, money, rest - named)


def _heads(w: _Widths) -> Line:
    titles = " " * 4 + pad(_("wave"), w.name - 4) + pad(_("state"), w.middle)
    figures = _figures(_("time"), _("out"), "$", w, Role.DIM)
    return (Span(titles, Role.DIM), *figures)


def _wave_row(wave: WaveState, now_s: float, look: PlanLook, mark: str, w: _Widths, g: Glyphs) -> Line:
    name = pad(f"{wave.number} {wave.name}", w.name - 5, g.cut)
    took = ""
    if wave.started_at is not None:
        took = clock((wave.ended_at if wave.ended_at is not None else now_s) - wave.started_at)
    cost = look.costs.get(wave.name, WaveCost())
    middle = _progress(wave, w.middle, g)
    about = _forecast(cost)
    return (
        Span(f"  {mark} ", Role.DIM),
        Span(name + " ", Role.STRONG if wave.started_at is not None and wave.ended_at is None else Role.TEXT),
        *middle,
        Span(" " * (w.middle - width_of(middle))),
        *_figures(took, "", _spent(cost), w, Role.TEXT),
        *_about(about, w, g, Role.DIM),
    )


def _progress(wave: WaveState, width: int, g: Glyphs) -> Line:
    """A bar of what is done, fails and runs, and the counts behind it, as far as there is room."""
    total = max(1, len(wave.subtasks))
    other = wave.ended - wave.good - wave.failed
    counts = [
        Span(f" {g.states[how]}{count}", ROLES[how])
        for how, count in (
            (Stand.OK, wave.good), (Stand.FAILED, wave.failed), (Stand.SKIPPED, other),
            (Stand.STREAMING, wave.on), (Stand.QUEUED, wave.untouched),
        )
        if count
    ]  # fmt: skip
    used = width_of(tuple(counts))
    cells = min(14, width - used - 2)
    if cells < 4:
        bare = (Span(counts[0].text[1:], counts[0].role), *counts[1:]) if counts else ()
        return fit_line(bare, width, g.cut)
    good, failed, on = (round(cells * part / total) for part in (wave.good, wave.ended - wave.good, wave.on))
    good = min(good, cells)
    failed = min(failed, cells - good)
    on = min(on, cells - good - failed)
    return (
        Span(g.bar_left, Role.BORDER),
        Span(g.used * good, Role.GAUGE_USED),
        Span(g.used * failed, Role.STATE_FAILED if wave.failed else Role.STATE_ENDED),
        Span(g.reserved * on, Role.GAUGE_RESERVED),
        Span(g.free * (cells - good - failed - on), Role.GAUGE_FREE),
        Span(g.bar_right, Role.BORDER),
        *counts,
    )


def _subtask_row(state: RunState, s: SubtaskState, now_s: float, looks: Looks, w: _Widths, g: Glyphs) -> Line:
    how = stand(s, now_s, quiet_after_s=_quiet_s(state, s), paused=state.paused)
    role = Role.DIM if how in _ENDED or how is Stand.QUEUED else Role.TEXT
    mark = "*" if s.id in looks.marked else " "
    name = pad(f"{s.label} {s.planned.title}", w.name - 7, g.cut)
    began = s.started_at is not None or bool(s.spans)
    return (
        Span(f" {mark}  ", Role.ACCENT),
        Span(g.states[how] + " ", ROLES[how]),
        Span(name + " ", role),
        Span(pad(_state_word(s, how, now_s), w.middle - 1, g.cut) + " ", ROLES[how]),
        *_figures(clock(elapsed_s(s, now_s)) if began else "", _tokens(s, how), _cost(s), w, role),
        *_about(_says(state, s, how, now_s, g), w, g, Role.DIM),
    )


def _quiet_s(state: RunState, s: SubtaskState) -> float:
    return quiet_after_s(state, state.waves[s.wave]) if s.running else 0.0


def _figures(took: str, count: str, cost: str, w: _Widths, role: Role) -> Line:
    texts = ((took, w.time), (count, w.tokens), (cost, w.cost))
    return tuple(Span(f"{text:>{width}}", role) for text, width in texts if width)


def _about(text: str, w: _Widths, g: Glyphs, role: Role) -> Line:
    return (Span("   " + pad(text, w.about - 3, g.cut), role),) if w.about > 3 else ()


def _state_word(s: SubtaskState, how: Stand, now_s: float) -> str:
    """How it stands, in a word or two."""
    match how:
        case Stand.LIMIT:
            return _("limit {name}").format(name=str(s.waiting).upper().replace("_", " "))
        case Stand.BACKOFF:
            left = countdown_s(s, now_s)
            return _("again in {time}").format(time=clock(left)) if left is not None else _("waits to retry")
        case Stand.QUIET:
            return _("quiet {time}").format(time=clock(silence_s(s, now_s)))
    return _(_WORDS[how])


def _tokens(s: SubtaskState, how: Stand) -> str:
    if s.output_tokens:
        return tokens(s.output_tokens)
    return tokens(max(1, s.chars // 4)) if how is Stand.STREAMING and s.planned.kind is Kind.CLAUDE else ""


def _cost(s: SubtaskState) -> str:
    if s.cost_usd is None:
        return "?" if s.input_tokens or s.output_tokens else ""
    return _usd(s.cost_usd, unpriced=False)


def _usd(amount: float, *, unpriced: bool) -> str:
    """`1.41`; `?` where no price is known, `1.41+` where some are not."""
    if not amount:
        return "?" if unpriced else ""
    text = "<0.01" if amount < 0.005 else f"{amount:,.2f}"
    return text + ("+" if unpriced else "")


def _spent(cost: WaveCost) -> str:
    """What was spent; before that, what is expected."""
    if not cost.spent and not cost.unpriced and cost.forecast:
        return "~" + _usd(cost.forecast, unpriced=False)
    return _usd(cost.spent, unpriced=cost.unpriced)


def _forecast(cost: WaveCost) -> str:
    if cost.forecast is None or not 0.0 < cost.spent < cost.forecast:
        return ""
    return _("forecast ${usd}").format(usd=f"{cost.forecast:,.2f}")


def _says(state: RunState, s: SubtaskState, how: Stand, now_s: float, g: Glyphs) -> str:
    """What it waits for before it starts; then what it says, or why it ended."""
    if how not in (Stand.QUEUED, Stand.PAUSED):
        return said(s, how, now_s)
    needs = [state.subtasks[i] for i in s.planned.depends_on if i in state.subtasks]
    open_ = [n for n in needs if n.status not in GOOD]
    if not open_:
        return ""
    names = " ".join(n.label for n in open_[:_MANY])
    more = f" {g.cut}" if len(open_) > _MANY else ""
    return _("needs {labels}").format(labels=names + more)
