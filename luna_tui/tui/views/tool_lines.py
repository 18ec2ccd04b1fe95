"""Uses of tools, a line each, and where they stand in what an agent says."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.clean import clean_line
from luna_tui.core.insight import Stand
from luna_tui.core.parts import SubtaskState
from luna_tui.core.spans import Call, Try
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.needs_words import what_of
from luna_tui.tui.views.reading import Note
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import clock, fit, fit_line, width_of

_MOST = 400
"""Characters of a summary or a result that a line is made from."""


def tool_line(call: Call, now_s: float, width: int, g: Glyphs) -> Line:
    """`» read_file src/a.py   0.1 s  342 lines`."""
    running = call.end_at is None
    glyph, role = (
        (g.states[Stand.TOOL], Role.STATE_TOOL) if call.ok else (g.states[Stand.FAILED], Role.STATE_FAILED)
    )
    took = clock(now_s - call.at) if call.end_at is None else _took(call.end_at - call.at)
    end: Line = (Span(f"  {took}", Role.STATE_TOOL if running else Role.DIM),)
    result = clean_line(call.result[:_MOST])
    if not running and not call.ok and not result:
        result = _("failed")
    if result:
        room = max(8, width // 2 - width_of(end))
        end = (*end, Span("  " + fit(result, room, g.cut), Role.DIM if call.ok else Role.STATE_FAILED))
    name = Span(clean_line(call.tool), Role.STRONG if running else Role.TEXT)
    head: Line = (
        Span(f"{glyph} ", role),
        name,
        Span(f" {what_of(call.tool, call.summary)}".rstrip(), Role.DIM),
    )
    return fit_line((*fit_line(head, max(4, width - width_of(end)), g.cut), *end), width, g.cut)


def _took(seconds: float) -> str:
    return _("{s:.1f} s").format(s=seconds) if seconds < 10 else clock(seconds)


def tool_notes(
    calls: Sequence[Call], begins_at: int, text_from: int, now_s: float, width: int, g: Glyphs
) -> tuple[Note, ...]:
    """The lines of `calls` between the words of their attempt.

    `begins_at` is the place in the text at which the attempt begins, `text_from` that of the first
    character that is there; what was used before that one is left out.
    """
    return tuple(
        Note(begins_at + call.after_chars, tool_line(call, now_s, width, g))
        for call in calls
        if begins_at + call.after_chars >= text_from
    )


def used_tools(t: Try) -> str:
    """`4 turns, 7 tools, 1 failed`; empty for an attempt that used none."""
    if not t.calls and t.turns < 2:
        return ""
    failed = sum(not call.ok for call in t.calls)
    parts = [_n("{n} turn", "{n} turns", t.turns).format(n=t.turns)]
    if t.calls:
        parts.append(_n("{n} tool used", "{n} tools used", len(t.calls)).format(n=len(t.calls)))
    if failed:
        parts.append(_n("{n} failed", "{n} failed", failed).format(n=failed))
    return ", ".join(parts)


def in_use(s: SubtaskState, now_s: float) -> str:
    """What it does instead of talking: `read_file src/a.py 0:07`; of several, how many there are."""
    calls = [c for c in s.tries[-1].calls if c.end_at is None] if s.tries else []
    if not calls:
        return clean_line((s.tool or "")[:_MOST])
    said = f"{calls[0].tool} {what_of(calls[0].tool, calls[0].summary)}".strip()
    if len(calls) > 1:
        said = _("{n} tools: {first}").format(n=len(calls), first=said)
    return f"{clean_line(said)} {clock(now_s - calls[0].at)}"
