"""The journal on the screen: each record as time, glyph, who, and what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from luna_tui.core.events import Record
from luna_tui.core.filter import Field, Filter, Term
from luna_tui.core.insight import stand
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.frame import body_rows, framed, key_line, title
from luna_tui.tui.views.glyphs import Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Cell, Line, Looks, Panel, Role, Span
from luna_tui.tui.views.telling import Told, tell
from luna_tui.tui.views.text import clock, fit_line, pad

_KEYS = (
    "do.open", "list.filter", "text.find", "text.follow", "go.problems", "take.file", "go.back", "go.help",
)  # fmt: skip
_TIME = 7
_WHO = 18
_WIDE_WHO = 28
_WHO_FROM = 60
"""Width from which who it was has a column of its own."""


def matching(
    state: RunState, records: Sequence[Record], now_s: float, asked: Filter, g: Glyphs
) -> list[Record]:
    """Records that a filter lets through: of subtasks that it lets through, or with its words in them."""
    if not asked.terms:
        return list(records)
    return [r for r in records if asked.allows(lambda term, r=r: _hits(state, r, now_s, term, g))]  # type: ignore[misc]


def _hits(state: RunState, record: Record, now_s: float, term: Term, g: Glyphs) -> bool:
    told = tell(state, record, g)
    if term.field is Field.TEXT and term.value in f"{told.who} {told.what}".casefold():
        return True
    s = state.subtasks.get(told.subtask or "")
    if s is not None:
        return term.hits(state, s, stand(s, now_s, paused=state.paused))
    wave = getattr(record.event, "wave", None)
    return term.field is Field.WAVE and wave in term.among


def found_in(state: RunState, records: Iterable[Record], text: str, g: Glyphs) -> list[int]:
    """Places of the records in which a text is found."""
    folded = text.casefold()
    places = []
    for place, record in enumerate(records):
        told = tell(state, record, g)
        if folded in f"{told.who} {told.what}".casefold():
            places.append(place)
    return places


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsLook:
    """What the events screen shows besides `Looks`."""

    records: Sequence[Record]
    """Those that the filter lets through, oldest first."""
    filter: str = ""
    find: str = ""
    journal: str = ""
    """Where the older ones are."""


def older(state: RunState) -> int:
    """Records before the first one kept."""
    return state.log[0].seq - 1 if state.log else 0


def events_rows(state: RunState, looks: Looks) -> int:
    """Events that fit."""
    return max(0, body_rows(looks) - (1 if older(state) else 0))


def events_view(state: RunState, look: EventsLook, looks: Looks) -> Panel:
    """The whole events screen; `looks.scroll` is the first record shown."""
    g = glyphs_for(looks.ascii)
    lines: list[Line] = []
    if count := older(state):
        said = _n("{n} record before these is in {path}", "{n} records before these are in {path}", count)
        where = look.journal or _("the journal")
        lines.append((Span(f"  {g.cut} " + said.format(n=f"{count:,}", path=where), Role.DIM),))
    first, room = looks.scroll, events_rows(state, looks)
    cells = []
    for record in look.records[first : first + room]:
        chosen = looks.selected == str(record.seq)
        cells.append(Cell(str(record.seq), len(lines), 0, looks.width))
        line = _line(record, tell(state, record, g), looks.width - 2, g, find=look.find, chosen=chosen)
        lines.append((Span("> " if chosen else "  ", Role.ACCENT), *line))
    if not look.records:
        lines.append((Span("  " + _nothing(look), Role.DIM),))
    keys = key_line(hints(SCREEN_KEYS["events"], looks.keymap, *_KEYS), looks, g)
    follow = _("follows") if looks.follow else _("stays (f follows)")
    head = title(state, _("EVENTS"), _counted(state, look), looks, g, right=follow)
    return framed(head, Panel(tuple(lines), tuple(cells)), keys, looks, g)


def _nothing(look: EventsLook) -> str:
    return _("No event matches {filter}.").format(filter=look.filter) if look.filter else _("Nothing yet.")


def _counted(state: RunState, look: EventsLook) -> str:
    parts = []
    if look.filter:
        said = _("{n} of {m} match {filter}")
        parts.append(said.format(n=len(look.records), m=len(state.log), filter=look.filter))
    else:
        count = len(look.records)
        parts.append(_n("{n} event", "{n} events", count).format(n=f"{count:,}"))
        if state.saved_seq:
            parts.append(_("saved to #{n}").format(n=state.saved_seq))
    if look.find:
        parts.append(_("find {text} (n next)").format(text=look.find))
    return "   ".join(parts)


def _line(record: Record, told: Told, width: int, g: Glyphs, *, find: str = "", chosen: bool = False) -> Line:
    time = Span(f"{clock(record.at):>{_TIME}} ", Role.DIM)
    mark = Span(f" {told.glyph} ", told.role)
    body = Role.SELECTED if chosen else told.role
    who = (
        pad(told.who, _WHO if width < 100 else _WIDE_WHO, g.cut) + "  "
        if width >= _WHO_FROM
        else f"{told.who}: "
    )
    loud = told.role in (Role.BAD, Role.WARN, Role.STRONG, Role.ACCENT)
    named = Role.SELECTED if chosen else told.role if loud else Role.TEXT
    spans = (*_marked(who, find, named), *_marked(told.what, find, body))
    return fit_line((time, mark, *spans), width, g.cut)


def _marked(text: str, find: str, role: Role) -> Line:
    """`text` with what was found in it brought out."""
    at = text.casefold().find(find.casefold()) if find else -1
    if at < 0 or len(text.casefold()) != len(text):
        return (Span(text, role),)
    end = at + len(find)
    return (Span(text[:at], role), Span(text[at:end], Role.KEY), *_marked(text[end:], find, role))
