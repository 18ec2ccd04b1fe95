"""Kept runs as rows of a table: on the home screen and on the command line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from luna_tui.core.clean import clean_line
from luna_tui.core.figures import aged, sized
from luna_tui.core.insight import Stand
from luna_tui.core.run_summary import KeptStatus, RunSummary
from luna_tui.core.tongue import N_, _
from luna_tui.tui.views.columns import GAP, Column, cells_of, widths
from luna_tui.tui.views.glyphs import ROLES, Glyphs
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import clock, fit, money, set_end

STANDS: Mapping[KeptStatus, Stand] = {
    KeptStatus.RUNNING: Stand.STREAMING,
    KeptStatus.INTERRUPTED: Stand.QUIET,
    KeptStatus.HELD: Stand.HELD,
    KeptStatus.CANCELLED: Stand.CANCELLED,
    KeptStatus.FAILED: Stand.FAILED,
    KeptStatus.SUCCEEDED: Stand.OK,
    KeptStatus.UNREADABLE: Stand.ASK,
}
"""Whose glyph and colour a run has."""
STATUS_WORDS: Mapping[KeptStatus, str] = {
    KeptStatus.RUNNING: N_("running"),
    KeptStatus.INTERRUPTED: N_("interrupted"),
    KeptStatus.HELD: N_("held"),
    KeptStatus.CANCELLED: N_("cancelled"),
    KeptStatus.FAILED: N_("failed"),
    KeptStatus.SUCCEEDED: N_("succeeded"),
    KeptStatus.UNREADABLE: N_("unreadable"),
}
COLUMNS = (
    Column("plan", N_("plan"), left=True),
    Column("run", N_("run"), keep=90, left=True),
    Column("age", N_("age"), least=6, keep=60),
    Column("status", N_("status"), keep=80, left=True),
    Column("ok", N_("ok"), least=5, keep=70),
    Column("time", N_("time"), least=5, keep=40),
    Column("cost", N_("cost"), least=5, keep=50),
    Column("size", N_("size"), least=6, keep=20),
    Column("where", N_("where"), keep=10, left=True),
)
"""The first one takes what is left; shown in the order of `ORDER`."""
ORDER = ("run", "age", "status", "ok", "time", "cost", "size", "plan", "where")
_LEAST_PLAN = 14
_MOST_RUN = 24
_MOST_WHERE = 36


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in words."""

    run: str
    texts: tuple[str, ...]
    """In the order of `COLUMNS`."""
    role: Role
    glyph: str


def status_word(status: KeptStatus) -> str:
    """How a run stands, in one word."""
    return _(STATUS_WORDS[status])


def run_row(summary: RunSummary, short: str, now: datetime, home: str, g: Glyphs) -> RunRow:
    """The texts of a run; `short` is its name in the table, `home` the folder that is written `~`."""
    stand = STANDS[summary.status]
    ok = f"{summary.good}/{summary.subtasks}" if summary.subtasks else "-"
    texts = {
        "plan": clean_line(summary.plan) or "-",
        "run": fit(clean_line(short), _MOST_RUN, g.cut),
        "age": aged((now - summary.began).total_seconds()),
        "status": f"{g.states[stand]} {status_word(summary.status)}",
        "ok": ok,
        "time": "-" if summary.wall_s is None else clock(summary.wall_s),
        "cost": cost_word(summary),
        "size": sized(summary.size_bytes),
        "where": set_end(tilde(clean_line(summary.workspace), home), _MOST_WHERE, g.cut) or "-",
    }
    return RunRow(summary.run, tuple(texts[c.key] for c in COLUMNS), ROLES[stand], g.states[stand])


def cost_word(summary: RunSummary) -> str:
    """What it cost; `-` where nothing was used that could have a price."""
    if summary.cost_usd is None and not (summary.tokens.input or summary.tokens.output):
        return "-"
    return money(summary.cost_usd)


def tilde(path: str, home: str) -> str:
    """A path with `~` for the home folder."""
    inside = bool(home) and (path == home or path.startswith(f"{home}/"))
    return f"~{path[len(home) :]}" if inside else path


def run_sizes(rows: Sequence[RunRow], width: int) -> dict[str, int]:
    """Column -> cells, of those that fit into `width`."""
    columns = [replace(c, head=_(c.head)) for c in COLUMNS]
    return widths(columns, [r.texts for r in rows], width, least_first=_LEAST_PLAN)


def run_text(texts: Sequence[str], sizes: Mapping[str, int], g: Glyphs) -> str:
    """One line of the table."""
    by_key = {c.key: (c, text) for c, text in zip(COLUMNS, texts, strict=True)}
    shown = [by_key[key] for key in ORDER if key in sizes]
    return (" " * GAP).join(cells_of(text, c, sizes[c.key], g.cut) for c, text in shown).rstrip()


def head_text(sizes: Mapping[str, int], g: Glyphs) -> str:
    """Names of the columns."""
    return run_text([_(c.head) for c in COLUMNS], sizes, g)
