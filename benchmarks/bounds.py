"""What no client can beat where limits change: fluid arithmetic, and a clairvoyant's schedule."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from benchmarks.workloads import Work
from luna_tui.simulator.buckets import Stretch, stretches
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.simulator.virtual import Admitted, Refused, VirtualService


def longest_s(work: Sequence[Work]) -> float:
    """Seconds of the longest request."""
    return max((w.seconds for w in work), default=0.0)


def plan_bound_s(work: Sequence[Work], service: SimulatorSettings, share: float) -> float:
    """Seconds before which the limits cannot have let all of the work through.

    Two buckets must both let it pass: the service's, whose refill others may take part of, and the
    client's own share of the limits, which nobody else uses.
    """
    limits = service.limits
    plan = stretches(service.limit_changes, service.foreign)
    alone = stretches(service.limit_changes, ())
    needs = (float(len(work)), float(sum(w.input_tokens for w in work)), float(_output(work)))
    bound = 0.0
    for need, limit in zip(needs, (limits.rpm, limits.itpm, limits.otpm), strict=True):
        theirs = fluid_s(need, limit, plan, service.burst_s)
        bound = max(bound, theirs, fluid_s(need, limit * share, alone, 60.0))
    return bound


def fluid_s(need: float, per_minute: float, plan: Sequence[Stretch], burst_s: float) -> float:
    """Seconds until a bucket that begins full has given `need` units at the latest pace of its plan."""
    left = need - per_minute * plan[0].factor * burst_s / 60.0
    since = 0.0
    for stretch in plan:
        rate = per_minute * stretch.factor * stretch.refill / 60.0
        if left <= 0.0:
            break
        if left <= rate * (stretch.until - since):
            return since + left / rate
        left -= rate * (stretch.until - since)
        since = stretch.until
    return since if left <= 0.0 else math.inf


def clairvoyant_s(work: Sequence[Work], service: SimulatorSettings) -> float:
    """The makespan of who knows everything: longest latency first, each at the instant it may be sent.

    Asks the service itself, and needs no answer from it to know when. Not proven to be the optimum,
    but neither limits nor latencies leave much: the last requests are the shortest.
    """
    model = VirtualService(service)
    numbers = itertools.count()
    events: list[tuple[float, int, Callable[[], None]]] = []
    now = end = 0.0
    for one in sorted(work, key=lambda w: w.seconds, reverse=True):
        while True:
            while events and events[0][0] <= now:
                heapq.heappop(events)[2]()
            answer = model.admit(now, one.input_tokens, one.max_tokens)
            if not isinstance(answer, Refused):
                break
            now = min(now + (answer.retry_after_s or 1.0), events[0][0] if events else math.inf)
        for instant, what in _answering(model, one, answer):
            heapq.heappush(events, (instant, next(numbers), what))
        end = max(end, now + one.seconds)
    return end


def _answering(
    model: VirtualService, work: Work, admitted: Admitted, step: int = 64
) -> Iterator[tuple[float, Callable[[], None]]]:
    """What an answer does to the service, and when."""
    writing_s = work.seconds - work.first_s
    for begun in range(0, work.output_tokens, step):
        total = min(begun + step, work.output_tokens)
        at = admitted.at + work.first_s + writing_s * total / work.output_tokens
        yield at, partial(model.produce, at, total - begun)
    ended_at = admitted.at + work.seconds
    yield ended_at, partial(model.end, ended_at, admitted, work.output_tokens)


def _output(work: Sequence[Work]) -> int:
    return sum(w.output_tokens for w in work)
