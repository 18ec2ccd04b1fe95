"""Every way a call can fail has a name, a verdict about trying again, and words that give nothing away."""

from __future__ import annotations

import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from runners.scripted_server import (
    CERTIFICATE,
    EXPIRED_CERTIFICATE,
    STREAM_HEAD,
    Call,
    Script,
    ScriptedServer,
    begin,
    chunk,
    delta,
    end,
    event,
    refuse,
    stream,
)
from support import RecordingContext, subtask, work_of

from luna_tui.core.plan import Subtask
from luna_tui.core.words import ErrorKind
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.runner import AttemptError
from luna_tui.runners import guard
from luna_tui.runners.anthropic_client import make_client
from luna_tui.runners.claude import ClaudeRunner

CLOCK = SystemClock()
KEY = "sk-ant-canary-0123456789"
PROMPT = "The secret recipe asks for exactly seven grains of saffron and one spoon of honey."
ASK = subtask("a", model="m", prompt=PROMPT)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    script: Script
    kind: ErrorKind
    retryable: bool
    says: str = ""
    status: int | None = None
    retry_after_s: float | None = None


def fail(
    url: str, *, key: str | None = KEY, given: Subtask = ASK, context: RecordingContext | None = None
) -> AttemptError:
    """The failure of one attempt."""
    runner = ClaudeRunner(lambda: make_client(url, key), CLOCK)
    try:
        with pytest.raises(AttemptError) as caught:
            runner.run(work_of(given), context or RecordingContext(CancelToken(CLOCK)))
    finally:
        runner.close()
    assert KEY not in str(caught.value)
    assert "saffron" not in str(caught.value)
    return caught.value


def reset_after_a_delta(call: Call) -> None:
    call.send(STREAM_HEAD.format(""))
    call.send(chunk(begin() + delta("half")))
    call.reset()


def close_after_a_delta(call: Call) -> None:
    call.send(STREAM_HEAD.format(""))
    call.send(chunk(begin() + delta("half")))
    call.socket.close()


def reset_at_once(call: Call) -> None:
    call.reset()


def page(call: Call) -> None:
    body = "<html><form>Please log in to the hotel network</form></html>"
    call.send(f"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {len(body)}\r\n\r\n{body}")


def quote_everything(call: Call) -> None:
    text = f"{call.json['messages'][0]['content'][0]['text']} {call.headers['authorization']}"
    refuse(400, "invalid_request_error", message=text)(call)


def quote_the_key(call: Call) -> None:
    refuse(401, "authentication_error", message=f"bad key {call.headers['authorization']} given")(call)


def in_stream(kind: str, code: str = "") -> Script:
    error = {"type": kind, "message": "in the middle"} | ({"details": {"error_code": code}} if code else {})
    return stream(begin() + delta("half") + event("error", {"type": "error", "error": error}))


def limited(headers: str = "", code: str = "") -> Script:
    return refuse(429, "rate_limit_error", headers=headers, code=code)


K = ErrorKind
ROWS = {
    "400": Row(
        refuse(400, "invalid_request_error"), K.INVALID_REQUEST, False, "invalid_request (400): no", 400
    ),
    "401": Row(refuse(401, "authentication_error"), K.AUTHENTICATION, False, "authentication (401)", 401),
    "402": Row(refuse(402, "billing_error"), K.SPEND_LIMIT, False, "", 402),
    "403": Row(refuse(403, "permission_error"), K.AUTHENTICATION, False, "permission (403)", 403),
    "404": Row(refuse(404, "not_found_error"), K.NOT_FOUND, False, "not_found (404)", 404),
    "413": Row(refuse(413, "request_too_large"), K.TOO_LARGE, False, f"held {len(PROMPT)} bytes", 413),
    "418": Row(refuse(418, "teapot"), K.INVALID_REQUEST, False, "(418)", 418),
    "429": Row(limited(), K.RATE_LIMITED, True, "rate_limit (429)", 429),
    "429-wait": Row(limited("retry-after: 7\r\n"), K.RATE_LIMITED, True, "", 429, 7.0),
    "429-nonsense": Row(limited("retry-after: abc\r\n"), K.RATE_LIMITED, True, "", 429),
    "429-ramp": Row(limited("retry-after: 2\r\n", "ramp_limit_exceeded"), K.RATE_LIMITED, True, "", 429, 2.0),
    "429-spend": Row(
        limited("retry-after: 2\r\n", "enforced_spend_limit_reached"), K.SPEND_LIMIT, False, "spend", 429
    ),
    "429-contract": Row(limited(code="contract_spend_limit_reached"), K.SPEND_LIMIT, False, "spend", 429),
    "500": Row(refuse(500, "api_error"), K.SERVER, True, "api (500)", 500),
    "500-html": Row(refuse(500, body="<html>sorry</html>"), K.SERVER, True, "the server answered 500", 500),
    "503": Row(refuse(503, body=""), K.SERVER, True, "", 503),
    "529": Row(refuse(529, "overloaded_error"), K.OVERLOADED, True, "overloaded (529)", 529),
    "redirect": Row(
        refuse(307, headers="location: http://127.0.0.1:1/\r\n"), K.PROTOCOL, False, "redirects", 307
    ),
    "overloaded-in-stream": Row(in_stream("overloaded_error"), K.OVERLOADED, True, "in the stream", 200),
    "error-in-stream": Row(in_stream("api_error"), K.SERVER, True, "in the stream", 200),
    "unknown-in-stream": Row(in_stream("new_error"), K.SERVER, True, "in the stream", 200),
    "invalid-in-stream": Row(in_stream("invalid_request_error"), K.INVALID_REQUEST, False, "", 200),
    "spend-in-stream": Row(
        in_stream("rate_limit_error", "enforced_spend_limit_reached"), K.SPEND_LIMIT, False, "", 200
    ),
    "reset-before-headers": Row(reset_at_once, K.CONNECTION, True, "connection broke"),
    "reset-in-stream": Row(reset_after_a_delta, K.CONNECTION, True, "connection broke"),
    "closed-in-stream": Row(close_after_a_delta, K.CONNECTION, True, "connection broke"),
    "no-message-stop": Row(stream(begin() + delta("half")), K.TRUNCATED, True, "after 4 characters"),
    "no-stop-reason": Row(stream(begin() + delta("half") + end(None)), K.TRUNCATED, True),
    "malformed": Row(
        stream(begin() + event("content_block_delta", '{"type": "content_')), K.PROTOCOL, True, "proxy"
    ),
    "not-utf8": Row(
        stream(begin().encode() + b'event: content_block_delta\ndata: {"type": "\xff\xfe"}\n\n'),
        K.PROTOCOL,
        True,
    ),
    "delta-first": Row(stream(delta("early") + begin() + end()), K.PROTOCOL, True),
    "no-delta": Row(
        stream(begin() + event("content_block_delta", {"type": "content_block_delta"}) + end()),
        K.PROTOCOL,
        True,
    ),
    "text-is-a-number": Row(stream(begin() + delta("x").replace('"x"', "17") + end()), K.PROTOCOL, True),
    "a-list": Row(stream(event("message_start", [])), K.PROTOCOL, True),
    "nothing": Row(stream(), K.PROTOCOL, True),
    "login-page": Row(page, K.PROTOCOL, True, "captive portal"),
    "compressed": Row(
        stream(b"\x1f\x8b\x08", headers="content-encoding: gzip\r\n"), K.PROTOCOL, True, "compressed"
    ),
    "max-tokens": Row(
        stream(begin() + delta("long") + end("max_tokens", 5)), K.MAX_TOKENS, False, "after 5 tokens"
    ),
    "context-full": Row(
        stream(begin() + delta("x") + end("model_context_window_exceeded")), K.MAX_TOKENS, False, "context"
    ),
    "refusal": Row(stream(begin() + delta("no") + end("refusal")), K.REFUSED, False),
    "unknown-stop": Row(stream(begin() + delta("x") + end("tired")), K.PROTOCOL, False, "'tired'"),
    "empty": Row(stream(begin() + delta(" \n") + end()), K.EMPTY, True),
    "quotes-the-prompt": Row(quote_everything, K.INVALID_REQUEST, False, "quotes the request"),
    "quotes-the-key": Row(quote_the_key, K.AUTHENTICATION, False, "bad key Bearer … given"),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_the_table(row: Row) -> None:
    with ScriptedServer(row.script) as server:
        failure = fail(server.url)
    assert (failure.kind, failure.retryable) == (row.kind, row.retryable), failure.message
    assert row.says in failure.message
    assert row.status is None or failure.status == row.status
    assert failure.retry_after_s == row.retry_after_s
    assert len(server.calls) == 1, "the client made no attempt of its own"


def test_a_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with ScriptedServer(limited(f"retry-after: {date}\r\n")) as server:
        failure = fail(server.url)
    assert failure.retry_after_s is not None
    assert 20 < failure.retry_after_s <= 30


def test_the_limits_of_a_refusal_are_told() -> None:
    headers = "anthropic-ratelimit-requests-limit: 50\r\nanthropic-ratelimit-requests-remaining: 0\r\n"
    context = RecordingContext(CancelToken(CLOCK))
    with ScriptedServer(limited(headers)) as server:
        fail(server.url, context=context)
    assert context.limits[-1].rpm is not None
    assert context.limits[-1].rpm.remaining == 0


@pytest.mark.parametrize("script", [reset_after_a_delta, in_stream("overloaded_error")])
def test_what_was_used_is_booked_although_the_stream_broke(script: Script) -> None:
    context = RecordingContext(CancelToken(CLOCK))
    with ScriptedServer(script) as server:
        fail(server.url, context=context)
    assert [final for _, final in context.usages] == [False, True]
    assert context.usages[-1][0].input_tokens == 11
    assert context.usages[-1][0].output_tokens >= 1
    assert context.texts == ["half"]


def test_a_failure_before_the_answer_began_books_nothing() -> None:
    context = RecordingContext(CancelToken(CLOCK))
    with ScriptedServer(refuse(529, "overloaded_error")) as server:
        fail(server.url, context=context)
    assert context.usages == []


def test_an_endless_line_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "MAX_ANSWER_BYTES", 100_000)

    def pour(call: Call) -> None:
        call.send(STREAM_HEAD.format("") + chunk("data: ").decode())
        while not call.stopping.is_set():
            call.send(chunk("x" * 10_000))

    with ScriptedServer(pour) as server:
        failure = fail(server.url)
    assert failure.kind is ErrorKind.PROTOCOL
    assert "exceeded" in failure.message
    assert not failure.retryable


def test_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        failure = fail(f"http://127.0.0.1:{taken.getsockname()[1]}")
    assert (failure.kind, failure.retryable) == (ErrorKind.UNREACHABLE, True)
    assert "refused" in failure.message


def test_an_unknown_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    failure = fail("http://api.example")
    assert (failure.kind, failure.retryable) == (ErrorKind.UNREACHABLE, True)
    assert "DNS" in failure.message


def test_tls_where_only_plain_text_is_spoken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_in_plain() -> None:
            accepted, _ = server.accept()
            with accepted:
                accepted.recv(10)
                accepted.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                accepted.recv(65536)

        thread = threading.Thread(target=answer_in_plain, daemon=True)
        thread.start()
        failure = fail(f"https://127.0.0.1:{server.getsockname()[1]}")
        thread.join(5)
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "TLS failed" in failure.message
    assert "plain http://" in failure.message


def test_an_expired_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(EXPIRED_CERTIFICATE))
    with ScriptedServer(page, EXPIRED_CERTIFICATE) as server:
        failure = fail(server.url)
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "expired" in failure.message


def test_a_certificate_nobody_vouches_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with ScriptedServer(page, CERTIFICATE) as server:
        failure = fail(server.url)
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "certificate is not accepted" in failure.message


def test_a_proxy_that_wants_a_password_is_told_without_its_address(monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedServer(refuse(407)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url.replace("//", "//me:hunter2@"))
        failure = fail("https://api.example")
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "the proxy did not let us through" in failure.message
    assert "hunter2" not in failure.message


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "https://127.0.0.1:1"])
def test_a_proxy_of_another_kind_is_never_gone_around(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("all_proxy", proxy)
    failure = fail("http://api.example")
    assert failure.kind is ErrorKind.UNREACHABLE
    assert "only http:// is supported" in failure.message


def test_no_credentials_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ANTHROPIC_AUTH_TOKEN", "ANTHROPIC_PROFILE", "ANTHROPIC_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", "/nonexistent")
    with ScriptedServer(page) as server:
        failure = fail(server.url, key=None)
        assert server.calls == []
    assert failure.kind is ErrorKind.CREDENTIALS_MISSING
    assert "ANTHROPIC_API_KEY" in failure.message


def test_a_key_with_a_line_break_is_told_without_it() -> None:
    with ScriptedServer(page) as server:
        failure = fail(server.url, key=f"{KEY}\n")
    assert failure.kind is ErrorKind.CREDENTIALS_MISSING
    assert "stray" in failure.message


def test_half_a_character_in_the_prompt() -> None:
    with ScriptedServer(page) as server:
        failure = fail(server.url, given=subtask("a", model="m", prompt="x\ud800y"))
    assert failure.kind is ErrorKind.INVALID_REQUEST
    assert "surrogate" in failure.message


def test_an_address_of_the_wrong_kind() -> None:
    failure = fail("ftp://127.0.0.1")
    assert failure.kind is ErrorKind.INVALID_REQUEST
    assert "ANTHROPIC_BASE_URL" in failure.message


def test_a_template_name_without_a_value() -> None:
    failure = fail("http://127.0.0.1:1", given=subtask("a", model="m", prompt="{{ results.gone }}"))
    assert failure.kind is ErrorKind.INVALID_REQUEST
    assert "results.gone" in failure.message
