"""The stop menu: what each stop would keep, drop and take, before anything is stopped."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.insight import flow, forecast
from luna_tui.core.state import RunState
from luna_tui.core.words import Manner, Scope
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Cell, Line, Panel, Role, Span
from luna_tui.tui.views.text import clock, pad, tokens

WIDTH = 72


@dataclass(frozen=True, slots=True)
class Choice:
    """One line of the menu; `scope` None = change nothing."""

    key: str
    does: str
    price: str
    scope: Scope | None = None
    manner: Manner = Manner.NOW
    wave: str | None = None
    subtask: str | None = None


def choices(state: RunState, selected: str | None, now_s: float) -> tuple[Choice, ...]:
    """What can be stopped now, the safe choice first."""
    f = flow(state, now_s)
    wave = state.current_wave
    left = forecast(state, now_s)
    soon = f"about {clock(left[0])}" if left else ""
    drops = f"drops {f.on} on workers"
    kept = sum(1 for s in state.subtasks.values() if s.status is not None)
    found = [Choice("esc", "keep running", "")]
    s = state.subtasks.get(selected or "")
    if s is not None and s.status is None:
        price = f"drops {tokens(s.chars // 4)} tok" if s.running else "not started yet"
        found.append(
            Choice("s", f"this subtask {s.label} {s.planned.title}", price, Scope.SUBTASK, subtask=s.id)
        )
    if wave is not None and wave.ended_at is None:
        found += [
            Choice(
                "w",
                f"wave {wave.number}: finish the {f.in_flight} in flight, start no more",
                "",
                Scope.WAVE,
                Manner.FINISH,
                wave.name,
            ),
            Choice("W", f"wave {wave.number} now", drops, Scope.WAVE, Manner.NOW, wave.name),
        ]
    found += [
        Choice(
            "a",
            f"all: finish the {f.in_flight} in flight, start no more",
            soon if f.in_flight else "",
            Scope.RUN,
            Manner.FINISH,
        ),
        Choice("A", f"all now: keeps {kept}", drops, Scope.RUN, Manner.NOW),
    ]
    return tuple(found)


def stop_menu_view(offered: tuple[Choice, ...], at: int, width: int, g: Glyphs) -> Panel:
    """A box of `width` cells with the choice number `at` under the cursor."""
    tl, tr, bl, br, h, v = g.corners
    inner = width - 4
    title = " Stop what? nothing has been stopped yet "
    lines: list[Line] = [
        (
            Span(tl + h, Role.BORDER),
            Span(title[: width - 4], Role.STRONG),
            Span(h * (width - 3 - len(title[: width - 4])) + tr, Role.BORDER),
        )
    ]

    def row(*spans: Span) -> Line:
        return (Span(f"{v} ", Role.BORDER), *spans, Span(f" {v}", Role.BORDER))

    lines.append(row(Span(" " * inner)))
    cells = []
    for place, choice in enumerate(offered):
        mark = ">" if place == at else " "
        price = choice.price if inner - 7 - len(choice.price) >= 20 else ""
        room = inner - 7 - len(price)
        body = Role.SELECTED if place == at else Role.TEXT
        cells.append(Cell(choice.key, len(lines), 2, inner))
        lines.append(
            row(
                Span(f"{mark} ", Role.ACCENT),
                Span(f"{choice.key:<3} ", Role.KEY),
                Span(pad(choice.does, room, g.cut), body),
                Span(f" {price}", Role.DIM),
            )
        )
    lines.append(row(Span(" " * inner)))
    lines.append(
        row(
            Span(
                pad("What ended is kept.  enter chooses, esc keeps running.", inner, g.cut),
                Role.DIM,
            )
        )
    )
    lines.append((Span(bl + h * (width - 2) + br, Role.BORDER),))
    return Panel(tuple(lines), tuple(cells))
