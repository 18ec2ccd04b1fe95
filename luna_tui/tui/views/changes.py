"""What agents changed in workspaces of their own: which files, the difference, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.core.agents import Changes
from luna_tui.core.clean import clean_line
from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n, _p
from luna_tui.tui.views.detailed import detailed
from luna_tui.tui.views.differences import difference_marks
from luna_tui.tui.views.frame import key_line, title
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.reading import Mark
from luna_tui.tui.views.spans import Cell, Line, Lines, Looks, Panel, Role, Span
from luna_tui.tui.views.subtask_tabs import Document
from luna_tui.tui.views.text import cell_len, fit_line, join, pad, width_of

SAID = 1
"""Sentences below what is read."""
_ON_KEY_LINE = ("go.back", "move.page_down", "do.open", "take.all", "take.file", "go.help", "run.leave")
_NARROW = 60
_SETTLED = {"accepted": N_("accepted"), "dropped": N_("dropped")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesLook:
    """What the screen shows besides `Looks`."""

    changes: Sequence[Changes]
    """What waits for somebody first."""
    read: Lines = ()
    below: int = 0
    """Rows of it that are further down."""
    why_not: str = ""
    """Why nothing can be decided here; empty = it can."""


def in_order(state: RunState) -> list[Changes]:
    """What nobody has decided about first, in order of time."""
    return sorted(state.changes.values(), key=lambda c: bool(c.settled))


def counted(changes: Changes) -> str:
    """`3 files +12 -4`."""
    count = len(changes.files)
    return f"{_n('{n} file', '{n} files', count).format(n=count)} +{changes.added} -{changes.removed}"


def changes_document(changes: Changes, difference: str | None, missing: str) -> Document:
    """Files, then the difference; None = it is being read. `missing` says what is not there of it."""
    page = Document()
    for why in changes.conflicts:
        page.add((_("not taken over: {why}").format(why=clean_line(why)), Role.BAD))
    kinds = {
        "added": _p("12 cells", "added"),
        "changed": _p("12 cells", "changed"),
        "removed": _p("12 cells", "removed"),
    }
    size = max(map(cell_len, kinds.values()))
    for file in changes.files:
        kind = pad(kinds.get(file.kind, clean_line(file.kind)), size)
        count = f"  +{file.added} -{file.removed}" if file.added or file.removed else ""
        role = Role.BAD if file.kind == "removed" else Role.TEXT
        page.add((f"{kind}  ", role), (clean_line(file.path), Role.STRONG), (count, Role.DIM))
    page.add()
    if difference is None:
        page.dim(missing or _("Reading the difference from its file."))
        return page
    if missing:
        page.add((missing, Role.WARN))
    start = len(page.text) + 1
    marks: list[Mark] = difference_marks(difference, start)
    page.text += "\n" + difference.rstrip("\n")
    page.marks += [m for m in marks if m.start < len(page.text)]
    return page


def changes_view(state: RunState, look: ChangesLook, looks: Looks) -> Panel:
    """The whole screen; `looks.selected` is the id of a subtask, `looks.scroll` the first one listed."""
    g = glyphs_for(looks.ascii)
    chosen = next((c for c in look.changes if c.subtask == looks.selected), None)
    waiting = sum(1 for c in look.changes if not c.settled)
    count = _n("{n} to look at", "{n} to look at", waiting).format(n=waiting)
    head = title(state, _("CHANGES"), count, looks, g)
    foot = key_line(hints(SCREEN_KEYS["changes"], looks.keymap, *_ON_KEY_LINE), looks, g)
    if chosen is None:
        nothing: Line = (Span(_("No agent changed files in a workspace of its own."), Role.DIM),)
        return detailed(head, Panel((nothing,)), (), 0, ((),), foot, looks, g)
    listed = _listed(state, look, looks, g)
    said = (_choices(chosen, look, looks, g),)
    return detailed(head, listed, look.read, look.below, said, foot, looks, g)


def _listed(state: RunState, look: ChangesLook, looks: Looks, g: Glyphs) -> Panel:
    shown = look.changes[looks.scroll :]
    names = [_name(state, c, looks) for c in shown]
    longest = min(26, max(map(cell_len, names)))
    lines = []
    for changes, name in zip(shown, names, strict=True):
        here = changes.subtask == looks.selected
        done = Role.DIM if changes.settled else Role.TEXT
        body: Line = (
            Span("> " if here else "  ", Role.ACCENT),
            Span(g.changed + " ", Role.DIM if changes.settled else Role.ACCENT),
            Span(pad(name, longest, g.cut), Role.SELECTED if here else done),
            Span("  " + counted(changes), done),
        )
        how = _how(changes)
        lines.append(join(fit_line(body, looks.width - width_of(how) - 2, g.cut), how, looks.width, g.cut))
    return Panel(tuple(lines), tuple(Cell(c.subtask, n, 0, looks.width) for n, c in enumerate(shown)))


def _name(state: RunState, changes: Changes, looks: Looks) -> str:
    s = state.subtasks[changes.subtask]
    return s.label if looks.width < _NARROW else clean_line(f"{s.label} {s.planned.title}")


def _how(changes: Changes) -> Line:
    if changes.settled:
        return (Span(_(_SETTLED.get(changes.settled, changes.settled)), Role.GOOD),)
    if changes.conflicts:
        return (Span(_("not taken over"), Role.BAD),)
    return (Span(_("to look at"), Role.STATE_ASK),)


def _choices(changes: Changes, look: ChangesLook, looks: Looks, g: Glyphs) -> Line:
    """The keys that decide; nothing of it is in the workspace before."""
    if look.why_not:
        return (Span(look.why_not, Role.WARN),)
    if changes.settled == "accepted":
        return (Span(_("It is in the workspace of the plan."), Role.GOOD),)
    if changes.settled:
        return (Span(_("It was thrown away."), Role.DIM),)
    key = keys_shown(SCREEN_KEYS["changes"], looks.keymap)
    drop = _("drop…").replace("…", g.more)
    for accept in (_("accept into the workspace"), _("accept")):
        line: Line = (
            Span(key["changes.accept"], Role.KEY), Span(f" {accept}   ", Role.STRONG),
            Span(key["changes.drop"], Role.KEY), Span(f" {drop}", Role.STRONG),
        )  # fmt: skip
        if width_of(line) <= looks.width:
            break
    return line
