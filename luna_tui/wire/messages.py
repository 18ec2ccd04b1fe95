"""The lines of the socket: what each says, how long it may be, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from luna_tui.core.clean import clean_line

PROTO = (1, 1)
"""Lowest and highest version of the protocol that this program speaks."""
MOST_LINE = 1024 * 1024
"""Bytes of the longest line that a server takes from a client."""
MOST_BY = 32
"""Characters of a name in `by`."""
_E = TypeVar("_E", bound=StrEnum)
_JSON = json.JSONEncoder(separators=(",", ":"))


class WireError(ValueError):
    """A line that the protocol does not have; its text is for whoever sent it."""


class Wish(StrEnum):
    """What a client wants of a run."""

    VIEW = "view"
    """Its state and every later record; commands are refused."""
    CONTROL = "control"
    """The same, and commands."""
    ASK = "ask"
    """Commands and single questions; it does not count as somebody who watches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first line of a client."""

    lowest: int
    highest: int
    """Versions of the protocol that it speaks."""
    wish: Wish
    version: str
    by: str = "user"
    """Who it says is there."""

    def line(self) -> bytes:
        """As it is sent."""
        return line(
            {
                "wire": "hello",
                "proto": [self.lowest, self.highest],
                "mode": self.wish.value,
                "version": self.version,
                "by": self.by,
            }
        )


def line(message: Mapping[str, Any]) -> bytes:
    """A message with its line end."""
    return _JSON.encode(message).encode() + b"\n"


def said(raw: bytes) -> dict[str, Any]:
    """The message of a line; WireError when it is none."""
    try:
        value = json.loads(raw)
    except RecursionError:
        raise WireError("nested too deeply") from None
    except ValueError:
        raise WireError("not a line of JSON") from None
    if not isinstance(value, dict):
        raise WireError("not a JSON object")
    return value


def hello_of(message: Mapping[str, Any]) -> Hello:
    """The greeting that a client sent; WireError when it is none."""
    proto = message.get("proto")
    if message.get("wire") != "hello":
        raise WireError("the first line is hello")
    if not (isinstance(proto, list) and len(proto) == 2 and all(type(n) is int for n in proto)):
        raise WireError("proto is [lowest, highest]")
    wish = member_of(Wish, message.get("mode"), "mode")
    version, by = message.get("version", ""), message.get("by", "user")
    if not isinstance(version, str) or not isinstance(by, str):
        raise WireError("version and by are texts")
    lowest, highest = proto
    return Hello(lowest=lowest, highest=highest, wish=wish, version=name(version), by=name(by))


def member_of(kind: type[_E], word: object, what: str) -> _E:
    """The member of a vocabulary; WireError names all of them."""
    found = next((m for m in kind if m == word), None)
    if found is None:
        raise WireError(f"{what} is {', '.join(kind)}")
    return found


def common(lowest: int, highest: int) -> int | None:
    """The newest version of the protocol that both sides speak."""
    newest = min(highest, PROTO[1])
    return newest if newest >= max(lowest, PROTO[0]) else None


def name(text: str) -> str:
    """A short text of somebody else's, safe to show and to keep."""
    return clean_line(text[: 4 * MOST_BY])[:MOST_BY].strip() or "user"
