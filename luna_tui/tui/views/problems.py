"""The problems screen: three lines a group, its members on request."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from luna_tui.core.insight import quiet_after_s, silence_s, stand
from luna_tui.core.problem_facts import Problem
from luna_tui.core.problems import total
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.core.words import GOOD, Kind
from luna_tui.tui.views.entries import said
from luna_tui.tui.views.frame import body_rows, framed, key_line, title
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.problem_words import effect, facts_parts, glyph, keys, labels, name, role, where
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, fit_line, join, pad, width_of

ORDER_WORDS = (N_("needs me first"), N_("newest first"), N_("largest first"))
MOST_MEMBERS = 500
"""Members of a group that are listed when it is opened."""
_KEYS = (
    "list.mark", "do.open", "do.retry", "do.skip", "run.stop", "go.next_problem", "list.filter",
    "do.not_a_problem", "go.back", "go.help",
)  # fmt: skip
_INDENT = 4
_COUNT = 5
_SINCE = 13
_NARROW = 60
_WIDEST = 132
"""Cells over which the head of a group is spread at most: the eye must find its way back."""


@dataclass(frozen=True, slots=True)
class Row:
    """A group, or one of its members when it is open."""

    key: str
    problem: Problem
    member: str | None = None
    """Id of the subtask; None = the group itself."""
    height: int = 1
    """Lines it takes, the empty one above it included."""
    air: int = 0
    """Empty lines above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemsLook:
    """What the problems screen shows besides `Looks`."""

    rows: Sequence[Row]
    hidden: Collection[str] = ()
    """Keys of those that were said to be none."""
    shows_hidden: bool = False
    filter: str = ""


def rows(found: Sequence[Problem], opened: Collection[str], looks: Looks) -> tuple[Row, ...]:
    """Groups in order, members of open ones below them; air between groups if there is room."""
    height = 1 if looks.height < 12 else 2 if looks.width < _NARROW else 3
    members = {
        p.key: p.subtasks[:MOST_MEMBERS] if len(p.subtasks) > 1 else () for p in found if p.key in opened
    }
    need = sum(height + 1 + len(members.get(p.key, ())) for p in found) - 1
    air = 1 if height > 1 and need <= body_rows(looks) else 0
    listed = []
    for n, problem in enumerate(found):
        above = air if n else 0
        listed.append(Row(problem.key, problem, height=height + above, air=above))
        listed += [Row(f"{problem.key}/{i}", problem, i) for i in members.get(problem.key, ())]
    return tuple(listed)


def first_row(listed: Sequence[Row], at: int, first: int, looks: Looks) -> int:
    """First row to show so that row `at` is whole in sight, moving no more than needed."""
    room = body_rows(looks)
    first = max(0, min(first, at))
    need = sum(row.height for row in listed[first : at + 1])
    while first < at and need > room:
        need -= listed[first].height
        first += 1
    left = room - sum(row.height for row in listed[first:])
    while first > 0 and listed[first - 1].height <= left:
        first -= 1
        left -= listed[first].height
    return first


def problems_view(state: RunState, look: ProblemsLook, now_s: float, looks: Looks) -> Panel:
    """The whole problems screen; `looks.scroll` is the number of the first row shown."""
    g = glyphs_for(looks.ascii)
    room = body_rows(looks)
    lines: list[Line] = []
    cells: list[Cell] = []
    for row in look.rows[looks.scroll :]:
        if len(lines) >= room:
            break
        drawn = _drawn(state, row, look, now_s, looks, g)[: row.height - row.air]
        lines += [()] * row.air
        cells.append(Cell(row.key, len(lines), 0, looks.width, len(drawn)))
        lines += drawn
    if not look.rows:
        lines.append((Span("  " + _nothing(state, look, now_s), Role.GOOD if not look.filter else Role.DIM),))
    sort = _("{order}  (s sort)").format(order=_(ORDER_WORDS[looks.order % len(ORDER_WORDS)]))
    head = title(state, _("PROBLEMS"), _counted(look), looks, g, right=sort)
    foot = key_line(hints(SCREEN_KEYS["problems"], looks.keymap, *_KEYS), looks, g)
    return framed(head, Panel(tuple(lines), tuple(cells)), foot, looks, g)


def _counted(look: ProblemsLook) -> str:
    groups = [row.problem for row in look.rows if row.member is None]
    said_ = _n("{n} in {m} group", "{n} in {m} groups", len(groups)).format(n=total(groups), m=len(groups))
    if look.filter:
        said_ += "  " + _("of {filter}").format(filter=look.filter)
    if look.hidden:
        hidden = _("{n} said to be none, shown (c)") if look.shows_hidden else _("{n} said to be none (c)")
        said_ += "  " + hidden.format(n=len(look.hidden))
    return said_


def _nothing(state: RunState, look: ProblemsLook, now_s: float) -> str:
    if look.filter:
        return _("No problem matches {filter}.").format(filter=look.filter)
    parts = [_("No problems but those said to be none.") if look.hidden else _("No problems.")]
    if state.finished is not None:
        good = sum(state.counts.get(status, 0) for status in GOOD)
        parts.append(_("{n} of {m} ok.").format(n=good, m=len(state.subtasks)))
        return " ".join(parts)
    silences = [
        silence_s(s, now_s)
        for s in state.live.values()
        if s.running and not s.ghost and s.planned.kind is Kind.CLAUDE
    ]
    if silences:
        quietest = _("{n} in flight, the quietest stream spoke {s:.0f} s ago.")
        parts.append(quietest.format(n=state.running, s=max(silences)))
    else:
        parts.append(_("{n} in flight.").format(n=state.running))
    return " ".join(parts)


def _drawn(
    state: RunState, row: Row, look: ProblemsLook, now_s: float, looks: Looks, g: Glyphs
) -> tuple[Line, ...]:
    if row.member is not None:
        return (_member(state, row, row.member, now_s, looks, g),)
    p = row.problem
    head = _head(state, row, look, now_s, looks, g)
    inside = looks.width - _INDENT
    facts = _as_many(facts_parts(state, p, now_s, g), inside, g)
    indent = Span(" " * _INDENT)
    return head, (indent, Span(facts)), (indent, *_priced(p, inside, g, acts=looks.playing is None))


def _as_many(parts: Sequence[str], width: int, g: Glyphs) -> str:
    """Parts that fit whole, joined; the first is cut where it must be."""
    said_ = fit(parts[0], width, g.cut)
    for part in parts[1:]:
        if cell_len(said_) + cell_len(part) + 2 > width:
            break
        said_ += f"; {part}"
    return said_


def _head(state: RunState, row: Row, look: ProblemsLook, now_s: float, looks: Looks, g: Glyphs) -> Line:
    """Cursor, mark, glyph, name, how many, which, what they block, since when."""
    p, width = row.problem, min(looks.width, _WIDEST)
    hushed = p.key in look.hidden
    chosen = looks.selected == row.key
    marked = bool(p.subtasks) and all(i in looks.marked for i in p.subtasks)
    body = Role.SELECTED if chosen else Role.DIM if hushed else Role.STRONG
    start = (*_pointer(chosen, marked), Span(glyph(p, g) + " ", role(p)))
    since = _("since {time}").format(time=clock(p.since_at)) if p.since_at is not None else ""
    if width < _NARROW:
        left: Line = (*start, Span(f"{name(state, p)}  ", body), Span(_which(state, p, max(8, width // 3))))
        return join(left, (Span(clock(p.since_at or 0.0) if since else "", Role.DIM),), width, g.cut)
    names = 28 if width < 100 else 34
    room = width - _INDENT - names - _COUNT - 3 - (_SINCE if since else 0)
    least = cell_len(effect(state, p, 2)) + 2
    which = _which(state, p, max(8, room - least)) if p.subtasks else where(p, now_s)
    ids = pad(which, min(room, max(12, cell_len(which) + 2, room * 2 // 5 if width >= 100 else 0)), g.cut)
    effects = _fitting_effect(state, p, room - cell_len(ids))
    left = (
        *start,
        Span(pad(name(state, p), names, g.cut), body),
        Span(f"{p.size:>{_COUNT}}   ", Role.TEXT),
        Span(ids),
        Span(effects, Role.WARN if p.blocks or p.critical else Role.DIM),
    )
    if opened := cell_len(since):
        gap = max(1, width - width_of(left) - opened)
        return fit_line((*left, Span(" " * gap), Span(since, Role.DIM)), width, g.cut)
    return fit_line(left, width, g.cut)


def _pointer(chosen: bool, marked: bool) -> Line:
    return (Span(">" if chosen else " ", Role.ACCENT), Span("*" if marked else " ", Role.ACCENT))


def _which(state: RunState, p: Problem, width: int) -> str:
    """As many labels as fit."""
    for most in range(min(len(p.subtasks), width // 5), 0, -1):
        text = labels(state, p.subtasks, most)
        if cell_len(text) <= width:
            return text
    return labels(state, p.subtasks, 1) if p.subtasks else ""


def _fitting_effect(state: RunState, p: Problem, width: int) -> str:
    for most in range(min(max(1, len(p.blocks)), max(1, width // 5)), 0, -1):
        text = effect(state, p, most)
        if cell_len(text) <= width:
            return text
    return ""


def _priced(p: Problem, width: int, g: Glyphs, *, acts: bool) -> Line:
    """Keys with what they cost, as many as fit."""
    spans: list[Span] = []
    for key, does in keys(p, g, brief=False, acts=acts):
        more = [Span("    " if spans else ""), Span(key, Role.KEY), Span(f" {does}", Role.DIM)]
        if width_of((*spans, *more)) > width:
            break
        spans += more
    return tuple(spans)


def _member(state: RunState, row: Row, subtask: str, now_s: float, looks: Looks, g: Glyphs) -> Line:
    """One subtask of an open group."""
    s = state.subtasks[subtask]
    quiet = quiet_after_s(state, state.waves[s.wave])
    how = stand(s, now_s, quiet_after_s=quiet, paused=state.paused)
    chosen = looks.selected == row.key
    named = pad(f"{s.label} {s.planned.title}", min(30, max(12, looks.width // 3)), g.cut)
    line = (
        *_pointer(chosen, subtask in looks.marked),
        Span("  " + g.states[how] + " ", ROLES[how]),
        Span(named + "  ", Role.SELECTED if chosen else Role.TEXT),
        Span(said(s, how, now_s), Role.DIM),
    )
    return fit_line(line, looks.width, g.cut)
