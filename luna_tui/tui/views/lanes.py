"""Rows of a picture of time: lanes, the axis above them, small charts under them, and what they mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from luna_tui.core.lanes import Bar, Cause, Cell, Window, borders, cells
from luna_tui.core.state import RunState
from luna_tui.core.stretches import Stretch
from luna_tui.core.tongue import N_, _
from luna_tui.core.words import LIMIT_REASONS, WaitReason
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import cell_len, clock, fit, pad, width_of

LABEL = 5
"""Cells left of the lanes: the worker, and whether it is on the critical path."""
SIDE = 9
"""Cells right of the lanes: the figure of now, and what a worker holds."""
CELL_LENGTHS_S = (
    0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.8, 1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 12, 15, 20,
    25, 30, 40, 50, 60, 75, 90, 120, 150, 180, 240, 300, 400, 500, 600, 900, 1_200, 1_800, 3_600,
)  # fmt: skip
"""Few enough that a run which grows seldom changes them, and so close that little room is lost."""
_TICKS_S = (
    0.5, 1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400,
)  # fmt: skip
_TICK_ROOM = 9


@dataclass(frozen=True, slots=True)
class _Mark:
    unicode: str
    ascii: str
    role: Role
    word: str


_MARKS: dict[Cause, _Mark] = {
    Cause.STREAM: _Mark("█", "#", Role.STATE_RUNNING, N_("stream")),
    Cause.TOOL: _Mark("»", "t", Role.STATE_TOOL, N_("tool")),
    Cause.LIMIT: _Mark("▒", "+", Role.STATE_LIMIT, N_("limit")),
    Cause.BACKOFF: _Mark("r", "r", Role.STATE_BACKOFF, N_("backoff")),
    Cause.FIRST: _Mark("░", ".", Role.STATE_SENT, N_("first token")),
    Cause.SLOT: _Mark("░", ".", Role.STATE_SENT, N_("slot")),
    Cause.PAUSED: _Mark("=", "=", Role.STATE_PAUSED, N_("paused")),
    Cause.HELD: _Mark("$", "$", Role.STATE_HELD, N_("held")),
    Cause.ASK: _Mark("?", "?", Role.STATE_ASK, N_("approval")),
    Cause.IDLE: _Mark("·", "-", Role.DIM, N_("idle")),
}
_FAILED = _Mark("x", "x", Role.STATE_FAILED, N_("failed"))
_ALWAYS = (Cause.STREAM, Cause.LIMIT, Cause.BACKOFF)
_ORDER = (
    Cause.STREAM, Cause.TOOL, Cause.LIMIT, Cause.BACKOFF, Cause.FIRST, Cause.SLOT, Cause.PAUSED, Cause.HELD,
    Cause.ASK,
)  # fmt: skip


def cells_across(width: int) -> int:
    """How many cells a lane has on a screen of this width."""
    side = SIDE if width >= 60 else 0
    return max(1, width - LABEL - side)


def whole_run(now_s: float, count: int) -> Window:
    """The window from the start of the run to now, with the finest cells in which it fits."""
    for cell_s in CELL_LENGTHS_S:
        if now_s / cell_s < count:
            return Window(0, count, cell_s)
    return last_cells(now_s, count, CELL_LENGTHS_S[-1])


def last_cells(now_s: float, count: int, cell_s: float) -> Window:
    """The window with cells of this length that ends with the cell of now."""
    return Window(max(0, int(now_s / cell_s) - count + 1), count, cell_s)


def zoomed(cell_s: float, by: int) -> int:
    """Place in CELL_LENGTHS_S of about half (-1) or double (1) the length; the same only at the ends."""
    aim = cell_s * 2.0**by
    place = CELL_LENGTHS_S.index(cell_s)
    rest = [n for n in range(len(CELL_LENGTHS_S)) if (n - place) * by > 0]
    return min(rest, key=lambda n: abs(CELL_LENGTHS_S[n] - aim), default=place)


def mark(cell: Cell | None, g: Glyphs) -> tuple[str, Role]:
    """The character of a cell, and its role."""
    if cell is None:
        return " ", Role.DIM
    found = _FAILED if cell.failed else _MARKS[cell.cause]
    return (found.unicode if g.dot == "·" else found.ascii), found.role


def lane(
    state: RunState, worker: int, window: Window, now_s: float, g: Glyphs, *, bar: Bar | None = None
) -> tuple[list[tuple[str, Role]], list[Cell | None]]:
    """The cells of a worker as characters, with the borders of waves and the bar under the cursor."""
    found = cells(state, worker, window, now_s)
    row = [mark(cell, g) for cell in found]
    for at, _wave in borders(state):
        place = window.place(at)
        if 0 <= place < len(row) and row[place][0] != _FAILED.ascii:
            row[place] = (g.pipe, Role.BORDER)
    if bar is not None:
        _point_at(row, window, bar, g)
    return row, found


def _point_at(row: list[tuple[str, Role]], window: Window, bar: Bar, g: Glyphs) -> None:
    """Brackets at the ends of a bar: a shape, since its colour is taken by the cause."""
    first = window.place(bar.start_at)
    last = max(first, window.place(bar.end_at - 1e-6))
    for place in range(max(0, first), min(len(row), last + 1)):
        row[place] = (row[place][0], Role.ACCENT)
    ends = ((first, "◆" if g.dot == "·" else "@"),) if first == last else ((first, "["), (last, "]"))
    for place, char in ends:
        if 0 <= place < len(row):
            row[place] = (char, Role.SELECTED)


def merged(row: Iterable[tuple[str, Role]]) -> Line:
    """Neighbours with one role in one span."""
    spans: list[Span] = []
    for char, role in row:
        if spans and spans[-1].role is role:
            spans[-1] = Span(spans[-1].text + char, role)
        else:
            spans.append(Span(char, role))
    return tuple(spans)


def axis(state: RunState, window: Window, now_s: float, g: Glyphs) -> Line:
    """Instants above the lanes, the borders of waves, and where now is."""
    row: list[tuple[str, Role]] = [(" ", Role.DIM)] * window.count
    step = next((t for t in _TICKS_S if t / window.cell_s >= _TICK_ROOM), _TICKS_S[-1])
    for at, _wave in borders(state):
        if 0 <= window.place(at) < window.count:
            row[window.place(at)] = (g.pipe, Role.BORDER)
    if 0 <= window.place(now_s) < window.count and state.finished is None:
        word = _("now")
        _write(row, min(window.place(now_s), window.count - cell_len(word)), word, Role.STRONG)
    number = int(window.start_at / step)
    while number * step < min(window.end_at, now_s):
        _write(row, window.place(number * step), instant(number * step, step), Role.DIM)
        number += 1
    return merged(row)


def _write(row: list[tuple[str, Role]], place: int, text: str, role: Role) -> None:
    """Write where everything fits and nothing else stands."""
    around = row[max(0, place - 1) : place + len(text) + 1]
    if place < 0 or place + len(text) > len(row) or any(char != " " for char, _role in around):
        return
    for n, char in enumerate(text):
        row[place + n] = (char, role)


def instant(at: float, step_s: float = 1.0) -> str:
    """`0:45`; with a tenth where the steps are shorter than a second."""
    return clock(at) if step_s >= 1 else f"{clock(at)}.{int(at * 10 + 1e-6) % 10}"


def chart(levels: Sequence[float | None], top: float, rows: int, g: Glyphs) -> list[str]:
    """Heights as characters, in rows from the top; blank where nothing is known, a step for all above 0."""
    steps = len(g.steps)
    heights = [
        0 if v is None or v <= 0 else max(1, min(steps * rows, round(v / top * steps * rows))) for v in levels
    ]
    drawn = []
    for floor in range((rows - 1) * steps, -1, -steps):
        marks = (" " if h <= floor else g.steps[min(steps, h - floor) - 1] for h in heights)
        drawn.append("".join(marks))
    return drawn


def chart_lines(
    name: str, levels: Sequence[float | None], top: float, figure: str, g: Glyphs, *, rows: int = 1
) -> list[Line]:
    """A small chart under the lanes; its name and its figure of now stand at its foot."""
    drawn = chart(levels, max(top, 1e-9), rows, g)
    above: list[Line] = [(Span(" " * LABEL), Span(text, Role.ACCENT)) for text in drawn[:-1]]
    foot: Line = (Span(pad(name, LABEL, g.cut), Role.DIM), Span(drawn[-1], Role.ACCENT), Span(figure))
    return [*above, foot]


def wave_line(state: RunState, window: Window, now_s: float, g: Glyphs) -> Line:
    """The waves by name under their stretch of time, as far as there is room for a name."""
    begun = [w for w in state.waves.values() if w.started_at is not None]
    row: list[tuple[str, Role]] = []
    for n, wave in enumerate(begun):
        start_at = 0.0 if n == 0 else wave.started_at or 0.0
        following = begun[n + 1].started_at if n + 1 < len(begun) else None
        first = max(len(row), window.place(start_at))
        last = window.place(following) if following is not None else window.count
        if last <= max(0, first) or first >= window.count:
            continue
        row += [(" ", Role.DIM)] * (first - len(row))
        took = (now_s if wave.ended_at is None else wave.ended_at) - start_at
        open_s = _("{name} {time} so far") if wave.ended_at is None else _("{name} {time}")
        text = open_s.format(name=f"{wave.number} {wave.name}", time=clock(took))
        border = g.pipe if first > 0 and wave.number > 1 else ""
        room = min(last, window.count) - first
        row += [(c, Role.DIM) for c in pad(fit(border + text, room - 1, g.cut), room, g.cut)]
    return merged(row)


def legend(seen: set[Cause], g: Glyphs, width: int, *, failed: bool, critical: bool, waves: bool) -> Line:
    """What the characters mean; of the rare ones only those in sight, and the plainest go first."""
    parts: list[tuple[int, Line]] = []
    for cause in _ORDER:
        if cause in seen or cause in _ALWAYS:
            dear = 3 if cause in seen else 0
            parts.append((dear, _meaning(*mark(Cell(cause), g), _MARKS[cause].word)))
    if failed:
        parts.append((4, _meaning(_FAILED.ascii, _FAILED.role, _FAILED.word)))
    if Cause.IDLE in seen:
        parts.append((1, _meaning(*mark(Cell(Cause.IDLE), g), _MARKS[Cause.IDLE].word)))
    if critical:
        parts.append((4, _meaning("^", Role.STRONG, N_("critical path"))))
    if waves:
        parts.append((2, _meaning(g.pipe, Role.BORDER, N_("wave"))))
    while len(parts) > 1 and sum(width_of(p) for _dear, p in parts) - 2 > width:
        parts.remove(min(reversed(parts), key=lambda part: part[0]))
    return tuple(span for _dear, part in parts for span in part)[:-1]


def _meaning(char: str, role: Role, word: str) -> Line:
    return (Span(char, role), Span(f" {_(word)}", Role.DIM), Span("  "))


def seconds(length_s: float) -> str:
    """`0.4 s`, `29 s`, `1:15`."""
    if length_s < 9.95:
        return _("{s:.1f} s").format(s=length_s) if length_s < 1 else _("{s:.0f} s").format(s=length_s)
    return _("{s:.0f} s").format(s=length_s) if length_s < 60 else clock(length_s)


def bar_in_words(state: RunState, bar: Bar) -> str:
    """`2.19 idx_files try 1 w11 0:31-1:02: stream 29 s after 2 s limit ITPM`."""
    s = state.subtasks[bar.subtask]
    head = _("{label} {title} try {n} w{worker} {start}-{end}").format(
        label=s.label,
        title=s.planned.title,
        n=bar.attempt,
        worker="?" if bar.worker is None else f"{bar.worker:02d}",
        start=clock(bar.start_at),
        end=clock(bar.end_at) if bar.over else _("now"),
    )
    return f"{head}: {_what(bar)}"


def _what(bar: Bar) -> str:
    waits = _added(s for s in bar.stretches if s.reason)
    work = _added(s for s in bar.stretches if not s.reason)
    waited = ", ".join(f"{seconds(t)} {name}" for name, t in waits)
    worked = ", ".join(f"{name} {seconds(t)}" for name, t in work)
    if not work:
        said = _("waited {waits}") if bar.over else _("waits {waits} so far")
        return said.format(waits=waited)
    text = _("{work} after {waits}").format(work=worked, waits=waited) if waits else worked
    return _("{what}; failed: {why}").format(what=text, why=bar.error) if bar.error else text


def _added(stretches: Iterable[Stretch]) -> list[tuple[str, float]]:
    sums: dict[str, float] = {}
    for stretch in stretches:
        name = _named(stretch)
        sums[name] = sums.get(name, 0.0) + stretch.seconds
    return list(sums.items())


def _named(stretch: Stretch) -> str:
    if stretch.reason in LIMIT_REASONS:
        return _("limit {name}").format(name=stretch.reason.upper())
    if stretch.reason == WaitReason.RAMP:
        return _("first answers of others")
    if stretch.reason == WaitReason.RETRY_AFTER:
        return _("pause after 429")
    if stretch.cause is Cause.FIRST:
        return _("first token")
    return _(_MARKS[stretch.cause].word)
