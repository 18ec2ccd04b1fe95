"""Answering an agent on a plain console: told whole, decided by a line that was typed after it."""

from __future__ import annotations

import pytest
from headless.test_plain import Stage
from tui.agent_scenes import COMMAND, QUESTION, RUNS, agents, ask, asks

from luna_tui.core.words import Decision, GrantScope, Watching

ALLOW, DENY = Decision.ALLOW, Decision.DENY
QUESTIONED = asks(ask(tool="ask_user", summary="Which one?", detail=QUESTION, pattern="", question=True))


def test_a_tells_the_oldest_request_whole_and_what_can_be_typed() -> None:
    said = Stage(agents()).type("a\n")
    assert said[0] == "1:34 1.01 asks to use run_command: python -m pytest -q"
    assert said[1:3] == [f"    {line}" for line in COMMAND.split("\n")]
    assert "both cover run_command(python -m pytest *)" in said[3]
    assert len(said) == 4


@pytest.mark.parametrize(
    ("typed", "decision", "scope", "reason"),
    [
        ("y", ALLOW, GrantScope.ONCE, ""),
        ("s", ALLOW, GrantScope.SUBTASK, ""),
        ("r", ALLOW, GrantScope.RUN, ""),
        ("n", DENY, GrantScope.ONCE, ""),
        ("n use make instead", DENY, GrantScope.ONCE, "use make instead"),
    ],
)
def test_a_line_decides(typed: str, decision: Decision, scope: GrantScope, reason: str) -> None:
    for watching in (Watching.OWN, Watching.ATTACHED):
        stage = Stage(agents(), watching=watching)
        stage.type("a\n")
        stage.session.clock.advance(1.0)
        assert stage.type(f"{typed}\n") == []
        assert stage.calls == [("decide", "a1", decision, scope, reason, "user")]


@pytest.mark.parametrize(
    ("typed", "decision", "reason"),
    [
        ("2", ALLOW, "help.md, which is newer"),
        ("no, none of them", ALLOW, "no, none of them"),
        ("n: ask somebody else", DENY, "ask somebody else"),
    ],
)
def test_a_question_is_answered(typed: str, decision: Decision, reason: str) -> None:
    stage = Stage(QUESTIONED)
    assert stage.type("a\n")[0].endswith("1.01 asks: Which one?")
    stage.session.clock.advance(1.0)
    stage.type(f"{typed}\n")
    assert stage.calls == [("decide", "a1", decision, GrantScope.ONCE, reason, "user")]


@pytest.mark.parametrize("typed", ["", "x", "yes", "a", "Y", "y please"])
def test_any_other_line_decides_nothing_and_says_so(typed: str) -> None:
    stage = Stage(agents())
    stage.type("a\n")
    stage.session.clock.advance(1.0)
    assert "othing was decided" in stage.type(f"{typed}\n")[0]
    assert stage.calls == []


@pytest.mark.parametrize("typed", ["9", "0", "44"])
def test_a_number_without_a_choice_is_no_answer(typed: str) -> None:
    stage = Stage(QUESTIONED)
    stage.type("a\n")
    stage.session.clock.advance(1.0)
    assert "is no answer" in stage.type(f"{typed}\n")[0]
    assert stage.calls == []


def test_what_can_only_be_allowed_once_is_not_allowed_for_the_run() -> None:
    stage = Stage(asks(ask(pattern="")))
    assert "r:" not in stage.type("a\n")[-1]
    stage.session.clock.advance(1.0)
    stage.type("r\n")
    assert stage.calls == []


def test_a_line_that_was_typed_ahead_decides_nothing() -> None:
    stage = Stage(agents())
    assert "before it could be read" in stage.type("a\ny\n")[-1]
    assert stage.calls == []


def test_the_next_request_comes_after_the_first_was_answered_and_gone_ones_are_not_decided() -> None:
    stage = Stage(agents())
    stage.type("a\n")
    stage.session.clock.advance(1.0)
    stage.type("y\n")
    assert "1.02 asks to use edit_file" in stage.type("a\n")[0]
    stage.session.clock.advance(1.0)
    del stage.session.state().asks["a2"]
    assert "no longer asked" in stage.type("y\n")[0]
    assert [call[1] for call in stage.calls] == ["a1"]


def test_nothing_is_asked_where_no_agent_asks() -> None:
    assert Stage().type("a\n") == ["0:57 No agent asks for anything."]
    assert Stage(asks(ask(subtask=RUNS, detail="\x1b[2J\x07ls"))).type("a\n")[1] == "    \ufffdls"
