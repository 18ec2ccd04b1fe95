"""Lay the run screen out: what is shown at which size, and what goes first when space ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core.metrics import Measured
from luna_tui.core.problems import problems, total
from luna_tui.core.problems import shown as still_problems
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _
from luna_tui.core.words import Watching
from luna_tui.tui.views.bars import gauges, header, strip, waiting_line
from luna_tui.tui.views.box import Edges, box, inner_width
from luna_tui.tui.views.entries import Entry, entries
from luna_tui.tui.views.forms import CARD, CARDS_FROM, ROW, rows_needed, worker_grid
from luna_tui.tui.views.frame import key_line, rule
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import Hint, hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, RunView, Span
from luna_tui.tui.views.subtask import peek
from luna_tui.tui.views.text import fit
from luna_tui.tui.views.timeline import timeline
from luna_tui.tui.views.trouble import attention

TELLS_FROM = 140
"""Width of the screen from which it tells what the speed-up could be and what was lost."""
_EMPTY = Panel(())
_ON_KEY_LINE = (
    "do.open", "list.filter", "go.problems", "go.timeline", "run.pause", "run.stop", "run.workers", "go.help",
    "run.leave", "go.limits", "run.mode", "go.events", "run.budget", "do.retry", "go.plan", "go.palette",
)  # fmt: skip
"""Actions of the key line; the first matter most."""
ORDERS = (N_("worker"), N_("needs me"), N_("longest"))
"""Orders of the grid; sorting happens when it is asked for, never by itself."""
_MOST_FILTER = 16
"""Cells of the filter in force on the key line."""
_LEAST_PEEK = 40
_LEAST_LANES, _MOST_LANES = 6, 14


@dataclass(slots=True)
class _Room:
    """Rows as they are given away; what goes first when there are too few is decided in `_share`."""

    gauges: int
    strip: int
    attention: int
    rules: int
    middle: int
    lanes: int = 0
    framed: bool = False
    """A frame is around the middle, and stands for the rule above the attention lines."""


def run_view(
    state: RunState,
    now_s: float,
    looks: Looks,
    *,
    shown: Sequence[Entry] | None = None,
    dismissed: Mapping[str, str] | None = None,
    measured: Measured | None = None,
) -> RunView:
    """The whole screen; the heights of the panels add up to `looks.height`.

    `shown` are the workers in the order to show them, all by number when it is left out.
    `measured` are the figures of the run so far, which cost too much to be worked out for every frame.
    """
    g = glyphs_for(looks.ascii)
    width, height = looks.width, looks.height
    shown = entries(state, now_s) if shown is None else shown
    head = Panel((header(state, now_s, width, g, measured=measured, watching=looks.watching),))
    if height < 6 or width < 24:
        return _tiny(state, now_s, looks, head, shown, g, dismissed)
    bars = gauges(state, now_s, width, g, tall=width >= 100 and height >= 30, measured=measured)
    room = _share(len(shown), looks, len(bars))
    side = _peek_width(looks, room.middle, len(shown))
    _give_lanes(room, looks, len(shown), width - side)
    acts = looks.playing is None
    trouble = attention(state, now_s, width, room.attention, g, dismissed=dismissed, acts=acts)
    body, beside = _middle(state, now_s, looks, shown, room, side, g)
    foot = key_line(_hints(state, _count(state, now_s, dismissed), looks, g), looks, g)
    return RunView(
        header=head,
        gauges=Panel(bars[: room.gauges]),
        waiting=Panel((waiting_line(state, now_s, width, g),)),
        strip=Panel((strip(state, now_s, width, g),)) if room.strip else _EMPTY,
        grid=body,
        peek=beside,
        peek_width=side,
        timeline=_lanes(state, now_s, looks, room, side, g),
        attention=_attention(trouble, state.run, looks, room, g),
        keys=Panel((rule(width, g), foot) if room.rules else (foot,)),
    )


def _count(state: RunState, now_s: float, dismissed: Mapping[str, str] | None) -> int:
    return total(still_problems(problems(state, now_s), dismissed or {}))


def _share(workers: int, looks: Looks, gauges: int) -> _Room:
    """Give away the rows; strip, rules and attention lines go before a worker does."""
    height = looks.height
    tall = height >= 16
    lines = 3 if tall and (looks.width < 100 or _ample(workers, looks)) else 1
    room = _Room(gauges, int(height >= 10), lines, 2 if tall else 0, 0)
    need = rows_needed(workers, looks.width, cards=False)

    def left() -> int:
        return height - 3 - room.gauges - room.strip - room.attention - room.rules

    for name, least in (("strip", 0), ("attention", 2), ("rules", 1), ("attention", 1), ("rules", 0)):
        if left() < min(need, height // 2):
            setattr(room, name, min(getattr(room, name), least))
    if room.attention == 3 and workers == left() + 1:
        room.attention = 2  # all workers get a line of their own, with what they say
    room.framed = looks.width >= 100 and height >= 30 and left() >= 12
    if room.framed:
        room.rules = min(room.rules, 1)
    room.middle = max(1, left())
    return room


def _ample(workers: int, looks: Looks) -> bool:
    """Whether cards or rows for all, lanes and more than one attention line fit together."""
    cards = looks.width >= CARDS_FROM
    side = looks.width - 4 * CARD if cards else looks.width // 2
    return rows_needed(workers, looks.width - side, cards=cards) + _MOST_LANES + 12 <= looks.height


def _give_lanes(room: _Room, looks: Looks, workers: int, width: int) -> None:
    """Lanes take what the grid does not need, from six rows on; each worker gets a line, if it can."""
    edge = 1 if room.framed else 0
    need = rows_needed(workers, width, cards=looks.width >= CARDS_FROM)
    if workers + edge + _LEAST_LANES <= room.middle:
        need = max(need, workers)
    spare = room.middle - max(4, need) - edge
    if looks.height >= 30 and spare >= _LEAST_LANES:
        room.lanes = min(spare, _MOST_LANES)
        room.middle -= room.lanes


def _peek_width(looks: Looks, middle: int, workers: int) -> int:
    """Beside rows from 100 columns, beside cards from 160; never where not all workers would fit."""
    if not looks.peek or looks.width < 100 or middle < 8 or looks.selected is None:
        return 0
    across = max(1, min(4, (looks.width - 64) // CARD))
    side = looks.width - across * CARD - 2 if looks.width >= CARDS_FROM else looks.width - ROW - 12
    side = max(_LEAST_PEEK, min(84, side))
    return side if rows_needed(workers, looks.width - side - 2, cards=False) <= middle - 3 else 0


def _middle(
    state: RunState, now_s: float, looks: Looks, shown: Sequence[Entry], room: _Room, side: int, g: Glyphs
) -> tuple[Panel, Panel]:
    """The grid and what is beside it, in a frame where there is room for one."""
    width = looks.width - side
    if not room.framed:
        body = _grid(shown, looks, width - (1 if side else 0), room.middle, g)
        return _tall(body, room.middle), _beside(state, now_s, looks, side, room.middle, g)
    edges = _edges(g, side=side, lanes=room.lanes)
    inside = room.middle - (1 if room.lanes else 2)
    body = _tall(_grid(shown, looks, inner_width(width, edges[0]), inside, g), inside)
    title = (Span(_grid_title(len(shown), looks), Role.STRONG),)
    grid_box = box(body, title, width, edges[0], g)
    if not side:
        return grid_box, _EMPTY
    said = _tall(
        peek(state, looks.selected or "", now_s, inner_width(side, edges[1]), inside + 1, looks), inside + 1
    )
    return grid_box, box(Panel(said.lines[1:]), said.lines[0], side, edges[1], g)


def _edges(g: Glyphs, *, side: int, lanes: int) -> tuple[Edges, Edges]:
    """Of the grid's box and of the one beside it."""
    tl, tr, bl, br, *_rest = g.corners
    down, up, *_rest = g.tees
    if lanes:
        bl = br = up = ""
    return Edges(tl, "" if side else tr, bl, "" if side else br), Edges(down, tr, up, br)


def _grid(shown: Sequence[Entry], looks: Looks, width: int, height: int, g: Glyphs) -> Panel:
    if not shown:
        words = _("No worker matches the filter.") if looks.filter else _("Nothing has started yet.")
        return Panel(((Span(words, Role.DIM),),))
    return worker_grid(shown, looks, width, height, g)


def _grid_title(count: int, looks: Looks) -> str:
    """How many, in which order, and what is left out."""
    order = _(ORDERS[looks.order % len(ORDERS)])
    said = _("workers {n} (order: {order})").format(n=count, order=order)
    return f"{said}  / {looks.filter}" if looks.filter else said


def _beside(state: RunState, now_s: float, looks: Looks, side: int, height: int, g: Glyphs) -> Panel:
    """The peek behind a line."""
    if not side:
        return _EMPTY
    said = _tall(peek(state, looks.selected or "", now_s, side - 2, height, looks), height)
    return Panel(tuple((Span(g.pipe + " ", Role.BORDER), *line) for line in said.lines))


def _lanes(state: RunState, now_s: float, looks: Looks, room: _Room, side: int, g: Glyphs) -> Panel:
    """The past in lanes; the lower part of the frame where there is one."""
    if not room.lanes:
        return _EMPTY
    width = looks.width
    if not room.framed:
        found = _tall(timeline(state, now_s, width, room.lanes - 1, g), room.lanes - 1)
        return _below(rule(width, g), found)
    edges = Edges(g.tees[2], g.tees[3], g.corners[2], g.corners[3])
    found = _tall(timeline(state, now_s, inner_width(width, edges), room.lanes - 1, g), room.lanes - 1)
    tee_at = width - side if side else 0
    return box(Panel(found.lines[1:]), found.lines[0], width, edges, g, tee_at=tee_at)


def _tiny(
    state: RunState, now_s: float, looks: Looks, head: Panel, shown: Sequence[Entry], g: Glyphs,
    dismissed: Mapping[str, str] | None,
) -> RunView:  # fmt: skip
    """Header, then trouble, then the workers as one line, as far as there is room."""
    left = max(0, looks.height - 1)
    room = max(0, left - 1)
    acts = looks.playing is None
    trouble = _cut(attention(state, now_s, looks.width, room, g, dismissed=dismissed, acts=acts), room)
    left -= len(trouble.lines)
    body = _grid(shown, looks, looks.width, 1, g) if left else _EMPTY
    return RunView(
        header=head, gauges=_EMPTY, waiting=_EMPTY, strip=_EMPTY, grid=_tall(_cut(body, left), left),
        peek=_EMPTY, peek_width=0, timeline=_EMPTY, attention=trouble, keys=_EMPTY,
    )  # fmt: skip


def _hints(state: RunState, problems: int, looks: Looks, g: Glyphs) -> tuple[Hint, ...]:
    """Keys with what they do now: how many problems, which filter is in force, that pause goes on again."""
    now = {
        "go.asks": f"{_('answer')} {len(state.asks)}",
        "go.problems": f"{_('problems')} {problems}" if problems else "",
        "run.pause": _("go on") if state.paused else "",
        "list.filter": fit(looks.filter, _MOST_FILTER, g.cut),
    }
    first = ("go.asks",) if state.asks else ()
    found = hints(SCREEN_KEYS["run"], looks.keymap, *first, *_ON_KEY_LINE)
    return tuple(replace(hint, word=now.get(hint.id) or hint.word) for hint in found)


def _attention(found: Panel, run: str, looks: Looks, room: _Room, g: Glyphs) -> Panel:
    """Always as many lines, so that nothing moves when trouble comes or goes."""
    if looks.watching is Watching.LOST:
        gone = _("Process gone; luna-tui resume {run} goes on.").format(run=run[-4:])
        found = _below((Span(fit(gone, looks.width, g.cut), Role.BAD),), found)
    if not found.lines and room.attention:
        found = Panel(((Span(_("Nothing needs you."), Role.DIM),),))
    body = _tall(found, room.attention)
    return body if room.rules < 2 else _below(rule(looks.width, g), body)


def _below(line: Line, panel: Panel) -> Panel:
    down = tuple(replace(c, row=c.row + 1) for c in panel.cells)
    return Panel((line, *panel.lines), down)


def _tall(panel: Panel, height: int) -> Panel:
    kept = _cut(panel, height)
    return Panel(kept.lines + ((),) * (height - len(kept.lines)), kept.cells)


def _cut(panel: Panel, height: int) -> Panel:
    return Panel(panel.lines[:height], tuple(c for c in panel.cells if c.row + c.height <= height))
