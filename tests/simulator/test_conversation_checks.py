"""What comes back of a conversation is what was sent, or it is refused in the service's words."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable
from typing import Any

import anthropic
import pytest
from simulator_support import Connect, Serve, ask
from tool_client import LIST, READ, converse, plain, results

from luna_tui.simulator.checks import wrong_message

Change = Callable[[list[dict[str, Any]]], object]
USE = {"type": "tool_use", "id": "toolu_1", "name": "read_file", "input": {"path": "a"}}
OTHER = USE | {"id": "toolu_2"}
DONE = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text"}
ALSO = DONE | {"tool_use_id": "toolu_2"}
TEXT = {"type": "text", "text": "And?"}


def wrong(*turns: Any, **more: Any) -> str:
    """What is wrong with a conversation whose turns follow the first prompt; empty = nothing."""
    messages = [{"role": "user", "content": "Go."}]
    messages += [{"role": "user" if n % 2 else "assistant", "content": turn} for n, turn in enumerate(turns)]
    body = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": messages, "tools": [READ]}
    found = wrong_message(body | more)
    assert found is None or found[0] == "invalid_request_error"
    return found[1] if found else ""


def test_results_in_any_order_before_any_text_are_right() -> None:
    assert wrong([TEXT, USE, OTHER], [ALSO, DONE, TEXT]) == ""
    assert wrong([USE], [DONE], [TEXT, OTHER], [ALSO | {"content": [TEXT], "is_error": True}]) == ""
    assert wrong([USE], [{k: v for k, v in DONE.items() if k != "content"}]) == ""


@pytest.mark.parametrize(
    ("turns", "named"),
    [
        (([USE, OTHER], [DONE]), "messages.1: `tool_use` ids were found without `tool_result` blocks"),
        (([USE], [TEXT, DONE]), "messages.1: `tool_use` ids were found without"),
        (([USE], "Go on."), "messages.1: `tool_use` ids were found without"),
        (([USE],), "messages.1: `tool_use` ids were found without"),
        (([USE], [DONE, DONE]), "messages.2.content.0: each tool_use must have a single result"),
        (([USE], [DONE, ALSO]), "messages.2.content.1: unexpected `tool_use_id` found"),
        (([TEXT], [DONE]), "messages.2.content.0: unexpected `tool_use_id` found"),
        (([USE, USE], [DONE]), "messages.1: `tool_use` ids must be unique"),
        (([USE], [DONE], [USE], [DONE]), "messages.3: `tool_use` ids must be unique"),
        (([DONE],), "messages.1.content.0: `tool_result` blocks can only be in `user` messages"),
        (([TEXT], [USE]), "messages.2.content.0: `tool_use` blocks can only be in `assistant` messages"),
        (([USE | {"input": "x"}], [DONE]), "messages.1.content.0.tool_use.input: Input should be a valid"),
        (([USE | {"name": "a b"}], [DONE]), "messages.1.content.0.tool_use.name: String should match"),
        (([USE | {"id": ""}], [DONE]), "messages.1.content.0.tool_use.id: Field required"),
        (([USE], [DONE | {"content": 5}]), "messages.2.content.0.tool_result.content: Input should be"),
        (([{"type": "thinking", "thinking": "x"}, TEXT], [TEXT]), "messages.1.content.0.thinking.signature"),
    ],
)
def test_a_mistake_in_uses_and_results_is_named(turns: Any, named: str) -> None:
    assert wrong(*turns).startswith(named)


def test_uses_need_tools_and_a_conversation_begins_with_the_user() -> None:
    assert wrong([USE], [DONE], tools=[]) == (
        "Requests which include `tool_use` or `tool_result` blocks must define tools"
    )
    begun = [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hello."}]
    assert wrong(messages=begun) == 'messages: first message must use the "user" role'


SEARCH = {"type": "web_search_20260318", "name": "web_search"}


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"tools": [{"input_schema": {"type": "object"}}]}, "tools.0.custom.name: Field required"),
        ({"tools": [READ | {"name": "mcp.a.b"}]}, "tools.0.custom.name: String should match"),
        ({"tools": [READ | {"name": "x" * 129}]}, "tools.0.custom.name: String should match"),
        ({"tools": [{"name": "a"}]}, "tools.0.custom.input_schema: Field required"),
        ({"tools": [READ | {"input_schema": {}}]}, "tools.0.custom.input_schema.type: Field required"),
        ({"tools": [READ | {"input_schema": {"type": "array"}}]}, "tools.0.custom.input_schema.type: Input"),
        ({"tools": [READ, LIST, READ]}, "tools: Tool names must be unique."),
        ({"tools": [SEARCH | {"type": "web_search_19990101"}]}, "tools.0: Input tag 'web_search_19990101'"),
        ({"tools": [SEARCH | {"name": "search"}]}, "tools.0.web_search_20260318.name: Input should be"),
        ({"tools": [SEARCH | {"max_uses": 0}]}, "tools.0.web_search_20260318.max_uses"),
        (
            {"tools": [SEARCH | {"allowed_domains": ["a.org"], "blocked_domains": ["b.org"]}]},
            "tools.0.web_search_20260318: Only one of",
        ),
        ({"tools": {}}, "tools: Input should be a valid list"),
        ({"tool_choice": {"type": "some"}}, "tool_choice: Input tag 'some'"),
        ({"tool_choice": {"type": "tool", "name": "x"}}, "tool_choice: Tool 'x' not found"),
        ({"tools": [], "tool_choice": {"type": "auto"}}, "tool_choice: tool_choice may only be specified"),
    ],
)
def test_a_mistake_in_tools_is_named(more: dict[str, Any], named: str) -> None:
    assert wrong(tools=[READ, SEARCH]) == ""
    assert wrong(**more).startswith(named)


def test_at_most_four_breakpoints_are_taken() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    four = [[USE], [DONE | mark]]
    system = [TEXT | mark]
    assert wrong(*four, tools=[READ | mark, LIST | mark], system=system) == ""
    assert wrong(*four, [TEXT | mark], [TEXT], tools=[READ | mark, LIST | mark], system=system) == (
        "A maximum of 4 blocks with cache_control may be provided. Found 5."
    )
    assert wrong(system=[TEXT | {"cache_control": {"type": "always"}}]).startswith("cache_control.type")


def begun(client: anthropic.Anthropic, prompt: str) -> list[dict[str, Any]]:
    """The messages of a second turn."""
    first = ask(client, prompt, tools=[READ])
    return [
        {"role": "user", "content": prompt},
        {"role": "assistant", "content": plain(first)},
        {"role": "user", "content": results(first)},
    ]


def _alter(messages: list[dict[str, Any]]) -> None:
    messages[1]["content"][1]["input"]["path"] = "another"


def _retell(messages: list[dict[str, Any]]) -> None:
    messages[0]["content"] += " please"


def _drop_text(messages: list[dict[str, Any]]) -> None:
    del messages[1]["content"][0]


@pytest.mark.parametrize(
    ("change", "kind", "named"),
    [
        (_alter, "altered", "messages.1: this is not word for word the answer that was sent"),
        (_drop_text, "altered", "messages.1: this is not word for word"),
        (_retell, "rewritten", "messages.1: the messages before this answer are not those"),
    ],
)
def test_an_answer_comes_back_word_for_word_after_what_it_answered(
    serve: Serve, connect: Connect, change: Change, kind: str, named: str
) -> None:
    server = serve()
    client = connect(server)
    messages = begun(client, "simulate: turns=2")
    change(messages)
    with pytest.raises(anthropic.BadRequestError, match=named):
        ask(client, messages=messages, tools=[READ])
    assert server.conversations().violations == {kind: 1}


def test_an_answer_of_another_conversation_is_refused(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)
    one, other = begun(client, "simulate: turns=2"), begun(client, "simulate: turns=3")
    second = ask(client, messages=other, tools=[READ])
    crossed = [
        *one,
        {"role": "assistant", "content": plain(second)},
        {"role": "user", "content": results(second)},
    ]
    with pytest.raises(anthropic.BadRequestError, match=r"messages\.3: this is an answer to another"):
        ask(client, messages=crossed, tools=[READ])
    assert server.conversations().violations == {"crossed": 1}


def test_what_belongs_to_another_conversation_is_found_in_results(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)
    begun(client, "token: T-1\nsimulate: turns=1")
    converse(client, "token: T-2\nsimulate: turns=1", use=lambda *_: "   3\ttoken: T-2")
    assert server.conversations().violations == {}
    converse(client, "token: T-3\nsimulate: turns=1", use=lambda *_: "   3\ttoken: T-1")
    assert server.conversations().violations == {"foreign": 1}


def test_words_of_the_clients_own_may_stand_in_for_an_answer(serve: Serve, connect: Connect) -> None:
    server = serve()
    said = [
        {"role": "user", "content": "One?"},
        {"role": "assistant", "content": "One."},
        {"role": "user", "content": "Two?"},
    ]
    assert ask(connect(server), messages=said, tools=[READ]).stop_reason in ("end_turn", "tool_use")
    assert server.conversations().violations == {}


def test_a_request_may_be_sent_again_and_breakpoints_may_move(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)
    messages = begun(client, "simulate: turns=2")
    ask(client, messages=messages, tools=[READ])
    messages[2]["content"][0]["cache_control"] = {"type": "ephemeral"}
    assert ask(client, messages=messages, tools=[READ]).stop_reason == "tool_use"
    counts = server.conversations()
    assert (counts.conversations, counts.turns, counts.violations) == (1, 3, {})


def test_ids_of_another_server_are_counted_and_pass(serve: Serve, connect: Connect) -> None:
    messages = begun(connect(serve()), "simulate: turns=2")
    server = serve()
    assert ask(connect(server), messages=messages, tools=[READ]).stop_reason == "tool_use"
    assert server.conversations().violations == {"unknown": 1}
    with urllib.request.urlopen(f"{server.base_url}/simulator/conversations", timeout=5) as answer:
        told = json.load(answer)
    assert told == {"conversations": 1, "turns": 1, "violations": {"unknown": 1}}
