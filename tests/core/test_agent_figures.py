"""What agents will take: turns that send the conversation again, most of it from the cache."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui.preflight_stage import PRICES, ask, looked_at, plan_of

from luna_tui.core.limits import TIERS, Limits
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.preflight_data import preflight_data
from luna_tui.core.prices import Price
from luna_tui.core.survey import Expense, Survey
from luna_tui.core.turn_costs import Course, conversation_cost
from luna_tui.core.words import Isolation, Schedule

PRICE = Price(input=1.0, output=10.0, cache_read=0.1, cache_write=1.25, search=0.01)


def of(*subtasks: Subtask) -> Plan:
    return plan_of(Wave(name="w", subtasks=subtasks, timeout=0.0))


def agent(id: str, **more: Any) -> Subtask:
    values: dict[str, Any] = {"max_tokens": 1_000, "tools": ("read_file", "search_files")}
    return ask(id, **(values | more))


def expense(s: Subtask) -> Expense:
    return Survey(of(s), PRICES).expenses[0]


def test_every_turn_sends_the_conversation_again_and_reads_what_was_kept() -> None:
    course = Course(turns=3, first_tokens=4_000, said_tokens=100, answer_tokens=500, result_tokens=400)
    found = conversation_cost(course, PRICE)
    assert found.input_tokens == 4_000 + 500 + 500
    assert found.output_tokens == 700
    written, read = 4_000 + 500 + 500, 4_000 + 4_500
    assert found.cost_usd == pytest.approx((written * 1.25 + read * 0.1 + 700 * 10.0) / 1e6)


def test_what_is_too_short_to_be_kept_is_sent_whole_each_time() -> None:
    course = Course(turns=3, first_tokens=500, said_tokens=50, answer_tokens=50, result_tokens=50, searches=2)
    found = conversation_cost(course, PRICE)
    assert found.input_tokens == 500 + 600 + 700
    assert found.cost_usd == pytest.approx((1_800 * 1.0 + 150 * 10.0) / 1e6 + 4 * 0.01)
    assert conversation_cost(course, None).cost_usd is None


def test_a_long_prompt_is_priced_by_the_length_of_its_own_request() -> None:
    dear = replace(PRICE, long_from=5_000, long=replace(PRICE.rates(0), input=100.0, cache_write=100.0))
    short = Course(turns=1, first_tokens=4_000, said_tokens=0, answer_tokens=0, result_tokens=2_000)
    first, second = conversation_cost(short, dear), conversation_cost(replace(short, turns=2), dear)
    assert first.cost_usd == pytest.approx(4_000 * 1.25 / 1e6)
    assert second.cost_usd == pytest.approx((4_000 * 1.25 + 4_000 * 0.1 + 2_000 * 100.0) / 1e6)


def test_an_agent_takes_more_than_one_request_and_no_more_turns_than_it_may() -> None:
    plain, tools = expense(ask("a", max_tokens=1_000)), expense(agent("a"))
    assert (plain.turns, tools.turns, expense(agent("a", max_turns=2)).turns) == (1, 4, 2)
    assert tools.input_tokens.likely > 3 * plain.input_tokens.likely
    assert plain.output_tokens.likely < tools.output_tokens.likely < 4 * plain.output_tokens.likely
    assert tools.job.requests == 4
    assert tools.job.seconds > plain.job.seconds


@given(st.integers(1, 30), st.integers(10, 50_000), st.integers(0, 40_000))
def test_low_is_never_above_likely_nor_that_above_high(most: int, max_tokens: int, chars: int) -> None:
    found = expense(agent("a", max_turns=most, max_tokens=max_tokens, chars=chars, timeout=60.0))
    assert found.cost_usd is not None
    for spread in (found.input_tokens, found.output_tokens, found.cost_usd, found.seconds):
        assert 0.0 < spread.low <= spread.likely <= spread.high
    assert found.seconds.high <= 60.0


def test_what_the_author_tells_is_of_the_whole_attempt() -> None:
    told = Estimate(input_tokens=40_000, output_tokens=2_000, seconds=30.0)
    found = expense(agent("a", estimate=told))
    assert (found.input_tokens.likely, found.output_tokens.likely, found.job.seconds) == (40_000, 2_000, 30.0)
    assert (found.seconds.low, found.seconds.high) == (24.0, 45.0)
    price = next(iter(PRICES.values()))
    assert found.cost_usd is not None
    assert found.cost_usd.likely == pytest.approx((40_000 * price.input + 2_000 * price.output) / 1e6)


def test_the_time_has_a_spread_and_waves_add_theirs() -> None:
    plan = plan_of(
        Wave(name="one", subtasks=(ask("a", estimate=Estimate(output_tokens=10, seconds=10.0)),)),
        Wave(name="two", subtasks=(ask("b", estimate=Estimate(output_tokens=10, seconds=20.0)),)),
    )
    found = looked_at(plan)
    assert [w.quick_s for w in found.waves] == pytest.approx([8.0, 16.0])
    assert [w.slow_s for w in found.waves] == pytest.approx([15.0, 30.0])
    assert [found.total.quick_s, found.total.slow_s] == pytest.approx([24.0, 45.0])
    as_one = looked_at(replace(plan, schedule=Schedule.DAG)).total
    assert [as_one.quick_s, as_one.seconds, as_one.slow_s] == pytest.approx([16.0, 20.0, 30.0])
    row = preflight_data(found)["total"]
    assert (row["seconds_low"], row["seconds"], row["seconds_high"]) == (24.0, 30.0, 45.0)


def test_in_a_large_plan_a_sample_tells_the_spread() -> None:
    asked = tuple(ask(f"s{n}", estimate=Estimate(output_tokens=10, seconds=10.0)) for n in range(2_500))
    found = looked_at(of(*asked), tier="scale").total
    assert found.seconds is not None
    assert found.quick_s == pytest.approx(0.8 * found.seconds, rel=0.1)
    assert found.slow_s == pytest.approx(1.5 * found.seconds, rel=0.1)


def test_requests_of_turns_count_against_the_requests_a_minute() -> None:
    many = tuple(agent(f"a{n}", estimate=Estimate(seconds=1.0)) for n in range(400))
    found = looked_at(of(*many), tier="tier1", workers=50)
    limits = TIERS["tier1"].limits
    assert isinstance(limits, Limits)
    assert found.total.seconds is not None
    assert found.total.bound_by in ("rpm", "itpm", "otpm")
    assert found.total.seconds > (400 * 4 - limits.rpm) / limits.rpm * 60


def test_agents_their_tools_and_workspaces_are_named() -> None:
    found = looked_at(of(agent("a"), agent("b", tools=("web_search",), isolate=Isolation.COPY), ask("c")))
    assert found.agents is not None
    assert (found.agents.count, found.agents.turns) == (2, 8)
    assert found.agents.tools == ("read_file", "search_files", "web_search")
    assert found.apart == 1
    told = preflight_data(found)
    assert (told["agents"], told["turns"], told["own_workspaces"]) == (2, 8, 1)
    assert looked_at(of(ask("c"))).agents is None
