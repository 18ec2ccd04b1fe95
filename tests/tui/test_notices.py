"""Notices: once each, one a minute, never to somebody who is looking, never an escape code of a model."""

from __future__ import annotations

import json

import pytest
from tui.agent_scenes import agents
from tui.scenes import busy, demo
from tui.sketch import sketch
from tui.stage import StillSession

from luna_tui.core.problems import total
from luna_tui.core.state import fold
from luna_tui.tui.announcing import Announcer
from luna_tui.tui.notices import Channels, Herald, Notice, Occasion, Signs
from luna_tui.tui.views.signs import (
    forecast_words,
    found_problems,
    newest_ask,
    problem_words,
    title,
)


def test_a_problem_is_said_once() -> None:
    herald = Herald()
    assert herald.look(Signs(), 0, focused=False) is None
    notice = herald.look(Signs(problem="x 1.02 failed"), 1, focused=False)
    assert notice == Notice(Occasion.PROBLEM, "x 1.02 failed")
    assert herald.look(Signs(problem="x 1.02 failed"), 200, focused=False) is None


def test_the_next_problem_is_news_only_after_quiet() -> None:
    herald = Herald()
    herald.look(Signs(problem="one"), 0, focused=False)
    herald.look(Signs(), 70, focused=False)
    assert herald.look(Signs(problem="two"), 80, focused=False) is not None
    herald.look(Signs(), 90, focused=False)
    assert herald.look(Signs(problem="three"), 100, focused=False) is None
    assert herald.look(Signs(problem="three"), 200, focused=False) is None


def test_nobody_who_looks_is_told() -> None:
    herald = Herald()
    assert herald.look(Signs(problem="one", ended="all ok"), 0, focused=True) is None
    assert herald.look(Signs(problem="one", ended="all ok"), 61, focused=False) is None


def test_at_most_one_a_minute_and_the_end_is_not_forgotten() -> None:
    herald = Herald()
    assert herald.look(Signs(problem="one"), 0, focused=False) is not None
    both = Signs(problem="one", ended="all ok", forecast="passes the cap")
    assert herald.look(both, 10, focused=False) is None
    late = herald.look(both, 60, focused=False)
    assert late is not None
    assert late.occasion is Occasion.ENDED
    assert herald.look(both, 119, focused=False) is None
    last = herald.look(both, 120, focused=False)
    assert last is not None
    assert last.occasion is Occasion.FORECAST


def test_each_request_for_a_person_is_news_and_the_answer_to_another_is_not() -> None:
    herald = Herald()
    first = herald.look(Signs(ask="2.01 asks to run x", asked_at=5.0), 0, focused=False)
    assert first == Notice(Occasion.ASK, "2.01 asks to run x")
    second = Signs(ask="2.02 asks to run y", asked_at=30.0)
    assert herald.look(second, 30, focused=False) is None, "one a minute"
    assert herald.look(second, 61, focused=False) == Notice(Occasion.ASK, "2.02 asks to run y")
    assert herald.look(Signs(ask="2.01 asks to run x", asked_at=5.0), 200, focused=False) is None
    assert herald.look(Signs(), 300, focused=False) is None


def test_the_title_and_the_notice_say_who_asks() -> None:
    state = fold(agents())
    found = found_problems(state, state.at, {})
    assert title(state, state.at, found) == "luna 1/9 ?3"
    assert newest_ask(state) == ("1.03 asks: Which one shall stay?", 88.0)
    assert newest_ask(fold(busy(20))) == ("", 0.0)


def test_what_is_over_before_its_turn_is_not_said() -> None:
    herald = Herald()
    herald.look(Signs(problem="one"), 0, focused=False)
    herald.look(Signs(problem="one", held="3 held"), 10, focused=False)
    herald.look(Signs(problem="one"), 20, focused=False)
    assert herald.look(Signs(problem="one"), 61, focused=False) is None


@pytest.mark.parametrize(
    ("channels", "sent"),
    [
        (Channels(bell=True, osc="off"), "\x07"),
        (Channels(bell=False, osc="9"), "\x1b]9;1.02 failed, look\x07"),
        (Channels(bell=False, osc="777"), "\x1b]777;notify;luna-tui;1.02 failed, look\x07"),
        (Channels(bell=False, osc="9", tmux=True), "\x1bPtmux;\x1b\x1b]9;1.02 failed, look\x07\x1b\\"),
        (Channels(bell=False, osc="off"), ""),
    ],
    ids=["bell", "osc9", "osc777", "tmux", "off"],
)
def test_each_way_of_saying_it_can_be_chosen(channels: Channels, sent: str) -> None:
    assert channels.sequences(Notice(Occasion.PROBLEM, "1.02 failed; look")) == sent


def test_text_of_a_model_cannot_end_the_sequence() -> None:
    said = Channels(bell=False, osc="9").sequences(Notice(Occasion.PROBLEM, "a\x07\x1b]52;c;AAAA\x07b\x9d"))
    assert said.count("\x07") == 1
    assert said.count("\x1b") == 1
    assert "\x9d" not in said


def test_the_title_shows_progress_and_goes_back() -> None:
    session = StillSession(busy(20))
    announcer = Announcer(Channels(bell=False, osc="off"))
    assert announcer.begin() == "\x1b[22;2t"
    said = announcer.news(session.state(), 58.0, 1.0, focused=True, dismissed={})
    assert said.startswith("\x1b]2;luna 1/39 !")
    assert announcer.news(session.state(), 58.0, 2.0, focused=True, dismissed={}) == ""
    assert announcer.end() == "\x1b[23;2t"


def test_the_end_of_a_run_reaches_the_command_as_json() -> None:
    got: list[str] = []
    announcer = Announcer(Channels(bell=False, osc="off", title=False, hook=got.append))
    state = fold(demo())
    announcer.news(state, state.at, 1.0, focused=False, dismissed={})
    event = json.loads(got[0])
    assert event["event"] == "ended"
    assert event["run"] == state.run
    assert "40 of 40 ok" in event["text"]


def test_everything_off_sends_nothing() -> None:
    announcer = Announcer(Channels(bell=False, osc="off", title=False))
    state = fold(demo())
    assert (
        announcer.begin()
        + announcer.news(state, state.at, 1.0, focused=False, dismissed={})
        + announcer.end()
        == ""
    )


def test_a_forecast_over_the_budget_has_a_notice_of_its_own_and_what_is_dismissed_has_none() -> None:
    state = sketch(budget_usd=5.0)
    found = found_problems(state, state.at, {})
    assert "forecast" in {p.cause.value for p in found}
    assert "5.00" in forecast_words(state, state.at, found)
    assert "5.00" not in problem_words(state, state.at, found)
    assert title(state, state.at, found).endswith(f"!{total(found)}")
    hidden = found_problems(state, state.at, {p.key: p.fingerprint for p in found})
    assert hidden == ()
    assert problem_words(state, state.at, hidden) == forecast_words(state, state.at, hidden) == ""
    assert "!" not in title(state, state.at, hidden)
