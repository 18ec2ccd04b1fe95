"""Ask a run in another process one thing, and wait for the answer."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luna_tui.core.events import Record
from luna_tui.core.state import RunState
from luna_tui.wire.client import Answer, Connection, RefusedError, Snapshot
from luna_tui.wire.messages import PROTO, Hello, Wish

PATIENCE_S = 10.0
"""The longest a run may be silent before it is taken to be stuck."""


def ask(path: Path, message: Mapping[str, Any], *, version: str, by: str = "user") -> Mapping[str, Any]:
    """The answer to a command or a question.

    RefusedError with the run's reason; OSError when nobody is there, or it says nothing for
    `PATIENCE_S` seconds.
    """
    connection = _connected(path, version, by)
    try:
        connection.send({"id": 1, **message})
        for told in connection.told(PATIENCE_S):
            if isinstance(told, Answer):
                if told.why:
                    raise RefusedError(told.why)
                return told.given
        raise ConnectionResetError("the run went away")
    finally:
        connection.close()


def look(path: Path, *, version: str) -> tuple[RunState, float]:
    """The state of a run and its clock, as its own screen has them; raises as `ask` does."""
    connection = _connected(path, version, "user")
    try:
        connection.send({"id": 1, "do": "state"})
        found: Snapshot | None = None
        left = 0
        for told in connection.told(PATIENCE_S):
            if isinstance(told, Snapshot):
                found, left = told, told.follow
            elif isinstance(told, Record) and found is not None:
                found.state.apply(told)
                left -= 1
            if found is not None and left == 0:
                return found.state, found.now_s
        raise ConnectionResetError("the run went away")
    finally:
        connection.close()


def _connected(path: Path, version: str, by: str) -> Connection:
    hello = Hello(lowest=PROTO[0], highest=PROTO[1], wish=Wish.ASK, version=version, by=by)
    return Connection(path, hello, timeout_s=PATIENCE_S)
