"""Pages that are read rather than watched: their frame."""

from __future__ import annotations

from luna_tui.core.tongue import _n
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import fit_line


def page(lines: list[Line], looks: Looks, foot: Line) -> Panel:
    """A scrolled page of exactly `looks.height` lines with a foot."""
    g = glyphs_for(looks.ascii)
    room = max(0, looks.height - 2)
    start = min(looks.scroll, max(0, len(lines) - room))
    shown = [fit_line(line, looks.width, g.cut) for line in lines[start : start + room]]
    shown += [()] * (room - len(shown))
    more = len(lines) - room - start
    below = (
        _n(" {n} more line below, j ", " {n} more lines below, j ", more).format(n=more) if more > 0 else ""
    )
    left = max(0, looks.width - len(below) - 2)
    rule: Line = (
        Span(g.rule * left, Role.BORDER), Span(below, Role.DIM),
        Span(g.rule * (looks.width - left - len(below)), Role.BORDER),
    )  # fmt: skip
    foot = fit_line(foot, looks.width, g.cut)
    return Panel((*shown, fit_line(rule, looks.width, g.cut), foot)[-looks.height :])


def without_air(lines: list[Line], room: int) -> list[Line]:
    """The lines, with as many of the empty ones left out, the last first, as it takes to fit them in."""
    kept = list(lines)
    for place in range(len(lines) - 1, -1, -1):
        if len(kept) <= room:
            break
        if not lines[place]:
            del kept[place]
    return kept
