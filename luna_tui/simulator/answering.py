"""Give one answer: at its pace, in one piece or as a stream, and with what a fault does to it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from luna_tui.simulator.answers import Answer, piece_tokens
from luna_tui.simulator.bodies import message_begun, message_ended
from luna_tui.simulator.caching import CacheUse
from luna_tui.simulator.connection import ApiConnection, Closing, json_headers
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.virtual import Admitted

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorState

_PING_S = 0.2


class Answering:
    """One admitted request on its connection."""

    def __init__(
        self,
        connection: ApiConnection,
        state: SimulatorState,
        reply: Answer,
        admitted: Admitted,
        fault: Fault | None,
        cached: CacheUse,
    ) -> None:
        self._connection = connection
        self._state = state
        self._reply = reply
        self._admitted = admitted
        self._fault = fault
        self._cached = cached
        self._produced = 0

    def run(self, body: dict[str, Any], number: int) -> None:
        """Answer to the end; Gone or Closing when it does not come to that."""
        message = message_begun(body["model"], number, self._reply)
        self._state.count(streams=1)
        try:
            if body.get("stream"):
                self._stream(message)
            else:
                self._whole(message)
        finally:
            self._state.account.end(self._admitted, self._produced)
            self._state.count(streams=-1)

    def _whole(self, message: dict[str, Any]) -> None:
        pieces = self._reply.pieces
        for place, piece in enumerate(pieces):
            self._pause_for(place)
            if place == 0:
                self._begin()
            self._produce(piece)
        self._pause_for(len(pieces))
        ended = message_ended(self._reply)
        message["content"] = self._reply.content()
        message |= ended["delta"]
        message["usage"] |= ended["usage"]
        if self._fault is None:
            self._connection.send_json(200, message)
        else:
            self._break_whole(self._fault, json.dumps(message).encode())

    def _break_whole(self, fault: Fault, content: bytes) -> None:
        """What a fault in mid-stream does to an answer that is sent in one piece."""
        half = content[: len(content) // 2]
        match fault.kind:
            case FaultKind.MALFORMED:
                self._connection.send_bytes(200, half)
            case FaultKind.ERROR_EVENT:
                self._connection.refuse("overloaded_error", "Overloaded")
            case FaultKind.STALL | FaultKind.PING_ONLY:
                self._connection.send_head(200, json_headers(len(content)))
                self._connection.hang()
            case _:
                self._connection.send_head(200, json_headers(len(content)))
                self._connection.wfile.write(half)
                raise Closing

    def _stream(self, message: dict[str, Any]) -> None:
        head = {"content-type": "text/event-stream; charset=utf-8", "transfer-encoding": "chunked"}
        if self._connection.told is not None:
            self._connection.send_head(200, head)
        self._pause_for(0)
        self._begin()
        if self._connection.told is None:
            self._connection.send_head(200, head)
        self._events(message)

    def _events(self, message: dict[str, Any]) -> None:
        send = self._connection.send_event
        breaks_at = -1 if self._fault is None else min(self._fault.after, len(self._reply.pieces) - 1)
        place = 0
        send("message_start", {"message": message})
        for index, block in enumerate(self._reply.blocks):
            send("content_block_start", {"index": index, "content_block": dict(block.begun)})
            if index == 0:
                send("ping", {})
            for piece in block.pieces:
                if self._fault is not None and place >= breaks_at:
                    self._break(self._fault)
                    return
                send("content_block_delta", {"index": index, "delta": block.delta(piece)})
                self._produce(piece)
                place += 1
                self._pause_for(place)
            for delta in block.closing:
                send("content_block_delta", {"index": index, "delta": dict(delta)})
            send("content_block_stop", {"index": index})
        send("message_delta", message_ended(self._reply))
        send("message_stop", {})
        self._connection.send_chunk(b"")

    def _break(self, fault: Fault) -> None:
        """Do in mid-stream what the fault says; every way but the clean end closes the connection."""
        match fault.kind:
            case FaultKind.EARLY_END:
                self._connection.send_chunk(b"")
                return
            case FaultKind.STALL:
                self._connection.hang()
            case FaultKind.PING_ONLY:
                while True:
                    self._connection.send_event("ping", {})
                    self._connection.wait_until(self._state.clock.now() + _PING_S)
            case FaultKind.MALFORMED:
                self._connection.send_chunk(b"event: content_block_delta\ndata: {broken\n\n")
            case FaultKind.ERROR_EVENT:
                error = {"type": "overloaded_error", "message": "Overloaded"}
                self._connection.send_event("error", {"error": error})
                self._connection.send_chunk(b"")
            case _:
                pass
        raise Closing

    def _begin(self) -> None:
        self._state.cache.begun(self._cached, self._state.clock.now())

    def _produce(self, piece: str) -> None:
        tokens = piece_tokens(piece)
        self._produced += tokens
        self._state.account.produce(tokens)

    def _pause_for(self, place: int) -> None:
        """Wait for the instant of a piece; it counts from the admission, so that no error adds up."""
        due_s = self._reply.due_s(place) / self._state.settings.speed
        self._connection.wait_until(self._admitted.at + due_s)
