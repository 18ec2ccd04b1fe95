"""Speak HTTP for the simulated API: routes, error bodies, event streams and their faults."""

from __future__ import annotations

import contextlib
import json
import math
import select
import socket
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NoReturn

from luna_tui.simulator.bodies import message_begun, model_entry
from luna_tui.simulator.checks import wrong_count, wrong_message
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.model import MODELS, Answer, answer, count_tokens, piece_tokens, request_text
from luna_tui.simulator.script import ScriptError

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorState

_DRAIN = 64 * 1024 * 1024
"""Bytes of a refused body that are read and dropped, so that the refusal is not lost in a reset."""
_STEP_S = 0.1
"""How long a wait lasts before it looks whether the server stops."""
_PING_S = 0.2
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
    """The client has left."""


class _Closing(Exception):
    """We end the connection: a fault says so, or the server stops."""


class MessagesHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    server_version = "simulator"
    connection: socket.socket
    _request_id = "req_sim"
    _admitted_at = 0.0

    @property
    def _state(self) -> SimulatorState:
        state: SimulatorState = self.server.state  # type: ignore[attr-defined]  # our own server class
        return state

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent; counters tell."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what is no request at all, in JSON as everything else."""
        self.close_connection = True
        unsupported = code == HTTPStatus.NOT_IMPLEMENTED
        status = int(HTTPStatus.METHOD_NOT_ALLOWED) if unsupported else code
        with contextlib.suppress(OSError):
            self._send(status, self._error_body("invalid_request_error", message or "Bad request"))

    def parse_request(self) -> bool:
        """Give the request an id, then read its head."""
        self._request_id = self._state.new_id()
        return super().parse_request()

    def do_GET(self) -> None:
        """The models."""
        self._guarded(self._get)

    def do_POST(self) -> None:
        """Messages and token counts."""
        self._guarded(self._post)

    def _guarded(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except (_Gone, OSError):
            self.close_connection = True
            # A write that our own stop has broken is no client that left.
            self._state.count(disconnects=0 if self._state.stopping.is_set() else 1)
        except _Closing:
            self.close_connection = True

    def _get(self) -> None:
        path = self.path.partition("?")[0]
        if not self._authorised():
            return
        listed = [model_entry(m) for m in MODELS]
        if path == "/v1/models":
            self._send(200, {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
            return
        name = path.removeprefix("/v1/models/")
        found = [m for m in listed if m["id"] == name]
        if found:
            self._send(200, found[0])
        else:
            self._refuse("not_found_error", f"model: {name}" if name != path else f"Not found: {path}")

    def _post(self) -> None:
        content = self._content()
        if content is None or not self._authorised():
            return
        path = self.path.partition("?")[0]
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            self._refuse("not_found_error", f"Not found: {path}")
            return
        body = _json_object(content)
        if body is None:
            self._refuse("invalid_request_error", "The request body is not valid JSON")
        elif path == "/v1/messages":
            self._messages(body)
        else:
            self._count_tokens(body)

    def _count_tokens(self, body: dict[str, Any]) -> None:
        if wrong := wrong_count(body):
            self._refuse(*wrong)
        else:
            self._send(200, {"input_tokens": count_tokens(request_text(body))})

    def _messages(self, body: dict[str, Any]) -> None:
        text = request_text(body)
        if wrong := wrong_message(body):
            self._refuse(*wrong, text=text)
            return
        number = self._state.next_request()
        fault = self._state.faults.hit(number, text, self._state.age_s())
        if fault is not None and fault.kind in _REFUSING:
            after = f"{fault.retry_after:g}" if fault.kind is FaultKind.RATE_LIMIT else None
            self._refuse(*_REFUSING[fault.kind], retry_after=after, text=text)
            return
        if fault is not None and fault.kind is FaultKind.NO_HEADERS:
            self._state.saw(self.path, 0, text)
            self._hang()
        try:
            reply = answer(body, self._state.settings.seed)
        except ScriptError as error:
            self._refuse("invalid_request_error", str(error), text=text)
            return
        if not self._admitted(reply, fault, text):
            return
        self._state.saw(self.path, 200, text)
        self._state.count(streams=1)
        try:
            self._pause_until(reply.first_token_s)
            if body.get("stream"):
                self._stream(body, number, reply, fault)
            else:
                self._whole(body, number, reply, fault)
        finally:
            self._state.count(streams=-1)

    def _admitted(self, reply: Answer, fault: Fault | None, text: str) -> bool:
        refusal = self._state.buckets.admit(reply.input_tokens - reply.cached_tokens)
        self._admitted_at = self._state.clock.now()
        if refusal is None:
            return True
        if fault is not None:
            self._state.faults.give_back(fault)
        message = f"This request would exceed your limit of {refusal.dimension} per minute."
        after = str(math.ceil(refusal.retry_after_s))
        self._refuse("rate_limit_error", message, retry_after=after, text=text)
        return False

    def _whole(self, body: dict[str, Any], number: int, reply: Answer, fault: Fault | None) -> None:
        self._pause_until(reply.due_s(len(reply.pieces)))
        self._state.buckets.produce(reply.output_tokens)
        message = message_begun(body["model"], number, reply)
        message["content"] = [{"type": "text", "text": "".join(reply.pieces)}]
        message["stop_reason"] = reply.stop_reason
        message["usage"]["output_tokens"] = reply.output_tokens
        if fault is None:
            self._send(200, message)
        else:
            self._break_whole(fault, json.dumps(message).encode())

    def _break_whole(self, fault: Fault, content: bytes) -> None:
        """What a fault in mid-stream does to an answer that is sent in one piece."""
        half = content[: len(content) // 2]
        match fault.kind:
            case FaultKind.MALFORMED:
                self._send_bytes(200, half)
            case FaultKind.ERROR_EVENT:
                self._refuse("overloaded_error", "Overloaded")
            case FaultKind.STALL | FaultKind.PING_ONLY:
                self._head(200, _json_headers(len(content)))
                self._hang()
            case _:
                self._head(200, _json_headers(len(content)))
                self.wfile.write(half)
                raise _Closing

    def _stream(self, body: dict[str, Any], number: int, reply: Answer, fault: Fault | None) -> None:
        self._head(200, {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"})
        self._events(body, number, reply, fault)

    def _events(self, body: dict[str, Any], number: int, reply: Answer, fault: Fault | None) -> None:
        self._event("message_start", {"message": message_begun(body["model"], number, reply)})
        self._event("content_block_start", {"index": 0, "content_block": {"type": "text", "text": ""}})
        self._event("ping", {})
        for place, piece in enumerate(reply.pieces):
            if fault is not None and place >= min(fault.after, len(reply.pieces) - 1):
                self._break(fault)
                return
            self._event("content_block_delta", {"index": 0, "delta": {"type": "text_delta", "text": piece}})
            self._state.buckets.produce(piece_tokens(piece))
            self._pause_until(reply.due_s(place + 1))
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
                self._hang()
            case FaultKind.PING_ONLY:
                while True:
                    self._event("ping", {})
                    self._wait_until(self._state.clock.now() + _PING_S)
            case FaultKind.MALFORMED:
                self._chunk(b"event: content_block_delta\ndata: {broken\n\n")
            case FaultKind.ERROR_EVENT:
                self._event("error", {"error": {"type": "overloaded_error", "message": "Overloaded"}})
                self._chunk(b"")
            case _:
                pass
        raise _Closing

    def _hang(self) -> NoReturn:
        while True:
            self._wait_until(self._state.clock.now() + 3600.0)

    def _pause_until(self, offset_s: float) -> None:
        """Let time of the model pass; `offset_s` counts from the admission, so that no error adds up."""
        self._wait_until(self._admitted_at + offset_s / self._state.settings.speed)

    def _wait_until(self, at: float) -> None:
        """Wait for an instant; _Gone as soon as the client leaves, _Closing when the server stops."""
        # Not `select`: it knows no descriptor above 1023.
        watch = select.poll()
        watch.register(self.connection, select.POLLIN)
        while True:
            left_s = at - self._state.clock.now()
            step_s = max(0.0, min(left_s, _STEP_S))
            readable = bool(watch.poll(step_s * 1000))
            if self._state.stopping.is_set():
                raise _Closing
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                raise _Gone
            if readable:
                self._state.stopping.wait(step_s)
            if left_s <= step_s:
                return

    def _content(self) -> bytes | None:
        """The body's bytes; None after a refusal, and then the connection ends: its rest cannot be found."""
        told = self.headers.get("content-length", "")
        if not (told.isascii() and told.isdigit() and len(told) < 16):
            self.close_connection = True
            self._refuse("invalid_request_error", "Content-Length is required.")
            return None
        length = int(told)
        if length <= self._state.settings.max_body:
            return self.rfile.read(length)
        self.close_connection = True
        self._refuse("request_too_large", "Request exceeds the maximum size")
        left = min(length, _DRAIN)
        while left > 0 and (dropped := self.rfile.read(min(left, 65_536))):
            left -= len(dropped)
        return None

    def _authorised(self) -> bool:
        scheme, _, bearer = self.headers.get("authorization", "").partition(" ")
        key = self.headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
        accepted = self._state.settings.accepted_keys
        if key and (accepted is None or key in accepted):
            return True
        self._refuse("authentication_error", "invalid x-api-key")
        return False

    def _refuse(self, kind: str, message: str, *, retry_after: str | None = None, text: str = "") -> None:
        status = _STATUS_OF[kind]
        self._state.saw(self.path, status, text)
        extra = {} if retry_after is None else {"retry-after": retry_after}
        self._send(status, self._error_body(kind, message), extra)

    def _error_body(self, kind: str, message: str) -> dict[str, Any]:
        return {
            "type": "error",
            "error": {"type": kind, "message": message},
            "request_id": self._request_id,
        }

    def _send(self, status: int, body: dict[str, Any], extra: dict[str, str] | None = None) -> None:
        self._send_bytes(status, json.dumps(body).encode(), extra)

    def _send_bytes(self, status: int, content: bytes, extra: dict[str, str] | None = None) -> None:
        self._head(status, _json_headers(len(content)) | (extra or {}))
        self.wfile.write(content)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in (headers | self._state.buckets.headers()).items():
            self.send_header(name, value)
        self.send_header("request-id", self._request_id)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.flush()

    def _event(self, name: str, payload: dict[str, Any]) -> None:
        text = json.dumps({"type": name} | payload)
        self._chunk(f"event: {name}\ndata: {text}\n\n".encode())

    def _chunk(self, content: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None


def _json_headers(length: int) -> dict[str, str]:
    return {"content-type": "application/json", "content-length": str(length)}
