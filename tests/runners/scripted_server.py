"""A loopback server that does exactly what a script says, well behaved or not."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

HERE = Path(__file__).parent
CERTIFICATE = HERE / "loopback.pem"
EXPIRED_CERTIFICATE = HERE / "loopback_expired.pem"


@dataclass
class Call:
    """One request and the connection it came on."""

    socket: socket.socket
    headers: Mapping[str, str]
    body: bytes
    stopping: threading.Event

    @property
    def json(self) -> Any:
        """The body."""
        return json.loads(self.body)

    def send(self, data: bytes | str) -> None:
        """Send raw bytes."""
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def hang(self) -> None:
        """Until the client closes or the server stops."""
        self.socket.settimeout(0.05)
        while not self.stopping.is_set():
            with contextlib.suppress(TimeoutError):
                if not self.socket.recv(4096):
                    return

    def reset(self) -> None:
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


Script = Callable[[Call], None]


@dataclass
class ScriptedServer:
    """Runs a script for each request, each connection on a thread of its own."""

    script: Script
    certificate: Path | None = None
    calls: list[Call] = field(default_factory=list)
    stopping: threading.Event = field(default_factory=threading.Event)
    gone: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    """Released for each connection that ended."""
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Base URL."""
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> ScriptedServer:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(5)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(5)
            if self.certificate is not None:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                context.load_cert_chain(self.certificate)
                connection = context.wrap_socket(connection, server_side=True)
            while (call := self._read(connection)) is not None:
                self.calls.append(call)
                self.script(call)
        except OSError:
            return
        finally:
            connection.close()
            self.gone.release()

    def _read(self, connection: socket.socket) -> Call | None:
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = connection.recv(65536)
            if not chunk:
                return None
            received += chunk
        head, _, body = received.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
        while len(body) < int(headers.get("content-length", "0")):
            received = connection.recv(65536)
            if not received:
                return None
            body += received
        return Call(connection, headers, body, self.stopping)


def event(name: str, data: object) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {data if isinstance(data, str) else json.dumps(data)}\n\n"


def begin(input_tokens: int = 11, **usage: int) -> str:
    """`message_start` and the first block."""
    message: dict[str, Any] = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": input_tokens, "output_tokens": 1, **usage},
    }
    return event("message_start", {"type": "message_start", "message": message}) + event(
        "content_block_start",
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    )


def delta(text: str) -> str:
    """A piece of text."""
    return event(
        "content_block_delta",
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    )


def end(stop_reason: str | None = "end_turn", output_tokens: int = 7) -> str:
    """The last events."""
    told = {"stop_reason": stop_reason, "stop_sequence": None}
    return (
        event("content_block_stop", {"type": "content_block_stop", "index": 0})
        + event(
            "message_delta",
            {"type": "message_delta", "delta": told, "usage": {"output_tokens": output_tokens}},
        )
        + event("message_stop", {"type": "message_stop"})
    )


PING = event("ping", {"type": "ping"})
STREAM_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n{}\r\n"


def chunk(text: str | bytes) -> bytes:
    """One piece of a chunked body."""
    data = text.encode() if isinstance(text, str) else text
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


def stream(*pieces: str | bytes, headers: str = "", closed: bool = True) -> Script:
    """Answer with a chunked event stream; `closed` = with the final chunk."""

    def script(call: Call) -> None:
        call.send(STREAM_HEAD.format(headers))
        for piece in pieces:
            call.send(chunk(piece))
        if closed:
            call.send(b"0\r\n\r\n")

    return script


def refuse(
    status: int,
    kind: str = "",
    *,
    headers: str = "",
    message: str = "no",
    body: str | None = None,
    code: str = "",
) -> Script:
    """Answer with an error as the API words it, or with a body of any kind."""
    details = {"details": {"error_code": code}} if code else {}
    given = body if body is not None else json.dumps({"error": {"type": kind, "message": message} | details})

    def script(call: Call) -> None:
        call.send(
            f"HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{headers}"
            f"content-length: {len(given.encode())}\r\n\r\n{given}"
        )

    return script
