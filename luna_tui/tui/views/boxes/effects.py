"""What a change would cost and bring, as far as it is known: figures that several boxes show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from luna_tui.core.forecast import cost_forecast, forecast, useful_workers, what_if
from luna_tui.core.outlook import Means
from luna_tui.core.stand import elapsed_s
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Kind, Mode
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.text import clock, money

UNKNOWN = "?"
LEAST_PART = 0.2
"""Of the mean: what one that has run longer than the mean is expected to need still."""


def eta(state: RunState, now_s: float) -> tuple[float, float] | None:
    """Seconds to the end and their spread, as it is; None = not known."""
    return forecast(state, now_s)


def cost_ahead(state: RunState, now_s: float) -> tuple[float, float] | None:
    """USD that the run will have cost at its end, and their spread; None = not known."""
    return cost_forecast(state, now_s)


def in_flight(state: RunState) -> list[SubtaskState]:
    """Subtasks whose attempt is running now."""
    return [s for s in state.live.values() if s.running]


def used_usd(state: RunState, running: Iterable[SubtaskState], now_s: float) -> float | None:
    """USD that running attempts have used so far, about: the means of their waves, by the time they took."""
    known = Means(state)
    total = 0.0
    for s in running:
        if s.planned.kind is not Kind.CLAUDE:
            continue
        wave = state.wave_of(s)
        usd, seconds = _mean_usd(state, known, wave), known.of(wave).mean_s
        if usd is None or not seconds:
            return None
        worked_s = s.tries[-1].worked_s(now_s) if s.tries else 0.0
        total += usd * min(1.0, max(0.0, worked_s) / seconds)
    return total


def ends_in_s(state: RunState, running: Iterable[SubtaskState], now_s: float) -> float | None:
    """Seconds until all of these will have ended, by the means of their waves; None = not known."""
    known = Means(state)
    left = 0.0
    for s in running:
        seconds = known.of(state.wave_of(s)).mean_s
        if not seconds:
            return None
        left = max(left, seconds * LEAST_PART, seconds - elapsed_s(s, now_s))
    return left


def together(state: RunState, ids: Iterable[str]) -> tuple[float | None, float | None]:
    """(USD, seconds) of working on these once more, on the workers there are; None = not known."""
    found: dict[str, list[SubtaskState]] = {}
    for i in ids:
        found.setdefault(state.subtasks[i].wave, []).append(state.subtasks[i])
    known = Means(state)
    usd: float | None = 0.0
    total: float | None = 0.0
    for name, members in found.items():
        wave = state.waves[name]
        price, seconds = _mean_usd(state, known, wave), known.of(wave).mean_s
        asking = sum(s.planned.kind is Kind.CLAUDE for s in members)
        at_once = max(1, min(state.max_workers, wave.most or state.max_workers))
        if asking:
            usd = None if usd is None or price is None else usd + price * asking
        total = total + seconds * -(-len(members) // at_once) if total is not None and seconds else None
    return usd, total


def _mean_usd(state: RunState, known: Means, wave: WaveState) -> float | None:
    sums = known.asking(wave)
    return None if not sums.asked or state.cost_usd is None or state.unpriced else sums.mean_usd


def about(usd: float | None, seconds: float | None) -> str:
    """`about $0.27 and 0:45`, and what of it is not known."""
    if usd is None and seconds is None:
        return _("price and time not known yet")
    if usd is None:
        return _("about {time}, price not known").format(time=clock(seconds or 0.0))
    if seconds is None:
        return _("about {usd}, time not known").format(usd=money(usd))
    return _("about {usd} and {time}").format(usd=money(usd), time=clock(seconds))


def end_in(found: tuple[float, float] | None, g: Glyphs) -> str:
    """`4:02 ±0:30`, or `?`."""
    return UNKNOWN if found is None else f"{clock(found[0])} {g.spread}{clock(found[1])}"


def end_if(
    state: RunState, now_s: float, *, workers: int | None = None, mode: Mode | None = None
) -> tuple[str, str]:
    """(time to the end, what makes it so long) with other workers or in another mode; `?` = not known."""
    found = what_if(state, now_s, workers=workers, mode=mode)
    time = UNKNOWN if found.seconds is None else clock(found.seconds)
    return time, bound_in_words(found.bound_by)


def bound_in_words(name: str) -> str:
    """What binds, as a person says it."""
    words = {"workers": _("the number of workers"), "critical_path": _("critical path")}
    return words.get(name, name.upper() or UNKNOWN)


def named(state: RunState, ids: Sequence[str], most: int = 6) -> str:
    """Labels of the first ones, and how many more: `2.03 2.06 and 4 more`."""
    words = " ".join(state.subtasks[i].label for i in ids[:most])
    rest = len(ids) - most
    return (
        words
        if rest <= 0
        else _n("{first} and {n} more", "{first} and {n} more", rest).format(first=words, n=rest)
    )


def lost_with(state: RunState, ids: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Ids that need these directly, and all that could not run without them; only those not ended yet."""
    start = tuple(ids)
    direct = {i for d in start for i in state.feeds.get(d, ()) if _open(state, i)} - set(start)
    seen = set(start)
    line, lost = [*start], set[str]()
    while line:
        for i in state.feeds.get(line.pop(), ()):
            if i not in seen and _open(state, i):
                seen.add(i)
                lost.add(i)
                line.append(i)
    return in_plan_order(state, direct), in_plan_order(state, lost)


def in_plan_order(state: RunState, ids: Iterable[str]) -> tuple[str, ...]:
    """These ids as the plan lists them."""

    def place(i: str) -> tuple[int, int]:
        wave, _dot, number = state.subtasks[i].label.partition(".")
        return int(wave), int(number)

    return tuple(sorted(ids, key=place))


def _open(state: RunState, subtask: str) -> bool:
    return state.subtasks[subtask].status is None


def budget_of(state: RunState) -> float | None:
    """The cap in USD; None = none."""
    return state.budget_usd


def held_at(state: RunState, now_s: float, cap_usd: float) -> int | None:
    """Subtasks that would be held at this cap, about; None = not known."""
    ahead = cost_ahead(state, now_s)
    left = sum(wave.asking for wave in state.waves.values()) - len(in_flight(state))
    if ahead is None or left <= 0:
        return None if ahead is None else 0
    over = ahead[0] - cap_usd
    to_come = ahead[0] - (state.cost_usd or 0.0)
    return 0 if over <= 0 or to_come <= 0 else min(left, max(1, round(left * over / to_come)))


def useful(state: RunState) -> int | None:
    """Workers that the limits can keep busy, the same number as in the waiting line; None = not known yet."""
    if state.limits is not None and state.limits.useful_workers is not None:
        return state.limits.useful_workers
    found = useful_workers(state)
    return None if found is None else found.workers
