"""The time of a subtask, by what it went into."""

from __future__ import annotations

import pytest
from tui.subtask_scenes import HERE, story

from luna_tui.core.spent import said_tokens, spent, tokens_per_s, waits_before
from luna_tui.core.state import fold


def test_the_parts_add_up_to_the_time_it_took() -> None:
    state = fold(story())
    s = state.subtasks[HERE]
    took = spent(s, state.at)
    assert took.limit_s == pytest.approx(4.0)
    assert took.first_token_s == pytest.approx(3.0)
    assert took.backoff_s == pytest.approx(6.0)
    assert took.earlier_s == pytest.approx(6.0)
    whole = took.limit_s + took.first_token_s + took.stream_s + took.backoff_s + took.earlier_s
    assert whole == pytest.approx(state.at - 42.2)


def test_waits_belong_to_the_try_they_come_before() -> None:
    s = fold(story()).subtasks[HERE]
    assert [waits_before(s, t) for t in s.tries] == [pytest.approx(x) for x in (4.0, 2.0, 4.0)]


def test_tokens_are_a_guess_until_the_server_has_counted() -> None:
    assert said_tokens(fold(story()).subtasks[HERE])[1] is False
    assert said_tokens(fold(story(ended=True)).subtasks[HERE]) == (612, True)


def test_speed_is_that_from_the_first_token_to_the_last() -> None:
    s = fold(story()).subtasks[HERE]
    assert s.first_output_at is not None
    assert s.last_output_at is not None
    took = s.last_output_at - s.first_output_at
    assert tokens_per_s(s) == pytest.approx(s.chars // 4 / took)
    assert tokens_per_s(fold(story(said="short")).subtasks[HERE]) is None


def test_tries_have_their_own_tokens_and_costs() -> None:
    tries = fold(story(ended=True)).subtasks[HERE].tries
    assert [(t.input_tokens, t.output_tokens, t.cost_usd) for t in tries] == [
        (8_556, 12, 0.0214), (0, 0, None), (8_556, 612, 0.0326),
    ]  # fmt: skip
