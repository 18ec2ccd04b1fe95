"""When a run may end and what it may cost, with how far off that may be; nothing before three ends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luna_tui.core.outlook import BORROWED, Means, enough_ends, outlook, setting
from luna_tui.core.state import RunState
from luna_tui.core.words import Mode

_DIMENSIONS = ("rpm", "itpm", "otpm")


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What is left of a run in another setting; None where that is not known."""

    seconds: float | None
    usd: float | None
    """What the whole run will have cost."""
    bound_by: str
    """What makes it so long: `workers`, `critical_path`, `rpm`, `itpm` or `otpm`; empty when unknown."""


@dataclass(frozen=True, slots=True)
class Passed:
    """Where the forecast passes the budget."""

    subtask: int
    """About which one in order of ending, counted from 1."""
    after_s: float | None
    """Seconds from now; None = unknown."""


@dataclass(frozen=True, slots=True)
class Useful:
    """How many workers the limits can keep busy, as arithmetic."""

    workers: int
    """Admissions a minute x seconds each, rounded up."""
    admissions: float
    """A minute, in the long run."""
    seconds: float
    """Mean of a subtask."""
    binds: str
    """`rpm`, `itpm` or `otpm`."""


def forecast(state: RunState, now_s: float) -> tuple[float, float] | None:
    """Seconds to the end of the run and their spread; None before three ends in the wave."""
    left = outlook(state, now_s, setting(state))
    return None if left is None else (left.seconds, left.spread_s)


def what_if(state: RunState, now_s: float, *, workers: int | None = None, mode: Mode | None = None) -> WhatIf:
    """What would be left with another number of workers or in another mode, by the model of the forecast."""
    left = outlook(state, now_s, setting(state, workers=workers, mode=mode))
    cost = cost_forecast(state, now_s)
    usd = None if cost is None else cost[0]
    return WhatIf(None, usd, "") if left is None else WhatIf(left.seconds, usd, left.bound_by)


def cost_forecast(state: RunState, now_s: float) -> tuple[float, float] | None:
    """What the run will have cost in USD and the spread of it; None without prices or before three ends."""
    if state.cost_usd is None or state.unpriced or not enough_ends(state):
        return None
    if state.finished is not None:
        return state.cost_usd, 0.0
    means = Means(state)
    paid = _paid_ahead(state)
    come_usd = variance = 0.0
    for wave in state.waves.values():
        left = _to_pay(state, wave.name)
        if left <= 0:
            continue
        sums = means.asking(wave)
        come_usd += left * sums.mean_usd - _within(paid[wave.name], sums.mean_usd)
        variance += sums.spread_usd**2 * (left + left * left / max(1, sums.asked))
        variance += 0.0 if sums is wave.sums else (BORROWED * left * sums.mean_usd) ** 2
    return state.cost_usd + come_usd, math.sqrt(variance)


def in_flight_usd(state: RunState) -> float | None:
    """What those that run now will still cost, by the means of their waves; None while that is unknown."""
    if state.cost_usd is None or state.unpriced or not enough_ends(state):
        return None
    means = Means(state)
    usd = 0.0
    for wave in state.opened.values():
        mine = [s for s in state.live.values() if s.running and s.wave == wave.name]
        mean_usd = means.asking(wave).mean_usd
        usd += min(len(mine), wave.asking) * mean_usd - _within([s.cost_usd or 0.0 for s in mine], mean_usd)
    return usd


def when_cap_passed(state: RunState, now_s: float) -> Passed | None:
    """Where the forecast passes the budget; None when it does not, or is not known."""
    cost = cost_forecast(state, now_s)
    cap = state.budget_usd
    if cost is None or cap is None or state.cost_usd is None or cost[0] <= cap:
        return None
    means = Means(state)
    free_usd = max(0.0, cap - state.cost_usd)
    paid = _paid_ahead(state)
    number = state.ended
    for wave in state.waves.values():
        left = _to_pay(state, wave.name)
        mean_usd = means.asking(wave).mean_usd
        if left <= 0:
            continue
        ahead_usd = _within(paid[wave.name], mean_usd)
        if left * mean_usd - ahead_usd > free_usd:
            number += math.floor((free_usd + ahead_usd) / mean_usd) + 1
            break
        free_usd -= left * mean_usd - ahead_usd
        number += left
    left_s = forecast(state, now_s)
    part = (cap - state.cost_usd) / (cost[0] - state.cost_usd)
    after_s = None if left_s is None else max(0.0, part) * left_s[0]
    return Passed(min(number, len(state.subtasks)), after_s)


def _paid_ahead(state: RunState) -> Mapping[str, list[float]]:
    """Wave -> what each of those that have not ended has cost so far: agents pay turn by turn."""
    found: dict[str, list[float]] = defaultdict(list)
    for s in state.live.values():
        if s.cost_usd is not None and (state.stopping is None or s.running):
            found[s.wave].append(s.cost_usd)
    return found


def _within(costs: Iterable[float], mean_usd: float) -> float:
    """What was paid already of what each of these is expected to cost."""
    return sum(min(usd, mean_usd) for usd in costs)


def _to_pay(state: RunState, wave: str) -> int:
    """Subtasks of a wave that will still cost something."""
    if state.stopping is None:
        return state.waves[wave].asking
    return sum(1 for s in state.live.values() if s.wave == wave and s.running)


def useful_workers(state: RunState) -> Useful | None:
    """How many workers the limits can keep busy at the sizes and times seen in the wave; None = unknown."""
    wave = state.current_wave
    if wave is None or not enough_ends(state):
        return None
    sums = Means(state).asking(wave)
    if not sums.asked or sums.mean_s <= 0:
        return None
    needs = (1.0, sums.input_tokens / sums.asked, sums.output_tokens / sums.asked)
    rates = setting(state).rates
    found = [
        (60.0 * rates[n] / need, n) for n, need in zip(_DIMENSIONS, needs, strict=True) if n in rates and need
    ]
    if not found:
        return None
    admissions, binds = min(found)
    return Useful(max(1, math.ceil(admissions * sums.mean_s / 60.0)), admissions, sums.mean_s, binds)
