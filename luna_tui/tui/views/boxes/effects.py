"""What a change would cost and bring, as far as it is known: figures that several boxes show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from luna_tui.core.insight import elapsed_s, forecast
from luna_tui.core.state import RunState, SubtaskState, WaveState
from luna_tui.core.tongue import _, _n
from luna_tui.core.words import Mode, Status
from luna_tui.tui.views.glyphs import ASCII, Glyphs
from luna_tui.tui.views.text import clock, money

UNKNOWN = "?"


def eta(
    state: RunState, now_s: float, *, workers: int | None = None, mode: Mode | None = None
) -> tuple[float, float] | None:
    """Seconds to the end and their spread, with other workers or another mode; None = not known."""
    if workers is None and mode is None:
        return forecast(state, now_s)
    return None


def cost_ahead(state: RunState, now_s: float) -> tuple[float, float] | None:
    """USD that the run will have cost at its end, and their spread; None = not known."""
    return None


def flying_usd(state: RunState, now_s: float) -> float | None:
    """USD that what is in flight has used by now, about; None = not known."""
    prices = [used_usd(state, s, now_s) for s in in_flight(state)]
    known = [p for p in prices if p is not None]
    return sum(known) if known or not prices else None


def in_flight(state: RunState) -> list[SubtaskState]:
    """Subtasks whose attempt is running now."""
    return [s for i in state.workers.values() if (s := state.subtasks[i]).running]


def means(state: RunState, wave: WaveState) -> tuple[float | None, float | None]:
    """Mean (USD, seconds) of a subtask that ended well: of this wave, else of the run; None = not known."""
    ended = _ended_well(state, wave.subtasks) or _ended_well(state, state.subtasks)
    prices = [s.cost_usd for s in ended if s.cost_usd is not None]
    return (
        sum(prices) / len(prices) if prices else None,
        sum(s.duration_s for s in ended) / len(ended) if ended else None,
    )


def _ended_well(state: RunState, ids: Iterable[str]) -> list[SubtaskState]:
    return [s for i in ids if (s := state.subtasks[i]).status is Status.SUCCEEDED]


def used_usd(state: RunState, s: SubtaskState, now_s: float) -> float | None:
    """USD that the running attempt has used so far, about: the mean of its wave, by the time it took."""
    usd, seconds = means(state, state.wave_of(s))
    if usd is None or not seconds:
        return None
    return usd * min(1.0, elapsed_s(s, now_s) / seconds)


def together(state: RunState, ids: Iterable[str]) -> tuple[float | None, float | None]:
    """(USD, seconds) of working on these once more, on the workers there are; None = not known."""
    found: dict[str, int] = {}
    for i in ids:
        found[state.subtasks[i].wave] = found.get(state.subtasks[i].wave, 0) + 1
    usd: float | None = 0.0
    total: float | None = 0.0
    for name, count in found.items():
        wave = state.waves[name]
        price, seconds = means(state, wave)
        at_once = max(1, min(state.max_workers, wave.most or state.max_workers))
        usd = None if usd is None or price is None else usd + price * count
        total = None if total is None or seconds is None else total + seconds * -(-count // at_once)
    return usd, total


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
    return UNKNOWN if found is None else f"{clock(found[0])} {spread_sign(g)}{clock(found[1])}"


def spread_sign(g: Glyphs) -> str:
    """Before a spread."""
    return "~" if g is ASCII else "±"


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
    feeds: dict[str, list[str]] = {}
    for s in state.subtasks.values():
        for i in s.planned.depends_on:
            feeds.setdefault(i, []).append(s.id)
    start = tuple(ids)
    direct = {i for d in start for i in feeds.get(d, ()) if _open(state, i)} - set(start)
    seen = set(start)
    line, lost = [*start], []
    while line:
        for i in feeds.get(line.pop(), ()):
            if i not in seen and _open(state, i):
                seen.add(i)
                lost.append(i)
                line.append(i)
    order = {i: n for n, i in enumerate(state.subtasks)}
    return tuple(sorted(direct, key=order.__getitem__)), tuple(sorted(lost, key=order.__getitem__))


def _open(state: RunState, subtask: str) -> bool:
    return state.subtasks[subtask].status is None


def binds(state: RunState, workers: int | None) -> str:
    """What keeps the run from being faster with this many workers (None = the limits decide), in words."""
    useful = state.limits.useful_workers if state.limits is not None else None
    limit = _limit_that_binds(state)
    if workers is not None and useful is not None and workers < useful:
        return _("the number of workers")
    if workers is None or (useful is not None and workers >= useful):
        return limit or _("nothing yet")
    return limit or UNKNOWN


def _limit_that_binds(state: RunState) -> str:
    seen = state.limits
    if seen is None:
        return ""
    gauges = (("RPM", seen.rpm), ("ITPM", seen.itpm), ("OTPM", seen.otpm))
    name, gauge = max(gauges, key=lambda pair: (pair[1].settled + pair[1].reserved) / max(1, pair[1].cap))
    return name if gauge.settled + gauge.reserved > gauge.cap // 2 else ""


def budget_of(state: RunState) -> float | None:
    """The cap in USD; None = none."""
    return getattr(state, "budget_usd", None)


def held_at(state: RunState, now_s: float, cap_usd: float) -> int | None:
    """Subtasks that would be held at this cap, about; None = not known."""
    ahead = cost_ahead(state, now_s)
    left = sum(s.status is None and not s.running for s in state.subtasks.values())
    if ahead is None or not left:
        return None if ahead is None else 0
    over = ahead[0] - cap_usd
    to_come = ahead[0] - (state.cost_usd or 0.0)
    return 0 if over <= 0 or to_come <= 0 else min(left, max(1, round(left * over / to_come)))
