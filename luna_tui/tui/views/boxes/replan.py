"""The box before the rest of a run is planned anew."""

from __future__ import annotations

from luna_tui.core.clean import clean_line
from luna_tui.core.home import PlanningPrice
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import GOOD
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.home_detail import goal_said
from luna_tui.tui.views.spans import Line, Role, Span


def replan_box(state: RunState, price: PlanningPrice) -> Box:
    """What is kept, what is planned anew, and what that may cost."""
    good = sum(state.counts.get(status, 0) for status in GOOD)
    left = len(state.subtasks) - good
    kept = _n("{n} is done and stays done.", "{n} are done and stay done.", good).format(n=good)
    anew = _n("{n} is planned anew.", "{n} are planned anew.", left).format(n=left)
    facts: tuple[Line, ...] = (
        (Span(clean_line(state.plan.goal or state.plan.name), Role.STRONG),),
        (Span(f"{kept} {anew}"),),
        (Span(goal_said(price, "").text),),
        (Span(_("You see the new plan and the difference before anything starts."), Role.DIM),),
    )
    choices = (Choice("N", _("plan the rest anew")), Choice("esc", _("leave as it is")))
    return Box(_("Plan the rest anew? nothing has been asked yet"), facts, choices, "")
