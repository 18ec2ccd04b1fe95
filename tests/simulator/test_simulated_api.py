"""The simulated Messages API as the real SDK and a bare socket meet it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import anthropic
import httpx2
import pytest
from simulator_support import MODEL, Connect, Serve, ask, events

from luna_tui.core.limits import Limits
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.server import SimulatorServer, SimulatorStats

BROKEN = (anthropic.APIError, httpx2.TransportError)


def until(stats: Callable[[], SimulatorStats], holds: Callable[[SimulatorStats], bool]) -> float:
    """Seconds until `holds`; fails after two."""
    began = time.monotonic()
    while not holds(stats()):
        assert time.monotonic() - began < 2.0, stats()
        threading.Event().wait(0.005)
    return time.monotonic() - began


def raw(server: SimulatorServer, request: bytes) -> bytes:
    """What comes back for these bytes until the server closes the connection."""
    where = urlsplit(server.base_url)
    with socket.create_connection((where.hostname or "", where.port or 0), timeout=5) as sock:
        sock.sendall(request)
        sock.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: sock.recv(65_536), b""))


def test_a_plain_answer(serve: Serve, connect: Connect) -> None:
    message = ask(connect(serve()))
    assert message.content[0].text.startswith("token: T-1\n")
    assert message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 10
    assert message.usage.output_tokens > 10
    assert message.model == MODEL


def test_a_stream_has_the_events_of_the_real_one_and_the_same_text(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    got = events(client)
    kinds = [e.type for e in got]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    assert set(kinds[2:-3]) == {"content_block_delta"}
    text = "".join(e.delta.text for e in got if e.type == "content_block_delta")
    whole = ask(client)
    assert text == whole.content[0].text
    assert got[0].message.usage.input_tokens == whole.usage.input_tokens
    assert got[-2].usage.output_tokens == whole.usage.output_tokens
    assert got[-2].delta.stop_reason == "end_turn"
    with client.messages.stream(
        model=MODEL, max_tokens=500, messages=[{"role": "user", "content": "token: T-1\nHow is it going?"}]
    ) as stream:
        assert stream.get_final_text() == text


def test_an_answer_that_is_too_long_stops_at_max_tokens(serve: Serve, connect: Connect) -> None:
    got = events(connect(serve()), max_tokens=7)
    assert got[-2].delta.stop_reason == "max_tokens"
    assert got[-2].usage.output_tokens == 7


def test_ordered_work_ends_at_its_instant(serve: Serve, connect: Connect) -> None:
    client = connect(serve(speed=10.0))
    began = time.monotonic()
    got = events(client, "simulate: output=300 seconds=6 first=1.5 cached=4")
    took_s = time.monotonic() - began
    assert 0.6 <= took_s < 0.9
    assert got[-2].usage.output_tokens == 300
    assert sum(e.type == "content_block_delta" for e in got) == 15
    assert got[0].message.usage.cache_read_input_tokens == 4
    with pytest.raises(anthropic.BadRequestError, match="unknown key 'outputs'"):
        ask(client, "simulate: outputs=3")


def test_attached_documents_are_read(serve: Serve, connect: Connect) -> None:
    source = {"type": "text", "media_type": "text/plain", "data": "class A: pass\nclass B: pass\n"}
    content: Any = [{"type": "document", "title": "ab.py", "source": source}, {"type": "text", "text": "?"}]
    assert "## Analysis of ab.py" in ask(connect(serve()), content).content[0].text


def test_tokens_are_counted_as_an_answer_books_them(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    counted = client.messages.count_tokens(model=MODEL, messages=[{"role": "user", "content": "x" * 999}])
    assert counted.input_tokens == ask(client, "x" * 999).usage.input_tokens
    with pytest.raises(anthropic.BadRequestError, match="at least one message"):
        client.messages.count_tokens(model=MODEL, messages=[])


def test_models_are_listed_and_found_by_id(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    assert [m.id for m in client.models.list()] == [MODEL, "claude-sonnet-5-5", "claude-opus-5-5"]
    found = client.models.retrieve("claude-opus-5-5")
    assert (found.id, found.lifecycle, found.line) == ("claude-opus-5-5", "active", "opus")
    with pytest.raises(anthropic.NotFoundError, match="model: claude-nobody"):
        client.models.retrieve("claude-nobody")


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("fault", "error", "status", "named"),
    [
        (FaultKind.RATE_LIMIT, anthropic.RateLimitError, 429, "rate_limit_error"),
        (FaultKind.OVERLOADED, anthropic.OverloadedError, 529, "overloaded_error"),
        (FaultKind.SERVER_ERROR, anthropic.InternalServerError, 500, "api_error"),
        (FaultKind.AUTH, anthropic.AuthenticationError, 401, "authentication_error"),
    ],
)
def test_a_refusal_has_the_real_body_and_is_over_after_its_times(
    serve: Serve,
    connect: Connect,
    fault: FaultKind,
    error: type[anthropic.APIStatusError],
    status: int,
    named: str,
    streamed: bool,
) -> None:
    client = connect(serve(Fault(kind=fault, match="token: T-1", retry_after=3)))
    with pytest.raises(error) as caught:
        ask(client, stream=streamed)
    answered: Any = caught.value.body
    assert caught.value.status_code == status
    assert answered["type"] == "error"
    assert answered["error"]["type"] == named
    assert answered["request_id"] == caught.value.request_id == caught.value.response.headers["request-id"]
    assert caught.value.response.headers.get("retry-after") == ("3" if status == 429 else None)
    assert ask(client).content


def test_mistakes_are_refused_as_the_service_does(serve: Serve, connect: Connect) -> None:
    client = connect(serve())
    with pytest.raises(anthropic.BadRequestError, match="max_tokens"):
        ask(client, max_tokens=0)
    with pytest.raises(anthropic.NotFoundError, match="model: claude-9"):
        ask(client, model="claude-9")
    with pytest.raises(anthropic.NotFoundError, match="Not found: /v1/nothing"):
        client.post("/v1/nothing", body={}, cast_to=object)


def test_only_accepted_keys_come_in(serve: Serve, connect: Connect) -> None:
    server = serve(accepted_keys=frozenset({"good"}))
    assert ask(connect(server, key="good")).content
    with pytest.raises(anthropic.AuthenticationError):
        ask(connect(server, key="bad"))
    head = b"GET /v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
    assert raw(server, head + b"x-api-key: good\r\n\r\n").startswith(b"HTTP/1.1 200")
    assert raw(server, head + b"authorization: Basic good\r\n\r\n").startswith(b"HTTP/1.1 401")
    assert raw(server, head + b"\r\n").startswith(b"HTTP/1.1 401")


def test_a_body_that_is_too_large_is_refused_after_it_was_sent(serve: Serve, connect: Connect) -> None:
    with pytest.raises(anthropic.APIStatusError) as caught:
        ask(connect(serve(max_body=10_000)), "x" * 3_000_000)
    assert caught.value.status_code == 413
    assert "request_too_large" in str(caught.value)


POST = b"POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\n"


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (POST + b"\r\n", 400),
        (POST + b"content-length: -1\r\n\r\n", 400),
        (POST + b"content-length: 5\r\n\r\n{oops", 400),
        (POST + b"content-length: 2\r\n\r\n[]", 400),
        (POST + b'content-length: 14\r\n\r\n{"messages":5}', 400),
        (POST + b"content-length: 250000\r\n\r\n" + b'{"a":' * 50_000, 400),
        (b"POST /v1/messages HTTP/1.1\r\ncontent-length: 5\r\n\r\n{oops", 401),
        (b"DELETE /v1/messages HTTP/1.1\r\nx-api-key: k\r\n\r\n", 405),
        (b"GET /v1/messages what HTTP/1.1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_refused_in_json(serve: Serve, request_bytes: bytes, status: int) -> None:
    head, _, content = raw(serve(), request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d" % status)
    assert json.loads(content)["type"] == "error"


def test_every_answer_tells_the_limits_and_an_id_of_its_own(serve: Serve, connect: Connect) -> None:
    client = connect(serve(limits=Limits(50, 30_000, 8_000)))
    first = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "x" * 4_000}]
    )
    with pytest.raises(anthropic.BadRequestError) as caught:
        ask(client, max_tokens=0)
    for headers in (first.headers, caught.value.response.headers):
        assert headers["anthropic-ratelimit-requests-limit"] == "50"
        assert headers["anthropic-ratelimit-requests-remaining"] == "49"
        assert headers["anthropic-ratelimit-input-tokens-limit"] == "30000"
        assert 28_000 <= int(headers["anthropic-ratelimit-input-tokens-remaining"]) <= 29_000
        assert headers["anthropic-ratelimit-output-tokens-limit"] == "8000"
        reset = datetime.fromisoformat(headers["anthropic-ratelimit-tokens-reset"])
        assert abs(reset - datetime.now(UTC)) < timedelta(seconds=10)
    assert first.headers["request-id"] != caught.value.response.headers["request-id"]


def test_a_limit_that_is_reached_refuses_with_the_time_to_wait(serve: Serve, connect: Connect) -> None:
    server = serve(Fault(kind=FaultKind.CUT, at=3), limits=Limits(2, 100_000, 100_000))
    client = connect(server)
    ask(client), ask(client)
    with pytest.raises(anthropic.RateLimitError, match="limit of requests per minute") as caught:
        ask(client)
    assert 28 <= int(caught.value.response.headers["retry-after"]) <= 30
    assert [s.status for s in server.stats().seen] == [200, 200, 429]


def mid(kind: FaultKind) -> Fault:
    return Fault(kind=kind, after=3, match="token: T-1")


def heard_before(client: anthropic.Anthropic, error: type[Exception]) -> tuple[int, Any]:
    heard: list[Any] = []
    stream = ask(client, stream=True)
    with pytest.raises(error) as caught:
        heard.extend(stream)
    return sum(e.type == "content_block_delta" for e in heard), caught.value


def test_a_cut_stream_breaks_after_its_deltas_and_only_once(serve: Serve, connect: Connect) -> None:
    server = serve(mid(FaultKind.CUT))
    client = connect(server)
    assert heard_before(client, httpx2.RemoteProtocolError)[0] == 3
    assert events(client)[-1].type == "message_stop"
    assert server.stats().disconnects == 0, "the server itself has cut it"


def test_an_early_end_is_clean_and_has_no_message_stop(serve: Serve, connect: Connect) -> None:
    kinds = [e.type for e in events(connect(serve(mid(FaultKind.EARLY_END))))]
    assert kinds.count("content_block_delta") == 3
    assert kinds[-1] == "content_block_delta"


def test_malformed_data_is_no_json(serve: Serve, connect: Connect) -> None:
    deltas, _ = heard_before(connect(serve(mid(FaultKind.MALFORMED))), json.JSONDecodeError)
    assert deltas == 3


def test_an_error_event_comes_inside_of_the_stream(serve: Serve, connect: Connect) -> None:
    deltas, error = heard_before(connect(serve(mid(FaultKind.ERROR_EVENT))), anthropic.APIStatusError)
    assert deltas == 3
    assert error.status_code == 200
    assert error.type == "overloaded_error"


@pytest.mark.parametrize("kind", [FaultKind.STALL, FaultKind.NO_HEADERS])
@pytest.mark.parametrize("streamed", [True, False])
def test_a_silent_server_is_silent_at_any_speed_and_notices_who_leaves(
    serve: Serve, connect: Connect, kind: FaultKind, streamed: bool
) -> None:
    server = serve(mid(kind), speed=1_000_000.0)
    client = connect(server, read_s=0.4)
    with pytest.raises((*BROKEN, httpx2.ReadTimeout)):
        events(client) if streamed else ask(client)
    assert until(server.stats, lambda s: s.connections == 0 and s.streams == 0) < 0.5
    assert server.stats().disconnects == 1


def test_a_stream_of_pings_goes_on_and_notices_who_leaves(serve: Serve, connect: Connect) -> None:
    server = serve(mid(FaultKind.PING_ONLY))
    client = connect(server)
    pings = 0
    with client.messages.with_streaming_response.create(
        model=MODEL, max_tokens=500, messages=[{"role": "user", "content": "token: T-1"}], stream=True
    ) as response:
        for line in response.iter_lines():
            pings += line == "event: ping"
            if pings == 4:
                break
    assert until(server.stats, lambda s: s.connections == 0 and s.streams == 0) < 0.5


@pytest.mark.parametrize(
    "kind", [FaultKind.CUT, FaultKind.EARLY_END, FaultKind.MALFORMED, FaultKind.ERROR_EVENT]
)
def test_a_plain_answer_breaks_too(serve: Serve, connect: Connect, kind: FaultKind) -> None:
    client = connect(serve(mid(kind)))
    with pytest.raises((*BROKEN, json.JSONDecodeError)):
        ask(client)
    assert ask(client).content


def test_forty_streams_at_once_carry_each_their_own_token(serve: Serve, connect: Connect) -> None:
    server = serve(speed=3.0)
    client = connect(server)
    ready = threading.Barrier(40)

    def one(number: int) -> str:
        ready.wait(10)
        got = events(client, f"token: T-{number:02d}\nSay something about number {number}.")
        return "".join(e.delta.text for e in got if e.type == "content_block_delta")

    with ThreadPoolExecutor(40) as pool:
        texts = list(pool.map(one, range(40)))
    assert [t.splitlines()[0] for t in texts] == [f"token: T-{n:02d}" for n in range(40)]
    assert all(t.count("token:") == 1 for t in texts)
    stats = server.stats()
    assert stats.peak_streams >= 30
    assert stats.requests == 40
    assert stats.disconnects == 0
    assert {s.text.splitlines()[0] for s in stats.seen} == {f"token: T-{n:02d}" for n in range(40)}


def test_one_connection_serves_many_requests(serve: Serve, connect: Connect) -> None:
    server = serve()
    client = connect(server)
    for _ in range(3):
        events(client), ask(client)
        with pytest.raises(anthropic.BadRequestError):
            ask(client, max_tokens=0)
    assert server.stats().connections == 1
    client.close()
    until(server.stats, lambda s: s.connections == 0)


def test_stop_ends_open_streams_within_a_second(serve: Serve, connect: Connect) -> None:
    server = serve(Fault(kind=FaultKind.STALL, after=1, times=0))
    client = connect(server)
    with ThreadPoolExecutor(8) as pool:
        broken = [pool.submit(events, client, f"question {n}") for n in range(8)]
        until(server.stats, lambda s: s.streams == 8)
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 1.0
        for one in broken:
            with pytest.raises(BROKEN):
                one.result(5)
    until(server.stats, lambda s: s.connections == 0 and s.streams == 0)
    assert server.stats().disconnects == 0, "the server itself has ended them"
    with pytest.raises(anthropic.APIConnectionError):
        ask(client)
    server.stop()


def test_a_client_that_breaks_off_leaves_no_trace_on_stderr(
    serve: Serve, connect: Connect, capfd: pytest.CaptureFixture[str]
) -> None:
    server = serve(speed=2.0)
    where = urlsplit(server.base_url)
    content = json.dumps(
        {"model": MODEL, "max_tokens": 50, "stream": True, "messages": [{"role": "user", "content": "x"}]}
    )
    head = f"POST /v1/messages HTTP/1.1\r\nx-api-key: k\r\ncontent-length: {len(content)}\r\n\r\n"
    for sent in (head + content, head, head + content[:20], "GET /v1"):
        with socket.create_connection((where.hostname or "", where.port or 0)) as sock:
            sock.sendall(sent.encode())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    until(server.stats, lambda s: s.connections == 0)
    assert ask(connect(server)).content
    assert capfd.readouterr().err == ""


def test_a_write_that_our_own_stop_breaks_is_no_client_that_left(serve: Serve) -> None:
    from luna_tui.simulator.http import MessagesHandler

    server = serve()
    state = server._state

    class Handler(MessagesHandler):
        _state = state

        def __init__(self) -> None:
            """No connection: only the guard is under test."""

    def broken() -> None:
        raise BrokenPipeError

    Handler()._guarded(broken)
    assert server.stats().disconnects == 1
    state.stopping.set()
    Handler()._guarded(broken)
    assert server.stats().disconnects == 1
