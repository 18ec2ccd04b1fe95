"""Bounds on the time of independent subtasks: what no schedule on these workers and limits can beat."""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from luna_tui.core.limits import Limits

_HALVINGS = 40
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Bound:
    """A time that cannot be undercut, and what forbids it."""

    seconds: float
    name: str
    """`work / workers`, `longest subtask`, `shared workers`, `packing`, `rpm`, `itpm` or `otpm`."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one subtask needs, whoever runs it."""

    seconds: float
    input_tokens: int = 0
    output_tokens: int = 0
    requests: int = 1


def best_bound(loads: Sequence[Load], workers: int, caps: Limits | None = None) -> Bound:
    """The highest of all valid bounds; `caps` are what may be used per minute, and at once.

    Where bounds agree, the plainest names it: the order is that of `worker_bounds`, then the limits.
    """
    seconds = [load.seconds for load in loads]
    bounds = worker_bounds(seconds, workers)
    if caps is not None:
        bounds += token_bounds(loads, caps)
    best = max(bound.seconds for bound in bounds)
    return next(b for b in bounds if b.seconds >= best * (1 - 1e-6))


def worker_bounds(seconds: Sequence[float], workers: int) -> tuple[Bound, ...]:
    """Bounds from the number of workers alone."""
    workers = max(1, workers)
    return (
        Bound(sum(seconds) / workers, "work / workers"),
        Bound(max(seconds, default=0.0), "longest subtask"),
        Bound(_shared(seconds, workers), "shared workers"),
        Bound(_packed(seconds, workers), "packing"),
    )


def token_bounds(loads: Sequence[Load], caps: Limits) -> tuple[Bound, ...]:
    """Fluid bounds of the three rate limits: buckets start full and refill evenly.

    Requests and input are charged when a subtask is admitted, so the last one still needs its own
    time after that; output is charged while it comes.
    """
    last = min((load.seconds for load in loads), default=0.0)
    return (
        Bound(_fluid(sum(load.requests for load in loads), caps.rpm, last), "rpm"),
        Bound(_fluid(sum(load.input_tokens for load in loads), caps.itpm, last), "itpm"),
        Bound(_fluid(sum(load.output_tokens for load in loads), caps.otpm, 0.0), "otpm"),
    )


def longest_first_s(seconds: Sequence[float], workers: int) -> float:
    """Seconds that the plain rule takes: whoever is free takes the longest that is left."""
    return started_in_order_s(sorted(seconds, reverse=True), workers)


def started_in_order_s(seconds: Sequence[float], workers: int) -> float:
    """Seconds that these take when whoever is free takes the next one."""
    free_at = [0.0] * max(1, min(workers, len(seconds)))
    for length in seconds:
        heapq.heapreplace(free_at, free_at[0] + length)
    return max(free_at)


def _fluid(demand: float, cap: int, last_s: float) -> float:
    """Seconds until a full bucket of `cap`, refilled by `cap` a minute, has given `demand`."""
    waited_s = (demand - cap) * 60.0 / cap
    return waited_s + last_s if waited_s > 0 else 0.0


def _shared(seconds: Sequence[float], workers: int) -> float:
    """Of the k·workers + 1 longest, one worker must take k + 1: at least the shortest of them."""
    falling = sorted(seconds, reverse=True)
    sums = [0.0, *accumulate(falling)]
    ends = range(workers + 1, len(falling) + 1, workers)
    return max((sums[e] - sums[e - 1 - (e - 1) // workers] for e in ends), default=0.0)


def _packed(seconds: Sequence[float], workers: int) -> float:
    """The longest time for which counting proves that these subtasks need one worker more.

    The time is found by halving; every time kept was proven too short, so the result is a bound
    even though the proof does not hold for each shorter one.
    """
    falling = sorted((s for s in seconds if s > 0), reverse=True)
    if not falling:
        return 0.0
    low, high = 0.0, longest_first_s(falling, workers)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _workers_needed(falling, middle) > workers:
            low = middle
        else:
            high = middle
    return low


def _workers_needed(falling: Sequence[float], time_s: float) -> int:
    """Workers that are needed at least to end all within `time_s`."""
    if falling[0] > time_s:
        return len(falling) + 1
    sizes = sorted({s for s in falling if s <= time_s / 2})
    over_half = sum(1 for s in falling if s > time_s / 2)
    return max((_needed_from(falling, time_s, least) for least in sizes), default=over_half)


def _needed_from(falling: Sequence[float], time_s: float, least: float) -> int:
    """The same, looking only at subtasks of `least` seconds or more.

    Those that leave no room for another of them have a worker each. The others need their volume,
    and no worker can take more than time / least of them.
    """
    counted = [s for s in falling if s >= least]
    alone = sum(1 for s in counted if s + least > time_s + _ROUNDING)
    others = counted[alone:]
    large = sum(1 for s in others if s > time_s / 2)
    by_volume = math.ceil(sum(others) / time_s - _ROUNDING)
    by_number = math.ceil(len(others) / math.floor(time_s / least + _ROUNDING))
    return alone + max(large, by_volume, by_number)
