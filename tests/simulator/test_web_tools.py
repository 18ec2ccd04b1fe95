"""Tools that the service uses itself, over the real SDK."""

from __future__ import annotations

from typing import Any

import pytest
from simulator_support import Connect, Serve, ask, events
from tool_client import READ, converse, plain

from luna_tui.simulator.web import found_pages, page_at

SEARCH: dict[str, Any] = {"type": "web_search_20260318", "name": "web_search"}
FETCH: dict[str, Any] = {"type": "web_fetch_20260318", "name": "web_fetch"}
PROMPT = "Search for the tides of the northern harbour."


def kinds(message: Any) -> list[str]:
    return [block.type for block in message.content]


def test_a_search_has_its_use_its_results_and_cited_words(serve: Serve, connect: Connect) -> None:
    message = ask(connect(serve()), PROMPT, tools=[SEARCH])
    assert kinds(message) == ["text", "server_tool_use", "web_search_tool_result", "text"]
    use, result, text = message.content[1:]
    assert use.input == {"query": "tides northern harbour"}
    assert use.id == result.tool_use_id
    assert [page.url for page in result.content] == [
        "https://example.org/tides-northern-harbour/1",
        "https://www.example.com/tides-northern-harbour/2",
        "https://docs.example.org/tides-northern-harbour/3",
    ]
    assert result.content[0].url in text.text
    assert [c.url for c in text.citations] == [result.content[0].url]
    assert message.usage.server_tool_use.web_search_requests == 1
    assert message.stop_reason == "end_turn"


def test_a_streamed_search_is_the_same(serve: Serve, connect: Connect) -> None:
    server = serve()
    answers, _ = converse(connect(server), PROMPT, tools=[SEARCH])
    streamed, whole = answers[0], ask(connect(server), PROMPT, tools=[SEARCH])
    assert kinds(streamed) == kinds(whole)
    assert streamed.content[2].content == whole.content[2].content
    assert streamed.content[3].citations == whole.content[3].citations
    got = events(connect(server), PROMPT, tools=[SEARCH])
    assert got[-2].usage.server_tool_use.web_search_requests == 1


def test_pages_that_the_prompt_names_are_fetched(serve: Serve, connect: Connect) -> None:
    prompt = "What do https://example.org/tides and http://unreachable.example.org/x say?"
    message = ask(connect(serve()), prompt, tools=[SEARCH, FETCH])
    assert [b.name for b in message.content if b.type == "server_tool_use"] == ["web_fetch"] * 2
    good, bad = (b.content for b in message.content if b.type == "web_fetch_tool_result")
    assert good.content.source.data == page_at("https://example.org/tides").text
    assert good.url == "https://example.org/tides"
    assert bad.error_code == "url_not_accessible"
    assert message.usage.server_tool_use.web_fetch_requests == 1


@pytest.mark.parametrize(
    ("prompt", "tool", "codes"),
    [
        ("simulate: searches=3", SEARCH | {"max_uses": 2}, ["", "", "max_uses_exceeded"]),
        ("simulate: searches=1 web_error=unavailable", SEARCH, ["unavailable"]),
        ("simulate: fetches=1 web_error=url_not_accessible", FETCH, ["url_not_accessible"]),
        ("simulate: searches=1 web_error=url_not_accessible", SEARCH, [""]),
        ("Read https://example.net/a", FETCH | {"allowed_domains": ["example.org"]}, ["url_not_allowed"]),
        ("Read https://a.example.org/", FETCH | {"blocked_domains": ["example.org"]}, ["url_not_allowed"]),
        ('simulate-call: web_search {"query": 5}', SEARCH, ["invalid_tool_input"]),
        ('simulate-call: web_fetch {"url": "nowhere"}', FETCH, ["invalid_tool_input"]),
    ],
)
def test_errors_are_results_and_are_not_charged(
    serve: Serve, connect: Connect, prompt: str, tool: Any, codes: list[str]
) -> None:
    message = ask(connect(serve()), prompt, tools=[tool])
    found = [b.content for b in message.content if b.type.endswith("_tool_result")]
    assert [getattr(content, "error_code", "") for content in found] == codes
    usage = message.usage.server_tool_use
    assert usage.web_search_requests + usage.web_fetch_requests == codes.count("")
    assert message.stop_reason == "end_turn"


def test_results_keep_to_the_domains_of_the_tool() -> None:
    hosts = {page.url.split("/")[2] for page in found_pages("tides", {"blocked_domains": ["example.org"]})}
    assert hosts == {"www.example.com"}
    assert {p.url.split("/")[2] for p in found_pages("x", {"allowed_domains": ["a.net"]})} == {"a.net"}
    assert found_pages("tides", {"blocked_domains": ["example.org", "example.com"]}) == []


def test_a_long_search_pauses_and_goes_on_when_it_is_sent_back(serve: Serve, connect: Connect) -> None:
    server = serve()
    answers, messages = converse(connect(server), "simulate: searches=12", tools=[SEARCH])
    assert [a.stop_reason for a in answers] == ["pause_turn", "end_turn"]
    assert [kinds(a).count("server_tool_use") for a in answers] == [10, 2]
    assert [m["role"] for m in messages] == ["user", "assistant"]
    assert answers[1].content[-1].text.count("Found before: https://example.org/") == 10
    assert server.conversations().violations == {}


def test_a_pause_on_order_comes_once_and_before_the_tools_of_the_client(
    serve: Serve, connect: Connect
) -> None:
    server = serve()
    prompt = "simulate: searches=1 turns=1 stop=pause_turn"
    answers, _ = converse(connect(server), prompt, tools=[SEARCH, READ])
    assert [a.stop_reason for a in answers] == ["pause_turn", "tool_use", "end_turn"]
    assert server.conversations().violations == {}


def test_searches_and_uses_of_the_client_stand_in_one_answer(serve: Serve, connect: Connect) -> None:
    server = serve()
    prompt = (
        'simulate-call: web_search {"query": "tides"}\n'
        'simulate-also: read_file {"path": "a.txt"}\n'
        'simulate-call: read_file {"path": "b.txt"}'
    )
    answers, _ = converse(connect(server), prompt, tools=[SEARCH, READ])
    assert kinds(answers[0]) == ["text", "server_tool_use", "web_search_tool_result", "text", "tool_use"]
    assert [b.input for b in answers[1].content if b.type == "tool_use"] == [{"path": "b.txt"}]
    assert [a.stop_reason for a in answers] == ["tool_use", "tool_use", "end_turn"]
    assert server.conversations().violations == {}


def test_pages_may_be_hostile(serve: Serve, connect: Connect) -> None:
    message = ask(connect(serve()), "simulate: fetches=1 searches=1 hostile=1", tools=[FETCH, SEARCH])
    titles = [b.content[0].title for b in message.content if b.type == "web_search_tool_result"]
    pages = [b.content.content.source.data for b in message.content if b.type == "web_fetch_tool_result"]
    assert all("\x1b[2J" in text for text in (*titles, *pages))


def test_nothing_is_searched_where_the_request_forbids_it(serve: Serve, connect: Connect) -> None:
    message = ask(connect(serve()), PROMPT, tools=[SEARCH], tool_choice={"type": "none"})
    assert kinds(message) == ["text"]
    assert kinds(ask(connect(serve()), PROMPT)) == ["text"]


def test_the_length_of_a_page_keeps_to_its_limit(serve: Serve, connect: Connect) -> None:
    tool = FETCH | {"max_content_tokens": 5}
    message = ask(connect(serve()), "Read https://example.org/tides", tools=[tool])
    assert [len(b.content.content.source.data) for b in message.content if "result" in b.type] == [20]
    assert plain(message)[2]["content"]["url"] == "https://example.org/tides"
