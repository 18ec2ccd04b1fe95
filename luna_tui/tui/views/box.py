"""Frames around panels, with a name in the upper edge, that join where they meet."""

from __future__ import annotations

from dataclasses import dataclass, replace

from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Panel, Role, Span
from luna_tui.tui.views.text import fit_line, width_of


@dataclass(frozen=True, slots=True)
class Edges:
    """Characters at the corners; an empty right corner leaves the right side open, to be joined."""

    top_left: str
    top_right: str
    bottom_left: str = ""
    """Empty = no lower edge: the box below draws it."""
    bottom_right: str = ""


def inner_width(width: int, edges: Edges) -> int:
    """Cells inside a box of `width`."""
    return width - (4 if edges.top_right else 3)


def box(panel: Panel, name: Line, width: int, edges: Edges, g: Glyphs, *, tee_at: int = 0) -> Panel:
    """`panel` in a frame of `width` cells; one row is added above, and one below when it has a lower edge.

    `tee_at` is the column where a side of the box above meets the upper edge.
    """
    h, v = g.corners[4], g.corners[5]
    inner = inner_width(width, edges)
    lines = [_top(name, width, edges, g, tee_at)]
    for line in panel.lines:
        body = fit_line(line, inner, g.cut)
        gap = " " * (inner - width_of(body))
        right = Span(f"{gap} {v}" if edges.top_right else f"{gap} ", Role.BORDER)
        lines.append((Span(f"{v} ", Role.BORDER), *body, right))
    if edges.bottom_left:
        rest = h * (width - 1 - len(edges.bottom_right))
        lines.append((Span(edges.bottom_left + rest + edges.bottom_right, Role.BORDER),))
    cells = tuple(replace(c, row=c.row + 1, column=c.column + 2) for c in panel.cells)
    return Panel(tuple(lines), cells)


def _top(name: Line, width: int, edges: Edges, g: Glyphs, tee_at: int) -> Line:
    h = g.corners[4]
    shown = fit_line(name, max(0, width - 6), g.cut)
    head = (Span(edges.top_left + h + " ", Role.BORDER), *shown, Span(" ", Role.BORDER))
    used = width_of(head)
    rest = h * (width - used - len(edges.top_right)) + edges.top_right
    if used <= tee_at < width - 1:
        rest = rest[: tee_at - used] + g.tees[1] + rest[tee_at - used + 1 :]
    return (*head, Span(rest, Role.BORDER))
