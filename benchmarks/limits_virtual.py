"""Check in virtual time what the limiter must reach: one row per demand, exit code 1 when one is missed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.bounds import clairvoyant_s
from benchmarks.virtual import Outcome, Scenario, simulate
from benchmarks.workloads import UNTELLING, Work, mixed
from luna_tui.core.limits import SHARES, TIERS, Limits
from luna_tui.core.words import Mode
from luna_tui.simulator.settings import (
    Foreign,
    HeaderMode,
    HeaderMoment,
    LimitChange,
    OutputRule,
    SimulatorSettings,
)

SEEDS = (1, 2, 3)
MINUTES = 5
_TIER2 = TIERS["tier2"].limits
_HEADERS = {
    HeaderMode.NONE: "no headers",
    HeaderMode.STALE: "stale headers",
    HeaderMode.SKEWED: "skewed headers",
}
_FOREIGN = (Foreign(share=0.5, since=10.0, until=60.0),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One demand, and what came of it."""

    name: str
    outcome: Outcome
    measured: str
    target: str
    passed: bool
    cpu_s: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """A measured figure with its target."""

    measured: str
    target: str
    passed: bool


Judge = Callable[[Scenario, Outcome], list[Verdict]]


def rows() -> Iterator[Row]:
    """Every demand in its turn, each with headers as of admission and as of the first token."""
    for name, scenario, judges in scenarios():
        for moment in HeaderMoment:
            timed = replace(scenario, service=replace(scenario.service, header_moment=moment))
            began_s = time.process_time()
            outcome = simulate(timed)
            cpu_s = time.process_time() - began_s
            verdicts = [verdict for judge in judges for verdict in judge(timed, outcome)]
            yield Row(
                name=f"{name}, told {moment}",
                outcome=outcome,
                measured=", ".join(v.measured for v in verdicts),
                target=", ".join(v.target for v in verdicts),
                passed=all(v.passed for v in verdicts),
                cpu_s=cpu_s,
            )


def scenarios() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    """Name, scenario and what is demanded of it."""
    yield from _mixed_work()
    yield from _tiers()
    yield from _cells()
    yield from _surprises()
    yield from _little_told()


def _mixed_work() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    for seed in SEEDS:
        work, told = tuple(mixed(200, seed)), (over_clairvoyant(1.15), over_bound(None))
        base = Scenario(work=work, seed=seed)
        with_all = (all_succeed, refused(0), over_clairvoyant(1.10), over_bound(None))
        yield f"200 mixed, seed {seed}", base, with_all
        guessing = replace(base, estimates=False)
        yield f"200 mixed, seed {seed}, no estimates", guessing, (all_succeed, refused(0), *told)
        fitting = replace(guessing, work=tuple(mixed(200, seed, tight=True, correlation=UNTELLING)))
        yield (
            f"200 mixed, seed {seed}, only max_tokens tell",
            fitting,
            (all_succeed, refused(0), *told),
        )
        blind = replace(guessing, work=tuple(mixed(200, seed, correlation=UNTELLING)))
        yield (
            f"200 mixed, seed {seed}, nothing tells",
            blind,
            (all_succeed, refused(0), over_clairvoyant(None), over_bound(None)),
        )
    for seed in SEEDS[:2]:
        scenario = Scenario(work=tuple(mixed(600, seed)), seed=seed)
        yield f"600 mixed, seed {seed}", scenario, (all_succeed, refused(0), use_of_bound(0.97))
    short = tuple(replace(w, input_tokens=w.input_tokens // 4) for w in mixed(400, 1))
    answers = (all_succeed, refused(0), over_clairvoyant(None), over_bound(1.08))
    yield "400 whose answers bind", Scenario(work=short), answers


def _tiers() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    for tier in ("tier1", "tier4", "start"):
        limits = TIERS[tier].limits
        for seed in SEEDS[:2]:
            service = SimulatorSettings(limits=limits)
            scenario = Scenario(work=tuple(mixed(200, seed)), service=service, table=limits, seed=seed)
            yield (
                f"200 mixed, {tier}, seed {seed}",
                scenario,
                (all_succeed, refused(0), over_clairvoyant(1.10)),
            )


def _cells() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    for tier in ("tier1", "tier2", "tier3", "tier4"):
        limits = TIERS[tier].limits
        work = tuple(saturating(limits, MINUTES))
        for mode in Mode:
            scenario = Scenario(
                work=work,
                service=SimulatorSettings(limits=limits),
                table=limits,
                mode=mode,
                until_s=60.0 * MINUTES,
            )
            yield f"{tier} {mode}, {MINUTES} min", scenario, (refused(0), mean_use(0.02))


def _surprises() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    for seed in SEEDS:
        base = Scenario(work=tuple(mixed(200, seed)), seed=seed)
        foreign = replace(base, service=SimulatorSettings(foreign=_FOREIGN))
        yield f"half used by others, seed {seed}", foreign, (all_succeed, refused(25), over_bound(1.12))
        halved = replace(base, service=SimulatorSettings(limit_changes=(LimitChange(40.0, 0.5),)))
        yield f"halved at 40 s, seed {seed}", halved, (all_succeed, refused(5), over_bound(1.12))
    base = Scenario(work=tuple(mixed(200, 1)))
    half, ten = _times(0.5), _times(10.0)
    found = (all_succeed, refused(5), over_bound(1.12))
    yield "server has half of the table", replace(base, service=SimulatorSettings(limits=half)), found
    yield "server has ten times the table", replace(base, service=SimulatorSettings(limits=ten)), found
    fast = replace(base, work=saturating(ten, 1), service=SimulatorSettings(limits=ten), until_s=60.0)
    yield "ten times the table, one minute", fast, (refused(5),)
    small = SimulatorSettings(burst_s=10.0)
    yield "a burst of ten seconds", replace(base, service=small), (all_succeed, refused(10))


def _little_told() -> Iterator[tuple[str, Scenario, Sequence[Judge]]]:
    base = Scenario(work=tuple(mixed(200, 1)))
    fitting = replace(base, work=tuple(mixed(200, 1, tight=True)))
    well = (all_succeed, refused(5), over_bound(1.12))
    for mode in _HEADERS:
        yield _HEADERS[mode], replace(base, service=SimulatorSettings(headers=mode)), well
        both = replace(base, service=SimulatorSettings(headers=mode, foreign=_FOREIGN))
        yield f"{_HEADERS[mode]}, half used by others", both, (all_succeed, refused(25))
    reserved = SimulatorSettings(output_rule=OutputRule.RESERVED)
    yield (
        "output reserved",
        replace(base, service=reserved),
        (all_succeed, refused(5), over_clairvoyant(None)),
    )
    yield (
        "output reserved, fitting max_tokens",
        replace(fitting, service=reserved),
        (all_succeed, refused(5), over_clairvoyant(1.10)),
    )
    unseen = replace(reserved, headers=HeaderMode.NONE)
    yield "output reserved, no headers", replace(base, service=unseen), (all_succeed, refused(25))
    costly = SimulatorSettings(refusals_cost=True, foreign=_FOREIGN)
    yield "refusals cost, half used by others", replace(base, service=costly), (all_succeed, refused(25))
    silent = SimulatorSettings(retry_after=False, foreign=_FOREIGN)
    yield "no retry-after, half used by others", replace(base, service=silent), (all_succeed, refused(25))
    ramp = SimulatorSettings(ramp=1.5)
    yield "growth is limited", replace(base, service=ramp), (all_succeed, refused(25), over_bound(1.12))


def saturating(limits: Limits, minutes: int) -> tuple[Work, ...]:
    """More work than the limits let through in so many minutes, the first full buckets included."""
    units = (minutes + 1) * 1.1
    return tuple(mixed(round(max(units * limits.itpm / 6_300, units * limits.otpm / 1_110)), 1))


def all_succeed(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
    """Nothing is lost."""
    count = len(scenario.work)
    return [Verdict(f"{outcome.succeeded} ok", str(count), outcome.succeeded == count)]


def refused(most: int) -> Judge:
    """At most so many answers with 429."""

    def judge(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
        return [Verdict(f"{outcome.refused} x 429", f"<= {most}", outcome.refused <= most)]

    return judge


def over_clairvoyant(most: float | None) -> Judge:
    """Makespan over that of who knows everything and uses all of the limits; None = only told."""

    def judge(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
        ratio = outcome.makespan_s / clairvoyant_s(scenario.work, scenario.service)
        return [_at_most(f"{ratio:.3f} x clairvoyant", ratio, most)]

    return judge


def over_bound(most: float | None) -> Judge:
    """Makespan over the bound for the mode's share; None = only told."""

    def judge(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
        ratio = outcome.makespan_s / outcome.bound_s
        return [_at_most(f"{ratio:.3f} x bound", ratio, most)]

    return judge


def use_of_bound(least: float) -> Judge:
    """The bound for the mode's share over the makespan; that of all the limits is only told."""

    def judge(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
        ours = outcome.bound_s / outcome.makespan_s
        full = outcome.full_bound_s / outcome.makespan_s
        return [
            Verdict(f"bound / makespan {ours:.3f}", f">= {least}", ours >= least),
            Verdict(f"with all limits {full:.3f}", "told", True),
        ]

    return judge


def mean_use(slack: float) -> Judge:
    """No limit is used above the mode's share on average."""

    def judge(scenario: Scenario, outcome: Outcome) -> list[Verdict]:
        most = SHARES[scenario.mode] + slack
        worst = max(outcome.used.values())
        figures = " ".join(f"{used:.3f}" for used in outcome.used.values())
        return [Verdict(f"mean use {figures}", f"<= {most:.2f}", worst <= most)]

    return judge


def _at_most(measured: str, ratio: float, most: float | None) -> Verdict:
    return Verdict(measured, "told" if most is None else f"<= {most:.2f}", most is None or ratio <= most)


def _times(factor: float) -> Limits:
    limits = (_TIER2.rpm, _TIER2.itpm, _TIER2.otpm)
    return Limits(*(round(limit * factor) for limit in limits))


def main() -> int:
    """Print the table; 1 when a demand is missed."""
    began_s = time.process_time()
    missed = 0
    for row in rows():
        missed += not row.passed
        mark = "pass" if row.passed else "FAIL"
        print(
            f"{mark}  {row.name:<62} {row.outcome.makespan_s:8.1f} s  peak {row.outcome.peak:3d}"
            f"  {row.measured}  [{row.target}]  {row.cpu_s:.2f} s",
            flush=True,
        )
    print(f"{missed} missed; {time.process_time() - began_s:.1f} s of CPU")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
