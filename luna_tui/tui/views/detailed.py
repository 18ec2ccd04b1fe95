"""A screen of two parts: a list, and below it all there is of the entry under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from luna_tui.core.tongue import _n
from luna_tui.tui.views.frame import rule
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Cell, Line, Lines, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, fit_line


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """Lines of each part; they add up to the height of the screen with its title and key line."""

    listed: int
    read: int
    said: int
    rules: int


def shares(height: int, count: int, said: int) -> Shares:
    """Lines for a list of `count`, for what is read, and for at most `said` sentences below it."""
    if height < 3:
        return Shares(listed=0, read=max(0, height - 1), said=0, rules=0)
    rules = 2 if height >= 14 else 1 if height >= 8 else 0
    said = min(said, max(1, height // 6)) if height >= 5 else 0
    room = height - 2 - rules - said
    listed = min(max(1, count), max(1, room // 4))
    if room - listed < 1:
        listed = max(0, room - 1)
    return Shares(listed=listed, read=room - listed, said=said, rules=rules)


def detailed(
    head: Line,
    listed: Panel,
    read: Lines,
    below: int,
    said: Sequence[Line],
    keys: Line,
    looks: Looks,
    g: Glyphs,
) -> Panel:
    """Exactly `looks.height` lines; `below` = rows of what is read that are further down."""
    width, height = looks.width, looks.height
    room = shares(height, len(listed.lines), len(said))
    lines: list[Line] = [head, *_filled(listed.lines, room.listed)]
    if room.rules:
        lines.append(rule(width, g))
    lines += _filled(read, room.read)
    if room.rules > 1:
        lines.append(_more(below, width, g))
    elif below and room.read:
        lines[-1] = _more(below + 1, width, g)
    lines += _filled(said, room.said)
    if height >= 2:
        lines.append(keys)
    cells: tuple[Cell, ...] = tuple(replace(c, row=c.row + 1) for c in listed.cells if c.row < room.listed)
    return Panel(tuple(fit_line(line, width, g.cut) for line in lines[:height]), cells)


def _filled(lines: Sequence[Line], count: int) -> list[Line]:
    return [*lines[:count], *[()] * (count - len(lines))]


def _more(below: int, width: int, g: Glyphs) -> Line:
    """A line across that says how much is out of sight."""
    if not below:
        return rule(width, g)
    text = _n(" {n} more line below, pgdn ", " {n} more lines below, pgdn ", below).format(n=below)
    left = max(0, width - cell_len(text) - 2)
    return (
        Span(g.rule * left, Role.BORDER), Span(text, Role.WARN),
        Span(g.rule * min(2, max(0, width - left - cell_len(text))), Role.BORDER),
    )  # fmt: skip
