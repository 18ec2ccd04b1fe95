"""One subtask: how it stands, what it cost, its tries, and its stream."""

from __future__ import annotations

from luna_tui.core.insight import dependents, elapsed_s, quiet_after_s, stand
from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.words import Kind
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.grid import said
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, money, tokens, wrap

_TRIES_SHOWN = 4


def peek(
    state: RunState, subtask_id: str, now_s: float, width: int, height: int, g: Glyphs, *, text: bool = True
) -> Panel:
    """Facts and, with `text`, the end of the stream beside the grid."""
    s = state.subtasks.get(subtask_id)
    if s is None or height < 3 or width < 20:
        return Panel(())
    facts = _facts(state, s, now_s, g)
    lines = [fit_line((Span(f"{s.label} {s.planned.title}", Role.TITLE),), width, g.cut)]
    lines += [fit_line(line, width, g.cut) for line in facts[: max(0, height - 3)]]
    lines.append((Span(g.rule * width, Role.BORDER),))
    room = height - len(lines)
    said_last = wrap(s.tail.rstrip("\n"), width)[-room:] if text and room > 0 else []
    lines += [(Span(line, Role.TEXT),) for line in said_last]
    return Panel(tuple(lines))


def subtask_view(state: RunState, subtask_id: str, now_s: float, looks: Looks) -> Panel:
    """The whole subtask screen, exactly `looks.height` lines."""
    g = glyphs_for(looks.ascii)
    s = state.subtasks[subtask_id]
    width = looks.width
    title = (
        Span(f"{s.label} {s.planned.title}", Role.TITLE),
        Span(f"   {s.wave}   {s.planned.kind}", Role.DIM),
    )
    lines: list[Line] = [title, *_facts(state, s, now_s, g), *_tries(s), *_asked(s)]
    lines = [fit_line(line, width, g.cut) for line in lines[: max(1, looks.height // 2)]]
    lines.append((Span(g.rule * width, Role.BORDER),))
    room = max(0, looks.height - len(lines) - 2)
    stream = stream_lines(s, width, g)
    end = max(room, len(stream) - looks.scroll) if looks.scroll else len(stream)
    shown = stream[max(0, end - room) : end]
    lines += [(Span(line, Role.TEXT),) for line in shown]
    lines += [()] * (room - len(shown))
    lines.append((Span(g.rule * width, Role.BORDER),))
    lines.append(_foot(s, looks, len(stream), g, width))
    return Panel(tuple(lines[: looks.height]))


def stream_lines(s: SubtaskState, width: int, g: Glyphs) -> list[str]:
    """The kept text, wrapped; a cursor marks that more may come."""
    text = s.tail.rstrip("\n")
    if not text:
        return ["Nothing was said yet." if s.status is None else "It said nothing."]
    cut = (
        [f"{g.cut} {s.chars - len(s.tail):,} characters before this are in the output file"]
        if s.chars > len(s.tail)
        else []
    )
    return cut + wrap(text + (g.cursor if s.running else ""), width)


def _facts(state: RunState, s: SubtaskState, now_s: float, g: Glyphs) -> list[Line]:
    how = stand(s, now_s, quiet_after_s=quiet_after_s(state, state.waves[s.wave]), paused=state.paused)
    word = how.value.replace("_", " ")
    detail = said(s, how, now_s) if how.value not in ("streaming", "ok", "tool", "cached") else ""
    facts: list[Line] = [
        (
            Span("state  ", Role.DIM),
            Span(f"{g.states[how]} {word}", ROLES[how]),
            Span(f"  {clock(elapsed_s(s, now_s))}"),
            Span(f"  {detail}" if detail else "", ROLES[how]),
        )
    ]
    if s.planned.kind is Kind.CLAUDE:
        text = f"in {s.input_tokens:,}  out {s.output_tokens or s.chars // 4:,} tokens"
        if s.cost_usd is not None:
            text += f"  {money(s.cost_usd)}"
        where = f"  worker {s.worker}" if s.worker is not None else ""
        facts.append((Span("used   ", Role.DIM), Span(text + where), Span(f"  {s.planned.model}", Role.DIM)))
    if s.planned.depends_on:
        facts.append((Span("needs  ", Role.DIM), Span(_labels(state, s.planned.depends_on, g))))
    feeds = dependents(state, s.id)
    if feeds:
        facts.append((Span("feeds  ", Role.DIM), Span(_labels(state, feeds, g))))
    return facts


def _labels(state: RunState, ids: tuple[str, ...], g: Glyphs) -> str:
    parts = []
    for i in ids[:8]:
        s = state.subtasks.get(i)
        if s is not None:
            parts.append(f"{s.label} {g.states[stand(s, state.at)]}")
    more = f"  and {len(ids) - 8} more" if len(ids) > 8 else ""
    return "  ".join(parts) + more


def _tries(s: SubtaskState) -> list[Line]:
    failed = [t for t in s.tries if t.error_kind is not None]
    return [
        (
            Span(f"try {t.number}  ", Role.DIM),
            Span(f"{clock((t.ended_at or t.started_at) - t.started_at)}  "),
            Span(t.message, Role.WARN),
        )
        for t in failed[-_TRIES_SHOWN:]
    ]


def _asked(s: SubtaskState) -> list[Line]:
    first = s.planned.prompt.strip().partition("\n")[0]
    return [(Span("asked  ", Role.DIM), Span(first, Role.DIM))] if first else []


def _foot(s: SubtaskState, looks: Looks, total: int, g: Glyphs, width: int) -> Line:
    follow = "following" if looks.follow else f"{looks.scroll} lines back of {total}"
    keys = (("esc", "back"), ("j k", "scroll"), ("f", "follow"), ("x", "stop"), ("?", "keys"))
    spans = [Span(f"{follow}  {tokens(s.chars)} characters   ", Role.DIM)]
    for key, does in keys:
        spans += [Span(key, Role.KEY), Span(f" {does}  ")]
    return fit_line(tuple(spans), width, g.cut)
