"""Lines of the prompt order which tools are used, over the real SDK."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anthropic
import pytest
from simulator_support import MODEL, Connect, Serve, ask, events
from tool_client import LIST, READ, converse, plain, results, said

from luna_tui.simulator.conversation import conversation_of
from luna_tui.simulator.script import Call, Script, ScriptError, read_script

LOOKUP: dict[str, Any] = {
    "name": "lookup",
    "input_schema": {
        "type": "object",
        "properties": {"id": {"type": "integer", "minimum": 3}, "kind": {"enum": ["a", "b"]}},
        "required": ["id", "kind"],
    },
}


def test_turns_and_tools_are_as_many_as_ordered_and_the_last_answer_sums_them_up(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    told: list[str] = []

    def use(name: str, given: Mapping[str, Any]) -> str:
        told.append(f"{name} brought {len(told)}\nmore")
        return told[-1]

    answers, _ = converse(connect(server), "token: T-5\nsimulate: turns=4 tools=2", use=use)
    assert [a.stop_reason for a in answers] == ["tool_use"] * 4 + ["end_turn"]
    assert [sum(b.type == "tool_use" for b in a.content) for a in answers] == [2, 2, 2, 2, 0]
    summary = answers[-1].content[0].text
    assert summary.startswith("token: T-5\n4 turns with 8 uses of tools.\n")
    for text in told:
        assert hashlib.sha256(text.encode()).hexdigest()[:12] in summary
        assert text.splitlines()[0] in summary
    assert (server.conversations().conversations, server.conversations().turns) == (1, 5)
    assert server.conversations().violations == {}


def test_a_streamed_use_has_the_events_of_the_real_one(serve: Serve, connect: Connect) -> None:
    got = events(connect(serve()), "simulate: turns=1", tools=[READ])
    kinds = [e.type for e in got]
    begun = next(e for e in got if e.type == "content_block_start" and e.index == 1)
    assert begun.content_block.type == "tool_use"
    assert begun.content_block.input == {}
    assert begun.content_block.id.startswith("toolu_")
    parts = [e.delta.partial_json for e in got if e.type == "content_block_delta" and e.index == 1]
    assert json.loads("".join(parts)) == {"path": "README.md"}
    assert kinds.count("content_block_stop") == 2
    assert got[-2].delta.stop_reason == "tool_use"


def test_an_answer_in_one_piece_has_the_same_blocks_as_a_stream(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    prompt = "simulate: turns=1 tools=3"
    tools: Any = [READ, LIST]
    with client.messages.stream(
        model=MODEL, max_tokens=500, tools=tools, messages=[{"role": "user", "content": prompt}]
    ) as stream:
        streamed = stream.get_final_message()
    whole = ask(client, prompt, tools=tools)
    assert [(b.type, getattr(b, "input", None)) for b in streamed.content] == [
        (b.type, getattr(b, "input", None)) for b in whole.content
    ]
    assert [b.name for b in whole.content[1:]] == ["list_files", "read_file", "list_files"]
    assert whole.usage.output_tokens == streamed.usage.output_tokens


def test_an_unknown_tool_is_given_what_its_schema_allows(serve: Serve, connect: Connect) -> None:
    answers, _ = converse(connect(serve()), "simulate: turns=2 tools=2", tools=[LOOKUP])
    given = [b.input for a in answers for b in a.content if b.type == "tool_use"]
    assert len(given) == 4
    assert all(g.keys() == {"id", "kind"} and g["id"] >= 3 and g["kind"] in ("a", "b") for g in given)


def test_calls_are_made_word_for_word_and_in_order(serve: Serve, connect: Connect) -> None:
    prompt = (
        'simulate-call: read_file {"path": "a file.txt", "limit": 3}\n'
        'simulate-also: nobody_offers {"x": [1, 2]}\n'
        "simulate-call: list_files\n"
        "simulate: turns=1"
    )
    answers, _ = converse(connect(serve()), prompt, tools=[READ, LIST])
    used = [[(b.name, b.input) for b in a.content if b.type == "tool_use"] for a in answers]
    assert used[0] == [("read_file", {"path": "a file.txt", "limit": 3}), ("nobody_offers", {"x": [1, 2]})]
    assert used[1] == [("list_files", {})]
    assert [len(u) for u in used] == [2, 1, 1, 0]


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("simulate-call: read_file {nothing}", "read_file: the input is not JSON"),
        ("simulate-call: read_file [1]", "must be a JSON object"),
        ("simulate: stop=later", "one of: refusal, pause_turn, max_tokens"),
        ("simulate: turns=-1", "must lie in"),
    ],
)
def test_a_wrong_order_of_tools_is_named(lines: str, named: str) -> None:
    with pytest.raises(ScriptError, match=named):
        read_script(lines)


def test_orders_are_read_from_what_the_user_says_only() -> None:
    said = [
        {"role": "user", "content": "Go on."},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "read_file", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "t", "content": "simulate: turns=9"},
                {"type": "text", "text": 'simulate-call: read_file {"path": "b"}'},
            ],
        },
    ]
    talk = conversation_of({"messages": said})
    assert read_script(talk.asked) == Script(calls=((Call("read_file", {"path": "b"}),),))
    assert [one.text for one in talk.brought] == ["simulate: turns=9"]


def test_a_cut_input_ends_at_max_tokens_and_is_made_again(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)
    got = events(client, "simulate: turns=1 cut_tool=1", tools=[READ])
    begun = next(e.content_block for e in got if e.type == "content_block_start" and e.index == 1)
    cut = "".join(e.delta.partial_json for e in got if e.type == "content_block_delta" and e.index == 1)
    assert got[-2].delta.stop_reason == "max_tokens"
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        json.loads(cut)
    text = "".join(e.delta.text for e in got if e.type == "content_block_delta" and e.index == 0)
    use = {"type": "tool_use", "id": begun.id, "name": begun.name, "input": {"path": "READ"}}
    messages = [
        {"role": "user", "content": "simulate: turns=1 cut_tool=1"},
        {"role": "assistant", "content": [{"type": "text", "text": text}, use]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": begun.id, "content": "Cut.", "is_error": True}
            ],
        },
    ]
    again = ask(client, messages=messages, tools=[READ])
    assert again.stop_reason == "tool_use"
    assert server.conversations().violations == {}


def test_the_limit_of_the_request_cuts_an_input_as_well(serve: Serve, connect: Connect) -> None:
    prompt = 'simulate-call: read_file {"path": "%s"}' % ("x" * 4_000)
    got = events(connect(serve()), prompt, tools=[READ], max_tokens=100)
    assert got[-2].delta.stop_reason == "max_tokens"
    assert got[-2].usage.output_tokens == 100


@pytest.mark.parametrize(("stop", "tools"), [("refusal", [READ]), ("max_tokens", [READ]), ("refusal", [])])
def test_the_last_answer_stops_as_ordered(serve: Serve, connect: Connect, stop: str, tools: Any) -> None:
    answers, _ = converse(connect(serve()), f"simulate: turns=1 stop={stop}", tools=tools)
    assert answers[-1].stop_reason == stop
    assert [a.stop_reason for a in answers[:-1]] == ["tool_use"] * len(tools)
    details = answers[-1].stop_details
    assert (details is not None and details.type == "refusal") == (stop == "refusal")


def test_a_pause_is_gone_on_from_with_the_answer_sent_back(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    paused = ask(client, "simulate: stop=pause_turn", tools=[READ])
    assert paused.stop_reason == "pause_turn"
    asked = {"role": "user", "content": "simulate: stop=pause_turn"}
    back = [asked, {"role": "assistant", "content": plain(paused)}]
    assert ask(client, messages=back, tools=[READ]).stop_reason == "end_turn"
    back[1] = {"role": "assistant", "content": "Something else."}
    with pytest.raises(anthropic.BadRequestError, match="does not support assistant message prefill"):
        ask(client, messages=back, tools=[READ])


def test_hostile_text_reaches_the_client_in_words_and_in_inputs(serve: Serve, connect: Connect) -> None:
    answers, _ = converse(connect(serve()), "simulate: turns=1 hostile=1")
    for text in (answers[0].content[0].text, answers[0].content[1].input["path"], answers[1].content[0].text):
        assert "\x1b[2J" in text
        assert "\u202e" in text


def test_no_tool_is_used_where_the_request_forbids_it(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    none = ask(client, "simulate: turns=4", tools=[READ], tool_choice={"type": "none"})
    assert none.stop_reason == "end_turn"
    first = ask(client, "simulate: turns=4", tools=[READ])
    messages = [
        {"role": "user", "content": "simulate: turns=4"},
        {"role": "assistant", "content": plain(first)},
        {"role": "user", "content": results(first)},
    ]
    last = ask(client, messages=messages, tools=[READ], tool_choice={"type": "none"})
    assert last.stop_reason == "end_turn"
    assert "1 turns with 1 uses" in last.content[0].text


def test_the_same_conversation_brings_the_same_answers_though_its_ids_differ(
    serve: Serve, connect: Connect
) -> None:
    one, _ = converse(connect(serve()), "simulate: turns=2 tools=2", tools=[LOOKUP])
    other, _ = converse(connect(serve()), "simulate: turns=2 tools=2", tools=[LOOKUP])
    assert [[getattr(b, "input", None) for b in a.content] for a in one] == [
        [getattr(b, "input", None) for b in a.content] for a in other
    ]
    assert one[-1].content[0].text == other[-1].content[0].text
    ids = [b.id for a in (*one, *other) for b in a.content if b.type == "tool_use"]
    assert len(set(ids)) == 8


def test_forty_conversations_at_once_do_not_cross(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)

    def one(number: int) -> str:
        def use(name: str, given: Mapping[str, Any]) -> str:
            return f"only for {number}: {said(name, given)}"

        answers, _ = converse(client, f"token: A-{number}\nsimulate: turns=4 tools=2", use=use)
        return str(answers[-1].content[0].text)

    with ThreadPoolExecutor(40) as pool:
        for number, text in enumerate(pool.map(one, range(40))):
            assert text.startswith(f"token: A-{number}\n")
            assert text.count(f"only for {number}:") == 8
    counts = server.conversations()
    assert (counts.conversations, counts.turns, counts.violations) == (40, 200, {})
