"""Pages that are read rather than watched: their frame, and the report."""

from __future__ import annotations

from luna_tui.core.figures import bounds_in_words, lost_in_words
from luna_tui.core.metrics import measured, most_workers
from luna_tui.core.schedule import critical_path
from luna_tui.core.state import RunState
from luna_tui.core.words import GOOD, Status
from luna_tui.tui.views.bars import run_word
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import clock, fit_line, money, tokens, wrap


def report_lines(state: RunState, looks: Looks, *, folder: str) -> list[Line]:
    """All lines of the report page."""
    end = state.finished
    word, role = run_word(state, state.at)
    counts = "  ".join(f"{n} {s.value.replace('_', ' ')}" for s, n in sorted(state.counts.items()))
    lines: list[Line] = [
        (
            Span("luna ", Role.TITLE), Span(f"{state.run}  {state.plan.name}  "), Span(word, role),
            Span(f"   {counts}", Role.STRONG), Span(f"   {clock(state.at)}", Role.DIM),
        ),
        (),
    ]  # fmt: skip
    if end is None:
        return [*lines, (Span("The run is still on; the report comes with its end."),)]
    lines += _speed(state)
    lines += _costs(state)
    lines += _waves(state)
    lines += _bad(state, looks)
    files = f"{folder}/report.md, journal.0001.ndjson, outputs/" if folder else "not kept"
    lines += [(), (Span("files     ", Role.DIM), Span(files)),
              (Span("again     ", Role.DIM), Span(f"luna-tui show {state.run}"))]  # fmt: skip
    return lines


def _speed(state: RunState) -> list[Line]:
    end = state.finished
    assert end is not None
    speed = f"{end.speedup:.1f}x" if end.speedup else "?"
    lines: list[Line] = [
        (
            Span("speed-up  ", Role.DIM),
            Span(f"{speed:<7}", Role.GOOD),
            Span(f"measured: {clock(end.sum_s)} of subtask time in {clock(end.wall_s)}"),
        ),
    ]
    found = measured(state)
    if found.could_be:
        bounds = bounds_in_words(found.bounds, most_workers(state))
        lines.append(
            (Span("could be  ", Role.DIM), Span(f"{found.could_be:.1f}x".ljust(7)), Span(f"bound: {bounds}"))
        )
    if causes := lost_in_words(found.lost):
        lost = clock(found.wall_s - found.bound_s)
        lines.append((Span("lost      ", Role.DIM), Span(f"{lost:<7}"), Span(causes)))
    durations = {i: s.duration_s for i, s in state.subtasks.items()}
    depends = {i: s.planned.depends_on for i, s in state.subtasks.items()}
    path, seconds = critical_path(durations, depends, list(state.subtasks))
    if len(path) > 1:
        chain = " -> ".join(state.subtasks[i].label for i in path[:6])
        lines.append((Span("critical  ", Role.DIM), Span(f"{chain}  ({clock(seconds)} of work in a row)")))
    return lines


def _costs(state: RunState) -> list[Line]:
    end = state.finished
    assert end is not None
    text = f"in {tokens(state.tokens.input)}  out {tokens(state.tokens.output)}"
    if state.tokens.cache_read:
        text += f"  cache read {tokens(state.tokens.cache_read)}"
    price = money(end.cost_usd) if end.cost_usd is not None else "price of the model unknown"
    failed = sum(1 for s in state.subtasks.values() for t in s.tries if t.error_kind is not None)
    refused = f"429 x{len(state.throttled_at)}   tries that failed: {failed}"
    return [
        (Span("tokens    ", Role.DIM), Span(f"{text}   {price}")),
        (Span("limits    ", Role.DIM), Span(refused)),
    ]


def _waves(state: RunState) -> list[Line]:
    lines: list[Line] = [()]
    for wave in state.waves.values():
        took = "not started"
        if wave.started_at is not None and wave.ended_at is not None:
            took = clock(wave.ended_at - wave.started_at)
        good = sum(state.subtasks[i].status in GOOD for i in wave.subtasks)
        role = Role.TEXT if good == len(wave.subtasks) else Role.BAD
        head = f"{wave.name:<14} {took:>11}  {good:>4}/{len(wave.subtasks)} ok  "
        why = wave.end_reason or wave.reason
        lines.append((Span(f"wave {wave.number:<5}", Role.DIM), Span(head, role), Span(why, Role.DIM)))
    return lines


def _bad(state: RunState, looks: Looks) -> list[Line]:
    groups: dict[tuple[Status, str], list[str]] = {}
    for s in state.subtasks.values():
        if s.status is not None and s.status not in GOOD:
            groups.setdefault((s.status, s.reason), []).append(s.label)
    lines: list[Line] = [()] if groups else []
    for (status, reason), labels in groups.items():
        names = " ".join(labels[:8]) + (f" and {len(labels) - 8} more" if len(labels) > 8 else "")
        head = f"{status.value.replace('_', ' '):<10}"
        for n, part in enumerate(wrap(f"{names}  {reason}", max(20, looks.width - 12))):
            lines.append((Span(head if n == 0 else " " * 10, Role.BAD), Span(part)))
    return lines


def page(lines: list[Line], looks: Looks, foot: Line) -> Panel:
    """A scrolled page of exactly `looks.height` lines with a foot."""
    g = glyphs_for(looks.ascii)
    room = max(0, looks.height - 2)
    start = min(looks.scroll, max(0, len(lines) - room))
    shown = [fit_line(line, looks.width, g.cut) for line in lines[start : start + room]]
    shown += [()] * (room - len(shown))
    more = len(lines) - room - start
    hint = (Span(f"   {more} more lines below, j", Role.DIM),) if more > 0 else ()
    rule: Line = (Span(g.rule * looks.width, Role.BORDER),)
    return Panel((*shown, rule, fit_line((*foot, *hint), looks.width, g.cut))[-looks.height :])
