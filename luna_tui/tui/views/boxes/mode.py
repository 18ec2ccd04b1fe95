"""The mode box: each share of the limits with its workers, and what it does to time and cost."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.limits import SHARES, TierLimits, worker_rule
from luna_tui.core.reasons import mode_word
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.views.boxes.effects import UNKNOWN, cost_ahead, end_if, end_in, eta
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.keys import MODE_ORDER
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import money

_COLUMNS = (6, 9, 14, 9)


def mode_box(state: RunState, now_s: float, tiers: Mapping[str, TierLimits], g: Glyphs) -> Box:
    """The three modes, the present one marked."""
    return Box(
        _("Mode: how much of the limits may be used"),
        (_present(state, tiers),),
        tuple(_choice(state, now_s, Mode(name), tiers, g) for name in MODE_ORDER),
        _("enter applies, esc changes nothing"),
        _columns(_("share"), _("workers"), _("ETA"), _("cost")),
    )


def _present(state: RunState, tiers: Mapping[str, TierLimits]) -> Line:
    said = _("It takes effect at once; what is in flight goes on.")
    if isinstance(staffing(state, tiers), int):
        said = _("The number of workers was chosen; it stays {n}.")
    return (Span(said.format(n=state.max_workers), Role.DIM),)


def _choice(state: RunState, now_s: float, mode: Mode, tiers: Mapping[str, TierLimits], g: Glyphs) -> Choice:
    here = mode is state.mode
    cost = cost_ahead(state, now_s)
    price = _columns(
        f"{SHARES[mode]:.0%}".replace("%", " %"),
        _workers(state, mode, tiers),
        end_in(eta(state, now_s), g) if here else end_if(state, now_s, mode=mode)[0],
        UNKNOWN if cost is None else money(cost[0]),
    )
    does = _("{mode}  now").format(mode=mode_word(mode)) if here else mode_word(mode)
    return Choice(mode.value[0], does, price)


def _columns(*texts: str) -> str:
    return "".join(text.rjust(size) for text, size in zip(texts, _COLUMNS, strict=True))


def _workers(state: RunState, mode: Mode, tiers: Mapping[str, TierLimits]) -> str:
    found = staffing(state, tiers)
    if found is Staffing.TABLE and mode is not state.mode:
        rule = worker_rule(Staffing.TABLE, state.tier, mode, tiers)
        return _("auto") if rule.automatic else str(rule.most)
    return _("auto") if state.automatic else str(state.max_workers)


def staffing(state: RunState, tiers: Mapping[str, TierLimits]) -> Staffing | int:
    """Where the number of workers comes from, as far as it can be seen."""
    if state.tier in tiers:
        rule = worker_rule(Staffing.TABLE, state.tier, state.mode, tiers)
        if rule.automatic == state.automatic and (rule.automatic or rule.most == state.max_workers):
            return Staffing.TABLE
    return Staffing.AUTO if state.automatic else state.max_workers
