"""What the server of a run does with the lines of its clients."""

from __future__ import annotations

import os
from collections import deque

from luna_tui.core.events import Attached, Detached
from luna_tui.wire.messages import MOST_BY, PROTO, Hello, WireError, Wish, common, hello_of, line, name, said
from luna_tui.wire.orders import order_of
from luna_tui.wire.peer import Peer
from luna_tui.wire.served import Served

MOST_VIEWERS = 32
MOST_STRIKES = 20
"""Lines without meaning after which a client is sent away."""
_MOST_UNTOLD = 1_000


class Reception:
    """Greets clients and takes their commands. Used by the server's thread only."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self._viewers = 0
        self._untold: deque[Attached | Detached] = deque(maxlen=_MOST_UNTOLD)
        """Who came and went before the run began."""

    def take(self, peer: Peer, raw: bytes) -> None:
        """Do what one line asks for; WireError when the client cannot stay."""
        if peer.hello is None:
            self._greet(peer, hello_of(said(raw)))
            return
        try:
            message = said(raw)
            number = message.get("id")
            if type(number) is not int:
                raise WireError("id is a number")
        except WireError as error:
            peer.strikes += 1
            if peer.strikes >= MOST_STRIKES:
                raise
            peer.answer(line({"wire": "refused", "why": str(error)}))
            return
        peer.answer(line({"id": number, **self._do(peer, peer.hello, message)}))

    def gone(self, peer: Peer) -> None:
        """A client has left or was lost."""
        if peer.hello is not None and peer.hello.wish is not Wish.ASK:
            self._viewers -= 1
            self._tell(Detached(by=peer.hello.by, viewers=self._viewers))

    def retell(self) -> None:
        """Say what could not be said before the run began; call when it has news."""
        while self._untold and self._served.tell(self._untold[0]):
            self._untold.popleft()

    def _greet(self, peer: Peer, hello: Hello) -> None:
        proto = common(hello.lowest, hello.highest)
        served = self._served
        if proto is None:
            raise WireError(
                f"the run's luna-tui {served.version} speaks protocol {PROTO[0]} to {PROTO[1]}, "
                f"yours ({hello.version}) {hello.lowest} to {hello.highest}"
            )
        views = hello.wish is not Wish.ASK
        if views and self._viewers >= MOST_VIEWERS:
            raise WireError(f"{MOST_VIEWERS} programs watch this run already, which is the most")
        peer.hello = hello
        peer.answer(
            line(
                {
                    "wire": "welcome",
                    "proto": proto,
                    "pid": os.getpid(),
                    "run": served.run,
                    "version": served.version,
                    "now_s": served.now_s(),
                }
            )
        )
        if views:
            self._viewers += 1
            peer.behind = True
            read_only = hello.wish is Wish.VIEW
            self._tell(Attached(by=hello.by, read_only=read_only, viewers=self._viewers))

    def _do(self, peer: Peer, hello: Hello, message: dict[str, object]) -> dict[str, object]:
        if message.get("do") == "status":
            return {"wire": "status", **self._served.status()}
        if message.get("do") == "state":
            peer.behind = True
            return {"wire": "done"}
        if hello.wish is Wish.VIEW:
            return {"wire": "refused", "why": "a read-only viewer takes no commands"}
        try:
            by = message.get("by", hello.by)
            if not isinstance(by, str):
                raise WireError("by is a text")
            order_of(message, self._served.named)(self._served.control, name(by)[:MOST_BY])
        except WireError as error:
            return {"wire": "refused", "why": str(error)}
        return {"wire": "done"}

    def _tell(self, event: Attached | Detached) -> None:
        if self._untold or not self._served.tell(event):
            self._untold.append(event)
