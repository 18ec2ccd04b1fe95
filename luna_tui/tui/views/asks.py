"""What agents ask for: the open requests, all of the one under the cursor, and what may be answered."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from luna_tui.core.agents import Ask
from luna_tui.core.clean import clean, clean_line
from luna_tui.core.insight import Stand
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.tools import RUN_COMMAND
from luna_tui.tui.views.detailed import detailed
from luna_tui.tui.views.differences import difference_marks
from luna_tui.tui.views.fitting import said as steps
from luna_tui.tui.views.frame import key_line, title
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keymap import keys_shown
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.needs_words import sandbox_words, wish
from luna_tui.tui.views.spans import Cell, Line, Lines, Looks, Panel, Role, Span
from luna_tui.tui.views.subtask_tabs import Document
from luna_tui.tui.views.text import cell_len, clock, fit_line, join, pad, width_of

SAID = 2
"""Sentences below what is read: the answers, and what a wider one covers."""
_ON_KEY_LINE = ("go.back", "move.page_down", "asks.mark", "do.open", "take.all", "go.help", "run.leave")
_NARROW = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class AsksLook:
    """What the screen shows besides `Looks`."""

    asks: Sequence[Ask]
    """The oldest first."""
    marked: Collection[str] = ()
    """Names of requests."""
    read: Lines = ()
    below: int = 0
    """Rows of it that are further down."""
    why_not: str = ""
    """Why nothing can be answered here; empty = it can."""


def ask_document(ask: Ask) -> Document:
    """All of a request: the command, the difference or the question, whole."""
    page = Document()
    text = clean(ask.detail.rstrip("\n")) or clean(ask.summary) or clean(ask.tool)
    page.text = text
    page.marks = difference_marks(text)
    return page


def asks_view(state: RunState, look: AsksLook, now_s: float, looks: Looks) -> Panel:
    """The whole screen; `looks.selected` is the name of a request, `looks.scroll` the first one listed."""
    g = glyphs_for(looks.ascii)
    chosen = next((ask for ask in look.asks if ask.approval == looks.selected), None)
    count = _n("{n} request", "{n} requests", len(look.asks)).format(n=len(look.asks))
    head = title(state, _("NEEDS ME"), count, looks, g, right=_("oldest first") if looks.width >= 44 else "")
    foot = key_line(hints(SCREEN_KEYS["asks"], looks.keymap, *_ON_KEY_LINE), looks, g)
    if chosen is None:
        nothing: Line = (Span(_("No agent asks for anything."), Role.GOOD),)
        return detailed(head, Panel((nothing,)), (), 0, ((), ()), foot, looks, g)
    listed = _listed(state, look, now_s, looks, g)
    said = (_answers(state, chosen, look, looks, g), _covers(state, chosen, looks, g))
    return detailed(head, listed, look.read, look.below, said, foot, looks, g)


def _listed(state: RunState, look: AsksLook, now_s: float, looks: Looks, g: Glyphs) -> Panel:
    """A line for each request."""
    shown = look.asks[looks.scroll :]
    names = {a.approval: _name(state, a, looks) for a in shown}
    longest = min(26, max(map(cell_len, names.values())))
    lines = []
    for ask in shown:
        here = ask.approval == looks.selected
        body: Line = (
            Span(">" if here else " ", Role.ACCENT),
            Span("*" if ask.approval in look.marked else " ", Role.ACCENT),
            Span(g.states[Stand.ASK] + " ", Role.STATE_ASK),
            Span(pad(names[ask.approval], longest, g.cut), Role.SELECTED if here else Role.TEXT),
            Span("  " + wish(ask.tool, ask.summary, question=ask.question)),
        )
        age: Line = (Span(clock(now_s - ask.since), Role.DIM),)
        room = looks.width - width_of(age) - 2
        lines.append(join(fit_line(body, room, g.cut), age, looks.width, g.cut))
    cells = tuple(Cell(ask.approval, n, 0, looks.width) for n, ask in enumerate(shown))
    return Panel(tuple(lines), cells)


def _name(state: RunState, ask: Ask, looks: Looks) -> str:
    s = state.subtasks.get(ask.subtask)
    if s is None:
        return clean_line(ask.subtask)
    return s.label if looks.width < _NARROW else clean_line(f"{s.label} {s.planned.title}")


def _answers(state: RunState, ask: Ask, look: AsksLook, looks: Looks, g: Glyphs) -> Line:
    """The keys that answer, with what each of them does."""
    if look.why_not:
        return (Span(look.why_not, Role.WARN),)
    key = keys_shown(SCREEN_KEYS["asks"], looks.keymap)
    for words in (_long(state, ask, look), _short(ask)):
        pairs = [(key.get(i, i), text.replace("…", g.more)) for i, text in words]
        spans: list[Span] = []
        for shown, text in pairs:
            spans += [Span("   " if spans else ""), Span(shown, Role.KEY), Span(f" {text}", Role.STRONG)]
        if width_of(tuple(spans)) <= looks.width:
            return tuple(spans)
    return tuple(spans)


def _long(state: RunState, ask: Ask, look: AsksLook) -> list[tuple[str, str]]:
    count = len(look.marked)
    if count:
        both = _n("allow the {n} marked once", "allow the {n} marked once", count).format(n=count)
        return [
            ("ask.allow", both),
            ("ask.allow_subtask", _("for their subtasks")), ("ask.allow_run", _("for the run")),
            ("ask.deny", _("deny…")),
        ]  # fmt: skip
    if ask.question:
        choose = [(f"1-{min(9, len(ask.choices))}", _("choose"))] if ask.choices else []
        return [*choose, ("ask.allow", _("type an answer…")), ("ask.deny", _("answer nothing…"))]
    label = state.subtasks[ask.subtask].label if ask.subtask in state.subtasks else ask.subtask
    wider = [
        ("ask.allow_subtask", _("for all of {label}").format(label=label)),
        ("ask.allow_run", _("for the run")),
    ]
    return [("ask.allow", _("allow once")), *(wider if ask.pattern else ()), ("ask.deny", _("deny…"))]


def _short(ask: Ask) -> list[tuple[str, str]]:
    if ask.question:
        choose = [(f"1-{min(9, len(ask.choices))}", _("choose"))] if ask.choices else []
        return [*choose, ("ask.allow", _("type…")), ("ask.deny", _("nothing…"))]
    wider = [("ask.allow_subtask", _("subtask")), ("ask.allow_run", _("run"))] if ask.pattern else []
    return [("ask.allow", _("once")), *wider, ("ask.deny", _("deny…"))]


def _covers(state: RunState, ask: Ask, looks: Looks, g: Glyphs) -> Line:
    """What an allowance for more than once would cover, and what holds a command."""
    if ask.question:
        text = _("its subtask waits for the answer; nothing else does")
    elif ask.pattern:
        text = _("for more than once: {pattern}").format(pattern=clean_line(ask.pattern))
    else:
        text = _("this can only be allowed once")
    left: Line = (Span(text, Role.DIM),)
    holds = sandbox_words(state.sandbox) if ask.tool == RUN_COMMAND else steps(Role.DIM)
    for held in holds:
        if held and width_of(held) + width_of(left) + 2 <= looks.width:
            return join(left, held, looks.width, g.cut)
    return fit_line(left, looks.width, g.cut)
