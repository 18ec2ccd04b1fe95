"""A box in the middle of the screen: facts, choices with their prices, and one line of what to press."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from luna_tui.core.tongue import _
from luna_tui.tui.views.frame import first_shown
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, fit, fit_line, pad, width_of, wrap

WIDTH = 72
_PRICED_FROM = 18
"""Cells that the words of a choice must keep for the prices to stand beside them."""


@dataclass(frozen=True, slots=True)
class Choice:
    """One line that can be taken."""

    key: str
    """Letter that takes it; `esc` for the one that changes nothing."""
    does: str
    price: str = ""
    """What it costs or brings, at the right end."""


@dataclass(frozen=True, slots=True)
class Box:
    """What a box says now."""

    title: str
    facts: tuple[Line, ...] = ()
    """Above the choices; may be longer than a line. An empty one is air, and goes first."""
    choices: tuple[Choice, ...] = ()
    foot: str = ""
    """What to press, under the choices."""
    head: str = ""
    """Names of the columns of the prices."""


def box_width(looks: Looks, most: int = WIDTH) -> int:
    """Cells of a box on a screen of this size."""
    return max(8, min(most, looks.width - 2 if looks.width >= 44 else looks.width))


def box_view(box: Box, at: int, looks: Looks, g: Glyphs, *, most: int = WIDTH) -> Panel:
    """The box with choice number `at` under the cursor: `box_width` cells wide, no taller than the screen."""
    width = box_width(looks, most)
    inner, room = width - 4, max(1, looks.height - 2)
    priced = _prices_fit(box, inner)
    foot = [_plain(text) for text in wrap(box.foot, inner)] if box.foot else []
    facts = [
        line for fact in (*_price(box, at, priced=priced), *box.facts) for line in wrapped(fact, inner, g)
    ]
    rows, cells, hidden = _arranged(box, at, facts, foot, inner, room, g, priced=priced)
    lines = [_border(box.title, width, g), *(_row(row, inner, g) for row in rows)]
    tail = _("{n} more").format(n=hidden) if hidden else ""
    return Panel((*lines, _bottom(tail, width, g)), tuple(replace(c, row=c.row + 1) for c in cells))


def _arranged(
    box: Box, at: int, facts: list[Line], foot: list[Line], inner: int, room: int, g: Glyphs, *, priced: bool
) -> tuple[list[Line], list[Cell], int]:
    """Rows inside the frame, places of the choices, and how many choices are out of sight."""
    head = [_at_right(box.head, inner, Role.DIM)] if box.head and priced else []
    choices = len(box.choices)
    tall = choices + len(foot) + len(head)
    if tall + len(facts) > room:
        facts = [line for line in facts if line]
    if tall + len(facts) > room:
        head, tall = [], tall - len(head)
    if choices + len(facts) + len(foot) > room:
        foot = []
    shown = min(choices, max(1, room - min(len(facts), max(1, room // 2))))
    kept = facts[: max(0, room - shown - len(foot))]
    if len(kept) < len(facts) and kept:
        kept[-1] = fit_line((*kept[-1], Span(f" {g.cut}")), inner, g.cut)
    shown = min(choices, room - len(kept) - len(foot))
    spare = room - len(kept) - shown - len(foot) - len(head)
    air = [spare >= 1 and bool(kept and shown), spare >= 2 and bool(foot), spare >= 4, spare >= 4]
    rows: list[Line] = [*([()] if air[2] else []), *kept, *([()] if air[0] else []), *head]
    first = first_shown(choices, at, 0, shown)
    size = max(3, max((cell_len(c.key) for c in box.choices), default=0))
    cells = []
    for place in range(first, first + shown):
        cells.append(Cell(box.choices[place].key, len(rows), 2, inner))
        rows.append(_choice(box.choices[place], inner, g, here=place == at, priced=priced, size=size))
    rows += [*([()] if air[1] else []), *foot, *([()] if air[3] and not foot else [])]
    return rows, cells, choices - shown


def _choice(choice: Choice, inner: int, g: Glyphs, *, here: bool, priced: bool, size: int) -> Line:
    price = f"  {choice.price}" if priced and choice.price else ""
    room = max(0, inner - size - 3 - cell_len(price))
    return (
        Span("> " if here else "  ", Role.ACCENT),
        Span(f"{pad(choice.key, size)} ", Role.KEY),
        Span(pad(choice.does, room, g.cut), Role.SELECTED if here else Role.TEXT),
        *_at_right(price, cell_len(price), Role.TEXT if here else Role.DIM),
    )


def _at_right(text: str, width: int, role: Role) -> Line:
    words = text.lstrip()
    return (Span(" " * (width - cell_len(words))), Span(words, role))


def _prices_fit(box: Box, inner: int) -> bool:
    longest = max((cell_len(c.price) for c in box.choices), default=0)
    needed = max((cell_len(c.does) + cell_len(c.price) for c in box.choices if c.price), default=0)
    return inner - 8 >= needed or inner - 8 - longest >= _PRICED_FROM


def _price(box: Box, at: int, *, priced: bool) -> list[Line]:
    """Where prices have no room beside the choices, that of the one under the cursor stands above."""
    if priced or at >= len(box.choices) or not box.choices[at].price:
        return []
    return [_plain(" ".join(box.choices[at].price.split()), Role.STRONG)]


def wrapped(line: Line, width: int, g: Glyphs) -> list[Line]:
    """A line broken at its spaces, so that none is wider than `width`."""
    if width_of(line) <= width:
        return [line]
    lines: list[list[Span]] = [[]]
    left = width
    for span in line:
        for piece in re.findall(r"\s+|\S+", span.text):
            size = cell_len(piece)
            if piece.isspace() and (size >= left or not lines[-1]):
                if lines[-1]:
                    left = 0
                continue
            if size > left and lines[-1]:
                lines.append([])
                left = width
            kept = fit(piece, width, g.cut)
            lines[-1].append(Span(kept, span.role))
            left -= cell_len(kept)
    return [tuple(spans) for spans in lines if spans]


def _plain(text: str, role: Role = Role.DIM) -> Line:
    return (Span(text, role),)


def _row(line: Line, inner: int, g: Glyphs) -> Line:
    side = g.corners[5]
    body = fit_line(line, inner, g.cut)
    gap = Span(" " * (inner - width_of(body)))
    return (Span(f"{side} ", Role.BORDER), *body, gap, Span(f" {side}", Role.BORDER))


def _border(title: str, width: int, g: Glyphs) -> Line:
    left, right, across = g.corners[0], g.corners[1], g.corners[4]
    words = fit(title, max(0, width - 6), g.cut)
    rest = across * (width - 5 - cell_len(words)) + right
    return _around(left + across, words, rest, Role.STRONG)


def _bottom(tail: str, width: int, g: Glyphs) -> Line:
    left, right, across = g.corners[2], g.corners[3], g.corners[4]
    words = fit(tail, max(0, width - 6), g.cut)
    if not words:
        return (Span(left + across * (width - 2) + right, Role.BORDER),)
    return _around(left + across * (width - 5 - cell_len(words)), words, across + right, Role.DIM)


def _around(before: str, words: str, after: str, role: Role) -> Line:
    return (Span(before, Role.BORDER), Span(" "), Span(words, role), Span(" "), Span(after, Role.BORDER))


def side_lines(rows: int, g: Glyphs, *, left: bool) -> Panel:
    """One side of a frame, two cells wide."""
    text = f"{g.corners[5]} " if left else f" {g.corners[5]}"
    return Panel(((Span(text, Role.BORDER),),) * rows)


def top_of(title: str, width: int, g: Glyphs) -> Panel:
    """The upper border of a frame with something else in it."""
    return Panel((_border(title, width, g),))


def bottom_of(foot: Sequence[str], width: int, g: Glyphs) -> Panel:
    """Lines of text, and the lower border."""
    rows = tuple(_row(_plain(text), width - 4, g) for text in foot)
    return Panel((*rows, _bottom("", width, g)))
