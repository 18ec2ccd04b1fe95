"""The home screen: recent runs, plans of this folder, and beside them what is under the cursor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from luna_tui.core.clean import clean_line
from luna_tui.core.home import HomeContents, Verb
from luna_tui.core.run_summary import KeptStatus, PlanSummary, RunSummary, short_names
from luna_tui.core.tongue import N_, _, _n
from luna_tui.tui.views.columns import GAP, cells_of
from luna_tui.tui.views.frame import body_rows, framed, key_line
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.home_detail import DEMO_NAME, detail_lines
from luna_tui.tui.views.keys import Keys
from luna_tui.tui.views.runs import COLUMNS, ORDER, RunRow, head_text, run_row, run_sizes, status_word, tilde
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import cell_len, fit, fit_line, join, pad, width_of, wrap

RUN, PLAN, DEMO = "run:", "plan:", "demo:"
"""How keys of entries begin; the demo's is the whole key."""
ORDERS = (N_("running first"), N_("newest"), N_("longest"), N_("dearest"), N_("largest"))
PEEK_FROM = 100
"""Width from which what is under the cursor is told beside the list."""
_PEEK = 42
_LEAST_LOWER = 3
_MARGIN = 2
_NEEDED: Mapping[str, Verb] = {
    "home.goal": Verb.PLAN,
    "home.attach": Verb.ATTACH,
    "home.resume": Verb.RESUME,
    "home.replay": Verb.REPLAY,
    "home.stop": Verb.CANCEL,
}
"""Key -> the command without which it can do nothing."""
_ON_KEY_LINE = (
    "do.open", "home.goal", "home.attach", "home.resume", "home.replay", "home.compare", "home.stop",
    "list.mark", "list.filter", "list.sort", "move.panel", "screen.theme", "go.help", "run.leave",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class HomeLook:
    """What is shown."""

    contents: HomeContents | None
    """None = it is still being read."""
    runs: tuple[RunSummary, ...]
    """In the order shown, without those that the filter leaves out."""
    now: datetime
    folder: str
    home: str
    offered: frozenset[Verb]

    @property
    def plans(self) -> tuple[PlanSummary, ...]:
        """All of them."""
        return self.contents.plans if self.contents is not None else ()

    def keys(self) -> list[str]:
        """Keys of all entries, from the top."""
        runs = [RUN + r.run for r in self.runs]
        return [*runs, *(PLAN + p.path for p in self.plans), DEMO]


def usable(keys: Keys, offered: frozenset[Verb]) -> Keys:
    """The keys that can do something in this program."""
    return tuple(k for k in keys if k.id not in _NEEDED or _NEEDED[k.id] in offered)


def sorted_runs(runs: Sequence[RunSummary], order: int) -> list[RunSummary]:
    """In one of `ORDERS`."""
    newest = sorted(runs, key=lambda r: (r.began, r.run), reverse=True)
    match ORDERS[order % len(ORDERS)]:
        case "running first":
            return sorted(newest, key=lambda r: r.status is not KeptStatus.RUNNING)
        case "longest":
            return sorted(newest, key=lambda r: -(r.wall_s or 0.0))
        case "dearest":
            return sorted(newest, key=lambda r: -(r.cost_usd or 0.0))
        case "largest":
            return sorted(newest, key=lambda r: -r.size_bytes)
    return newest


def kept_in_order(order: list[str], contents: HomeContents, number: int) -> list[str]:
    """Ids in the order shown: those that were shown keep their place, new ones come first."""
    now = [r.run for r in sorted_runs(contents.runs, number)]
    there, before = set(now), set(order)
    return [*(run for run in now if run not in before), *(run for run in order if run in there)]


def passes(run: RunSummary, text: str) -> bool:
    """Whether a filter lets a run through: every word is in its id, plan, folder or status; `!` = not."""
    return all(_has(run, word) for word in text.casefold().split())


def _has(run: RunSummary, word: str) -> bool:
    if word.startswith("!"):
        return not _has(run, word[1:]) if len(word) > 1 else True
    status = (run.status.value, status_word(run.status).casefold())
    field, colon, value = word.partition(":")
    if colon and field in ("s", "status", "estado"):
        return any(s.startswith(value) for s in status)
    return any(word in text.casefold() for text in (run.run, run.plan, run.workspace, *status))


def rooms(look: HomeLook, looks: Looks) -> tuple[int, int]:
    """Runs and plans that fit, without the lines above each."""
    room = body_rows(looks)
    lower = len(look.plans) + 1
    if room < 6:
        return max(0, room - 1), 1 if room else 0
    upper = max(1, len(look.runs))
    most = room - 3
    shown = min(lower, max(_LEAST_LOWER, most // 3, most - upper))
    return max(1, most - shown), shown


def home_view(look: HomeLook, looks: Looks, firsts: tuple[int, int], keys: Keys) -> Panel:
    """The whole screen; `firsts` are the numbers of the first run and the first plan shown."""
    g = glyphs_for(looks.ascii)
    peek = looks.width >= PEEK_FROM
    width = looks.width - (_PEEK + 3 if peek else 0)
    body = _lists(look, looks, firsts, width, g)
    if peek:
        body = _beside(body, detail_lines(look, looks, _PEEK, g), width, body_rows(looks), g)
    shown = [i for i in _ON_KEY_LINE if any(k.id == i for k in keys)]
    return framed(
        _title(look, looks, g), body, key_line(hints(keys, looks.keymap, *shown), looks, g), looks, g
    )


def _title(look: HomeLook, looks: Looks, g: Glyphs) -> Line:
    left: Line = (Span("luna  ", Role.TITLE), Span(_("RUNS") + "  ", Role.STRONG), Span(_counts(look)))
    right = f"/{looks.filter}" if looks.filter else _(ORDERS[looks.order % len(ORDERS)])
    return join(left, (Span(right, Role.WARN if looks.filter else Role.DIM),), looks.width, g.cut)


def _counts(look: HomeLook) -> str:
    if look.contents is None:
        return _("reading what is kept")
    every = look.contents.runs
    parts = [_n("{n} run", "{n} runs", len(every)).format(n=len(every))]
    on = sum(r.status is KeptStatus.RUNNING for r in every)
    open_ones = sum(r.resumable for r in every)
    if on:
        parts.append(_n("{n} running", "{n} running", on).format(n=on))
    if open_ones:
        parts.append(_n("{n} can go on", "{n} can go on", open_ones).format(n=open_ones))
    if len(look.runs) < len(every):
        parts.append(_("{n} shown").format(n=len(look.runs)))
    return "  ".join(parts)


def _lists(look: HomeLook, looks: Looks, firsts: tuple[int, int], width: int, g: Glyphs) -> Panel:
    room_runs, room_plans = rooms(look, looks)
    lines: list[Line] = []
    cells: list[Cell] = []
    low = body_rows(looks) < 6
    _runs(look, looks, firsts[0], room_runs, width, g, lines, cells)
    if not low:
        lines += [()] * (room_runs + 2 - len(lines))
        where = tilde(clean_line(look.folder), look.home)
        lines.append((Span(fit(_("plans in {folder}").format(folder=where), width, g.cut), Role.DIM),))
    _plans(look, looks, firsts[1], room_plans, width, g, lines, cells)
    return Panel(tuple(lines), tuple(cells))


def _runs(
    look: HomeLook,
    looks: Looks,
    first: int,
    room: int,
    width: int,
    g: Glyphs,
    lines: list[Line],
    cells: list[Cell],
) -> None:
    if not look.runs:
        lines += _nothing(look, looks, width)[: room + 1]
        return
    names = short_names(r.run for r in (look.contents.runs if look.contents else ()))
    rows = [run_row(r, names.get(r.run, r.run), look.now, look.home, g) for r in look.runs]
    sizes = run_sizes(rows, width - _MARGIN)
    if body_rows(looks) >= 6:
        lines.append((Span("  " + head_text(sizes, g), Role.DIM),))
    for row in rows[first : first + room]:
        cells.append(Cell(RUN + row.run, len(lines), 0, width))
        lines.append(_run_line(row, sizes, looks, width, g))


def _run_line(row: RunRow, sizes: Mapping[str, int], looks: Looks, width: int, g: Glyphs) -> Line:
    here = looks.selected == RUN + row.run
    mark = "+" if row.run in looks.marked else " "
    by_key = {c.key: (c, text) for c, text in zip(COLUMNS, row.texts, strict=True)}
    spans = [Span((">" if here else " ") + mark, Role.ACCENT)]
    for place, key in enumerate(k for k in ORDER if k in sizes):
        column, text = by_key[key]
        role = row.role if key == "status" else Role.DIM if key in ("age", "size", "where") else Role.TEXT
        gap = " " * GAP if place else ""
        spans.append(Span(gap + cells_of(text, column, sizes[key], g.cut), role))
    if here:
        return (Span(pad("".join(s.text for s in spans).rstrip(), width, g.cut), Role.SELECTED),)
    return fit_line(tuple(spans), width, g.cut)


def _nothing(look: HomeLook, looks: Looks, width: int) -> list[Line]:
    """What to do where there is no run to show."""
    if look.contents is None:
        return [(Span("  " + _("reading what is kept"), Role.DIM),)]
    if look.contents.runs:
        said = _("No run matches /{text}; esc takes the filter away.").format(text=looks.filter)
        return [(Span("  " + part, Role.WARN),) for part in wrap(said, max(8, width - 2))]
    told = [
        _("Nothing was run yet."),
        _("enter on the demo below shows what it does: no key, no network, one minute."),
        _("A plan of your own is a TOML file in this folder; enter looks at it and starts it."),
    ]
    if Verb.PLAN in look.offered:
        told.append(_("n takes a goal in your own words, and a model writes a plan for it."))
    roles = (Role.STRONG, Role.TEXT, Role.DIM, Role.DIM)
    return [
        (Span("  " + part, role),)
        for text, role in zip(told, roles, strict=False)
        for part in wrap(text, max(8, width - 2))
    ]


def _plans(
    look: HomeLook,
    looks: Looks,
    first: int,
    room: int,
    width: int,
    g: Glyphs,
    lines: list[Line],
    cells: list[Cell],
) -> None:
    entries = [(PLAN + p.path, *_plan_words(p)) for p in look.plans]
    entries.append((DEMO, DEMO_NAME, _("40 subtasks on a simulated API"), Role.DIM))
    size = min(28, max(cell_len(name) for _key, name, _said, _role in entries))
    for key, name, said, role in entries[first : first + room]:
        cells.append(Cell(key, len(lines), 0, width))
        here = looks.selected == key
        head = f"{'>' if here else ' '} {pad(name, size, g.cut)}  "
        if here:
            lines.append((Span(pad(head + said, width, g.cut), Role.SELECTED),))
        else:
            lines.append(fit_line((Span(head), Span(said, role)), width, g.cut))


def _plan_words(plan: PlanSummary) -> tuple[str, str, Role]:
    """Name of the file, what it is, and how that is meant."""
    file = clean_line(plan.path.rpartition("/")[2])
    if plan.problems:
        return file, _("broken: {why}").format(why=clean_line(plan.problems[0])), Role.BAD
    if not plan.subtasks:
        return file, clean_line(plan.name), Role.DIM
    subtasks = _n("{n} subtask", "{n} subtasks", plan.subtasks).format(n=f"{plan.subtasks:,}")
    return file, f"{clean_line(plan.name)}  {subtasks}", Role.DIM


def _beside(left: Panel, right: Sequence[Line], width: int, rows: int, g: Glyphs) -> Panel:
    """Two columns with a line between."""
    lines: list[Line] = []
    for n in range(rows):
        mine = fit_line(left.lines[n], width, g.cut) if n < len(left.lines) else ()
        gap = Span(" " * (width - width_of(mine)))
        lines.append((*mine, gap, Span(f" {g.pipe} ", Role.BORDER), *(right[n] if n < len(right) else ())))
    return replace(left, lines=tuple(lines))
