"""The frame of a full screen: title above, body, a rule and the key line below."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.views.banner import banner_before
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.hints import Hint
from luna_tui.tui.views.replay import replay_hints
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.status import with_status
from luna_tui.tui.views.text import fit_line, join, width_of

NEVER_LOST = ("go.help", "run.leave", "go.back")
"""Actions that stay on the key line when there is no room for others."""


def title(state: RunState, name: str, rest: str, looks: Looks, g: Glyphs, *, right: str = "") -> Line:
    """`luna 7f3a  TIMELINE  rest ...        right`, with a banner where the run is not the viewer's own."""
    what = (Span(f"{name}  ", Role.STRONG), Span(rest))
    left = (
        Span("luna ", Role.TITLE),
        Span(f"{state.run[-4:]}  ", Role.DIM),
        *((Span(_("NOT SAVED"), Role.BANNER), Span("  ")) if state.not_saved else ()),
        *banner_before(what, looks.watching),
    )
    return join(left, ((Span(right, Role.DIM),) if right else ()), looks.width, g.cut)


def rule(width: int, g: Glyphs) -> Line:
    """A line across."""
    return (Span(g.rule * width, Role.BORDER),)


def key_line(found: Sequence[Hint], looks: Looks, g: Glyphs) -> Line:
    """Keys with their words, as many as fit; help and the way out are never lost.

    A notice takes its place; what a slow line leaves out stands at its end.
    """
    if looks.notice:
        return fit_line((Span(looks.notice, Role.WARN),), looks.width, g.cut)
    if looks.playing is not None:
        found = replay_hints(found, looks)
    return with_status(lambda room: _keys(found, room, g), looks.status, looks.width, g.cut)


def _keys(found: Sequence[Hint], room: int, g: Glyphs) -> Line:
    last = [h for h in found if h.id in NEVER_LOST]
    first = [h for h in found if h.id not in NEVER_LOST]
    bare = [replace(h, word="") for h in last]
    for count in range(len(first), -1, -1):
        for ends in (last, bare):
            line = _worded([*first[:count], *ends], g)
            if width_of(line) <= room:
                return line
    return fit_line(_worded(bare, g), room, g.cut)


def _worded(found: Iterable[Hint], g: Glyphs) -> Line:
    spans: list[Span] = []
    for hint in found:
        said = f" {hint.word}".replace("…", g.more) if hint.word else ""
        spans += [Span("  " if spans else ""), Span(hint.key, Role.KEY), Span(said)]
    return tuple(spans)


def framed(head: Line, body: Panel, keys: Line, looks: Looks, g: Glyphs) -> Panel:
    """Exactly `looks.height` lines: the title, a blank, the body cut or filled up, a rule, the keys."""
    width, height = looks.width, looks.height
    if height < 4:
        return Panel((fit_line(head, width, g.cut), *body.lines)[:height], ())
    air: tuple[Line, ...] = ((),) if height >= 16 else ()
    room = height - 3 - len(air)
    lines = tuple(fit_line(line, width, g.cut) for line in body.lines[:room])
    lines += ((),) * (room - len(lines))
    down = 1 + len(air)
    cells: tuple[Cell, ...] = tuple(
        replace(c, row=c.row + down) for c in body.cells if c.row + c.height <= room
    )
    return Panel((fit_line(head, width, g.cut), *air, *lines, rule(width, g), keys), cells)


def body_rows(looks: Looks) -> int:
    """Lines that `framed` leaves for the body."""
    return max(0, looks.height - 3 - (1 if looks.height >= 16 else 0))


def first_shown(count: int, at: int, first: int, room: int) -> int:
    """First entry to show of `count` so that entry `at` is in sight, moving no more than needed.

    `first` is the one shown first so far, `room` how many fit.
    """
    if room <= 0 or count <= room:
        return 0
    if at < first:
        first = at
    elif at >= first + room:
        first = at - room + 1
    return max(0, min(first, count - room))
