"""What a plan will take: likely figures between bounds, unknown prices that stay unknown, useful workers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui.preflight_stage import MODEL, PRICES, ask, local, looked_at, nightly, plan_of, terms_of

from luna_tui.core.expectations import Expectations
from luna_tui.core.limits import Limits
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.preflight import preflight
from luna_tui.core.preflight_data import preflight_data
from luna_tui.core.prices import Price
from luna_tui.core.rehearsal import Books, Job, rehearse
from luna_tui.core.survey import Survey
from luna_tui.core.words import Mode, Schedule, Staffing


def told(id: str, seconds: float, *, tokens_in: int = 100, tokens_out: int = 100, **more: Any) -> Subtask:
    """A subtask of which everything is told."""
    estimate = Estimate(input_tokens=tokens_in, output_tokens=tokens_out, seconds=seconds)
    return ask(id, max_tokens=4_096, estimate=estimate, **more)


def of(*subtasks: Subtask, **more: object) -> Plan:
    """A plan of one wave."""
    return plan_of(Wave(name="w", subtasks=subtasks, timeout=0.0, **more))  # type: ignore[arg-type]


def test_input_is_estimated_as_the_engine_does_before_it_learnt() -> None:
    plan = of(ask("a", chars=7_000), ask("b", chars=70))
    expected = Expectations(plan)
    found = Survey(plan, PRICES).expenses
    assert [e.input_tokens.likely for e in found] == [
        expected.expect(s).input_tokens for s in plan.subtasks()
    ]


def test_an_unknown_answer_is_a_share_of_max_tokens_and_a_told_one_is_what_was_told() -> None:
    plan = of(ask("a", max_tokens=1_000), told("b", 5.0, tokens_out=3_000))
    first, second = Survey(plan, PRICES).expenses
    assert (first.output_tokens.low, first.output_tokens.likely, first.output_tokens.high) == (
        300,
        600,
        1_000,
    )
    assert (second.output_tokens.low, second.output_tokens.likely) == (2_400, 3_000)
    assert second.output_tokens.high == 4_096


def test_answers_that_are_filled_into_a_prompt_count_as_its_input() -> None:
    plan = of(
        told("a", 1.0, tokens_out=1_000),
        Subtask(id="b", title="b", model=MODEL, prompt="{{ results.a }}", depends_on=("a",)),
        Subtask(id="c", title="c", model=MODEL, prompt="{{ results.a }}"[:3], depends_on=("a",)),
    )
    found = Survey(plan, PRICES).expenses
    assert found[1].input_tokens.likely - found[2].input_tokens.likely == pytest.approx(1_000, abs=5)
    assert found[1].input_tokens.high > found[1].input_tokens.likely


def test_a_cost_is_tokens_times_price_and_a_command_costs_nothing() -> None:
    found = looked_at(of(told("a", 1.0, tokens_in=1_000_000, tokens_out=2_000), local("b")))
    cost = found.total.cost_usd
    assert cost is not None
    assert cost.likely == pytest.approx(2.5 + 2_000 * 12.5 / 1e6)
    assert cost.low < cost.likely < cost.high


def test_an_unknown_price_is_unknown_and_never_nothing() -> None:
    plan = of(told("a", 1.0), told("b", 1.0, model="claude-other-1"))
    found = looked_at(plan, budget_usd=5.0)
    assert found.total.cost_usd is None
    assert found.waves[0].cost_usd is None
    assert found.unpriced == ("claude-other-1",)
    assert found.held is None
    assert preflight_data(found)["total"]["cost_usd"] is None


def test_waves_follow_one_another() -> None:
    plan = plan_of(
        Wave(name="one", subtasks=(told("a", 10.0), told("b", 4.0))),
        Wave(name="two", subtasks=(told("c", 3.0), told("d", 3.0)), parallel=False),
    )
    found = looked_at(plan)
    assert [w.seconds for w in found.waves] == [pytest.approx(10.0), pytest.approx(6.0)]
    assert found.total.seconds == pytest.approx(16.0)
    assert [w.workers for w in found.waves] == [2, 1]


def test_where_waves_are_labels_only_all_of_the_plan_has_a_time() -> None:
    plan = plan_of(
        Wave(name="one", subtasks=(told("a", 10.0), told("b", 1.0))),
        Wave(name="two", subtasks=(told("c", 3.0, depends_on=("b",)),)),
        schedule=Schedule.DAG,
    )
    found = looked_at(plan)
    assert [w.seconds for w in found.waves] == [None, None]
    assert found.total.seconds == pytest.approx(10.0)


def test_a_chain_takes_its_sum_and_says_so() -> None:
    plan = of(
        told("a", 5.0), told("b", 6.0, depends_on=("a",)), told("c", 7.0, depends_on=("b",)), told("d", 2.0)
    )
    found = looked_at(plan)
    assert found.total.seconds == pytest.approx(18.0)
    assert found.total.bound_by == "critical_path"
    assert found.total.path == ("a", "b", "c")


def test_few_workers_bind_and_more_would_be_of_use() -> None:
    found = looked_at(of(*(told(f"s{n}", 10.0) for n in range(40))), workers=10)
    assert found.total.seconds == pytest.approx(40.0)
    assert found.total.bound_by == "workers"
    assert found.total.useful == 40


def test_a_limit_binds_and_more_workers_would_not_be_faster() -> None:
    subtasks = (told(f"s{n}", 30.0, tokens_in=20_000) for n in range(120))
    found = looked_at(of(*subtasks), workers=40)
    total = found.total
    assert total.bound_by == "itpm"
    assert 8 <= total.useful <= 30
    assert total.seconds is not None
    slower = looked_at(of(*(told(f"s{n}", 30.0, tokens_in=20_000) for n in range(120))), workers=total.useful)
    assert slower.total.seconds == pytest.approx(total.seconds, rel=0.02)


def test_families_of_models_have_limits_of_their_own() -> None:
    def wave(second: str) -> Plan:
        half = [told(f"a{n}", 1.0, tokens_in=40_000) for n in range(20)]
        return of(*half, *(told(f"b{n}", 1.0, tokens_in=40_000, model=second) for n in range(20)))

    alone, shared = looked_at(wave("claude-opus-5-5"), workers=40), looked_at(wave(MODEL), workers=40)
    assert alone.total.seconds is not None
    assert shared.total.seconds is not None
    assert alone.total.seconds < shared.total.seconds / 1.5


def test_commands_alone_are_no_more_at_once_than_this_computer_is_asked_to_run() -> None:
    found = looked_at(of(*(local(f"c{n}") for n in range(100))), workers=Staffing.AUTO)
    assert found.waves[0].workers == 40


def test_a_wave_longer_than_its_own_limit_is_told() -> None:
    plan = plan_of(Wave(name="w", subtasks=(told("a", 10.0),), timeout=8.0))
    assert looked_at(plan).waves[0].too_long
    assert not looked_at(plan_of(Wave(name="w", subtasks=(told("a", 10.0),), timeout=12.0))).waves[0].too_long


@pytest.mark.parametrize(
    ("budget", "held"), [(100.0, (0, 0, 0)), (0.5, (0, 0, 1)), (0.36, (0, 1, 4)), (0.001, (10, 10, 10))]
)
def test_what_a_budget_would_hold(budget: float, held: tuple[int, int, int]) -> None:
    subtasks = (told(f"s{n}", 1.0, tokens_in=4_000, tokens_out=2_400) for n in range(10))
    assert looked_at(of(*subtasks), budget_usd=budget).held == held


def test_as_data_it_is_json_with_every_wave() -> None:
    found = json.loads(json.dumps(preflight_data(looked_at(nightly(), budget_usd=4.75))))
    assert [w["name"] for w in found["waves"]] == ["scan", "extract", "merge", "check", "report"]
    assert found["total"]["subtasks"] == 96
    assert found["held"]["likely"] == 0 < found["held"]["high"]
    assert found["total"]["cost_usd"]["low"] < found["total"]["cost_usd"]["likely"]


def test_an_empty_wave_takes_no_time() -> None:
    found = looked_at(plan_of(Wave(name="w", subtasks=())))
    assert (found.total.seconds, found.total.bound_by, found.total.useful) == (0.0, "", 0)


JOBS = st.lists(
    st.builds(
        Job,
        seconds=st.floats(0.1, 60.0),
        family=st.sampled_from(["", "haiku", "opus"]),
        input_tokens=st.integers(1, 60_000),
        output_tokens=st.integers(1, 9_000),
    ),
    min_size=1,
    max_size=40,
)


@settings(max_examples=100, deadline=None)
@given(JOBS, st.integers(1, 20))
def test_a_rehearsal_keeps_to_the_workers_and_to_the_limits(jobs: list[Job], workers: int) -> None:
    caps = Limits(50, 100_000, 20_000)
    order = list(range(len(jobs)))
    needs: list[tuple[int, ...]] = [()] * len(jobs)
    free_s = rehearse(jobs, order, needs, workers, Books(None))
    limited_s = rehearse(jobs, order, needs, workers, Books(caps))
    work_s = sum(j.seconds for j in jobs)
    assert max(work_s / workers, max(j.seconds for j in jobs)) <= free_s + 1e-6
    assert free_s <= work_s + 1e-6
    assert free_s <= limited_s + 1e-6
    for name in ("haiku", "opus"):
        used = sum(min(j.input_tokens, caps.itpm) for j in jobs if j.family == name)
        assert limited_s >= (used - caps.itpm) * 60.0 / caps.itpm - 1e-3


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.5, 60.0), st.integers(1, 50_000), st.integers(1, 4_000)), max_size=40),
    st.sampled_from(list(Mode)),
    st.sampled_from([1, 3, 20, Staffing.TABLE, Staffing.AUTO]),
    st.sampled_from(["tier1", "tier2", "start"]),
)
def test_likely_lies_above_the_bound_and_useful_workers_are_as_fast(
    given_: list[tuple[float, int, int]], mode: Mode, workers: int | Staffing, tier: str
) -> None:
    subtasks = tuple(told(f"s{n}", s, tokens_in=i, tokens_out=o) for n, (s, i, o) in enumerate(given_))
    survey = Survey(of(*subtasks), PRICES)
    found = preflight(survey, terms_of(tier=tier, mode=mode, workers=workers))
    total = found.total
    assert total.seconds is not None
    assert total.least_s <= total.seconds + 1e-6
    assert 0 <= total.useful <= len(subtasks)
    if total.useful >= 1:
        fewer = preflight(survey, terms_of(tier=tier, mode=mode, workers=total.useful)).total.seconds
        many = preflight(survey, terms_of(tier=tier, mode=mode, workers=256)).total.seconds
        assert fewer is not None
        assert many is not None
        assert fewer <= many * 1.02 + 1e-3


def test_thousands_of_subtasks_are_judged_by_a_sample_of_them() -> None:
    survey = Survey(of(*(told(f"s{n}", 20.0 + n % 7, tokens_in=9_000) for n in range(3_000))), PRICES)
    found = preflight(survey, replace(terms_of(), budget_usd=3.0))
    assert found.total.bound_by == "itpm"
    assert found.held is not None
    assert found.held[1] > 2_000


def test_a_price_without_cost_is_not_unknown() -> None:
    found = looked_at(of(told("a", 1.0)), prices={MODEL: Price(input=0.0, output=0.0)})
    assert found.total.cost_usd is not None
    assert found.total.cost_usd.high == 0.0
