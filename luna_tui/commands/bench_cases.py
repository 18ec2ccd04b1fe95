"""What the benchmark measures: the claimed workloads on the simulated model, and one as real CPU work."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from luna_tui.commands.bench_runs import Laboratory, Outcome, Trial
from luna_tui.core.bench_rows import BenchRow
from luna_tui.core.limits import caps
from luna_tui.core.makespan import Bound, best_bound, longest_first_s
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.words import Kind, Staffing
from luna_tui.core.workloads import SPREAD, WORKLOADS, Item, Workload, bench_plan, draw
from luna_tui.storage.config import Config

LOCAL = "local"
"""Name of the CPU-bound twin of the workload `tests`."""
_ROUGH = 0.3
"""Sigma of the logarithm by which a rough estimate is wrong."""
_BURN = "import time\nwhile time.process_time() < {seconds:.3f}: sum(range(500))"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What the command line decides."""

    seed: int = 7
    spread: float = SPREAD
    """Sigma of the logarithm of the latencies; 0 = all alike."""
    estimates: str = "exact"
    """`exact`, `rough` or `none`: what the plan says of the latencies."""
    speed: float = 10.0
    """Seconds of a run in one real second."""
    repeat: int = 1
    workers: int | Staffing = Staffing.TABLE
    """Of the parallel runs."""
    local_s: float = 0.6
    """CPU seconds of the average local subtask."""


@dataclass(frozen=True, slots=True)
class Case:
    """A workload as it was drawn, with what its author expects of it, and its runs so far."""

    workload: Workload
    items: tuple[Item, ...]
    guesses_s: tuple[float, ...] | None
    one: list[Outcome] = field(default_factory=list)
    """Runs on one worker."""
    many: list[Outcome] = field(default_factory=list)
    """Parallel runs."""


def simulated_rows(
    workloads: Sequence[Workload],
    options: BenchOptions,
    config: Config,
    laboratory: Laboratory,
    say: Callable[[str], None],
) -> list[BenchRow]:
    """Measure workloads on the simulated model; `say` gets a line of progress now and then."""
    cases = [make_case(workload, options) for workload in workloads]
    say("warming up: the SDK is loaded before any clock starts")
    laboratory.together([_warm_up(options.speed)])
    for turn in range(1, options.repeat + 1):
        longest_s = max(sum(i.seconds for i in case.items) for case in cases) / options.speed
        say(
            f"round {turn} of {options.repeat}: one worker, {len(cases)} runs side by side, {longest_s:.0f} s"
        )
        trials = [_trial(case, config, 1, options) for case in cases]
        for case, outcome in zip(cases, laboratory.together(trials), strict=True):
            case.one.append(outcome)
        for case in cases:
            case.many.extend(laboratory.together([_trial(case, config, options.workers, options)]))
            say(f"round {turn} of {options.repeat}: {case.workload.title}: {case.many[-1].wall_s:.1f} s")
    return [_row(case, config, options) for case in cases]


def local_row(options: BenchOptions, laboratory: Laboratory, say: Callable[[str], None]) -> BenchRow:
    """Measure the workload `tests` as commands that burn CPU, in real time."""
    tests = next(w for w in WORKLOADS if w.name == "tests")
    factor = options.local_s / tests.mean_s
    seconds = [item.seconds * factor for item in make_case(tests, options).items]
    plan = local_plan(seconds)
    one: list[Outcome] = []
    many: list[Outcome] = []
    for turn in range(1, options.repeat + 1):
        for outcomes, workers in ((one, 1), (many, options.workers)):
            outcomes.extend(laboratory.together([Trial(plan, workers, None)]))
            took = f"{outcomes[-1].wall_s:.1f} s"
            say(f"round {turn} of {options.repeat}: local, workers {workers}: {took}")
    workers = max(outcome.workers for outcome in many)
    cores = min(cores_here(), workers)
    bound = Bound(max(sum(seconds) / cores, max(seconds)), f"{cores} cores")
    return BenchRow(
        name=LOCAL,
        title=f"10 test files, local, CPU-bound: {cores} cores",
        count=len(seconds),
        workers=workers,
        sequential_s=tuple(outcome.wall_s for outcome in one),
        parallel_s=tuple(outcome.wall_s for outcome in many),
        bound=bound,
        longest_first_s=bound.seconds,
        failed=sum(outcome.failed for outcome in (*one, *many)),
    )


def local_plan(seconds: Sequence[float]) -> Plan:
    """One command for each entry that burns so many seconds of CPU."""
    subtasks = tuple(
        Subtask(
            id=f"local-{place:02}",
            title=f"test file {place} of {len(seconds)}",
            kind=Kind.COMMAND,
            command=(sys.executable, "-I", "-S", "-c", _BURN.format(seconds=length)),
            estimate=Estimate(seconds=length),
            timeout=0.0,
        )
        for place, length in enumerate(seconds, 1)
    )
    return Plan(name=LOCAL, waves=(Wave(name="work", subtasks=subtasks, timeout=0.0),), workspace="/")


def make_case(workload: Workload, options: BenchOptions) -> Case:
    """Draw a workload; the same for the same seed, whichever others are measured."""
    rng = random.Random(f"{options.seed}:{workload.name}")
    items = draw(workload, rng.gauss, options.spread)
    sigma = {"exact": 0.0, "rough": _ROUGH}.get(options.estimates)
    if sigma is None:
        return Case(workload, items, None)
    return Case(workload, items, tuple(item.seconds * rng.lognormvariate(0.0, sigma) for item in items))


def cores_here() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _trial(case: Case, config: Config, workers: int | Staffing, options: BenchOptions) -> Trial:
    plan = bench_plan(case.workload, case.items, config.model, case.guesses_s)
    return Trial(plan, workers, options.speed)


def _warm_up(speed: float) -> Trial:
    plan = bench_plan(WORKLOADS[0], [Item(1.0, 0.5, 100, 20)] * 4, "claude-haiku-5-5")
    return Trial(plan, 4, speed)


def _row(case: Case, config: Config, options: BenchOptions) -> BenchRow:
    workers = max(outcome.workers for outcome in case.many)
    if options.workers is Staffing.AUTO:
        workers = min(workers, len(case.items))
    allowed = caps(config.tiers[config.tier].limits, config.mode)
    runs = (*case.one, *case.many)
    return BenchRow(
        name=case.workload.name,
        title=case.workload.title,
        count=len(case.items),
        workers=workers,
        sequential_s=tuple(outcome.wall_s for outcome in case.one),
        parallel_s=tuple(outcome.wall_s for outcome in case.many),
        bound=best_bound([item.load for item in case.items], workers, allowed),
        longest_first_s=longest_first_s([item.seconds for item in case.items], workers),
        claimed=case.workload.claimed,
        failed=sum(outcome.failed for outcome in runs),
        throttled=sum(outcome.throttled for outcome in runs),
    )
