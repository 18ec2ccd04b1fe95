"""What every wave has cost so far, and what it may come to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.outlook import Means
from luna_tui.core.state import RunState
from luna_tui.core.words import Kind


@dataclass(frozen=True, slots=True)
class WaveCost:
    """Money of one wave, in USD."""

    spent: float = 0.0
    unpriced: bool = False
    """Something was used of which the price is not known, so `spent` is a lower bound."""
    forecast: float | None = None
    """In all; None = nothing says so yet."""


def wave_costs(state: RunState) -> Mapping[str, WaveCost]:
    """Wave -> its cost; goes through all subtasks, so it is not for every frame."""
    spent = dict.fromkeys(state.waves, 0.0)
    to_pay = dict.fromkeys(state.waves, 0)
    unpriced = set()
    for s in state.subtasks.values():
        if s.cost_usd is not None:
            spent[s.wave] += s.cost_usd
        elif s.input_tokens or s.output_tokens:
            unpriced.add(s.wave)
        if s.status is None and s.cost_usd is None and s.planned.kind is Kind.CLAUDE:
            to_pay[s.wave] += 1
    means = Means(state)
    found = {}
    for name, wave in state.waves.items():
        mean_usd = means.asking(wave).mean_usd
        known = name not in unpriced and (mean_usd > 0.0 or not to_pay[name])
        forecast = spent[name] + to_pay[name] * mean_usd if known else None
        found[name] = WaveCost(spent[name], name in unpriced, forecast)
    return found
