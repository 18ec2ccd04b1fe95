"""The skip box: what would be lost with it, before anything is skipped."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from luna_tui.core.state import RunState
from luna_tui.core.tongue import N_, _, _n
from luna_tui.tui.views.boxes.effects import lost_with, named
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.boxes.retry import left_out_lines, waste_lines
from luna_tui.tui.views.spans import Line, Role, Span


@dataclass(frozen=True, slots=True)
class SkipOffer:
    """What skipping the selection would be."""

    ids: tuple[str, ...]
    running: tuple[str, ...]
    """Those of them that would be ended."""
    direct: tuple[str, ...]
    """What needs one of them."""
    lost: tuple[str, ...]
    """All that could not run without them."""
    left_out: tuple[tuple[str, str], ...]
    """(label, why) of those that have ended."""


def skip_offer(state: RunState, selected: Iterable[str]) -> SkipOffer:
    """Which of the selection can be skipped."""
    chosen = [state.subtasks[i] for i in selected if i in state.subtasks]
    ids = tuple(s.id for s in chosen if s.status is None)
    left_out = tuple((s.label, N_("has ended already")) for s in chosen if s.status is not None)
    direct, lost = lost_with(state, ids) if ids else ((), ())
    return SkipOffer(ids, tuple(i for i in ids if state.subtasks[i].running), direct, lost, left_out)


def skip_box(state: RunState, now_s: float, offer: SkipOffer) -> Box:
    """The box; the choice that changes nothing is the last one."""
    facts: list[Line] = [(Span(named(state, offer.ids), Role.STRONG), *_title(state, offer.ids))]
    if offer.lost:
        said = _n("needed by {n} directly: ", "needed by {n} directly: ", len(offer.direct))
        facts.append((Span(said.format(n=len(offer.direct)), Role.DIM), Span(named(state, offer.direct))))
        said = _n("in all {n} more is lost", "in all {n} more are lost", len(offer.lost))
        facts.append((Span(said.format(n=len(offer.lost)), Role.WARN),))
    if offer.running:
        facts += waste_lines(state, now_s, offer.running, again=False)
    if not offer.lost:
        facts.append((Span(_("Nothing else needs it."), Role.DIM),))
    facts += left_out_lines(offer.left_out)
    both = len(offer.ids) + len(offer.lost)
    does = _n("skip it", "skip all {n}", both).format(n=both)
    title = _n("Skip {n} subtask", "Skip {n} subtasks", len(offer.ids)).format(n=len(offer.ids))
    foot = _("enter takes what is marked; u or a retry brings back what had not begun")
    return Box(title, tuple(facts), (Choice("i", does), Choice("esc", _("leave as it is"))), foot)


def _title(state: RunState, ids: tuple[str, ...]) -> Line:
    return (Span(f" {state.subtasks[ids[0]].planned.title}"),) if len(ids) == 1 else ()
