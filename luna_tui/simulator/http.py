"""Speak HTTP for the simulated API: routes, error bodies, event streams and their faults."""

from __future__ import annotations

import json
import select
import socket
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.model import MODELS, Answer, answer, count_tokens, request_text

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorState

MAX_BODY = 32 * 1024 * 1024
_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}
_REFUSING = {
    FaultKind.RATE_LIMIT: ("rate_limit_error", "This request would exceed your rate limit."),
    FaultKind.OVERLOADED: ("overloaded_error", "Overloaded"),
    FaultKind.SERVER_ERROR: ("api_error", "Internal server error"),
    FaultKind.AUTH: ("authentication_error", "invalid x-api-key"),
}


class _Gone(Exception):
    """The client has left or the server is stopping."""


class MessagesHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    connection: socket.socket

    @property
    def _state(self) -> SimulatorState:
        state: SimulatorState = self.server.state  # type: ignore[attr-defined]  # our own server class
        return state

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; counters tell."""

    def do_GET(self) -> None:
        """The models."""
        path = self.path.partition("?")[0]
        if not self._authorised():
            return
        listed = [
            {"type": "model", "id": m, "display_name": m, "created_at": "2026-01-01T00:00:00Z"}
            for m in MODELS
        ]
        if path == "/v1/models":
            self._send(200, {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
            return
        found = [m for m in listed if path == f"/v1/models/{m['id']}"]
        if found:
            self._send(200, found[0])
        else:
            self._refuse("not_found_error", f"Not found: {path}")

    def do_POST(self) -> None:
        """Messages and token counts."""
        try:
            self._post()
        except (_Gone, OSError):
            self.close_connection = True

    def _post(self) -> None:
        path = self.path.partition("?")[0]
        body = self._body()
        if body is None or not self._authorised():
            return
        if path == "/v1/messages/count_tokens":
            self._send(200, {"input_tokens": count_tokens(request_text(body))})
        elif path == "/v1/messages":
            self._messages(body)
        else:
            self._refuse("not_found_error", f"Not found: {path}")

    def _messages(self, body: dict[str, Any]) -> None:
        wrong = _wrong(body)
        text = request_text(body)
        if wrong is not None:
            self._refuse(*wrong, text=text)
            return
        number = self._state.next_request()
        fault = self._state.faults.hit(number, text, self._state.age_s())
        if fault is not None and fault.kind in _REFUSING:
            after = fault.retry_after if fault.kind is FaultKind.RATE_LIMIT else None
            self._refuse(*_REFUSING[fault.kind], retry_after_s=after, text=text)
            return
        if fault is not None and fault.kind is FaultKind.NO_HEADERS:
            self._pause(3600.0)
        reply = answer(body, self._state.settings.seed)
        refusal = self._state.buckets.admit(reply.input_tokens)
        if refusal is not None:
            message = f"This request would exceed your limit of {refusal.dimension} per minute."
            self._refuse("rate_limit_error", message, retry_after_s=refusal.retry_after_s, text=text)
            return
        self._state.saw("/v1/messages", 200, text)
        if body.get("stream"):
            self._stream(body, number, reply, fault)
        else:
            self._whole(body, number, reply)

    def _whole(self, body: dict[str, Any], number: int, reply: Answer) -> None:
        self._pause(reply.first_token_s + reply.piece_s * len(reply.pieces))
        self._state.buckets.produce(reply.output_tokens)
        message = _message(body, number, reply.input_tokens)
        message["content"] = [{"type": "text", "text": "".join(reply.pieces)}]
        message["stop_reason"] = reply.stop_reason
        message["usage"]["output_tokens"] = reply.output_tokens
        self._send(200, message)

    def _stream(self, body: dict[str, Any], number: int, reply: Answer, fault: Fault | None) -> None:
        self._state.count(streams=1)
        try:
            self._pause(reply.first_token_s)
            self._head(
                200, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
            )
            self._events(body, number, reply, fault)
        except (_Gone, OSError):
            self._state.count(disconnects=1)
            raise
        finally:
            self._state.count(streams=-1)

    def _events(self, body: dict[str, Any], number: int, reply: Answer, fault: Fault | None) -> None:
        self._event("message_start", {"message": _message(body, number, reply.input_tokens)})
        self._event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        self._event("ping", {})
        for place, piece in enumerate(reply.pieces):
            if fault is not None and place >= min(fault.after, len(reply.pieces) - 1):
                self._break(fault)
                return
            self._event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
            self._state.buckets.produce(max(1, len(piece) // 4))
            self._pause(reply.piece_s)
        self._event("content_block_stop", {"index": 0})
        self._event(
            "message_delta",
            {
                "delta": {"stop_reason": reply.stop_reason, "stop_sequence": None},
                "usage": {"output_tokens": reply.output_tokens},
            },
        )
        self._event("message_stop", {})
        self._chunk(b"")

    def _break(self, fault: Fault) -> None:
        """Do in mid-stream what the fault says; every way but the clean end closes the connection."""
        match fault.kind:
            case FaultKind.EARLY_END:
                self._chunk(b"")
                return
            case FaultKind.STALL:
                self._pause(3600.0)
            case FaultKind.PING_ONLY:
                while True:
                    self._event("ping", {})
                    self._pause(0.2 * self._state.settings.speed)
            case FaultKind.MALFORMED:
                self._chunk(b"event: content_block_delta\ndata: {broken\n\n")
            case FaultKind.ERROR_EVENT:
                self._event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
                self._chunk(b"")
            case _:
                pass
        raise _Gone

    def _pause(self, seconds: float) -> None:
        """Wait, in simulated time; _Gone as soon as the client leaves or the server stops."""
        left = seconds / self._state.settings.speed
        while True:
            step = min(left, 0.1)
            readable, _, _ = select.select([self.connection], [], [], max(0.0, step))
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _Gone
            if self._state.stopping.is_set():
                raise _Gone
            if readable:
                self._state.stopping.wait(step)
            left -= step
            if left <= 0:
                return

    def _body(self) -> dict[str, Any] | None:
        try:
            length = int(self.headers.get("content-length", ""))
        except ValueError:
            self._refuse("invalid_request_error", "Content-Length is required.")
            return None
        if length > MAX_BODY:
            self.close_connection = True
            self._refuse("request_too_large", "Request exceeds the maximum size")
            return None
        try:
            body = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        self._refuse("invalid_request_error", "The request body is not valid JSON")
        return None

    def _authorised(self) -> bool:
        key = self.headers.get("x-api-key") or self.headers.get("authorization", "").removeprefix("Bearer ")
        accepted = self._state.settings.accepted_keys
        if key and (accepted is None or key in accepted):
            return True
        self._refuse("authentication_error", "invalid x-api-key")
        return False

    def _refuse(self, kind: str, message: str, *, retry_after_s: float | None = None, text: str = "") -> None:
        status = _STATUS_OF[kind]
        self._state.saw(self.path, status, text)
        extra = {} if retry_after_s is None else {"retry-after": f"{max(0.0, retry_after_s):.3f}"}
        body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_simulated"}
        self._send(status, body, extra)

    def _send(self, status: int, body: dict[str, Any], extra: dict[str, str] | None = None) -> None:
        content = json.dumps(body).encode()
        headers = {"content-type": "application/json", "content-length": str(len(content))} | (extra or {})
        self._head(status, headers)
        self.wfile.write(content)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | self._state.buckets.headers()).items():
            self.send_header(name, value)
        self.send_header("request-id", "req_simulated")
        self.end_headers()
        self.wfile.flush()

    def _event(self, name: str, payload: dict[str, Any]) -> None:
        text = json.dumps({"type": name} | payload)
        self._chunk(f"event: {name}\ndata: {text}\n\n".encode())

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


def _message(body: dict[str, Any], number: int, input_tokens: int) -> dict[str, Any]:
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": input_tokens,
            "output_tokens": 1,
            "cache_read_input_tokens": 0,
            "cache_creation_input_tokens": 0,
        },
    }


def _wrong(body: dict[str, Any]) -> tuple[str, str] | None:
    """What the real service would refuse, as (error type, message)."""
    model = body.get("model")
    if not isinstance(model, str):
        return "invalid_request_error", "model: Field required"
    if model not in MODELS:
        return "not_found_error", f"model: {model}"
    limit = body.get("max_tokens")
    if not isinstance(limit, int) or isinstance(limit, bool) or limit < 1:
        return "invalid_request_error", "max_tokens: must be greater than or equal to 1"
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        return "invalid_request_error", "messages: at least one message is required"
    for place, message in enumerate(messages):
        if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
            return "invalid_request_error", f"messages.{place}.role: Input should be 'user' or 'assistant'"
        if not message.get("content"):
            return "invalid_request_error", f"messages.{place}: content must not be empty"
    if "temperature" in body:
        return "invalid_request_error", "temperature: Extra inputs are not permitted"
    return None
