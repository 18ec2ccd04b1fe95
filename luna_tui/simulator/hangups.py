"""Notice clients that hang up while nobody reads their connection."""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass(slots=True, eq=False)
class _Watched:
    sock: socket.socket
    gone: threading.Event = field(default_factory=threading.Event)
    talks: bool = False
    """It has sent more before its answer is over; whether it hangs up can no longer be seen."""


class HangUps:
    """One thread looks at all connections whose threads wait for time to pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects `_watched` and `_stopped`, and keeps a socket from being read while it is looked at."""
        self._watched: dict[int, _Watched] = {}
        self._stopped = False
        self._pipe: tuple[socket.socket, socket.socket] | None = None
        """(read end, write end), to rouse the thread."""
        self._thread = threading.Thread(target=self._look, name="luna-simulator-hangups", daemon=True)

    def start(self) -> None:
        """Start to look."""
        self._pipe = socket.socketpair()
        self._pipe[1].setblocking(False)
        self._thread.start()

    def stop(self) -> None:
        """Set every event, now and from now on, and end the thread."""
        with self._lock:
            self._stopped = True
            for one in self._watched.values():
                one.gone.set()
        self._rouse()
        if self._thread.is_alive():
            self._thread.join(1.0)
        for end in self._pipe or ():
            end.close()

    @contextlib.contextmanager
    def watching(self, sock: socket.socket) -> Iterator[threading.Event]:
        """An event that is set when the client hangs up or `stop` is called; do not read `sock` inside."""
        one = _Watched(sock)
        number = sock.fileno()
        with self._lock:
            self._watched[number] = one
            if self._stopped:
                one.gone.set()
        self._rouse()
        try:
            yield one.gone
        finally:
            with self._lock:
                del self._watched[number]

    def _rouse(self) -> None:
        # A full pipe wakes as well, and a closed one belongs to a server that has stopped.
        if self._pipe is not None:
            with contextlib.suppress(OSError):
                self._pipe[1].send(b"x")

    def _look(self) -> None:
        assert self._pipe is not None
        wake = self._pipe[0]
        while True:
            # Not `select`: it knows no descriptor above 1023.
            poll = select.poll()
            poll.register(wake, select.POLLIN)
            with self._lock:
                if self._stopped:
                    return
                for number, one in self._watched.items():
                    if not one.talks and not one.gone.is_set():
                        poll.register(number, select.POLLIN)
            ready = {number for number, _ in poll.poll()}
            if wake.fileno() in ready:
                wake.recv(4096)
            self._judge(ready)

    def _judge(self, ready: set[int]) -> None:
        # A connection may have been answered and read since; only what is readable now can be peeked at.
        again = select.poll()
        with self._lock:
            for number in ready & self._watched.keys():
                again.register(number, select.POLLIN)
            for number, _ in again.poll(0):
                one = self._watched[number]
                try:
                    one.talks = bool(one.sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
                except BlockingIOError:
                    continue  # somebody has read it in between, so it is neither silent nor gone
                except OSError:
                    one.talks = False
                if not one.talks:
                    one.gone.set()
