"""Forms of a worker, from one cell to a card, and the richest in which all workers are in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import Stand
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind
from luna_tui.tui.views.entries import Entry
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, fit, fit_line, pad, wrap

CARDS_FROM = 160
"""Width of the screen from which workers may be cards."""
ROW = 48
"""Cells from which an entry also says what it does."""
ENTRY = 25
"""Cells of the shortest entry with a title."""
CARD = 30
"""Cells of the narrowest card."""
_ENDED = (Stand.OK, Stand.CACHED, Stand.CANCELLED, Stand.SKIPPED)
_LOUD = (
    Stand.FAILED, Stand.TIMED_OUT, Stand.QUIET, Stand.BACKOFF, Stand.LIMIT, Stand.GHOST, Stand.ASK,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """One way to draw a worker."""

    name: str
    least: int
    """Narrowest width of one, without the gap after it."""
    height: int
    gap: int
    across: bool
    """Fill rows from the left instead of columns from the top."""
    stretches: bool
    """Takes all the width there is, in as few columns as possible."""
    draw: Callable[[Entry, int, int, Looks, Glyphs], tuple[Line, ...]]

    def columns(self, count: int, width: int, height: int) -> int:
        """Columns in which `count` are drawn; 0 when not all fit."""
        down = height // self.height
        most = (width + self.gap) // (self.least + self.gap)
        need = -(-count // down) if down else 0
        if not 0 < need <= most:
            return 0
        return need if self.stretches else most


def worker_grid(shown: Sequence[Entry], looks: Looks, width: int, height: int, g: Glyphs) -> Panel:
    """All workers in `width` x `height` cells, in the richest form in which they fit.

    `looks.density` asks for a richer or denser one; where not all fit then, those around the
    selected one are shown and the last line says how many more there are.
    """
    forms = _forms(shown, looks)
    best = max((n for n, f in enumerate(forms) if f.columns(len(shown), width, height)), default=0)
    form = forms[max(0, min(len(forms) - 1, best + looks.density))]
    columns = form.columns(len(shown), width, height)
    if columns:
        return _placed(shown, form, columns, looks, width, height, g)
    return _paged(shown, form, looks, width, height, g)


def rows_needed(count: int, width: int, *, cards: bool) -> int:
    """Rows in which `count` workers are drawn well: as cards where they may be, else as entries."""
    if cards:
        return -(-count // max(1, width // CARD)) * 4
    return -(-count // max(1, (width + 1) // (ENTRY + 1)))


def _forms(shown: Sequence[Entry], looks: Looks) -> list[Form]:
    """From the densest to the richest of this screen."""
    mark = 2 + max((len(e.subtask.label) for e in shown), default=4)
    longest = max((cell_len(e.subtask.planned.title) for e in shown), default=10)
    forms = [
        Form("cell", 1, 1, 0, across=True, stretches=False, draw=_cell),
        Form("mark", mark, 1, 1, across=True, stretches=False, draw=_mark),
        Form("entry", ENTRY, 1, 1, across=False, stretches=True, draw=_entry),
        Form("row", ROW, 1, 1, across=False, stretches=True, draw=partial(_row, longest)),
    ]
    if looks.width >= CARDS_FROM:
        forms += [
            Form("card", CARD - 1, lines, 1, across=True, stretches=False, draw=_card) for lines in (4, 5, 7)
        ]
    return forms


def _placed(
    shown: Sequence[Entry], form: Form, columns: int, looks: Looks, width: int, height: int, g: Glyphs
) -> Panel:
    """Every entry at its place, in rows or in columns of equal width."""
    size = (width + form.gap) // columns
    if not form.stretches and form.height == 1:
        size = form.least + form.gap
    deep = -(-len(shown) // columns)
    if form.stretches:
        deep = min(height // form.height, max(deep, 1))
    rows: list[list[Span]] = [[] for _row_number in range(deep * form.height)]
    cells: list[Cell] = []
    for place, e in enumerate(shown):
        row, column = divmod(place, columns) if form.across else (place % deep, place // deep)
        last = column == columns - 1
        room = width - column * size if last and form.stretches else size - form.gap
        for offset, line in enumerate(form.draw(e, room, form.height, looks, g)):
            rows[row * form.height + offset] += [*line, *((Span(" " * form.gap),) if form.gap else ())]
        cells.append(Cell(e.subtask.id, row * form.height, column * size, room, form.height))
    return Panel(tuple(fit_line(_trimmed(r), width, g.cut) for r in rows), tuple(cells))


def _trimmed(row: list[Span]) -> Line:
    """Without the gap after the last entry."""
    return tuple(row[:-1] if row and not row[-1].text.strip() else row)


def _paged(shown: Sequence[Entry], form: Form, looks: Looks, width: int, height: int, g: Glyphs) -> Panel:
    """As many as fit around the selected one, and how many more there are."""
    columns = max(1, (width + form.gap) // (form.least + form.gap))
    down = max(1, (height - 1) // form.height)
    size = columns * down
    at = next((n for n, e in enumerate(shown) if e.subtask.id == looks.selected), 0)
    first = at // size * size
    part = _placed(shown[first : first + size], form, columns, looks, width, max(1, height - 1), g)
    more = len(shown) - len(shown[first : first + size])
    said = _("{cut}{n} more workers; j k go there, - shows them all").format(cut=g.cut, n=more)
    return Panel((*part.lines, fit_line((Span(said, Role.DIM),), width, g.cut))[:height], part.cells)


def _cell(e: Entry, width: int, height: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    return ((Span(g.states[e.stand], _role(e, looks)),),)


def _mark(e: Entry, width: int, height: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    return (
        (
            Span(g.states[e.stand] + " ", _role(e, looks)),
            Span(pad(e.subtask.label, width - 2, g.cut), _body(e, looks)),
        ),
    )


def _entry(e: Entry, width: int, height: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    role = _role(e, looks)
    name = pad(e.subtask.planned.title, width - 8 - len(e.subtask.label) - len(e.took) - 1, g.cut)
    return (
        (
            Span(_edge(e, looks, g), role),
            Span(f"{e.subtask.label} {name} {e.took} ", _body(e, looks)),
            Span(pad(e.tail, 4, g.cut) if cell_len(e.tail) > 4 else f"{e.tail:>4}", role),
        ),
    )


def _row(longest: int, e: Entry, width: int, height: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    title = max(9, min(longest, 28, (width - 24) // 2))
    head = f"{e.subtask.label} {pad(e.subtask.planned.title, title, g.cut)} {e.took:>5} "
    rest = width - 2 - cell_len(head) - 5
    return (
        (
            Span(_edge(e, looks, g), _role(e, looks)),
            Span(head, _body(e, looks)),
            Span(f"{fit(e.tail, 4, g.cut):>4} ", ROLES[e.stand]),
            Span(pad(e.said if looks.stream_text or e.stand in _LOUD else "", rest, g.cut), _said_role(e)),
        ),
    )


def _card(e: Entry, width: int, height: int, looks: Looks, g: Glyphs) -> tuple[Line, ...]:
    """A box: who, how long, how it stands, and the last lines it said."""
    chosen = looks.selected == e.subtask.id
    tl, tr, bl, br, h, v = g.bold_corners if chosen else g.corners
    edge = Role.ACCENT if chosen else Role.BORDER
    role = ROLES[e.stand]
    title = fit(f"{e.subtask.label} {e.subtask.planned.title}", width - 9, g.cut)
    inner = width - 4
    marked = "+" if e.subtask.id in looks.marked else h

    def side(text: str, how: Role) -> Line:
        return (Span(v + " ", edge), Span(pad(text, inner, g.cut), how), Span(" " + v, edge))

    said = _last_lines(e, inner, height - 3) if looks.stream_text or e.stand in _LOUD else [""] * (height - 3)
    return (
        (
            Span(tl + marked, edge),
            Span(g.states[e.stand], role),
            Span(f" {title} ", Role.STRONG if chosen else Role.TEXT),
            Span(h * (width - 6 - cell_len(title)) + tr, edge),
        ),
        side(_facts(e), role),
        *(side(text, _said_role(e)) for text in said),
        (Span(bl + h * (width - 2) + br, edge),),
    )


def _facts(e: Entry) -> str:
    tries = _("try {n}").format(n=max(1, len(e.subtask.tries)))
    return f"{e.took:<5} {e.tail:>5}  w{e.worker:02d}  {tries}"


def _last_lines(e: Entry, width: int, count: int) -> list[str]:
    """The end of what was said, the newest line last; where it says nothing, why."""
    if e.stand not in (Stand.STREAMING, Stand.OK) and not (
        e.stand is Stand.TOOL and e.subtask.planned.kind is Kind.COMMAND
    ):
        lines = wrap(e.said, width)
        if len(lines) > count:
            lines[count - 1 :] = [" ".join(lines[count - 1 :])]
        return lines + [""] * (count - len(lines))
    found = [clean_line(x) for x in e.subtask.tail[-200 * count :].split("\n") if x.strip()][-count:]
    return [""] * (count - len(found)) + found


def _edge(e: Entry, looks: Looks, g: Glyphs) -> str:
    """The glyph, and whether it is marked."""
    return g.states[e.stand] + ("+" if e.subtask.id in looks.marked else " ")


def _role(e: Entry, looks: Looks) -> Role:
    return Role.SELECTED if looks.selected == e.subtask.id else ROLES[e.stand]


def _body(e: Entry, looks: Looks) -> Role:
    if looks.selected == e.subtask.id:
        return Role.SELECTED
    return Role.DIM if e.stand in _ENDED else Role.TEXT


def _said_role(e: Entry) -> Role:
    return ROLES[e.stand] if e.stand in _LOUD else Role.DIM
