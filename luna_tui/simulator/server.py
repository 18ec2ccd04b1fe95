"""Serve the simulated Messages API over HTTP on loopback."""

from __future__ import annotations

import itertools
import secrets
import socket
import socketserver
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from http.server import ThreadingHTTPServer
from typing import Any

from luna_tui.simulator.account import Account, SimulatorClock
from luna_tui.simulator.answers import Answer
from luna_tui.simulator.caching import CacheUse, PromptCache
from luna_tui.simulator.chaos import Chaos
from luna_tui.simulator.faults import Fault, FaultSchedule
from luna_tui.simulator.hangups import HangUps
from luna_tui.simulator.ledger import ConversationCounts, Ledger
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.simulator.virtual import Charges

__all__ = ["SimulatorClock", "SimulatorServer", "SimulatorSettings", "SimulatorStats"]


@dataclass(frozen=True, slots=True)
class SeenRequest:
    """One request as the server saw it."""

    at: float
    path: str
    status: int
    text: str
    """First 200 characters of its prompt."""


@dataclass(frozen=True, slots=True)
class SimulatorStats:
    """Counters for tests and for `simulate`."""

    requests: int
    connections: int
    """Open now."""
    streams: int
    """Answers being streamed now."""
    peak_streams: int
    disconnects: int
    """Answers that the client left before their end."""
    seen: tuple[SeenRequest, ...]
    """The last 10,000."""
    statuses: Mapping[int, int]
    """Answers by HTTP status, without models and counts that went well; 0 = no head was sent."""
    charges: Charges
    """What the limits have counted."""

    def as_json(self) -> dict[str, Any]:
        """What `GET /simulator/stats` tells: all but the requests themselves."""
        told = asdict(self)
        del told["seen"]
        charges: dict[str, Any] = told.pop("charges")
        return told | charges


class SimulatorState:
    """What all connections of a server share; thread-safe."""

    def __init__(self, settings: SimulatorSettings, clock: SimulatorClock) -> None:
        self.settings = settings
        self.clock = clock
        self.account = Account(settings, clock)
        self.hangups = HangUps()
        self.ledger: Ledger = Ledger()
        self.cache: PromptCache = PromptCache()
        self._secret = secrets.token_hex(16)
        self._faults = FaultSchedule(settings.faults)
        self._chaos = Chaos(settings.chaos, settings.seed)
        self.stopping = threading.Event()
        self._began_at = self._first_at = clock.now()
        self._lock = threading.Lock()
        """Protects the counters below."""
        self._ids = itertools.count(1)
        self._requests = self._connections = self._streams = self._peak = self._disconnects = 0
        self._seen: deque[SeenRequest] = deque(maxlen=10_000)
        self._statuses: Counter[int] = Counter()

    def next_request(self) -> int:
        """Number of a request that arrived now, from 1."""
        with self._lock:
            if self._requests == 0:
                self._first_at = self.clock.now()
            self._requests += 1
            return self._requests

    def new_id(self) -> str:
        """A `request-id` that no other answer of this server has."""
        with self._lock:
            return f"req_sim{next(self._ids):08d}"

    def secret(self, request: int) -> str:
        """What nobody can guess, and no other request of any server has."""
        return f"{self._secret}:{request}"

    def cached(self, body: dict[str, Any], reply: Answer) -> tuple[Answer, CacheUse]:
        """The answer with what it has of the prompt cache, unless the prompt orders that."""
        if reply.cached_tokens:
            return reply, CacheUse()
        use = self.cache.look(body, reply.input_tokens, self.clock.now())
        told = replace(
            reply, cached_tokens=use.read, written_tokens=use.written, written_1h_tokens=use.written_1h
        )
        return told, use

    def age_s(self) -> float:
        """Seconds since the start."""
        return self.clock.now() - self._began_at

    def fault_of(self, number: int, text: str) -> Fault | None:
        """What goes wrong with this request: by schedule, else by chance."""
        drawn = self._chaos.draw(text)
        return self._faults.hit(number, text, self.clock.now() - self._first_at) or drawn

    def spare(self, fault: Fault | None, text: str) -> None:
        """A limit refused the request before its fault could hit it."""
        self._chaos.give_back(text)
        if fault is not None:
            self._faults.give_back(fault)

    def count(self, *, connections: int = 0, streams: int = 0, disconnects: int = 0) -> None:
        """Change counters."""
        with self._lock:
            self._connections += connections
            self._streams += streams
            self._disconnects += disconnects
            self._peak = max(self._peak, self._streams)

    def saw(self, path: str, status: int, text: str) -> None:
        """Remember a request and how it was answered."""
        with self._lock:
            self._seen.append(SeenRequest(self.age_s(), path, status, text[:200]))
            self._statuses[status] += 1

    def stats(self) -> SimulatorStats:
        """All counters at one instant."""
        charges = self.account.charges()
        with self._lock:
            return SimulatorStats(
                self._requests,
                self._connections,
                self._streams,
                self._peak,
                self._disconnects,
                tuple(self._seen),
                dict(self._statuses),
                charges,
            )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], handler: type, state: SimulatorState) -> None:
        self.state = state
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer asks the resolver for the name of the host here, which can take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        self.state.count(connections=1)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            known = request in self._open
            self._open.discard(request)
        if known:
            self.state.count(connections=-1)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of ours."""

    def disconnect_all(self) -> None:
        with self._open_lock:
            left = list(self._open)
        for sock in left:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class SimulatorServer:
    """A server on loopback: `start`, talk to `base_url`, `stop`."""

    def __init__(
        self, settings: SimulatorSettings, clock: SimulatorClock, *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        from luna_tui.simulator.http import MessagesHandler

        self._state = SimulatorState(settings, clock)
        self._server = _Server((host, port), MessagesHandler, self._state)
        self._thread = threading.Thread(target=self._serve, name="luna-simulator", daemon=True)

    @property
    def base_url(self) -> str:
        """What to give the SDK as its base URL."""
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def start(self) -> None:
        """Serve on threads of its own."""
        self._state.hangups.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and cut what is open; returns within a second."""
        self._state.stopping.set()
        self._state.hangups.stop()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(1.0)
        self._server.disconnect_all()
        self._server.server_close()

    def stats(self) -> SimulatorStats:
        """Counters so far."""
        return self._state.stats()

    def conversations(self) -> ConversationCounts:
        """What was seen so far of conversations that use tools."""
        return self._state.ledger.counts()

    def __enter__(self) -> SimulatorServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=0.05)
