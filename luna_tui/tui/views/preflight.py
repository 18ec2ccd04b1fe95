"""The plan before any money is spent: a table of its waves, and what follows from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from luna_tui.core.clean import clean_line
from luna_tui.core.plan_editing import Edition
from luna_tui.core.preflight import Preflight
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.columns import GAP, cells_of, widths
from luna_tui.tui.views.frame import body_rows, framed, key_line
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.plan_edition import WAVE, EditionRows, detail
from luna_tui.tui.views.preflight_words import (
    COLUMNS,
    Sentence,
    heads,
    sentences,
    terms_line,
    wave_row,
)
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import fit, join, pad, wrap
from luna_tui.tui.views.tree import Branch, Tree

_LEAST_ROWS = 3
_MOST_MEASURED = 200
"""Waves whose figures decide how wide the columns are."""
_LEAST_FIRST = 12
_LEAST_OPENED, _MOST_OPENED = 24, 34
"""Cells of the first column while subtasks are shown: it must not move with their names."""
_MARGIN = 4
"""Cells of the cursor and of the mark that a wave is open or closed."""
_ON_KEY_LINE = (
    "plan.start", "run.mode", "plan.staffing", "run.budget", "do.skip", "plan.dry_run", "tree.fold",
    "plan.model", "plan.later", "run.undo", "take.file", "plan.more", "go.back", "go.help",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is looked at."""

    edition: Edition
    survey: Survey
    """Of what is left of it."""
    found: Preflight
    tree: Tree
    done: frozenset[str] = frozenset()
    """Ids whose results are taken over from another run."""
    changed: bool = False
    """The plan is another one than its file."""
    missing: str = ""
    """Why it cannot be started as it is; empty when it can."""
    provider: str = "anthropic"
    """Who would answer."""
    sandbox: tuple[str, bool] = ("", True)
    """What holds commands of agents, in a sentence, and whether anything does; empty = they run none."""


def preflight_view(scene: Scene, looks: Looks) -> Panel:
    """The whole screen; `looks.scroll` is the number of the first row shown."""
    g = glyphs_for(looks.ascii)
    return framed(_head(scene, looks, g), _body(scene, looks, g), _keys(scene, looks, g), looks, g)


def room(scene: Scene, looks: Looks) -> int:
    """Rows of waves and subtasks that fit."""
    above, below = _around(scene, looks)
    return max(1, body_rows(looks) - above - below)


def table(found: Preflight, width: int, g: Glyphs) -> list[Line]:
    """Titles, every wave, and all of the plan."""
    rows = [wave_row(w) for w in (*found.waves, found.total)]
    sizes = _sizes(rows, width)
    lines = [_line(heads(), sizes, Role.DIM, g)]
    lines += [_line(row, sizes, Role.TEXT, g) for row in rows[:-1]]
    return [*lines, _line(rows[-1], sizes, Role.STRONG, g)]


def said(scene: Scene, width: int) -> list[Sentence]:
    """What follows, in lines of at most `width` cells."""
    words, holds = scene.sandbox
    whole = [
        *([(scene.missing, Role.BAD)] if scene.missing else []),
        *([(words, Role.TEXT if holds else Role.WARN)] if words else []),
        *sentences(scene.found),
    ]
    return [(line, role) for text, role in whole for line in wrap(clean_line(text), max(1, width))]


def _around(scene: Scene, looks: Looks) -> tuple[int, int]:
    """Lines above and below the rows; what is said goes before the rows do, but not all of it."""
    rows = body_rows(looks)
    if rows < 8:
        return 1, 1 if rows > 2 else 0
    above = 2 + (rows >= 12)
    lines = len(said(scene, looks.width))
    left = rows - above - 1 - min(len(scene.tree), max(_LEAST_ROWS, rows // 2 - 1))
    shown = min(lines, max(1, left - 1))
    return above, 1 + 1 + shown


def _head(scene: Scene, looks: Looks, g: Glyphs) -> Line:
    plan, total = scene.survey.plan, scene.found.total
    waves = _n("{n} wave", "{n} waves", len(plan.waves)).format(n=len(plan.waves))
    subtasks = _n("{n} subtask", "{n} subtasks", total.subtasks).format(n=f"{total.subtasks:,}")
    left = (
        Span("luna  ", Role.TITLE),
        Span(_("PLAN") + " ", Role.STRONG),
        Span(f"{clean_line(plan.name)}   {waves}  {subtasks}  "),
        Span(_("changed"), Role.WARN) if scene.changed else Span(_("valid")),
    )
    free = scene.provider != "anthropic"
    right = _("simulated: nothing is spent") if free else _("nothing spent yet")
    return join(left, (Span(right, Role.GOOD),), looks.width, g.cut)


def _body(scene: Scene, looks: Looks, g: Glyphs) -> Panel:
    above, below = _around(scene, looks)
    shown = room(scene, looks)
    last = min(len(scene.tree), looks.scroll + shown)
    places = range(min(looks.scroll, last), last)
    rows = EditionRows(scene.edition, scene.survey, scene.found, scene.done)
    total = wave_row(scene.found.total)
    width = looks.width - _MARGIN
    opened = any(branch.open for branch in scene.tree.branches)
    measured = range(min(_MOST_MEASURED, len(scene.tree.branches)))
    sizes = _sizes([*(rows.wave(n)[0] for n in measured), total], width, opened=opened)
    lines: list[Line] = []
    if above > 1:
        lines.append((Span(terms_line(scene.found.terms, looks.width), Role.ACCENT),))
    lines += [()] * (above - len(lines) - 1)
    lines.append((Span(" " * _MARGIN), *_line(heads(), sizes, Role.DIM, g)))
    cells = []
    for place in places:
        cells.append(Cell(scene.tree[place], len(lines), 0, looks.width))
        lines.append(_tree_line(scene, place, rows, sizes, looks, g))
    if below:
        lines.append((Span(" " * _MARGIN), *_line(total, sizes, Role.STRONG, g)))
    if below > 1:
        lines.append(_detail(scene, looks, g))
        sentences_shown = said(scene, looks.width)[: below - 2]
        lines += [(Span(text, role),) for text, role in sentences_shown]
    return Panel(tuple(lines), tuple(cells))


def _sizes(rows: Sequence[Sequence[str]], width: int, *, opened: bool = False) -> dict[str, int]:
    columns = [replace(c, head=_(c.head)) for c in COLUMNS]
    if opened:
        return widths(columns, rows, width, least_first=_LEAST_OPENED, first=_MOST_OPENED)
    return widths(columns, rows, width, least_first=_LEAST_FIRST)


def _detail(scene: Scene, looks: Looks, g: Glyphs) -> Line:
    """What is under the cursor, beyond the table."""
    if looks.selected is None or looks.selected not in scene.tree:
        return ()
    number, leaf = scene.tree.at(scene.tree.index(looks.selected))
    return (Span(fit("  > " + detail(scene.edition, number, leaf), looks.width, g.cut), Role.ACCENT),)


def _line(row: Sequence[str], sizes: dict[str, int], role: Role, g: Glyphs) -> Line:
    texts = [
        cells_of(text, column, sizes[column.key], g.cut)
        for column, text in zip(COLUMNS, row, strict=True)
        if column.key in sizes
    ]
    return (Span((" " * GAP).join(texts).rstrip(), role),)


def _tree_line(
    scene: Scene, place: int, rows: EditionRows, sizes: dict[str, int], looks: Looks, g: Glyphs
) -> Line:
    number, leaf = scene.tree.at(place)
    if leaf is None:
        mark = tree_mark(scene.tree.branches[number], looks) + " "
        row, role = rows.wave(number)
    else:
        row = rows.subtask(number, leaf)
        row = (pad(row[0], sizes["wave"], g.cut), *row[1:])
        mark, role = "  ", Role.DIM
    text = "".join(span.text for span in _line(row, sizes, role, g))
    if scene.tree[place] == looks.selected:
        return (Span(pad(f"> {mark}{text}", looks.width, g.cut), Role.SELECTED),)
    return (Span(f"  {mark}", Role.DIM), Span(text, role))


def tree_mark(branch: Branch, looks: Looks) -> str:
    """Whether what is in a wave is shown."""
    closed, opened = ("+", "-") if looks.ascii else ("▸", "▾")
    return opened if branch.open else closed


def _keys(scene: Scene, looks: Looks, g: Glyphs) -> Line:
    found = hints(SCREEN_KEYS["preflight"], looks.keymap, *_ON_KEY_LINE)
    if looks.selected is not None and not looks.selected.startswith(WAVE):
        found = (replace(found[0], word=_("read it")), *found[1:])
    return key_line(found, looks, g)
