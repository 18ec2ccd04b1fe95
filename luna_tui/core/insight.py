"""Judgements that every front end shares: what the run waits for, what silence is unusual, who needs whom."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from luna_tui.core.forecast import forecast as forecast
from luna_tui.core.stand import QUIET_FLOOR_S as QUIET_FLOOR_S
from luna_tui.core.stand import Stand as Stand
from luna_tui.core.stand import countdown_s as countdown_s
from luna_tui.core.stand import elapsed_s as elapsed_s
from luna_tui.core.stand import silence_s as silence_s
from luna_tui.core.stand import stand as stand
from luna_tui.core.state import RunState, WaveState
from luna_tui.core.words import WaitReason

ATTEMPTS_FOR_QUIET = 3
"""Attempts that a wave must have seen before it is a measure of its own."""
_ORDER = {reason: place for place, reason in enumerate(WaitReason)}


def quiet_after_s(state: RunState, wave: WaveState | None) -> float:
    """Silence that is unusual in this wave: what 95 of 100 of its attempts stayed below, at least 20 s."""
    p95_s, _ = quiet_facts(state, wave)
    return QUIET_FLOOR_S if p95_s is None else max(QUIET_FLOOR_S, p95_s)


def quiet_facts(state: RunState, wave: WaveState | None) -> tuple[float | None, int]:
    """(the silence that 95 of 100 attempts of this wave never reached, attempts seen); None before three."""
    if wave is None or wave.silences.attempts < ATTEMPTS_FOR_QUIET:
        return None, wave.silences.attempts if wave else 0
    return wave.silences.p95_s, wave.silences.attempts


@dataclass(frozen=True, slots=True)
class Flow:
    """What the workers are doing, in numbers that add up."""

    on: int
    """Subtasks that hold a worker."""
    in_flight: int
    waits: tuple[tuple[WaitReason, int, float | None], ...]
    """(reason, subtasks, seconds until the first of them goes on)."""
    queued: int
    """Not yet taken, in the waves that are open."""
    later: int
    """In waves that have not begun."""


def flow(state: RunState, now_s: float) -> Flow:
    """The numbers of the waiting line; costs nothing for subtasks that are not live."""
    counts: Counter[WaitReason] = Counter()
    soonest: dict[WaitReason, float] = {}
    for s in state.live.values():
        if s.waiting is None:
            continue
        counts[s.waiting] += 1
        left = countdown_s(s, now_s)
        if left is not None:
            soonest[s.waiting] = min(left, soonest.get(s.waiting, left))
    wave = state.current_wave
    begun = state.opened.values() or ((wave,) if wave else ())
    here = sum(w.untouched for w in begun)
    return Flow(
        on=state.on,
        in_flight=state.running,
        waits=tuple(
            (r, n, soonest.get(r)) for r, n in sorted(counts.items(), key=lambda p: (-p[1], _ORDER[p[0]]))
        ),
        queued=here,
        later=len(state.subtasks) - state.ended - state.on - here,
    )


def summed_s(state: RunState, now_s: float) -> float:
    """Seconds in attempts so far, over all subtasks."""
    return state.tried.until(now_s)


def dependents(state: RunState, subtask_id: str) -> tuple[str, ...]:
    """Ids that need this subtask directly, in plan order."""
    return state.feeds.get(subtask_id, ())
