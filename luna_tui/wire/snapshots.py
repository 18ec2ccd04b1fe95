"""A frozen state as one line, made in pieces so that no other thread waits long while it is written."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from luna_tui.core.events import Record

_AT_ONCE = 256
"""Most members of a list that are encoded in one go, which holds back every other thread."""
_DEPTH = 4
"""Lists of very many members are nested no deeper: those of a wave of the plan."""
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Moment:
    """A run as a viewer begins to see it."""

    frozen: Mapping[str, Any]
    """What `core.freezing.freeze` made of the state."""
    seq: int
    """Of the last record in it."""
    waiting: tuple[Record, ...]
    """Records that follow it, in order, and have not been applied yet."""

    @property
    def last(self) -> int:
        """Of the last record that is known to whoever takes both."""
        return self.waiting[-1].seq if self.waiting else self.seq


def snapshot_line(moment: Moment, now_s: float) -> bytes:
    """The message with a moment's state; what waits follows it as so many records."""
    follow = len(moment.waiting)
    head = _encode({"wire": "snapshot", "seq": moment.seq, "now_s": now_s, "follow": follow})
    parts = [head[:-1], ',"state":{']
    for place, (key, value) in enumerate(moment.frozen.items()):
        parts += ["," if place else "", _encode(key), ":", *_pieces(value, _DEPTH)]
    return "".join([*parts, "}}\n"]).encode()


def _pieces(value: object, depth: int) -> Iterator[str]:
    if not isinstance(value, list) or not _long(value, depth):
        yield _encode(value)
        return
    yield "["
    if len(value) > _AT_ONCE:
        for start in range(0, len(value), _AT_ONCE):
            yield ("," if start else "") + _encode(value[start : start + _AT_ONCE])[1:-1]
    else:
        for place, one in enumerate(value):
            yield "," if place else ""
            yield from _pieces(one, depth - 1)
    yield "]"


def _long(value: list[Any], depth: int) -> bool:
    """Whether it is, or holds, a list with very many members."""
    if len(value) > _AT_ONCE:
        return True
    return depth > 0 and any(isinstance(one, list) and _long(one, depth - 1) for one in value)
