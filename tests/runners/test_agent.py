"""An agent's conversation: what it sends back, how each answer ends, and when it is over."""

from __future__ import annotations

from typing import Any

import pytest
from runners.agent_support import (
    MadeUp,
    agent,
    answer,
    answered,
    attempt,
    cut_tool,
    in_turn,
    results_of,
    text,
    tool,
)
from runners.scripted_server import Call, chunk, refuse
from support import make_run, plan, wave, work_of

from luna_tui.core.plan import Expectation
from luna_tui.core.words import ErrorKind, Status
from luna_tui.engine.runner import AttemptError, Missed, Usage
from luna_tui.runners.agent.conversation import GO_ON, LAST_TURN

LOOK = MadeUp("read_file", lambda given, token: f"text of {given['path']}")


def fails(script: Any, given: Any, *tools: Any) -> tuple[AttemptError, Any]:
    with attempt(script, *tools) as made, pytest.raises(AttemptError) as failure:
        made.run(work_of(given))
    return failure.value, made


def test_tools_are_used_and_their_results_sent_back_in_order() -> None:
    both = tool("t1", "read_file", path="a"), tool("t2", "read_file", path="b")
    script = in_turn(answer(text("I look."), *both, stop="tool_use"), answer(text("Both are fine.")))
    output, made = answered(script, agent("read_file"), LOOK)
    assert output == "Both are fine."
    assert "".join(made.context.texts) == "I look.Both are fine."
    first, second = made.requests
    assert first["tools"] == [LOOK.definition]
    assert second["messages"][0] == first["messages"][0]
    assert second["messages"][1] == {
        "role": "assistant",
        "content": [
            {"type": "text", "text": "I look."},
            {"type": "tool_use", "id": "t1", "name": "read_file", "input": {"path": "a"}},
            {"type": "tool_use", "id": "t2", "name": "read_file", "input": {"path": "b"}},
        ],
    }
    assert second["messages"][2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "t1", "content": "text of a"},
            {"type": "tool_result", "tool_use_id": "t2", "content": "text of b"},
        ],
    }
    assert [number for number, _ in made.context.turns] == [2]
    assert sorted(made.context.called) == [
        ("t1", "read_file", "read_file a"),
        ("t2", "read_file", "read_file b"),
    ]
    assert sorted(made.context.finished) == [("t1", True, "9 characters"), ("t2", True, "9 characters")]


def test_every_request_is_booked_once_and_searches_are_counted() -> None:
    used = {"input_tokens": 50, "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1}}
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), stop="tool_use"), answer(text("fine"), usage=used)
    )
    _, made = answered(script, agent("read_file"), LOOK)
    final = [usage for usage, last in made.context.usages if last]
    assert final == [
        Usage(model="claude-x", input_tokens=100, output_tokens=40),
        Usage(model="claude-x", input_tokens=50, output_tokens=40, searches=2),
    ]


def test_thinking_and_unknown_blocks_go_back_as_they_came() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    strange = {"type": "weather_report", "sky": {"clouds": [1, 2]}}
    script = in_turn(
        answer(thinking, strange, tool("t1", "read_file", path="a"), stop="tool_use"), answer(text("fine"))
    )
    _, made = answered(script, agent("read_file"), LOOK)
    assert made.requests[1]["messages"][1]["content"][:2] == [thinking, strange]


def test_an_answer_that_pauses_is_sent_back_as_it_is_and_goes_on() -> None:
    script = in_turn(answer(text("Half of "), stop="pause_turn"), answer(text("the answer.")))
    output, made = answered(script, agent("read_file"), LOOK)
    assert output == "Half of the answer."
    assert made.requests[1]["messages"][1:] == [
        {"role": "assistant", "content": [{"type": "text", "text": "Half of "}]}
    ]
    assert [number for number, _ in made.context.turns] == [2]


def test_a_tool_whose_input_is_cut_is_not_used_and_may_be_called_again() -> None:
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), cut_tool("t2", "read_file", '{"p": "b'), stop="max_tokens"),
        answer(tool("t3", "read_file", path="b"), stop="tool_use"),
        answer(text("fine")),
    )  # fmt: skip
    look = MadeUp("read_file")
    output, made = answered(script, agent("read_file"), look)
    assert output == "fine"
    assert look.used == [{"path": "a"}, {"path": "b"}]
    whole, cut = results_of(made.requests[1])
    assert whole["content"] == "done"
    assert cut["is_error"]
    assert "was not made" in cut["content"]
    assert made.requests[1]["messages"][1]["content"][1]["input"] == {}
    assert ("t2", False, "cut off") in made.context.finished


def test_a_tool_that_is_cut_before_its_input_began_is_not_used() -> None:
    script = in_turn(
        answer(cut_tool("t1", "read_file", ""), stop="max_tokens"),
        answer(text("fine")),
    )
    look = MadeUp("read_file")
    _, made = answered(script, agent("read_file"), look)
    assert look.used == []
    assert results_of(made.requests[1])[0]["is_error"]


def test_a_tool_without_input_is_used_where_nothing_was_cut() -> None:
    script = in_turn(answer(cut_tool("t1", "list_files", ""), stop="tool_use"), answer(text("fine")))
    look = MadeUp("list_files")
    answered(script, agent("list_files"), look)
    assert look.used == [{}]


@pytest.mark.parametrize("written", ["[1]", '"text"', '{"path": }', "NaN"])
def test_an_input_that_is_no_object_is_an_error_the_model_reads(written: str) -> None:
    script = in_turn(answer(cut_tool("t1", "read_file", written), stop="tool_use"), answer(text("fine")))
    look = MadeUp("read_file")
    _, made = answered(script, agent("read_file"), look)
    assert look.used == []
    assert "not a whole JSON object" in results_of(made.requests[1])[0]["content"]


@pytest.mark.parametrize(
    "written",
    [
        '{"path": ' + "[" * 900 + "]" * 900 + "}",
        '{"path": ' + '{"a": ' * 10_000 + "1" + "}" * 10_000 + "}",
        '{"path": NaN}',
        '{"path": [1e999]}',
        '{"path": ' + "1" * 5_000 + "}",
    ],
    ids=["deep", "deeper", "no number", "too large", "long"],
)
def test_an_input_that_could_not_be_sent_back_is_an_error_the_model_reads(written: str) -> None:
    script = in_turn(answer(cut_tool("t1", "read_file", written), stop="tool_use"), answer(text("fine")))
    look = MadeUp("read_file")
    output, made = answered(script, agent("read_file"), look)
    assert output == "fine"
    assert look.used == []
    assert "not a whole JSON object" in results_of(made.requests[1])[0]["content"]


def test_half_characters_of_a_model_end_no_attempt() -> None:
    wants = answer(
        cut_tool("t1", "read_file", r'{"path": "a\ud800b", "\udfff": ["\ud83d\ude00"]}'),
        tool("t\ud8002", "read\udc00"),
        stop="tool_use",
    )
    look = MadeUp("read_file")
    output, made = answered(in_turn(wants, answer(text("fine"))), agent("read_file"), look)
    assert output == "fine"
    assert look.used == [{"path": "a\ufffdb", "\ufffd": ["\U0001f600"]}]
    assert [b["tool_use_id"] for b in results_of(made.requests[1])] == ["t1", "t\ufffd2"]


def test_a_block_that_could_not_be_sent_back_is_not_what_the_api_sends() -> None:
    deep: dict[str, Any] = {"type": "text", "text": ""}
    for _ in range(200):
        deep = {"type": "odd", "inner": deep}
    error, _ = fails(in_turn(answer(deep)), agent("read_file"), LOOK)
    assert error.kind is ErrorKind.PROTOCOL


@pytest.mark.parametrize(
    ("stop", "kind"),
    [
        ("refusal", ErrorKind.REFUSED),
        ("max_tokens", ErrorKind.MAX_TOKENS),
        ("model_context_window_exceeded", ErrorKind.MAX_TOKENS),
        ("tool_use", ErrorKind.PROTOCOL),
        ("a_new_reason", ErrorKind.PROTOCOL),
    ],
)
def test_other_ends_in_a_later_turn_end_the_attempt(stop: str, kind: ErrorKind) -> None:
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), stop="tool_use"), answer(text("so far"), stop=stop)
    )
    error, made = fails(script, agent("read_file"), LOOK)
    assert error.kind is kind
    assert not error.retryable
    assert len(made.requests) == 2
    assert "".join(made.context.texts) == "so far"


def test_a_refusal_that_names_tools_uses_none_of_them() -> None:
    look = MadeUp("read_file")
    error, _ = fails(
        in_turn(answer(tool("t1", "read_file", path="a"), stop="refusal")), agent("read_file"), look
    )
    assert error.kind is ErrorKind.REFUSED
    assert look.used == []


def test_in_the_last_turn_no_tool_may_be_used_and_the_model_is_told() -> None:
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), stop="tool_use"),
        answer(tool("t2", "read_file", path="b"), stop="tool_use"),
        answer(text("what I know")),
    )
    output, made = answered(script, agent("read_file", max_turns=3), LOOK)
    assert output == "what I know"
    assert [request.get("tool_choice") for request in made.requests] == [None, None, {"type": "none"}]
    assert made.requests[2]["messages"][-1]["content"][-1] == {"type": "text", "text": LAST_TURN}
    assert LAST_TURN not in str(made.requests[1])


@pytest.mark.parametrize("last", ["tool_use", "pause_turn"])
def test_who_is_not_done_after_the_last_turn_fails_and_keeps_what_was_said(last: str) -> None:
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), stop="tool_use"),
        answer(text("nearly there"), tool("t2", "read_file", path="b"), stop=last)
        if last == "tool_use"
        else answer(text("nearly there"), stop=last),
    )
    look = MadeUp("read_file")
    error, made = fails(script, agent("read_file", max_turns=2), look)
    assert error.kind is ErrorKind.MAX_TURNS
    assert not error.retryable
    assert error.message.startswith("not done after all of its 2 turns")
    assert error.message.endswith("nearly there")
    assert "".join(made.context.texts) == "nearly there"
    assert look.used == [{"path": "a"}], "nothing is used that nobody could be told of"


def test_one_turn_is_a_plain_question_with_tools_that_must_not_be_used() -> None:
    output, made = answered(in_turn(answer(text("fine"))), agent("read_file", max_turns=1), LOOK)
    assert output == "fine"
    assert made.requests[0]["tool_choice"] == {"type": "none"}


def test_an_end_without_a_word_is_asked_for_once_more_and_then_fails() -> None:
    nothing = answer(stop="end_turn")
    use = answer(tool("t1", "read_file", path="a"), stop="tool_use")
    output, made = answered(in_turn(use, nothing, answer(text("fine"))), agent("read_file"), LOOK)
    assert output == "fine"
    assert made.requests[2]["messages"][-1]["content"][-1] == {"type": "text", "text": GO_ON}
    assert [m["role"] for m in made.requests[2]["messages"]] == ["user", "assistant", "user"]
    error, made = fails(in_turn(use, nothing, nothing), agent("read_file"), LOOK)
    assert error.kind is ErrorKind.EMPTY
    assert len(made.requests) == 3


def test_a_request_that_fails_leaves_the_conversation_as_it_was() -> None:
    script = in_turn(
        answer(tool("t1", "read_file", path="a"), stop="tool_use"), refuse(529, "overloaded_error")
    )
    error, _ = fails(script, agent("read_file"), LOOK)
    assert error.kind is ErrorKind.OVERLOADED
    assert error.retryable


def test_a_turn_that_is_sent_again_is_the_same_request() -> None:
    def half(call: Call) -> None:
        whole = answer(text("hello there"), tool("t2", "read_file", path="b"), stop="tool_use")
        call.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        call.send(chunk(whole[: len(whole) // 2]))
        call.reset()

    script = in_turn(answer(tool("t1", "read_file", path="a"), stop="tool_use"), half, answer(text("fine")))
    with attempt(script, LOOK) as made:
        send_once = made.context.turn

        def twice(number: int, demand: Any, send: Any) -> Any:
            with pytest.raises(AttemptError) as failure:
                send()
            assert failure.value.kind is ErrorKind.CONNECTION
            return send_once(number, demand, send)

        made.context.turn = twice  # type: ignore[method-assign]
        assert made.run(work_of(agent("read_file"))) == "fine"
    assert made.requests[1] == made.requests[2]


@pytest.mark.parametrize(
    "broken",
    [
        answer(tool("t1", "read_file")).replace('"index": 0', '"index": 9', 1),
        answer(tool("t1", "read_file")).replace('"id": "t1", ', ""),
        answer(tool("t1", "read_file")).replace('"partial_json": "{}"', '"partial_json": null'),
        answer(text("x"), tool("t1", "read_file")).replace(
            '"content_block": {"type": "tool_use"', '"block": {"x": 1'
        ),
    ],
    ids=["never begun", "no id", "no piece", "no block"],
)
def test_what_is_not_what_the_api_sends_is_told_as_that(broken: str) -> None:
    error, _ = fails(in_turn(broken), agent("read_file"), LOOK)
    assert error.kind is ErrorKind.PROTOCOL
    assert error.retryable


def test_an_answer_that_missed_is_told_why_and_keeps_its_tools() -> None:
    work = work_of(agent("read_file"))
    again = type(work)(
        **{f: getattr(work, f) for f in work.__dataclass_fields__ if f != "missed"},
        missed=Missed(output="not json", why="the answer is not JSON."),
    )
    with attempt(in_turn(answer(text("{}"))), LOOK) as made:
        assert made.run(again) == "{}"
    asked, before, why = made.requests[0]["messages"]
    assert asked["content"][0]["text"] == "look into it"
    assert before == {"role": "assistant", "content": [{"type": "text", "text": "not json"}]}
    assert "not what was asked for: the answer is not JSON. Answer" in why["content"][0]["text"]
    assert made.requests[0]["tools"]


def test_a_plain_answer_that_missed_is_told_why_too() -> None:
    work = work_of(agent())
    again = type(work)(
        **{f: getattr(work, f) for f in work.__dataclass_fields__ if f != "missed"},
        missed=Missed(output="nope", why="it does not contain 'yes'"),
    )
    with attempt(in_turn(answer(text("yes")))) as made:
        assert made.run(again) == "yes"
    assert [m["role"] for m in made.requests[0]["messages"]] == ["user", "assistant", "user"]
    assert "tools" not in made.requests[0]


def test_the_next_attempt_of_a_run_is_shown_what_the_one_before_missed() -> None:
    script = in_turn(answer(text("no idea")), answer(text("yes, it is")))
    given = agent("read_file", expect=Expectation(contains="yes"), retries=1)
    with attempt(script, LOOK) as made:
        run = make_run(made.runner, plan(wave("w", given))).finish()
        second = made.requests[1]["messages"]
    assert run.ends() == {"a": Status.SUCCEEDED}
    assert [message["role"] for message in second] == ["user", "assistant", "user"]
    assert second[1]["content"] == [{"type": "text", "text": "no idea"}]
    assert "yes" in second[2]["content"][0]["text"]
