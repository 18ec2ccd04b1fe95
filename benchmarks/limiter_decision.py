"""Measure what one decision of the limiter costs, by how many wait in the line."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

from luna_tui.core.limits import TIERS
from luna_tui.core.words import Mode
from luna_tui.engine.admission import Admission
from luna_tui.engine.limiter_books import Ticket
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

WAITING = (0, 100, 1_000, 10_000)
TARGET_US = 250.0
_ROUNDS = 300
_TOLD = ServerLimits(itpm=ServerLimit(limit=450_000, remaining=100_000))


def decision_us(waiting: int) -> dict[str, float]:
    """Median microseconds of each verb while so many wait in the line."""
    admission = Admission(TIERS["tier2"].limits, Mode.BALANCED, 0.0)
    running = _running(admission)
    for _ in range(waiting):
        admission.join(1.0, Demand(input_tokens=400_000, output_tokens=500))
    now, seen = 1.0, dict[str, list[float]]()
    usage = Usage(model="m", input_tokens=1_000, output_tokens=20)
    for ticket in running:
        now += 0.001
        _time(seen, "answered", partial(admission.answered, now, ticket, _TOLD))
        _time(seen, "correct", partial(admission.correct, now, ticket, usage))
        _time(seen, "settle", partial(admission.settle, now, ticket, usage))
        _time(seen, "advance", partial(admission.advance, now))
        _time(seen, "join and leave", partial(_pass_by, admission, now))
    return {verb: statistics.median(times) * 1e6 for verb, times in seen.items()}


def _running(admission: Admission) -> list[Ticket]:
    """Requests under way; the first answers open the slow start."""
    for _ in range(_ROUNDS):
        ticket, _ = admission.join(0.0, Demand(requests=0, input_tokens=0, output_tokens=0))
        admission.settle(0.0, ticket, Usage(model="m", input_tokens=0, output_tokens=0))
    demand = Demand(input_tokens=1_000, output_tokens=20)
    return [admission.join(0.0, demand)[0] for _ in range(_ROUNDS)]


def _pass_by(admission: Admission, at: float) -> None:
    ticket, _ = admission.join(at, Demand(input_tokens=400_000, output_tokens=500))
    admission.leave(at, ticket)


def _time(seen: dict[str, list[float]], verb: str, what: Callable[[], object]) -> None:
    began_s = time.perf_counter()
    what()
    seen.setdefault(verb, []).append(time.perf_counter() - began_s)


def main() -> int:
    """Print a row for each length of the line; 1 when a median with up to 1,000 misses the target."""
    worst = 0.0
    for waiting in WAITING:
        medians = decision_us(waiting)
        if waiting <= 1_000:
            worst = max(worst, *medians.values())
        print(f"{waiting:6,d} waiting: " + "  ".join(f"{v} {us:.0f} us" for v, us in medians.items()))
    print(f"worst median with up to 1,000 waiting: {worst:.0f} us, target {TARGET_US:.0f} us")
    return 1 if worst > TARGET_US else 0


if __name__ == "__main__":
    sys.exit(main())
