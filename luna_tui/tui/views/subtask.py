"""One subtask: the whole screen with its tabs, and the peek beside the grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import N_, _
from luna_tui.tui.views.frame import key_line, rule, title
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.hints import hints
from luna_tui.tui.views.keys import ACTING, SCREEN_KEYS
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.spans import Line, Lines, Looks, Panel, Role, Span
from luna_tui.tui.views.subtask_head import facts, now_stands, speed_line, who
from luna_tui.tui.views.text import fit_line, join, width_of
from luna_tui.tui.views.tool_lines import tool_notes

TABS = (N_("stream"), N_("prompt"), N_("result"), N_("tries"), N_("events"))
STREAM, PROMPT, RESULT, TRIES, EVENTS = range(5)
_ON_KEY_LINE = (
    "go.back", "tab.next_tab", "text.find", "text.follow", "do.retry", "run.stop", "take.line", "take.file",
    "do.edit", "go.next_problem", "go.help", "run.leave",
)  # fmt: skip
_ON_TRIES = ("go.back", "tab.open_try", *_ON_KEY_LINE[1:])
_ON_PEEK = ("do.open", "do.retry", "run.stop", "take.line", "do.edit", "take.file")


@dataclass(frozen=True, slots=True)
class Tab:
    """What is open on the subtask screen."""

    number: int = STREAM
    lines: Lines = ()
    """At most `body_room` of them."""
    place: str = ""
    """Where one is in it: `41-54 of 120`."""
    found: str = ""
    """`3 of 12`; empty while nothing is looked for."""
    following: bool = False
    of_try: int | None = None
    """The try whose stream is shown; None = the last one."""
    events: int = 0


def body_room(height: int) -> int:
    """Lines that the screen has for what is open."""
    around = 10 if height >= 20 else 6 if height >= 12 else 4 if height >= 8 else 3 if height >= 4 else 1
    return max(1, height - around)


def subtask_view(
    state: RunState, subtask_id: str, now_s: float, looks: Looks, tab: Tab | None = None
) -> Panel:
    """The whole subtask screen, exactly `looks.height` lines."""
    g = glyphs_for(looks.ascii)
    s = state.subtasks[subtask_id]
    width, height = looks.width, looks.height
    if tab is None:
        reading = stream_reading(s, now_s, width, g)
        tab = Tab(lines=(*reading.shown(body_room(height)), *nothing_said(s, reading)), following=True)
    how = now_stands(state, s, now_s)
    lines: list[Line] = [_title(state, s, looks, g)]
    if height >= 8:
        told = facts(state, s, now_s, width, g)
        lines += told[: 4 if height >= 20 else 2 if height >= 12 else 1]
    if height >= 4:
        lines.append(_tabs(s, tab, width, g))
    if height >= 20:
        lines.append(rule(width, g))
    room = body_room(height)
    lines += tab.lines[:room]
    lines += [()] * (room - len(tab.lines))
    if height >= 20:
        lines.append(rule(width, g))
    if height >= 12:
        found = (Span(tab.found, Role.ACCENT),) if tab.found else ()
        lines.append(join(speed_line(s, how, tab.following, g), found, width, g.cut))
    if height >= 4:
        shown = _ON_TRIES if tab.number == TRIES else _ON_KEY_LINE
        lines.append(key_line(hints(SCREEN_KEYS["subtask"], looks.keymap, *shown), looks, g))
    return Panel(tuple(fit_line(line, width, g.cut) for line in lines[:height]))


def peek(state: RunState, subtask_id: str, now_s: float, width: int, height: int, looks: Looks) -> Panel:
    """Facts and the end of the stream beside the grid, with a foot; `looks` is that of the whole screen."""
    g = glyphs_for(looks.ascii)
    s = state.subtasks.get(subtask_id)
    if s is None or height < 3 or width < 20:
        return Panel(())
    how = now_stands(state, s, now_s)
    head: Line = (
        Span(f"{g.states[how]} ", ROLES[how]),
        Span(f"{s.label} {s.planned.title}", Role.TITLE),
        Span(f"  {who(s)}", Role.DIM),
    )
    told = facts(state, s, now_s, width, g)
    lines: list[Line] = [head, *told[: 4 if height >= 14 else 2 if height >= 9 else 1]]
    foot: list[Line] = []
    if height >= 12:
        following = speed_line(s, how, True, g)
        foot = [rule(width, g), following, _keys(looks, width, g)]
    lines.append(rule(width, g))
    room = height - len(lines) - len(foot)
    body = stream_reading(s, now_s, width, g)
    shown = [*body.shown(room), *nothing_said(s, body)]
    if not looks.stream_text:
        lines.append((Span(_("left out while the line is slow; enter shows it"), Role.DIM),))
    elif room > 0:
        lines += with_cursor(s, shown, width, g)
    lines += [()] * (height - len(foot) - len(lines))
    return Panel(tuple(fit_line(line, width, g.cut) for line in (*lines, *foot)[:height]))


def stream_reading(s: SubtaskState, now_s: float, width: int, g: Glyphs) -> Reading:
    """The end of the stream that is in memory, wrapped from the beginning of a line, tools in between."""
    text = s.tail.rstrip("\n")
    left_out = 0
    if s.chars > len(s.tail):
        left_out = text.find("\n") + 1
        text = text[left_out:]
    reading = Reading(follows=True)
    reading.resize(width)
    reading.set_text(text)
    calls = s.tries[-1].calls if s.tries else []
    begins_at = len(s.tail) - s.chars - left_out
    notes = tool_notes(calls, begins_at, 0, now_s, width, g)
    reading.set_notes(tuple(replace(note, at=min(note.at, len(text))) for note in notes))
    return reading


def nothing_said(s: SubtaskState, reading: Reading) -> list[Line]:
    """What stands where a stream would be, when there is none."""
    if reading.rows:
        return []
    return [(Span(_("Nothing was said yet.") if s.status is None else _("It said nothing."), Role.DIM),)]


def with_cursor(s: SubtaskState, lines: list[Line], width: int, g: Glyphs) -> list[Line]:
    """A cursor after the last word marks that more may come; a full row has no room for it."""
    talks = s.running and s.chars and s.tool is None
    if talks and lines and width_of(lines[-1]) < width:
        return [*lines[:-1], (*lines[-1], Span(g.cursor, Role.ACCENT))]
    return lines


def _title(state: RunState, s: SubtaskState, looks: Looks, g: Glyphs) -> Line:
    right = "  ".join(part for part in (s.wave, s.planned.model or str(s.planned.kind)) if part)
    return title(state, f"{s.label} {s.planned.title}", who(s), looks, g, right=right)


def _tabs(s: SubtaskState, tab: Tab, width: int, g: Glyphs) -> Line:
    spans: list[Span] = []
    counts = {TRIES: len(s.tries), EVENTS: tab.events}
    for n, word in enumerate(TABS):
        text = _(word)
        if n == STREAM and tab.of_try is not None:
            text = _("stream of try {n}").format(n=tab.of_try)
        if counts.get(n):
            text += f" {counts[n]}"
        if n == tab.number:
            spans.append(Span(f"[{n + 1} {text}]", Role.SELECTED))
        elif width < 60:
            spans += [Span(" "), Span(str(n + 1), Role.KEY), Span(" ")]
        else:
            spans += [Span(" "), Span(str(n + 1), Role.KEY), Span(f" {text} ")]
        spans.append(Span(" "))
    return join(tuple(spans), (Span(tab.place, Role.DIM),) if tab.place else (), width, g.cut)


def _keys(looks: Looks, width: int, g: Glyphs) -> Line:
    spans: list[Span] = []
    ids = (i for i in _ON_PEEK if looks.playing is None or i not in ACTING)
    for hint in hints(SCREEN_KEYS["run"], looks.keymap, *ids):
        word = hint.word.replace("…", g.more)
        more = (Span("  " if spans else ""), Span(hint.key, Role.KEY), Span(f" {word}"))
        if width_of((*spans, *more)) > width:
            break
        spans += more
    return tuple(spans)
