"""The budget box: what is spent, in flight and expected, and what another cap would hold back."""

from __future__ import annotations

from luna_tui.core.forecast import in_flight_usd
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n, _p
from luna_tui.tui.views.boxes.effects import UNKNOWN, budget_of, cost_ahead, held_at
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import money


def amount(typed: str) -> float | None:
    """USD of what was typed; None = no cap. Only digits and one point can be typed."""
    return float(typed) if typed.strip(".") else None


def budget_box(state: RunState, now_s: float, typed: str, g: Glyphs) -> Box:
    """What the cap that is typed would do."""
    cap, before = amount(typed), budget_of(state)
    facts: list[Line] = [
        (
            Span(_("cap      "), Role.DIM), Span(f"${typed}{g.cursor}", Role.STRONG),
            Span(_("   empty = no cap") if cap is None else "", Role.DIM),
            Span(_("   now {usd}").format(usd=_("no cap") if before is None else money(before)), Role.DIM),
        ),
        (),
        _fact(_("spent    "), money(state.cost_usd) + (_(" or more") if state.unpriced else "")),
        _fact(_p("9 cells", "in flight"), _about(in_flight_usd(state))),
        _fact(_("forecast "), _forecast(state, now_s, g)),
    ]  # fmt: skip
    facts += _consequence(state, now_s, cap)
    same = cap == before
    choices = (
        Choice("enter", _("keep as it is") if same else _("apply")),
        Choice("esc", _("change nothing")),
    )
    return Box(_("Budget in USD"), tuple(facts), choices, _("digits and a point; backspace takes one back"))


def _fact(name: str, value: str) -> Line:
    return (Span(f"{name}  ", Role.DIM), Span(value))


def _about(usd: float | None) -> str:
    return UNKNOWN if usd is None else _("about {usd}").format(usd=money(usd))


def _forecast(state: RunState, now_s: float, g: Glyphs) -> str:
    found = cost_ahead(state, now_s)
    return UNKNOWN if found is None else f"{money(found[0])} {g.spread}{found[1]:.2f}"


def _consequence(state: RunState, now_s: float, cap: float | None) -> list[Line]:
    if cap is None:
        return [(Span(_("Without a cap nothing is held."), Role.DIM),)]
    spent = state.cost_usd or 0.0
    if cap <= spent:
        return [(Span(_("Already spent: nothing that costs money would start any more."), Role.WARN),)]
    held = held_at(state, now_s, cap)
    if held is None:
        return [
            (Span(_("Past the cap subtasks are held, never failed; how many is not known yet."), Role.DIM),)
        ]
    if held == 0:
        return [(Span(_("Nothing would be held."), Role.GOOD),)]
    said = _n(
        "About {n} subtask would be held, never failed.",
        "About {n} subtasks would be held, never failed.",
        held,
    )
    return [(Span(said.format(n=held), Role.WARN),)]
