"""Tools that the service uses on its own side: what is offered, and what is told of their use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from rules import parse_rules
from runners.agent_support import MadeUp, agent, answer, answered, attempt, in_turn, text, tool
from runners.scripted_server import Call, chunk
from support import work_of

from luna_tui.core.rules import Rules
from luna_tui.core.words import ErrorKind
from luna_tui.engine.runner import AttemptError, Reply

BOTH = ["a.org", "b.org"]
FINE = answer(text("fine"))


def used(call: str, name: str, **given: Any) -> dict[str, Any]:
    return {"type": "server_tool_use", "id": call, "name": name, "input": given}


def found(call: str, *titles: str) -> dict[str, Any]:
    pages = [
        {"type": "web_search_result", "title": t, "url": f"https://{t}.org", "encrypted_content": "e"}
        for t in titles
    ]
    return {"type": "web_search_tool_result", "tool_use_id": call, "content": pages}


def fetched(call: str, words: str) -> dict[str, Any]:
    source = {"type": "text", "media_type": "text/plain", "data": words}
    content = {
        "type": "web_fetch_result",
        "url": "https://a.org/x",
        "content": {"type": "document", "source": source},
    }
    return {"type": "web_fetch_tool_result", "tool_use_id": call, "content": content}


def failed(call: str, kind: str, code: str) -> dict[str, Any]:
    content = {"type": f"{kind}_tool_result_error", "error_code": code}
    return {"type": f"{kind}_tool_result", "tool_use_id": call, "content": content}


def offered(rules: Rules, *names: str) -> list[Mapping[str, Any]]:
    _, made = answered(in_turn(FINE), agent(*names), rules=rules)
    tools: list[Mapping[str, Any]] = made.requests[0].get("tools", [])
    return tools


def test_both_are_offered_with_a_most_of_uses_and_to_the_model_alone() -> None:
    search, fetch = offered(Rules(), "web_search", "web_fetch")
    assert search == {
        "type": "web_search_20260318",
        "name": "web_search",
        "max_uses": 5,
        "allowed_callers": ["direct"],
    }
    assert fetch == {
        "type": "web_fetch_20260318",
        "name": "web_fetch",
        "max_uses": 10,
        "allowed_callers": ["direct"],
    }


@pytest.mark.parametrize(
    ("rules", "domains"),
    [
        (parse_rules(deny=["web_fetch(b.org)", "web_fetch(*.a.org)"]), {"blocked_domains": BOTH}),
        (parse_rules(allow=["web_fetch(a.org)", "web_fetch(b.org)"]), {"allowed_domains": BOTH}),
        (
            parse_rules(allow=["web_fetch(a.org)", "web_fetch(x.b.org)"], deny=["web_fetch(b.org)"]),
            {"allowed_domains": ["a.org"]},
        ),
        (parse_rules(allow=["web_fetch"], ask=["web_fetch(a.org)"]), {"blocked_domains": ["a.org"]}),
        (parse_rules(allow=["web_fetch"]), {}),
    ],
    ids=["denied hosts", "allowed hosts", "both", "hosts to ask about", "all"],
)
def test_rules_about_hosts_are_kept_by_the_service(rules: Rules, domains: Mapping[str, Any]) -> None:
    (fetch,) = offered(rules, "web_fetch")
    assert {k: v for k, v in fetch.items() if k.endswith("_domains")} == domains


@pytest.mark.parametrize(
    "rules",
    [
        parse_rules(deny=["web_fetch", "web_search"]),
        parse_rules(deny=["web_fetch", "web_search(secret *)"]),
        parse_rules(allow=["web_fetch(a.org)"], deny=["web_fetch(x.a.org)", "web_search"]),
        parse_rules(allow=["web_fetch(a.org)"], deny=["web_fetch(a.org)", "web_search"]),
    ],
)
def test_what_is_denied_or_cannot_be_kept_is_not_offered(rules: Rules) -> None:
    assert offered(rules, "web_search", "web_fetch") == []


@pytest.mark.parametrize("allowed", [True, False])
def test_where_a_rule_says_ask_a_person_is_asked_once_before_the_first_request(allowed: bool) -> None:
    script = in_turn(answer(text("so far"), stop="pause_turn"), FINE)
    with attempt(script, rules=parse_rules(ask=["web_search"])) as made:
        made.context.replies = {"may search the web, in the whole of this attempt": Reply(allowed=allowed)}
        made.run(work_of(agent("web_search", "web_fetch")))
    assert [(r.tool, r.pattern) for r in made.context.asked] == [("web_search", "web_search")]
    names = [t["name"] for t in made.requests[0]["tools"]]
    assert names == (["web_search", "web_fetch"] if allowed else ["web_fetch"])
    assert [number for number, _ in made.context.turns] == [1, 2], "the first one is admitted anew"


def test_uses_are_told_with_what_was_looked_for_and_what_it_came_to() -> None:
    blocks = (
        used("s1", "web_search", query="grace\x1b[31m period"),
        found("s1", "one", "two"),
        used("s2", "web_fetch", url="https://a.org/x"),
        fetched("s2", "x" * 1_500),
        used("s3", "web_search", query="again"),
        failed("s3", "web_search", "max_uses_exceeded"),
    )
    output, made = answered(in_turn(answer(*blocks, text("fine"))), agent("web_search", "web_fetch"))
    assert output == "fine"
    assert made.context.called == [
        ("s1", "web_search", "grace period"),
        ("s2", "web_fetch", "https://a.org/x"),
        ("s3", "web_search", "again"),
    ]
    assert made.context.finished == [
        ("s1", True, "2 results"),
        ("s2", True, "1,500 characters"),
        ("s3", False, "max uses exceeded"),
    ]


def test_what_the_service_brought_goes_back_as_it_came_and_may_come_after_a_pause() -> None:
    look = MadeUp("read_file")
    search, result = used("s1", "web_search", query="q"), found("s1", "one")
    script = in_turn(
        answer(search, stop="pause_turn"),
        answer(result, tool("t1", "read_file", path="a"), stop="tool_use"),
        FINE,
    )
    _, made = answered(script, agent("read_file", "web_search"), look)
    paused, went_on = (made.requests[2]["messages"][n]["content"] for n in (1, 2))
    assert paused == [search]
    assert went_on[0] == result
    assert made.context.finished[0] == ("s1", True, "1 result")


def test_a_use_whose_answer_breaks_off_is_over() -> None:
    def broken(call: Call) -> None:
        whole = answer(used("s1", "web_search", query="q"), found("s1", "one"))
        call.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        call.send(chunk(whole[: whole.index("web_search_tool_result")].rpartition("event:")[0]))
        call.reset()

    with attempt(in_turn(broken)) as made, pytest.raises(AttemptError) as failure:
        made.run(work_of(agent("web_search")))
    assert failure.value.kind is ErrorKind.CONNECTION
    assert made.context.finished == [("s1", False, "the answer broke off")]
