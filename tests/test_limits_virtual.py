"""The harness in virtual time is right about what it measures, and the limiter reaches what it must."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from benchmarks.bounds import clairvoyant_s, fluid_s, longest_s, plan_bound_s
from benchmarks.limits_virtual import SEEDS, rows, scenarios
from benchmarks.virtual import Outcome, Scenario, simulate
from benchmarks.workloads import Work, mixed
from luna_tui.core.limits import Limits
from luna_tui.simulator.buckets import stretches
from luna_tui.simulator.settings import (
    Foreign,
    HeaderMode,
    HeaderMoment,
    LimitChange,
    OutputRule,
    SimulatorSettings,
)
from luna_tui.simulator.virtual import Dimension

STEADY = stretches((), ())
WORK = tuple(mixed(200, SEEDS[0]))


def run(scenario: Scenario, moment: HeaderMoment) -> Outcome:
    return simulate(replace(scenario, service=replace(scenario.service, header_moment=moment)))


def test_a_full_bucket_and_its_refill_bound_what_can_pass() -> None:
    assert fluid_s(60, 60, STEADY, 60.0) == 0.0
    assert fluid_s(90, 60, STEADY, 60.0) == pytest.approx(30)
    assert fluid_s(70, 60, STEADY, 10.0) == pytest.approx(60)


def test_the_bound_follows_changes_of_limits_and_other_clients() -> None:
    half_later = stretches((LimitChange(40.0, 0.5),), ())
    assert fluid_s(110, 60, half_later, 60.0) == pytest.approx(60)
    shared = stretches((), (Foreign(0.5, 10.0, 60.0),))
    assert fluid_s(100, 60, shared, 60.0) == pytest.approx(65)
    assert fluid_s(1e9, 60, stretches((), (Foreign(1.0, 10.0, math.inf),)), 60.0) == math.inf


def test_no_schedule_is_shorter_than_its_bound() -> None:
    service = SimulatorSettings()
    bound = plan_bound_s(WORK, service, 1.0)
    assert bound == pytest.approx(108.0, abs=0.5)
    assert bound < clairvoyant_s(WORK, service) < 1.06 * bound
    alone = clairvoyant_s(WORK[:1], service)
    assert alone == pytest.approx(WORK[0].seconds)


def test_the_clairvoyant_waits_for_what_the_service_reserves_and_gives_back() -> None:
    work = [Work(10, 50, 1.0, 5.0, 90_000)] * 3
    reserved = SimulatorSettings(output_rule=OutputRule.RESERVED)
    assert clairvoyant_s(work, reserved) == pytest.approx(15.0, abs=0.2)
    assert clairvoyant_s(work, SimulatorSettings()) == pytest.approx(5.0)


def test_the_same_scenario_always_ends_the_same() -> None:
    scenario = Scenario(work=WORK[:60], estimates=False)
    assert simulate(scenario) == simulate(scenario)


def test_a_scenario_that_is_broken_off_tells_what_it_reached() -> None:
    limits = Limits(50, 30_000, 8_000)
    outcome = simulate(
        Scenario(work=WORK, service=SimulatorSettings(limits=limits), table=limits, until_s=120.0)
    )
    assert 0 < outcome.succeeded < 200
    assert outcome.makespan_s <= 120.0
    assert 0.5 < outcome.used[Dimension.INPUT] <= 0.97


@pytest.mark.parametrize("moment", HeaderMoment)
def test_two_hundred_requests_come_near_to_the_optimum_without_a_refusal(moment: HeaderMoment) -> None:
    outcome = run(Scenario(work=WORK), moment)
    assert (outcome.succeeded, outcome.refused) == (200, 0)
    assert outcome.makespan_s <= 1.10 * clairvoyant_s(WORK, SimulatorSettings())


@pytest.mark.parametrize("moment", HeaderMoment)
def test_half_of_the_key_used_by_others_costs_few_refusals(moment: HeaderMoment) -> None:
    service = SimulatorSettings(foreign=(Foreign(0.5, 10.0, 60.0),))
    outcome = run(Scenario(work=WORK, service=service), moment)
    assert outcome.succeeded == 200
    assert outcome.refused <= 25
    assert outcome.makespan_s <= 1.12 * outcome.bound_s


@pytest.mark.parametrize("moment", HeaderMoment)
@pytest.mark.parametrize(
    "service",
    [
        SimulatorSettings(limit_changes=(LimitChange(40.0, 0.5),)),
        SimulatorSettings(limits=Limits(500, 225_000, 45_000)),
        SimulatorSettings(headers=HeaderMode.NONE),
        SimulatorSettings(headers=HeaderMode.STALE),
        SimulatorSettings(output_rule=OutputRule.RESERVED),
    ],
    ids=["halved", "half", "silent", "stale", "reserved"],
)
def test_surprises_cost_five_refusals_at_most(service: SimulatorSettings, moment: HeaderMoment) -> None:
    outcome = run(Scenario(work=WORK, service=service), moment)
    assert outcome.succeeded == 200
    assert outcome.refused <= 5


@pytest.mark.parametrize("moment", HeaderMoment)
def test_growth_that_the_service_refuses_costs_a_few_seconds_and_not_the_run(moment: HeaderMoment) -> None:
    outcome = run(Scenario(work=WORK, service=SimulatorSettings(ramp=1.5)), moment)
    assert outcome.succeeded == 200
    assert outcome.refused <= 25
    assert outcome.makespan_s <= 1.12 * outcome.bound_s


def test_requests_above_a_small_limit_are_served_in_their_turn() -> None:
    limits = Limits(50, 30_000, 8_000)
    work = tuple(w for w in WORK if w.input_tokens > 20_000)
    service = SimulatorSettings(limits=limits)
    outcome = run(Scenario(work=work, service=service, table=limits), HeaderMoment.EARLY)
    assert (outcome.succeeded, outcome.refused) == (len(work), 0)
    assert outcome.makespan_s <= 1.2 * clairvoyant_s(work, service)


def test_every_demand_of_the_table_has_its_row() -> None:
    names = [name for name, _, _ in scenarios()]
    assert len(set(names)) == len(names) > 40
    first = next(rows())
    assert first.passed
    assert first.name.startswith(names[0])


def test_works_limits_are_longest_request_or_more() -> None:
    assert longest_s(()) == 0.0
    assert longest_s(WORK) == max(w.seconds for w in WORK)
