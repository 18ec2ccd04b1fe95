"""Lay the run screen out: what is shown at which size, and what goes first when space ends."""

from __future__ import annotations

from dataclasses import replace

from luna_tui.core.state import RunState
from luna_tui.tui.views.bars import gauges, header, strip, waiting_line
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.grid import CARD, CARD_HEIGHT, CARDS_FROM, ENTRY, entries, grid
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, RunView, Span
from luna_tui.tui.views.status import with_status
from luna_tui.tui.views.subtask import peek
from luna_tui.tui.views.text import fit_line, width_of
from luna_tui.tui.views.timeline import timeline
from luna_tui.tui.views.trouble import attention, event_lines

_EMPTY = Panel(())
_KEYS = (
    ("enter", "open"), ("p", "pause"), ("m", "mode"), ("x", "stop"), ("v", "events"), ("T", "theme"),
    ("?", "keys"), ("q", "leave"),
)  # fmt: skip


def run_view(
    state: RunState, now_s: float, looks: Looks, *, events: bool = False, notice: str = ""
) -> RunView:
    """The whole screen; the heights of the panels add up to `looks.height`."""
    g = glyphs_for(looks.ascii)
    width, height = looks.width, looks.height
    head = Panel((header(state, now_s, width, g),))
    if height < 6 or width < 24:
        return _tiny(state, now_s, looks, head, g)
    wide = width >= 100 and height >= 30
    bars = Panel(gauges(state, now_s, width, g, tall=wide))
    wait = Panel((waiting_line(state, now_s, width, g),)) if not notice else _notice(notice, width, g)
    key_line = with_status(lambda room: _key_line(state, room, g), looks.status, width, g.cut)
    keys = Panel((_rule(width, g), key_line) if height >= 16 else (key_line,))
    waves = Panel((strip(state, now_s, width, g),)) if height >= 10 else _EMPTY
    left = height - sum(len(p.lines) for p in (head, bars, wait, keys, waves))
    trouble = attention(state, now_s, width, _attention_room(height), g)
    if trouble.lines and height >= 16:
        trouble = Panel((_rule(width, g), *trouble.lines), tuple(_down(c) for c in trouble.cells))
    trouble = _cut(trouble, max(0, left - 2))
    left -= len(trouble.lines)
    workers = len(entries(state, now_s))
    peek_width = _peek_width(looks, left, workers)
    need = _grid_need(workers, width - peek_width, cards=width >= CARDS_FROM)
    lanes, log, left = _below(state, now_s, looks, left, need, g, events=events)
    body = grid(state, now_s, looks, width - peek_width, left, g)
    side = _EMPTY
    if peek_width:
        chosen = looks.selected or ""
        side = peek(state, chosen, now_s, peek_width - 2, left, g, text=looks.stream_text)
    return RunView(
        header=head,
        gauges=bars,
        waiting=wait,
        strip=waves,
        grid=_tall(body, left),
        peek=_tall(_framed(side, g), left) if peek_width else _EMPTY,
        peek_width=peek_width,
        timeline=lanes,
        attention=trouble,
        events=log,
        keys=keys,
    )


def _tiny(state: RunState, now_s: float, looks: Looks, head: Panel, g: Glyphs) -> RunView:
    """Header, then trouble, then the workers as one line, as far as there is room."""
    left = max(0, looks.height - 1)
    trouble = _cut(attention(state, now_s, looks.width, max(0, left - 1), g), max(0, left - 1))
    left -= len(trouble.lines)
    body = grid(state, now_s, looks, looks.width, 1, g) if left else _EMPTY
    return RunView(
        header=head, gauges=_EMPTY, waiting=_EMPTY, strip=_EMPTY, grid=_tall(_cut(body, left), left),
        peek=_EMPTY, peek_width=0, timeline=_EMPTY, attention=trouble, events=_EMPTY, keys=_EMPTY,
    )  # fmt: skip


def _attention_room(height: int) -> int:
    return 1 if height < 16 else 3 if height < 40 else 5


def _peek_width(looks: Looks, room: int, workers: int) -> int:
    """Beside rows from 100 columns, beside cards from 160; never where not all workers would fit."""
    if not looks.peek or looks.width < 100 or room < 8 or looks.selected is None:
        return 0
    side = looks.width * 2 // 5 if looks.width < 160 else looks.width - 4 * CARD - 4
    side = min(side, 84)
    grid_width = looks.width - side
    fits = workers <= room or -(-workers // max(1, (grid_width + 1) // (ENTRY + 1))) <= room
    return side if fits else 0


def _grid_need(workers: int, width: int, *, cards: bool) -> int:
    """Rows that the grid would like: cards where they are possible, else one row each."""
    across = max(1, width // CARD)
    return -(-workers // across) * CARD_HEIGHT if cards and workers > 0 else max(2, workers)


def _below(
    state: RunState, now_s: float, looks: Looks, left: int, need: int, g: Glyphs, *, events: bool
) -> tuple[Panel, Panel, int]:
    """Lanes and the event log take what the grid does not need; the log comes first when asked for."""
    log = lanes = _EMPTY
    least = max(2, min(need, left))
    if events and left >= 10:
        log = Panel((_rule(looks.width, g), *event_lines(state, looks.width, max(3, left // 3), g).lines))
        left -= len(log.lines)
    spare = left - least
    if looks.height >= 30 and spare >= 6:
        lanes = timeline(state, now_s, looks.width, min(spare - 1, 14), g)
        if lanes.lines:
            lanes = Panel((_rule(looks.width, g), *lanes.lines))
            left -= len(lanes.lines)
    spare = left - least
    if not log.lines and looks.height >= 30 and spare >= 5:
        found = event_lines(state, looks.width, min(spare - 1, 8), g).lines
        if found:
            log = Panel((_rule(looks.width, g), *found))
            left -= len(log.lines)
    return lanes, log, left


def _key_line(state: RunState, width: int, g: Glyphs) -> Line:
    """Keys with their words; where those do not fit keys alone; `?` and `q` are never lost."""
    worded: list[Span] = []
    for key, does in _KEYS:
        word = "go on" if key == "p" and state.paused else does
        worded += [Span(key, Role.KEY), Span(f" {word}  ")]
    if width_of(tuple(worded)) <= width:
        return tuple(worded)
    bare = tuple(Span(f"{key} ", Role.KEY) for key, _ in _KEYS)
    last = bare[-2:]
    return bare if width_of(bare) <= width else fit_line(last, width, g.cut)


def _notice(text: str, width: int, g: Glyphs) -> Panel:
    return Panel((fit_line((Span(text, Role.WARN),), width, g.cut),))


def _rule(width: int, g: Glyphs) -> Line:
    return (Span(g.rule * width, Role.BORDER),)


def _framed(panel: Panel, g: Glyphs) -> Panel:
    return Panel(tuple((Span(g.pipe + " ", Role.BORDER), *line) for line in panel.lines))


def _down(cell: Cell) -> Cell:
    return replace(cell, row=cell.row + 1)


def _tall(panel: Panel, height: int) -> Panel:
    kept = _cut(panel, height)
    return Panel(kept.lines + ((),) * (height - len(kept.lines)), kept.cells)


def _cut(panel: Panel, height: int) -> Panel:
    return Panel(panel.lines[:height], tuple(c for c in panel.cells if c.row + c.height <= height))
