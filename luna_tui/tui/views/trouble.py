"""Attention lines: what is wrong, compared with what, its effect, the key and its price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from luna_tui.core.problem_facts import Problem
from luna_tui.core.problems import problems, shown
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.problem_words import (
    KeyWords,
    detail,
    effect,
    glyph,
    keys,
    labels,
    role,
    sentence,
    short,
)
from luna_tui.tui.views.spans import Cell, Line, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, fit_line, width_of

_GAP = 3
"""Cells between a sentence and its keys."""


def attention(
    state: RunState,
    now_s: float,
    width: int,
    height: int,
    g: Glyphs,
    *,
    dismissed: Mapping[str, str] | None = None,
    acts: bool = True,
) -> Panel:
    """At most `height` lines, a cause each, the most urgent first; several share the last one.

    Cells are keyed by the first subtask of their group. `acts` = keys that change the run are told.
    """
    found = shown(problems(state, now_s), dismissed or {})
    if not found or height <= 0:
        return Panel(())
    whole = len(found) if len(found) <= height else height - 1
    texts = [_text(state, p, now_s, width, g, acts=acts) for p in found[:whole]]
    column = _column(texts, width)
    lines = [_line(text, words, column, width, g) for text, words in texts]
    cells = [Cell(p.subtasks[0], n, 0, width) for n, p in enumerate(found[:whole]) if p.subtasks]
    if whole < len(found):
        line, more = _shared(state, found[whole:], now_s, width, len(lines), g)
        lines.append(line)
        cells += more
    return Panel(tuple(lines), tuple(cells))


def _text(
    state: RunState, p: Problem, now_s: float, width: int, g: Glyphs, *, acts: bool
) -> tuple[Line, KeyWords]:
    """The richest sentence that fits with its keys; where none does, the keys go one by one."""
    words = keys(p, g, brief=True, acts=acts)
    bodies = list(_bodies(state, p, now_s, g))
    for kept in range(len(words), -1, -1):
        need = width_of(_keyed(words[:kept])) + (_GAP if kept else 0)
        sentences = bodies[: -2 if kept == len(words) else -3]
        for body in sentences if kept else bodies:
            if width_of(body) + need <= width:
                return body, words[:kept]
    return bodies[-1], ()


def _bodies(state: RunState, p: Problem, now_s: float, g: Glyphs) -> Iterator[Line]:
    """From the richest to the shortest; the last three have no effect, or are short forms."""
    said, details = sentence(state, p, now_s, g), detail(p)
    does = effect(state, p)
    rest = f"; {does}" if does else ""
    for most in (6, 3):
        if details:
            yield _body(state, p, f"{said}: {details}{rest}", most, g)
        yield _body(state, p, said + rest, most, g)
    yield _body(state, p, said, 3, g)
    brief = short(state, p, now_s, g)
    yield _body(state, p, f"{brief}, {does}" if does else brief, 2, g)
    yield _body(state, p, brief, 1, g)


def _body(state: RunState, p: Problem, said: str, most: int, g: Glyphs) -> Line:
    ids = labels(state, p.subtasks, most)
    title = ""
    if len(p.subtasks) == 1 and most > 3:
        title = " " + state.subtasks[p.subtasks[0]].planned.title + " "
    head = f"{glyph(p, g)} {ids}{title}"
    return (Span(head + (" " if ids else ""), role(p)), Span(said))


def _column(texts: Sequence[tuple[Line, KeyWords]], width: int) -> int:
    """Where the keys of all lines can begin."""
    ends = [width_of(body) for body, words in texts if words]
    return max(ends, default=0) + _GAP


def _line(body: Line, words: KeyWords, column: int, width: int, g: Glyphs) -> Line:
    """Keys stand in one column; a line on which they do not fit there has them at its end."""
    if not words:
        return fit_line(body, width, g.cut)
    said = _keyed(words)
    start = min(column, width - width_of(said))
    return (*body, Span(" " * (start - width_of(body))), *said)


def _keyed(words: KeyWords) -> Line:
    spans: list[Span] = []
    for key, does in words:
        spans += [Span("  " if spans else ""), Span(key, Role.KEY), Span(f" {does}")]
    return tuple(spans)


def _shared(
    state: RunState, found: Sequence[Problem], now_s: float, width: int, row: int, g: Glyphs
) -> tuple[Line, list[Cell]]:
    """Several on one line, as many as fit, and how many more there are."""
    hint = _("(! opens the list)")
    for effects in (True, False):
        for count in range(len(found), 0, -1):
            parts = [_part(state, p, now_s, g, effects=effects) for p in found[:count]]
            more = len(found) - count
            tail = _n("{n} more", "{n} more", more).format(n=more) if more else ""
            line, cells = _row(found, parts, tail, row)
            if width_of(line) > width or (effects and more):
                continue
            if width_of(line) + 4 + cell_len(hint) <= width:
                gap = width - width_of(line) - cell_len(hint)
                line = (*line, Span(" " * gap + hint, Role.DIM))
            return line, cells
    line, cells = _row(found, [_part(state, found[0], now_s, g, effects=False)], "", row)
    return fit_line(line, width, g.cut), [Cell(c.key, c.row, 0, width) for c in cells]


def _part(state: RunState, p: Problem, now_s: float, g: Glyphs, *, effects: bool) -> Line:
    said, does = short(state, p, now_s, g), effect(state, p) if effects else ""
    return _body(state, p, f"{said}, {does}" if does else said, 2, g)


def _row(found: Sequence[Problem], parts: Sequence[Line], tail: str, row: int) -> tuple[Line, list[Cell]]:
    spans: list[Span] = []
    cells = []
    for p, part in zip(found, parts, strict=False):
        spans += [Span("    ")] if spans else []
        if p.subtasks:
            cells.append(Cell(p.subtasks[0], row, width_of(tuple(spans)), width_of(part)))
        spans += part
    if tail:
        spans.append(Span(f"    {tail}", Role.WARN))
    return tuple(spans), cells


def in_one_line(state: RunState, p: Problem, now_s: float, width: int, g: Glyphs) -> str:
    """A problem as plain text in at most `width` cells."""
    bodies = list(_bodies(state, p, now_s, g))
    body = next((b for b in bodies if width_of(b) <= width), bodies[-1])
    return "".join(span.text for span in fit_line(body, width, g.cut))
