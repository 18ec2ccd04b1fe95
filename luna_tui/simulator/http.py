"""What is asked of the simulated API, and by whom: routes, keys, refusals."""

from __future__ import annotations

import ipaddress
import json
import math
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from luna_tui.simulator.answering import Answering
from luna_tui.simulator.answers import Answer
from luna_tui.simulator.bodies import model_entry
from luna_tui.simulator.checks import wrong_count, wrong_message
from luna_tui.simulator.connection import ApiConnection
from luna_tui.simulator.conversation import input_tokens, request_text
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.model import MODELS, answer
from luna_tui.simulator.script import ScriptError
from luna_tui.simulator.settings import HeaderMoment
from luna_tui.simulator.virtual import RAMP_CODE, SPEND_CODE, Admitted, Refused

if TYPE_CHECKING:
    from luna_tui.simulator.server import SimulatorState

_DRAIN = 64 * 1024 * 1024
"""Bytes of a refused body that are read and dropped, so that the refusal is not lost in a reset."""
_LONGEST_S = 3_600
"""Most seconds that a 429 tells to wait."""
_REFUSING = {
    FaultKind.RATE_LIMIT: ("rate_limit_error", "This request would exceed your rate limit."),
    FaultKind.OVERLOADED: ("overloaded_error", "Overloaded"),
    FaultKind.SERVER_ERROR: ("api_error", "Internal server error"),
    FaultKind.AUTH: ("authentication_error", "invalid x-api-key"),
}
_BY_CODE = {
    RAMP_CODE: "This request would exceed the rate at which your use may grow.",
    SPEND_CODE: "You have reached your spend limit.",
}

_TOLD: dict[str, Callable[[SimulatorState], dict[str, Any]]] = {
    "/simulator/stats": lambda state: state.stats().as_json(),
    "/simulator/conversations": lambda state: asdict(state.ledger.counts()),
}
"""What the simulator tells of itself, to this machine only."""


class MessagesHandler(ApiConnection):
    """The routes."""

    def do_GET(self) -> None:
        """The models."""
        self._guarded(self._get)

    def do_POST(self) -> None:
        """Messages and token counts."""
        self._guarded(self._post)

    def _get(self) -> None:
        path = self.path.partition("?")[0]
        if path in _TOLD and ipaddress.ip_address(self.client_address[0]).is_loopback:
            self.send_json(200, _TOLD[path](self._state))
            return
        if not self._authorised():
            return
        listed = [model_entry(m) for m in MODELS]
        if path == "/v1/models":
            self.send_json(
                200, {"data": listed, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]}
            )
            return
        name = path.removeprefix("/v1/models/")
        found = [m for m in listed if m["id"] == name]
        if found:
            self.send_json(200, found[0])
        else:
            self.refuse("not_found_error", f"model: {name}" if name != path else f"Not found: {path}")

    def _post(self) -> None:
        content = self._content()
        if content is None or not self._authorised():
            return
        path = self.path.partition("?")[0]
        if path not in ("/v1/messages", "/v1/messages/count_tokens"):
            self.refuse("not_found_error", f"Not found: {path}")
            return
        body = _json_object(content)
        if body is None:
            self.refuse("invalid_request_error", "The request body is not valid JSON")
        elif path == "/v1/messages":
            self._messages(body)
        else:
            self._count_tokens(body)

    def _count_tokens(self, body: dict[str, Any]) -> None:
        if wrong := wrong_count(body):
            self.refuse(*wrong)
        else:
            self.send_json(200, {"input_tokens": input_tokens(body)})

    def _messages(self, body: dict[str, Any]) -> None:
        text = request_text(body)
        if wrong := wrong_message(body):
            self.refuse(*wrong, text=text)
            return
        if refusal := self._state.ledger.refusal(body):
            self.refuse("invalid_request_error", refusal, text=text)
            return
        number = self._state.next_request()
        fault = self._state.fault_of(number, text)
        if fault is not None and fault.kind in _REFUSING:
            after_s = fault.retry_after if fault.kind is FaultKind.RATE_LIMIT else None
            self.refuse(*_REFUSING[fault.kind], retry_after_s=after_s, text=text)
            return
        try:
            reply = answer(body, self._state.settings.seed, self._state.secret(number))
            reply, cached = self._state.cached(body, reply)
        except ScriptError as error:
            self.refuse("invalid_request_error", str(error), text=text)
            return
        with self._state.hangups.watching(self.connection) as self._broken:
            if fault is not None and fault.kind is FaultKind.NO_HEADERS:
                self._state.saw(self.path, 0, text)
                self.hang()
            admitted = self._admitted(reply, int(body["max_tokens"]), fault, text)
            if admitted is not None:
                self._state.ledger.sending(body, reply)
                Answering(self, self._state, reply, admitted, fault, cached).run(body, number)

    def _admitted(self, reply: Answer, max_tokens: int, fault: Fault | None, text: str) -> Admitted | None:
        verdict = self._state.account.admit(reply.input_tokens - reply.cached_tokens, max_tokens)
        if isinstance(verdict, Admitted):
            if self._state.settings.header_moment is HeaderMoment.EARLY:
                self.told = self._state.account.headers()
            self._state.saw(self.path, 200, text)
            return verdict
        self._state.spare(fault, text)
        wait_s = verdict.retry_after_s
        whole_s = None if wait_s is None else math.ceil(min(wait_s, _LONGEST_S))
        self.refuse("rate_limit_error", _reason(verdict), retry_after_s=whole_s, code=verdict.code, text=text)
        return None

    def _content(self) -> bytes | None:
        """The body's bytes; None after a refusal, and then the connection ends: its rest cannot be found."""
        told = self.headers.get("content-length", "")
        if not (told.isascii() and told.isdigit() and len(told) < 16):
            self.close_connection = True
            self.refuse("invalid_request_error", "Content-Length is required.")
            return None
        length = int(told)
        if length <= self._state.settings.max_body:
            return self.rfile.read(length)
        self.close_connection = True
        self.refuse("request_too_large", "Request exceeds the maximum size")
        left = min(length, _DRAIN)
        while left > 0 and (dropped := self.rfile.read(min(left, 65_536))):
            left -= len(dropped)
        return None

    def _authorised(self) -> bool:
        scheme, _, bearer = self.headers.get("authorization", "").partition(" ")
        key = self.headers.get("x-api-key") or (bearer.strip() if scheme.lower() == "bearer" else "")
        accepted = self._state.settings.accepted_keys
        if key and (accepted is None or key in accepted):
            return True
        self.refuse("authentication_error", "invalid x-api-key")
        return False


def _reason(refused: Refused) -> str:
    if refused.dimension is None:
        return _BY_CODE[refused.code or RAMP_CODE]
    return f"This request would exceed your limit of {refused.dimension.replace('-', ' ')} per minute."


def _json_object(content: bytes) -> dict[str, Any] | None:
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) else None
