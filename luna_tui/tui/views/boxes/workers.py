"""The workers box: a number, what it brings, and a word where it is more than the table gives."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.limits import TierLimits, above_table, worker_rule
from luna_tui.core.reasons import mode_word
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Staffing
from luna_tui.tui.views.boxes.effects import UNKNOWN, end_if, end_in, eta, useful
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span

MOST = 256
"""More threads than this bring nothing on one machine."""


def count_of(wanted: int | Staffing, state: RunState, tiers: Mapping[str, TierLimits]) -> int | None:
    """Workers that a wish comes to; None = the limits decide."""
    if wanted is Staffing.AUTO:
        return None
    if wanted is Staffing.TABLE:
        rule = worker_rule(wanted, state.tier, state.mode, tiers) if state.tier in tiers else None
        return None if rule is None or rule.automatic else rule.most
    return wanted


def workers_box(
    state: RunState, now_s: float, wanted: int | Staffing, tiers: Mapping[str, TierLimits], g: Glyphs
) -> Box:
    """What `wanted` workers would bring."""
    count = count_of(wanted, state, tiers)
    fits = useful(state)
    now = _("auto") if state.automatic else str(state.max_workers)
    same = count == (None if state.automatic else state.max_workers)
    time, binds = end_if(state, now_s, workers=None if same else count or fits or state.max_workers)
    facts: list[Line] = [
        _number(wanted, count, g, now),
        (),
        _useful(fits, count),
        (
            Span(_("ETA  "), Role.DIM), Span(end_in(eta(state, now_s), g) if same else time),
            Span(_("   binds  "), Role.DIM), Span(binds),
        ),
    ]  # fmt: skip
    if state.tier in tiers and isinstance(wanted, int):
        above = above_table(wanted, state.tier, state.mode, tiers)
        if above:
            facts.append((Span(_("{fact}: more refusals (429) are likely").format(fact=above), Role.WARN),))
    return Box(
        _("Workers"),
        tuple(facts),
        (
            Choice("enter", _("apply") if not same else _("keep as it is")),
            Choice("a", _("auto: as many as the limits can use")),
            Choice("t", _table_words(state, tiers)),
            Choice("esc", _("change nothing")),
        ),
        _("+ - or digits change the number"),
    )


def _number(wanted: int | Staffing, count: int | None, g: Glyphs, now: str) -> Line:
    if isinstance(wanted, int):
        text = f"{wanted}{g.cursor}"
    else:
        text = wanted.value if count is None else f"{wanted.value} ({count})"
    return (
        Span(_("workers  "), Role.DIM),
        Span(text, Role.STRONG),
        Span(_("   now {n}").format(n=now), Role.DIM),
    )


def _useful(fits: int | None, count: int | None) -> Line:
    if fits is None:
        return (Span(_("useful workers: not known yet"), Role.DIM),)
    said = _n("{n} worker is useful at this token rate", "{n} workers are useful at this token rate", fits)
    if count is not None and count > fits:
        more = _("; {n} would wait").format(n=count - fits)
        return (Span(said.format(n=fits)), Span(more, Role.WARN))
    return (Span(said.format(n=fits)),)


def _table_words(state: RunState, tiers: Mapping[str, TierLimits]) -> str:
    count = count_of(Staffing.TABLE, state, tiers)
    number = UNKNOWN if state.tier not in tiers else _("auto") if count is None else str(count)
    return _("table: {n} for {tier} {mode}").format(n=number, tier=state.tier, mode=mode_word(state.mode))
