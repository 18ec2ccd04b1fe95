"""The workers: every one in sight, in the richest form in which all of them fit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import Stand, countdown_s, elapsed_s, quiet_after_s, silence_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import WaitReason
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, fit_line, pad, tokens

ENTRY = 26
"""Cells of a compact entry, the gap after it included."""
CARD = 30
CARD_HEIGHT = 5
CARDS_FROM = 160
"""Width of the screen from which workers are cards."""
_ROW_FIXED = 34
_SPEAK = (Stand.STREAMING, Stand.OK, Stand.TOOL)
"""What is said of these is what their stream said last."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One worker as the grid shows it."""

    subtask: SubtaskState
    worker: int
    stand: Stand
    tail: str
    """State in one short word or number."""
    said: str
    """Last line of the stream, or why there is none."""
    took: str


def entries(state: RunState, now_s: float) -> list[Entry]:
    """What each worker has now or had last in the waves that are open, by worker number."""
    wave = state.current_wave
    here = {w.name for w in state.open_waves} or ({wave.name} if wave else set())
    held: dict[int, SubtaskState] = {}
    for s in state.subtasks.values():
        if s.worker is None or s.wave not in here:
            continue
        before = held.get(s.worker)
        if before is None or _since(s) >= _since(before):
            held[s.worker] = s
    quiet = quiet_after_s(state, wave)
    return [_entry(state, s, n, now_s, quiet) for n, s in sorted(held.items())]


def _since(s: SubtaskState) -> float:
    return s.spans[0].start_at if s.spans else -1.0


def _entry(state: RunState, s: SubtaskState, worker: int, now_s: float, quiet: float) -> Entry:
    how = stand(s, now_s, quiet_after_s=quiet, paused=state.paused)
    return Entry(s, worker, how, tail_word(s, how, now_s), said(s, how, now_s), clock(elapsed_s(s, now_s)))


def tail_word(s: SubtaskState, how: Stand, now_s: float) -> str:
    """The last four cells of an entry."""
    match how:
        case Stand.LIMIT:
            return str(s.waiting).upper()[:4]
        case Stand.BACKOFF:
            left = countdown_s(s, now_s)
            return "wait" if left is None else clock(left)
        case Stand.STREAMING:
            return f"{tokens(max(1, s.chars // 4))}"
        case Stand.OK | Stand.CACHED:
            return tokens(s.output_tokens) if s.output_tokens else "ok"
    words = {
        Stand.SENT: "1tok", Stand.TOOL: "run", Stand.QUIET: "mute", Stand.GHOST: "GHST", Stand.PAUSED: "PAUS",
        Stand.HELD: "HELD", Stand.ASK: "ASK", Stand.TIMED_OUT: "time", Stand.FAILED: "fail",
        Stand.CANCELLED: "stop", Stand.SKIPPED: "skip",
    }  # fmt: skip
    return words.get(how, "-")


def said(s: SubtaskState, how: Stand, now_s: float) -> str:
    """One line about what the subtask does."""
    match how:
        case Stand.LIMIT if s.waiting is WaitReason.RAMP:
            return "waits for the first answers"
        case Stand.LIMIT:
            left = countdown_s(s, now_s)
            return f"limit {str(s.waiting).upper()}" + (f", about {left:.0f} s" if left is not None else "")
        case Stand.BACKOFF:
            why = s.tries[-1].message if s.tries else ""
            return f"try {len(s.tries) + 1} of {max(len(s.tries) + 1, s.planned.retries + 1)}: {why}"
        case Stand.SENT:
            return "sent, no token yet"
        case Stand.QUIET:
            return f"no token for {silence_s(s, now_s):.0f} s"
        case Stand.PAUSED:
            return "paused at the gate"
        case Stand.GHOST:
            return "cancel asked, the thread is still there"
        case Stand.FAILED | Stand.TIMED_OUT | Stand.CANCELLED | Stand.SKIPPED:
            return s.reason
    return last_line(s.tail)


def last_line(text: str) -> str:
    """The last line that is not empty."""
    return clean_line(text[-400:].rstrip().rpartition("\n")[2])


def grid(state: RunState, now_s: float, looks: Looks, width: int, height: int, g: Glyphs) -> Panel:
    """The grid in `width` x `height` cells."""
    shown = entries(state, now_s)
    if not looks.stream_text:
        shown = [replace(e, said="") if e.stand in _SPEAK else e for e in shown]
    if not shown:
        return Panel(((Span("Nothing has started yet.", Role.DIM),),))
    if height < 2 or width < ENTRY:
        return _cells(shown, width, looks, g)
    if looks.width >= CARDS_FROM and _fits_cards(len(shown), width, height):
        return _cards(shown, width, looks, g)
    if len(shown) <= height:
        return _rows(shown, width, looks, g)
    across = max(1, (width + 1) // (ENTRY + 1))
    if len(shown) <= across * height:
        return _compact(shown, width, height, across, looks, g)
    if -(-len(shown) // max(1, width // _mark_size(shown))) <= height:
        return _marks(shown, width, looks, g)
    return _cells(shown, width, looks, g)


def _fits_cards(count: int, width: int, height: int) -> bool:
    across = width // CARD
    return -(-count // across) * CARD_HEIGHT <= height


def _cells(shown: list[Entry], width: int, looks: Looks, g: Glyphs) -> Panel:
    """One cell per worker, in as many rows as it takes."""
    rows: list[list[Span]] = []
    cells = []
    for place, e in enumerate(shown):
        row, col = divmod(place, max(1, width))
        if col == 0:
            rows.append([])
        rows[row].append(Span(g.states[e.stand], _role(e, looks)))
        cells.append(Cell(e.subtask.id, row, col, 1))
    return Panel(tuple(tuple(r) for r in rows), tuple(cells))


def _mark_size(shown: list[Entry]) -> int:
    return 3 + max(len(e.subtask.label) for e in shown)


def _marks(shown: list[Entry], width: int, looks: Looks, g: Glyphs) -> Panel:
    """Glyph and label of each, as many in a row as fit; one cell each where even that is too much."""
    size = _mark_size(shown)
    across = max(1, width // size)
    rows: list[list[Span]] = []
    cells = []
    for place, e in enumerate(shown):
        row, col = divmod(place, across)
        if col == 0:
            rows.append([])
        body = Role.SELECTED if looks.selected == e.subtask.id else _text_role(e)
        rows[row] += [Span(g.states[e.stand] + " ", _role(e, looks)), Span(e.subtask.label, body), Span(" ")]
        cells.append(Cell(e.subtask.id, row, col * size, size - 1))
    return Panel(tuple(fit_line(tuple(r), width, g.cut) for r in rows), tuple(cells))


def _compact(shown: list[Entry], width: int, height: int, across: int, looks: Looks, g: Glyphs) -> Panel:
    """Columns of short entries, filled from the top, column by column."""
    column = (width + 1) // across
    deep = min(height, -(-len(shown) // across))
    rows: list[list[Span]] = [[] for _ in range(deep)]
    cells: list[Cell] = []
    for place, e in enumerate(shown[: across * deep]):
        row, col = place % deep, place // deep
        last = col == across - 1
        rows[row] += _short(e, column - 1 if not last else min(column - 1, width - col * column), looks, g)
        if not last:
            rows[row].append(Span(" "))
        cells.append(Cell(e.subtask.id, row, col * column, column - 1))
    return Panel(tuple(fit_line(tuple(r), width, g.cut) for r in rows), tuple(cells))


def _short(e: Entry, width: int, looks: Looks, g: Glyphs) -> tuple[Span, ...]:
    name = pad(e.subtask.planned.title, width - 2 - len(e.subtask.label) - 1 - len(e.took) - 6, g.cut)
    role = _role(e, looks)
    body = Role.SELECTED if looks.selected == e.subtask.id else _text_role(e)
    return (
        Span(g.states[e.stand] + " ", role),
        Span(f"{e.subtask.label} {name} {e.took} ", body),
        Span(f"{e.tail:>4}", role),
    )


def _rows(shown: list[Entry], width: int, looks: Looks, g: Glyphs) -> Panel:
    """One line each, with what was said last."""
    name_width = min(24, max(10, width - _ROW_FIXED - 20))
    lines: list[Line] = []
    for e in shown:
        body = Role.SELECTED if looks.selected == e.subtask.id else _text_role(e)
        head = f"{e.subtask.label} {pad(e.subtask.planned.title, name_width, g.cut)} {e.took:>5} "
        rest = width - 2 - cell_len(head) - 5
        line = (
            Span(g.states[e.stand] + " ", _role(e, looks)),
            Span(head, body),
            Span(f"{e.tail:>4} ", ROLES[e.stand]),
            Span(pad(e.said, rest, g.cut), _said_role(e)),
        )
        lines.append(fit_line(line, width, g.cut))
    return Panel(tuple(lines), tuple(Cell(e.subtask.id, n, 0, width) for n, e in enumerate(shown)))


def _cards(shown: list[Entry], width: int, looks: Looks, g: Glyphs) -> Panel:
    """Boxes with the last lines."""
    across = width // CARD
    size = width // across
    rows: list[list[Span]] = [[] for _ in range(-(-len(shown) // across) * CARD_HEIGHT)]
    cells = []
    for place, e in enumerate(shown):
        top, left = place // across * CARD_HEIGHT, place % across * size
        for offset, line in enumerate(_card(e, size - 1, looks, g)):
            rows[top + offset] += [*line, Span(" ")]
        cells.append(Cell(e.subtask.id, top, left, size - 1, CARD_HEIGHT))
    return Panel(tuple(tuple(r) for r in rows), tuple(cells))


def _card(e: Entry, width: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    chosen = looks.selected == e.subtask.id
    tl, tr, bl, br, h, v = tuple(g.bold_corners if chosen else g.corners)
    edge = Role.ACCENT if chosen else Role.BORDER
    role = ROLES[e.stand]
    title = fit(f"{e.subtask.label} {e.subtask.planned.title}", width - 9, g.cut)
    rule = h * (width - 7 - cell_len(title))
    inner = width - 4
    facts = f"{e.took:>5} {e.tail:>5}  w{e.worker:02d}"
    if len(e.subtask.tries) > 1:
        facts += f"  try {len(e.subtask.tries)}"
    previous, current = _two_lines(e, inner)

    def side(text: str, how: Role) -> Line:
        return (Span(v + " ", edge), Span(pad(text, inner, g.cut), how), Span(" " + v, edge))

    return (
        (
            Span(tl + h, edge),
            Span(g.states[e.stand], role),
            Span(f" {title} ", Role.STRONG if chosen else Role.TEXT),
            Span(rule + h + tr, edge),
        ),
        side(facts, role),
        side(previous, Role.DIM),
        side(current, _said_role(e)),
        (Span(bl + h * (width - 2) + br, edge),),
    )


def _two_lines(e: Entry, width: int) -> tuple[str, str]:
    if e.stand not in _SPEAK:
        half = fit(e.said, width, "")
        return half, e.said[len(half) :].strip()
    if not e.said:
        return "", ""
    lines = [line for line in e.subtask.tail[-600:].split("\n") if line.strip()]
    if len(lines) >= 2:
        return clean_line(lines[-2]), clean_line(lines[-1])
    return "", clean_line(lines[-1]) if lines else ""


def _role(e: Entry, looks: Looks) -> Role:
    return Role.SELECTED if looks.selected == e.subtask.id else ROLES[e.stand]


def _text_role(e: Entry) -> Role:
    ended = e.stand in (Stand.OK, Stand.CACHED, Stand.CANCELLED, Stand.SKIPPED)
    return Role.DIM if ended else Role.TEXT


def _said_role(e: Entry) -> Role:
    if e.stand in (Stand.FAILED, Stand.TIMED_OUT, Stand.QUIET, Stand.BACKOFF, Stand.LIMIT, Stand.GHOST):
        return ROLES[e.stand]
    return Role.DIM
