"""What an attempt is expected to take: the author, then like attempts, then a guess."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import plan, subtask, wave

from luna_tui.core.events import Tokens
from luna_tui.core.expectations import Expectations, PerRequest
from luna_tui.core.plan import Estimate, Subtask
from luna_tui.core.quantile import Recent
from luna_tui.core.trend import Trend
from luna_tui.core.words import Kind


def of_size(id: str, chars: int, **more: object) -> Subtask:
    return subtask(id, prompt="x" * chars, **more)


def knowing(*subtasks: Subtask) -> Expectations:
    return Expectations(plan(wave("w", *subtasks)))


def test_the_author_knows_best() -> None:
    told = subtask("a", estimate=Estimate(input_tokens=900, output_tokens=300, seconds=8))
    expectations = knowing(told)
    for _ in range(50):
        expectations.learn(told, PerRequest.once(Tokens(input=5, output=5)), 1.0)
    expected = expectations.expect(told)
    assert (expected.input_tokens, expected.output_tokens, expected.seconds) == (900, 300, 8)


def test_of_the_unknown_most_of_its_longest_answer_is_expected() -> None:
    expected = knowing().expect(of_size("a", 350, max_tokens=1_000))
    assert expected.output_tokens == 600
    assert expected.seconds == pytest.approx(1 + 600 / 60)
    assert expected.input_tokens == 100 + 20


def test_eight_attempts_tell_long_prompts_from_short_ones() -> None:
    """Output 0.1 tokens a character, 20 % noise: both ends are known within a third."""
    rng = random.Random(3)
    sizes = [400, 6_000, 1_000, 8_000, 2_000, 5_000, 3_000, 7_000]
    known = [of_size(f"s{n}", size, max_tokens=4_000) for n, size in enumerate(sizes)]
    expectations = knowing(*known)
    for s in known:
        out = round(0.1 * s.size_chars * rng.uniform(0.8, 1.2))
        expectations.learn(s, PerRequest.once(Tokens(input=s.size_chars // 4, output=out)), 1 + out / 40)
    short = expectations.expect(of_size("s0", 1_500, max_tokens=4_000))
    long = expectations.expect(of_size("s1", 7_500, max_tokens=4_000))
    assert 0.67 * 750 < long.output_tokens < 1.5 * 750
    assert short.output_tokens < 0.75 * long.output_tokens
    assert long.seconds > 1.3 * short.seconds


def test_chance_is_not_taken_for_a_trend() -> None:
    rng = random.Random(5)
    trend = Trend()
    for _ in range(40):
        trend = trend.plus(rng.uniform(0, 1_000), rng.uniform(90, 110))
    assert abs(trend.at(1_000) - trend.at(0)) < 8
    assert trend.at(500) == pytest.approx(100, abs=3)


def test_a_wave_that_differs_is_believed_over_the_model_as_a_whole() -> None:
    early, late = [subtask(f"a{n}") for n in range(10)], [subtask(f"b{n}") for n in range(10)]
    expectations = Expectations(plan(wave("one", *early), wave("two", *late)))
    for s in early:
        expectations.learn(s, PerRequest.once(Tokens(input=10, output=100)), 2.0)
    assert 90 < expectations.expect(late[0]).output_tokens < 200, "the same model is better than a guess"
    for s in late:
        expectations.learn(s, PerRequest.once(Tokens(input=10, output=500)), 9.0)
    assert expectations.expect(early[0]).output_tokens < 180
    assert expectations.expect(late[0]).output_tokens > 420


def test_another_model_is_another_matter() -> None:
    fast, slow = subtask("a", model="fast"), subtask("b", model="slow")
    expectations = knowing(fast, slow)
    before = expectations.expect(slow)
    expectations.learn(fast, PerRequest.once(Tokens(input=10, output=10)), 0.5)
    assert expectations.expect(slow) == before


def test_commands_take_the_median_of_those_seen() -> None:
    commands = [subtask(f"c{n}", kind=Kind.COMMAND) for n in range(5)]
    expectations = knowing(*commands)
    unknown = {expectations.expect(c).seconds for c in commands}
    assert len(unknown) == 1
    for seconds in (1.0, 2.0, 90.0):
        expectations.learn(commands[0], None, seconds)
    expected = expectations.expect(commands[1])
    assert (expected.seconds, expected.output_tokens, expected.input_tokens) == (2.0, 0, 0)


def test_tokens_of_a_character_are_learnt_from_prompts_that_are_wholly_known() -> None:
    asks = of_size("a", 10_000)
    expectations = knowing(asks)
    for _ in range(20):
        expectations.learn(asks, PerRequest.once(Tokens(input=5_020, output=5)), 1.0)
    assert expectations.expect(asks).input_tokens_per_char == pytest.approx(0.5, rel=0.02)
    for grown in (of_size("b", 100, depends_on=("a",)), of_size("c", 100, tools=("read_file",))):
        expectations.learn(grown, PerRequest.once(Tokens(input=50_000, output=5)), 1.0)
    assert expectations.expect(asks).input_tokens_per_char == pytest.approx(0.5, rel=0.02)


ATTEMPTS = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**5), st.floats(0, 10**5)), min_size=1, max_size=30
)


@given(ATTEMPTS, st.integers(0, 10**7), st.integers(1, 10**6))
def test_whatever_was_seen_the_expectation_can_be_booked(
    attempts: list[tuple[int, int, float]], chars: int, most: int
) -> None:
    expectations = knowing()
    for size, out, seconds in attempts:
        expectations.learn(
            subtask("a", files_chars=size), PerRequest.once(Tokens(input=size // 4, output=out)), seconds
        )
    expected = expectations.expect(subtask("b", files_chars=chars, max_tokens=most, timeout=60.0))
    assert 1 <= expected.output_tokens <= most
    assert 0 < expected.seconds <= 60
    assert expected.input_tokens >= 0


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=4, max_size=40))
def test_a_trend_is_never_steeper_than_least_squares(pairs: list[tuple[float, float]]) -> None:
    trend = Trend()
    for x, y in pairs:
        trend = trend.plus(x, y)
    if trend.xx > 0:
        steepest = trend.xy / trend.xx
        assert abs(trend.slope) <= abs(steepest) * (1 + 1e-9)
        assert trend.slope * steepest >= 0


def asked(*outputs: int, searches: int = 0) -> PerRequest:
    return PerRequest(Tokens(input=10, output=outputs[0]), outputs, (searches,) * len(outputs))


def test_money_is_reserved_for_what_nine_of_ten_requests_of_the_wave_stayed_within() -> None:
    s = subtask("a", max_tokens=4_000)
    expectations = knowing(s)
    for outputs in ([100] * 8 + [900] * 2,) * 8:
        expectations.learn(s, asked(*outputs), 1.0)
    expected = expectations.expect(s)
    assert expected.output_tokens < 600
    assert expected.dear_output_tokens == 900
    expectations.learn(s, asked(*[100] * 80), 1.0)
    expected = expectations.expect(s)
    assert expected.dear_output_tokens == expected.output_tokens < 600, "one of ten may be dearer"


@pytest.mark.parametrize(("told", "dear"), [(None, 600), (100, 150), (900, 1_000)])
def test_before_five_requests_the_room_or_the_author_says_what_one_may_cost(
    told: int | None, dear: int
) -> None:
    s = subtask("a", max_tokens=1_000, estimate=Estimate(output_tokens=told))
    expectations = knowing(s)
    assert expectations.expect(s).dear_output_tokens == dear
    expectations.learn(s, asked(1, 1, 1, 1), 1.0)
    assert expectations.expect(s).dear_output_tokens == dear
    expectations.learn(s, asked(1), 1.0)
    assert expectations.expect(s).dear_output_tokens == expectations.expect(s).output_tokens < 901


def test_of_more_than_a_thousand_requests_the_latest_count() -> None:
    recent = Recent()
    for figure in range(1_500):
        recent.add(figure)
    assert (len(recent), recent.p90) == (1_000, 500 + 899)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=200))
def test_the_ninth_tenth_is_exact(figures: list[int]) -> None:
    recent = Recent()
    for figure in figures:
        recent.add(figure)
    within = sum(figure <= recent.p90 for figure in figures)
    below = sum(figure < recent.p90 for figure in figures)
    assert within * 10 >= 9 * len(figures) > below * 10


def test_turns_and_searches_of_agents_are_learnt_and_of_others_there_are_none() -> None:
    agent = subtask("a", tools=("web_search",), max_turns=9)
    other = subtask("b")
    expectations = knowing(agent, other)
    assert (expectations.turns(agent), expectations.turns(other)) == (4.0, 1.0)
    assert expectations.turns(subtask("a", tools=("read_file",), max_turns=2)) == 2.0
    assert [expectations.expect(s).dear_searches for s in (agent, other)] == [1, 0]
    for _ in range(20):
        expectations.learn(agent, asked(*[50] * 7, searches=3), 9.0)
    assert expectations.turns(agent) == pytest.approx(7.0, abs=0.3)
    assert [expectations.expect(s).dear_searches for s in (agent, other)] == [3, 0]
