"""One connection of the simulated API: heads, bodies, error bodies, event streams, waiting."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorState

_STATUS_OF = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "overloaded_error": 529,
}


class Gone(Exception):
    """The client has left."""


class Closing(Exception):
    """We end the connection: a fault says so, or the server stops."""


class ApiConnection(BaseHTTPRequestHandler):
    """Speaks HTTP; what is asked is the business of a subclass."""

    protocol_version = "HTTP/1.1"
    timeout = 120
    disable_nagle_algorithm = True
    server_version = "simulator"
    connection: socket.socket
    _request_id = "req_sim"
    told: dict[str, str] | None = None
    """Rate-limit headers as of admission, where answers tell those."""
    _broken: threading.Event
    """Set when the client leaves or the server stops; there while a request is answered."""

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
            self.send_json(status, self._error_body("invalid_request_error", message or "Bad request"))

    def parse_request(self) -> bool:
        """Give the request an id, then read its head."""
        self._request_id = self._state.new_id()
        self.told = None
        return super().parse_request()

    def _guarded(self, serve: Callable[[], None]) -> None:
        try:
            serve()
        except (Gone, OSError):
            self.close_connection = True
            # A write that our own stop has broken is no client that left.
            self._state.count(disconnects=0 if self._state.stopping.is_set() else 1)
        except Closing:
            self.close_connection = True

    def refuse(
        self,
        kind: str,
        message: str,
        *,
        retry_after_s: float | None = None,
        code: str | None = None,
        text: str = "",
    ) -> None:
        """Answer with an error of a kind that has a status; `text` is what was asked, for the counters."""
        status = _STATUS_OF[kind]
        self._state.saw(self.path, status, text)
        extra = {} if retry_after_s is None else {"retry-after": f"{retry_after_s:g}"}
        self.send_json(status, self._error_body(kind, message, code), extra)

    def send_json(self, status: int, body: dict[str, Any], extra: dict[str, str] | None = None) -> None:
        """Answer with a body and further headers."""
        self.send_bytes(status, json.dumps(body).encode(), extra)

    def send_bytes(self, status: int, content: bytes, extra: dict[str, str] | None = None) -> None:
        """Answer with what should be JSON."""
        self.send_head(status, json_headers(len(content)) | (extra or {}))
        self.wfile.write(content)

    def send_head(self, status: int, headers: dict[str, str]) -> None:
        """Send the head of an answer, with the limits as of now or as of its admission."""
        self.send_response(status)
        limits = self._state.account.headers() if self.told is None else self.told
        for name, value in (headers | limits).items():
            self.send_header(name, value)
        self.send_header("request-id", self._request_id)
        if self.close_connection:
            self.send_header("connection", "close")
        self.end_headers()
        self.wfile.flush()

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The date by the server's clock, not the machine's."""
        return self._state.account.date()

    def send_event(self, name: str, payload: dict[str, Any]) -> None:
        """Send one server-sent event."""
        text = json.dumps({"type": name} | payload)
        self.send_chunk(f"event: {name}\ndata: {text}\n\n".encode())

    def send_chunk(self, content: bytes) -> None:
        """Send a chunk; an empty one ends the answer."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))

    def wait_until(self, at: float) -> None:
        """Wait for an instant; Gone as soon as the client leaves, Closing when the server stops."""
        clock = self._state.clock
        while (left_s := at - clock.now()) > 0 and not self._broken.is_set():
            clock.wait(self._broken, left_s)
        if self._state.stopping.is_set():
            raise Closing
        if self._broken.is_set():
            raise Gone

    def hang(self) -> NoReturn:
        """Do nothing until the client leaves or the server stops."""
        self._state.clock.wait(self._broken)
        raise Closing if self._state.stopping.is_set() else Gone

    def _error_body(self, kind: str, message: str, code: str | None = None) -> dict[str, Any]:
        error: dict[str, Any] = {"type": kind, "message": message}
        if code is not None:
            error["details"] = {"error_code": code}
        return {"type": "error", "error": error, "request_id": self._request_id}


def json_headers(length: int) -> dict[str, str]:
    """Headers of a JSON body of that many bytes."""
    return {"content-type": "application/json", "content-length": str(length)}
