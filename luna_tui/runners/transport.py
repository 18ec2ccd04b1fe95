"""An HTTP transport whose blocked calls end within milliseconds when their attempt is cancelled."""

from __future__ import annotations

import errno
import os
import select
import socket
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import httpcore2
import httpx2

from luna_tui.engine.cancel import Cancelled
from luna_tui.runners.guard import CURRENT_GUARD, armed

_KEEPALIVE: tuple[tuple[int, int, int], ...] = ((socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),)
_IDLE_S = 30.0
"""A connection that waited longer is not used again."""


def _shut_down(sock: socket.socket) -> None:
    """Unblock whoever reads or writes; unbound, since an SSL socket's own method drops its SSL object."""
    try:
        socket.socket.shutdown(sock, socket.SHUT_RDWR)
    except OSError:
        return


@contextmanager
def _guarded(sock: socket.socket, timeout: float | None) -> Iterator[None]:
    """While the block runs, a cancellation shuts the socket down, and the guard bounds the wait."""
    guard = CURRENT_GUARD.get()
    if guard is None:
        sock.settimeout(timeout)
        yield
        return
    sock.settimeout(guard.bound(timeout))
    try:
        with armed(guard.token, lambda: _shut_down(sock)):
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
    """A socket of one connection; every blocking call on it is guarded by the attempt that makes it."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Receive at most `max_bytes`; seconds per call."""
        guard = CURRENT_GUARD.get()
        with _mapped(httpcore2.ReadTimeout, httpcore2.ReadError), _guarded(self._sock, timeout):
            if guard is not None:
                guard.gather()
            received = self._sock.recv(max_bytes)
        if guard is not None:
            guard.count(len(received))
        return received

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
        sock: socket.socket = self._sock
        try:
            with _mapped(httpcore2.ConnectTimeout, httpcore2.ConnectError):
                wrapped = ssl_context.wrap_socket(
                    sock, server_hostname=server_hostname, do_handshake_on_connect=False
                )
                sock = wrapped
                with _guarded(wrapped, timeout):
                    wrapped.do_handshake()
        except BaseException:
            sock.close()
            raise
        return GuardedStream(wrapped)

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
        _await_connection(sock, address, timeout)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return GuardedStream(sock)


def _await_connection(sock: socket.socket, address: Any, timeout: float | None) -> None:
    """Begin first and guard the wait: shutting down a socket that has not begun would change nothing."""
    sock.setblocking(False)
    failure = sock.connect_ex(address)
    if failure == errno.EINPROGRESS:
        with _guarded(sock, timeout):
            poll = select.poll()
            poll.register(sock, select.POLLOUT)
            bound_s = sock.gettimeout()
            if not poll.poll(None if bound_s is None else bound_s * 1000):
                raise TimeoutError("no answer to the connection attempt")
            failure = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if failure:
        raise OSError(failure, os.strerror(failure))


_EXCEPTIONS: dict[type[BaseException], type[httpx2.TransportError]] = {
    httpcore2.TimeoutException: httpx2.TimeoutException,
    httpcore2.ConnectTimeout: httpx2.ConnectTimeout,
    httpcore2.ReadTimeout: httpx2.ReadTimeout,
    httpcore2.WriteTimeout: httpx2.WriteTimeout,
    httpcore2.PoolTimeout: httpx2.PoolTimeout,
    httpcore2.NetworkError: httpx2.NetworkError,
    httpcore2.ConnectError: httpx2.ConnectError,
    httpcore2.ReadError: httpx2.ReadError,
    httpcore2.WriteError: httpx2.WriteError,
    httpcore2.ProxyError: httpx2.ProxyError,
    httpcore2.UnsupportedProtocol: httpx2.UnsupportedProtocol,
    httpcore2.ProtocolError: httpx2.ProtocolError,
    httpcore2.LocalProtocolError: httpx2.LocalProtocolError,
    httpcore2.RemoteProtocolError: httpx2.RemoteProtocolError,
}


@contextmanager
def _told_as_httpx() -> Iterator[None]:
    try:
        yield
    except tuple(_EXCEPTIONS) as error:
        kind = next(_EXCEPTIONS[base] for base in type(error).__mro__ if base in _EXCEPTIONS)
        raise kind(str(error)) from error


class _Body(httpx2.SyncByteStream):
    """The body of an answer as it arrives."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        with _told_as_httpx():
            yield from self._stream

    def close(self) -> None:
        """Give the connection back, or close it when the body was not read to its end."""
        close = getattr(self._stream, "close", None)
        if close is not None:
            close()


class CancellableTransport(httpx2.BaseTransport):
    """A pool of connections that `GuardedBackend` opens, directly or through an `http://` proxy."""

    def __init__(
        self, *, connections: int, ssl_context: ssl.SSLContext, proxy: httpx2.Proxy | None = None
    ) -> None:
        shared: dict[str, Any] = {
            "ssl_context": ssl_context,
            "max_connections": connections,
            "max_keepalive_connections": connections,
            "keepalive_expiry": _IDLE_S,
            "network_backend": GuardedBackend(),
            "socket_options": _KEEPALIVE,
        }
        self._connections: httpcore2.ConnectionPool
        if proxy is None:
            self._connections = httpcore2.ConnectionPool(**shared)
        else:
            self._connections = httpcore2.HTTPProxy(
                proxy_url=_core_url(proxy.url), proxy_auth=proxy.raw_auth, **shared
            )

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send; the body streams. A compressed body, which nobody asked for, is refused unread."""
        core = httpcore2.Request(
            method=request.method,
            url=_core_url(request.url),
            headers=request.headers.raw,
            content=cast(Iterable[bytes], request.stream),
            extensions=request.extensions,
        )
        with _told_as_httpx():
            answer = self._connections.handle_request(core)
        response = httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_Body(cast(Iterable[bytes], answer.stream)),
            extensions=answer.extensions,
        )
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            response.close()
            raise httpx2.DecodingError("a compressed answer, which was not asked for", request=request)
        return response

    def close(self) -> None:
        """Close every connection; no attempt runs any more."""
        self._connections.close()


def _core_url(url: httpx2.URL) -> httpcore2.URL:
    return httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
