"""Show a run to other processes and take their commands, on one thread that the run never waits for."""

from __future__ import annotations

import logging
import selectors
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress

from luna_tui.core.events import Record
from luna_tui.core.records import to_line
from luna_tui.engine.bus import Inbox
from luna_tui.engine.clock import SystemClock
from luna_tui.wire.messages import WireError, line
from luna_tui.wire.peer import Peer
from luna_tui.wire.reception import Reception
from luna_tui.wire.served import Served
from luna_tui.wire.snapshots import snapshot_line
from luna_tui.wire.sockets import trusted, uid_of

MOST_PEERS = 64
"""Connections at once, those that have not said what they want included."""
HELLO_S = 5.0
"""Time a client has to say what it wants."""
PING_S = 5.0
EVERY_S = 0.05
"""Records are sent this often, so that a flood of them costs few system calls."""
ANEW_S = 1.0
"""A viewer that fell behind gets the state anew no more often than this."""
_REST_S = 1.0
_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE

_log = logging.getLogger(__name__)


class ControlServer:
    """Serves one run on a listening socket. `put` takes records in order and never waits.

    A viewer that is slow or stopped is never disconnected and costs the run nothing: what waits for
    it is dropped beyond a bound, and when it reads again it gets the state anew.
    """

    def __init__(self, listening: socket.socket, served: Served) -> None:
        self._listening = listening
        self._served = served
        self._clock = SystemClock()
        self._inbox = Inbox()
        self._watched = False
        """Somebody takes records now, or is about to."""
        self._asleep = True
        """The thread waits until it is woken: nothing came lately."""
        self._closing = threading.Event()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._peers: dict[int, Peer] = {}
        """By descriptor; the thread's own, as everything below."""
        self._serving: Peer | None = None
        """Whom an error that nobody expected is about."""
        self._reception = Reception(served)
        self._selector = selectors.DefaultSelector()
        self._pinged_at = self._anew_at = self._heard_at = self._accepts_at = self._clock.now()
        self._time_is_up = False
        """What has not been sent is lost."""
        self._thread = threading.Thread(target=self._loop, name="luna-control", daemon=True)

    def start(self) -> None:
        """Take connections from now on."""
        self._selector.register(self._listening, _READ)
        self._selector.register(self._wake_in, _READ)
        self._thread.start()

    def put(self, record: Record) -> None:
        """Show a record to all who watch; records come in order of `seq`."""
        if self._watched:
            self._inbox.put(record)
        if self._asleep:
            self._wake()

    def close(self, timeout_s: float = 1.0) -> None:
        """Send what is left, for at most `timeout_s` seconds, and close all connections."""
        if self._thread.ident is None:
            self._listening.close()
            return
        self._closing.set()
        self._wake()
        self._thread.join(timeout_s)
        self._time_is_up = True
        self._thread.join(timeout_s)

    def is_alive(self) -> bool:
        """Whether it still serves."""
        return self._thread.is_alive()

    def peers(self) -> tuple[Peer, ...]:
        """Who is connected now; for looking only."""
        return tuple(self._peers.values())

    def _wake(self) -> None:
        self._asleep = False
        with suppress(OSError):  # it is being woken already, or over
            self._wake_out.send(b"x")

    def _loop(self) -> None:
        over = False
        while not over:
            last = self._closing.is_set()
            try:
                self._step()
            except Exception:  # noqa: BLE001  the server's one thread: without it nobody could attach any more
                self._lose(self._serving)
            over = last and (self._time_is_up or not any(p.waits or p.behind for p in self._peers.values()))
        for peer in self._peers.values():
            peer.close()
        for ours in (self._listening, self._selector, self._wake_in, self._wake_out):
            ours.close()

    def _lose(self, peer: Peer | None) -> None:
        """Go on without the client that something unforeseen came from."""
        _log.exception("a client of the control socket failed and was dropped")
        for one in [peer] if peer is not None else list(self._peers.values()):
            self._drop(one)

    def _step(self) -> None:
        ready = self._selector.select(self._timeout_s())
        now = self._clock.now()
        self._asleep = False
        for key, mask in ready:
            if key.fileobj is self._listening:
                self._accept(now)
            elif key.fileobj is self._wake_in:
                with suppress(OSError):
                    self._wake_in.recv(4096)
            elif key.fd in self._peers:
                self._serve(self._peers[key.fd], mask)
        self._show(now)
        self._tend(now)

    def _timeout_s(self) -> float | None:
        """How long to wait when nobody is heard; for ever when there is nothing to do by itself."""
        now = self._clock.now()
        if self._closing.is_set() or self._accepts_at > now or now - self._heard_at < _REST_S:
            return EVERY_S
        if any(p.has_lines or p.closing or not p.listens for p in self._peers.values()):
            return EVERY_S
        self._asleep = True
        return _REST_S if self._peers else None

    def _accept(self, now: float) -> None:
        try:
            connection, _ = self._listening.accept()
        except BlockingIOError:
            return
        except OSError as error:
            _log.warning("nobody can connect for a while: %s", error)
            self._selector.unregister(self._listening)
            self._accepts_at = now + _REST_S
            return
        if len(self._peers) >= MOST_PEERS or not trusted(uid_of(connection)):
            why = "too many connections" if len(self._peers) >= MOST_PEERS else "not your run"
            with suppress(OSError):
                connection.setblocking(False)
                connection.send(line({"wire": "refused", "why": why}))
            connection.close()
            return
        peer = self._peers[connection.fileno()] = Peer(connection, now)
        self._watch(peer, _READ)

    def _serve(self, peer: Peer, mask: int) -> None:
        """Hear one client and send to it."""
        self._serving = peer
        here = not (mask & _READ and peer.listens) or peer.receive()
        self._hear(peer)
        if not here or not peer.send():
            self._drop(peer)
        self._serving = None

    def _hear(self, peer: Peer) -> None:
        try:
            for said in peer.lines():
                self._reception.take(peer, said)
        except (WireError, ValueError) as error:
            peer.answer(line({"wire": "refused", "why": str(error)}))
            peer.closing = True

    def _drop(self, peer: Peer) -> None:
        if self._peers.pop(peer.connection.fileno(), None) is not None:
            self._watch(peer, 0)
            peer.close()
            self._reception.gone(peer)

    def _show(self, now: float) -> None:
        """Send new records to all who follow, and the state to those who cannot."""
        anew = [p for p in self._peers.values() if p.behind and not p.waits_for_room]
        following = [p for p in self._peers.values() if p.views and not p.behind]
        # Before the state is taken: what is put from now on is no part of it.
        self._watched = bool(anew or following)
        records = self._inbox.drain()
        if records:
            self._heard_at = now
        if following and records:
            _tell(following, records)
        if anew and (now - self._anew_at >= ANEW_S or any(p.new for p in anew)):
            self._anew_at = self._heard_at = now
            self._begin(anew)
        for peer in list(self._peers.values()):
            self._serving = peer
            if peer.waits and not peer.send():
                self._drop(peer)
        self._serving = None

    def _begin(self, anew: list[Peer]) -> None:
        moment = self._served.moment()
        snapshot = snapshot_line(moment, self._served.now_s()) + _lines(moment.waiting)
        for peer in anew:
            peer.show(snapshot, moment.last)

    def _tend(self, now: float) -> None:
        """What is due without anybody saying anything."""
        self._reception.retell()
        if self._accepts_at <= now and self._listening not in self._selector.get_map():
            self._selector.register(self._listening, _READ)
        pings = now - self._pinged_at >= PING_S
        if pings:
            self._pinged_at = now
        for peer in list(self._peers.values()):
            peer.refill(now)
            if peer.has_lines:
                self._serve(peer, 0)
            if pings and peer.hello is not None and not peer.waits:
                peer.answer(line({"wire": "ping", "now_s": self._served.now_s()}))
                self._serve(peer, 0)
            if (peer.hello is None and now - peer.came_at > HELLO_S) or (peer.closing and not peer.waits):
                self._drop(peer)
            if peer.connection.fileno() in self._peers:
                self._watch(peer, (_READ if peer.listens else 0) | (_WRITE if peer.waits else 0))

    def _watch(self, peer: Peer, wanted: int) -> None:
        """Have the thread woken by these; nothing is asked of the system when they stay."""
        if wanted == peer.watched:
            return
        if not peer.watched:
            self._selector.register(peer.connection, wanted)
        elif not wanted:
            self._selector.unregister(peer.connection)
        else:
            self._selector.modify(peer.connection, wanted)
        peer.watched = wanted


def _tell(following: list[Peer], records: list[Record]) -> None:
    """Lines are made once for all."""
    lines = [to_line(record).encode() + b"\n" for record in records]
    whole, last = b"".join(lines), records[-1].seq
    for peer in following:
        if peer.after < records[0].seq:
            peer.tell(whole, last)
        elif peer.after < last:
            news = (text for text, r in zip(lines, records, strict=True) if r.seq > peer.after)
            peer.tell(b"".join(news), last)


def _lines(records: Iterable[Record]) -> bytes:
    return b"".join(to_line(record).encode() + b"\n" for record in records)
