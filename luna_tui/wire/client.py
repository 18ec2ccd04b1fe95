"""A connection to a run in another process: greet, ask, and read what it tells."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.events import Record
from luna_tui.core.freezing import FrozenError, thaw
from luna_tui.core.records import RecordError, decode
from luna_tui.core.state import RunState
from luna_tui.wire.messages import Hello, WireError, line
from luna_tui.wire.sockets import connect

_READ_BYTES = 256 * 1024
_MOST_BYTES = 1024 * 1024 * 1024
"""Of one line: the state of the largest run."""
_MOST_WHY = 300


class RefusedError(Exception):
    """The run does not want this; its text says why, clean and for people."""


@dataclass(frozen=True, slots=True)
class Welcome:
    """What a run says of itself first."""

    pid: int
    run: str
    version: str
    now_s: float


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The state as it was after one record; records that follow it come next."""

    state: RunState
    now_s: float
    follow: int
    """Records that had come by then; with them the state is complete."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To a message with this `id`."""

    id: int | None
    """None = to a line that could not be read."""
    why: str
    """Why it was refused; empty when it was done."""
    given: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life."""

    now_s: float


Told = Record | Snapshot | Answer | Ping


class Connection:
    """To one run. `send` is safe from any thread, reading is for one thread."""

    def __init__(self, path: Path, hello: Hello, *, timeout_s: float = 5.0) -> None:
        """Connect and greet. OSError when nobody is there, RefusedError when we are not wanted."""
        self._socket = connect(path, timeout_s)
        self._in = bytearray()
        self._searched = 0
        try:
            with suppress(ConnectionError):  # sent away already, and told why
                self._socket.sendall(hello.line())
            self.welcome = _welcome(self._line())
        except BaseException:
            self._socket.close()
            raise
        self._socket.settimeout(None)

    def send(self, message: Mapping[str, Any]) -> None:
        """Send a message; OSError when the run is gone."""
        self._socket.sendall(line(message))

    def told(self, timeout_s: float | None = None) -> Iterator[Told]:
        """Everything that the run says from now on; ends when it goes. TimeoutError when it is silent."""
        self._socket.settimeout(timeout_s)
        while True:
            try:
                raw = self._line()
            except EOFError:
                return
            found = _told(raw)
            if found is not None:
                yield found

    def close(self) -> None:
        """Leave; a thread that reads comes to the end."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _line(self) -> bytes:
        while (end := self._in.find(b"\n", self._searched)) < 0:
            self._searched = len(self._in)
            try:
                came = self._socket.recv(_READ_BYTES)
            except TimeoutError:
                raise
            except OSError as error:
                raise EOFError from error
            if not came or len(self._in) > _MOST_BYTES:
                raise EOFError("the run is gone")
            self._in += came
        raw = bytes(self._in[:end])
        del self._in[: end + 1]
        self._searched = 0
        return raw


def _welcome(raw: bytes) -> Welcome:
    value = _object(raw)
    if value.get("wire") == "welcome":
        try:
            return Welcome(
                int(value["pid"]), _words(value["run"]), _words(value["version"]), float(value["now_s"])
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RefusedError("it does not speak this protocol") from error
    raise RefusedError(_words(value.get("why", "it does not speak this protocol")))


def _told(raw: bytes) -> Told | None:
    """What a line says; None for what a later version may say."""
    value = _object(raw)
    try:
        match value.get("wire"):
            case None:
                return decode(value)
            case "snapshot":
                return Snapshot(thaw(value["state"]), float(value["now_s"]), int(value["follow"]))
            case "ping":
                return Ping(float(value["now_s"]))
            case "done" | "status":
                return Answer(int(value["id"]), "", value)
            case "refused":
                return Answer(value.get("id"), _words(value.get("why", "")) or "?", value)
    except FrozenError as error:
        raise RefusedError("it is another version of luna-tui, whose picture of a run differs") from error
    except (RecordError, KeyError, TypeError, ValueError) as error:
        raise WireError(f"not understood: {error}") from error
    return None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise WireError("not a line of JSON") from error
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def _words(value: object) -> str:
    return clean_line(str(value)[: 4 * _MOST_WHY])[:_MOST_WHY]
