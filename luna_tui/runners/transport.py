"""An HTTP transport whose blocked calls end within milliseconds when their attempt is cancelled."""

from __future__ import annotations

import select
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import httpcore2
import httpx2

from luna_tui.engine.cancel import Cancelled, CancelToken
from luna_tui.engine.clock import Clock

CURRENT_TOKEN: ContextVar[CancelToken | None] = ContextVar("luna_current_token", default=None)
"""Token of the attempt this thread works on; set by the runner around each call."""


class Patience:
    """How long a stream may stay silent; pings do not touch it, so they do not prolong it."""

    def __init__(self, clock: Clock, first_s: float, gap_s: float) -> None:
        self._clock = clock
        self._gap_s = gap_s
        self._until = clock.now() + first_s

    def touch(self) -> None:
        """An event that says something arrived."""
        self._until = self._clock.now() + self._gap_s

    def remaining_s(self) -> float:
        """Seconds of silence still accepted."""
        return max(0.0, self._until - self._clock.now())


CURRENT_PATIENCE: ContextVar[Patience | None] = ContextVar("luna_current_patience", default=None)
"""Patience of the stream this thread reads."""

_KEEPALIVE: tuple[tuple[int, int, int], ...] = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),)


def _shut_down(sock: socket.socket) -> None:
    """Unblock whoever reads or writes; unbound, since an SSL socket's own method drops its SSL object."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


@contextmanager
def _guarded(sock: socket.socket, timeout: float | None) -> Iterator[None]:
    """While the block runs, a cancellation shuts the socket down; the timeout never exceeds the deadline."""
    token = CURRENT_TOKEN.get()
    if token is None:
        sock.settimeout(timeout)
        yield
        return
    patience = CURRENT_PATIENCE.get()
    silence_s = patience.remaining_s() if patience is not None else None
    bounds = [t for t in (timeout, token.remaining_s(), silence_s) if t is not None]
    sock.settimeout(max(0.001, min(bounds)) if bounds else None)
    try:
        with token.on_cancel(lambda: _shut_down(sock)):
            yield
    except Cancelled as error:
        raise httpcore2.ReadError(str(error)) from error


@contextmanager
def _mapped(timeout: type[Exception], failure: type[Exception]) -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise timeout(str(error)) from error
    except OSError as error:
        raise failure(str(error)) from error


class GuardedStream(httpcore2.NetworkStream):
    """A socket of one connection; every blocking call on it is guarded by the current token."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive at most `max_bytes`; seconds per call."""
        with _mapped(httpcore2.ReadTimeout, httpcore2.ReadError), _guarded(self._sock, timeout):
            return self._sock.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of `buffer`."""
        with _mapped(httpcore2.WriteTimeout, httpcore2.WriteError), _guarded(self._sock, timeout):
            self._sock.sendall(buffer)

    def close(self) -> None:
        """Only ever called by the thread that owns the connection."""
        self._sock.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        """Wrap without the handshake first: wrapping detaches the raw socket that the guard must know."""
        with _mapped(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            try:
                sock = ssl_context.wrap_socket(
                    self._sock, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                with _guarded(sock, timeout):
                    sock.do_handshake()
            except BaseException:
                self.close()
                raise
        return GuardedStream(sock)

    def get_extra_info(self, info: str) -> Any:
        """What httpcore2 asks of a stream."""
        match info:
            case "ssl_object":
                return self._sock if isinstance(self._sock, ssl.SSLSocket) else None
            case "client_addr":
                return self._sock.getsockname()
            case "server_addr":
                return self._sock.getpeername()
            case "socket":
                return self._sock
            case "is_readable":
                return _is_readable(self._sock)
        return None


def _is_readable(sock: socket.socket) -> bool:
    """True when an idle connection has data or an end waiting, so it cannot be used again."""
    if sock.fileno() < 0:
        return True
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return bool(poll.poll(0))


class GuardedBackend(httpcore2.NetworkBackend):
    """Opens connections that a cancellation can interrupt, also while they connect.

    Name resolution alone cannot be interrupted; a thread stuck there is abandoned by the engine.
    """

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first address that answers."""
        with _mapped(httpcore2.ConnectTimeout, httpcore2.ConnectError):
            addresses = socket.getaddrinfo(host, port, 0, socket.SOCK_STREAM)
            error: OSError = OSError(f"{host} has no address")
            for family, kind, protocol, _, address in addresses:
                sock = socket.socket(family, kind, protocol)
                try:
                    return self._connect(sock, address, timeout, local_address, socket_options)
                except OSError as failure:
                    sock.close()
                    error = failure
                except BaseException:
                    sock.close()
                    raise
            raise error

    def _connect(
        self,
        sock: socket.socket,
        address: Any,
        timeout: float | None,
        local_address: str | None,
        socket_options: Iterable[Any] | None,
    ) -> GuardedStream:
        for option in socket_options or ():
            sock.setsockopt(*option)
        if local_address is not None:
            sock.bind((local_address, 0))
        with _guarded(sock, timeout):
            sock.connect(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return GuardedStream(sock)


class CancellableTransport(httpx2.HTTPTransport):
    """httpx2's own transport over a pool that uses `GuardedBackend`."""

    def __init__(self, *, connections: int, proxy: str | None = None) -> None:
        context = httpx2.create_ssl_context()
        shared: dict[str, Any] = {
            "ssl_context": context,
            "max_connections": connections,
            "max_keepalive_connections": connections,
            "keepalive_expiry": 30.0,
            "network_backend": GuardedBackend(),
            "socket_options": _KEEPALIVE,
        }
        self._pool: httpcore2.ConnectionPool
        if proxy is None:
            self._pool = httpcore2.ConnectionPool(**shared)
        else:
            parsed = httpx2.Proxy(url=proxy)
            self._pool = httpcore2.HTTPProxy(proxy_url=str(parsed.url), proxy_auth=parsed.raw_auth, **shared)
