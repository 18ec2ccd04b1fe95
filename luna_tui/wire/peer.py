"""One client at the server's end: its lines in, its lines out, both bounded."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator

from luna_tui.wire.messages import MOST_LINE, Hello, Wish

MOST_QUEUED = 4 * 1024 * 1024
"""Bytes of records that wait for a slow viewer; beyond that it gets the state anew instead."""
MOST_ANSWERS = 1_000
"""Answers that wait for a client; it is not heard until it has taken some."""
PER_SECOND = 100
"""Lines taken from one client in a second; more wait in the socket, at the client's expense."""
_BURST = 200
_READ_BYTES = 64 * 1024
_SEND_BYTES = 1024 * 1024
"""Sent in one go, so that one fast viewer does not keep the others waiting."""


class Peer:
    """A connection that never blocks. Used by the server's thread only."""

    def __init__(self, connection: socket.socket, now: float) -> None:
        self.connection = connection
        connection.setblocking(False)
        self.came_at = now
        self.hello: Hello | None = None
        """What it wants; None until it said so."""
        self.behind = False
        """Records were dropped, and it needs the state anew."""
        self.new = True
        """It has not been given the state yet."""
        self.after = 0
        """`seq` of the last record that was queued or is part of its state."""
        self.closing = False
        """Nothing more is taken from it, and it goes when all is sent."""
        self.watched = 0
        """What the server's selector looks for."""
        self.strikes = 0
        """Lines that were none."""
        self._in = bytearray()
        self._out: deque[tuple[bytes, int]] = deque()
        """Lines, and how many bytes of them count as waiting records."""
        self._answers: deque[bytes] = deque()
        self._current = memoryview(b"")
        self._queued = 0
        self._allowed = float(_BURST)
        self._counted_at = now

    @property
    def listens(self) -> bool:
        """Whether more is taken from it now."""
        return not self.closing and len(self._answers) < MOST_ANSWERS and self._allowed >= 1.0

    @property
    def views(self) -> bool:
        """Whether it sees records."""
        return self.hello is not None and self.hello.wish is not Wish.ASK and not self.closing

    @property
    def waits_for_room(self) -> bool:
        """Whether something was sent in part, so that nothing else can be sent before the rest."""
        return bool(self._current)

    @property
    def waits(self) -> bool:
        """Whether something is to be sent."""
        return bool(self._current or self._answers or self._out)

    @property
    def queued(self) -> int:
        """Bytes of records that wait, without the state and what is being sent."""
        return self._queued

    def refill(self, now: float) -> None:
        """Let it say more, as time passes."""
        self._allowed = min(_BURST, self._allowed + PER_SECOND * (now - self._counted_at))
        self._counted_at = now

    def receive(self) -> bool:
        """Take in what came; False when the other end is gone."""
        try:
            came = self.connection.recv(_READ_BYTES)
        except BlockingIOError:
            return True
        except OSError:
            return False
        self._in += came
        return bool(came)

    def lines(self) -> Iterator[bytes]:
        """Whole lines, as many as may be taken now; ValueError for one that is too long."""
        while self.listens:
            end = self._in.find(b"\n")
            if end > MOST_LINE or (end < 0 and len(self._in) > MOST_LINE):
                raise ValueError("the line is too long")
            if end < 0:
                return
            line = bytes(self._in[:end])
            del self._in[: end + 1]
            self._allowed -= 1.0
            yield line

    @property
    def has_lines(self) -> bool:
        """Whether lines wait that could not be taken yet."""
        return b"\n" in self._in

    def answer(self, line: bytes) -> None:
        """Send it soon, before records that wait."""
        self._answers.append(line)

    def show(self, snapshot: bytes, last: int) -> None:
        """Send the state, and only records after `last` from now on."""
        self._drop()
        self._out.append((snapshot, 0))
        self.after, self.behind, self.new = last, False, False

    def tell(self, records: bytes, last: int) -> None:
        """Send records; when too much waits already, drop all of it: the state will come anew."""
        self._queued += len(records)
        self._out.append((records, len(records)))
        self.after = last
        if self._queued > MOST_QUEUED:
            self._drop()
            self.behind = True

    def _drop(self) -> None:
        self._out.clear()
        self._queued = 0

    def send(self) -> bool:
        """Send what the other end takes; False when it is gone."""
        room = _SEND_BYTES
        while room > 0 and (self._current or self._next()):
            try:
                sent = self.connection.send(self._current[:room])
            except BlockingIOError:
                return True
            except OSError:
                return False
            self._current = self._current[sent:]
            room -= sent
        return True

    def _next(self) -> bool:
        if self._answers:
            self._current = memoryview(self._answers.popleft())
        elif self._out:
            lines, counted = self._out.popleft()
            self._current = memoryview(lines)
            self._queued -= counted
        return bool(self._current)

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()
