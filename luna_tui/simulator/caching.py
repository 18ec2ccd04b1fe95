"""The prompt cache: what a request reads from it and writes to it, by its breakpoints."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from luna_tui.simulator.answers import CHARS_PER_TOKEN
from luna_tui.simulator.conversation import blocks_of, messages_of, weight

_TTL_S = {"5m": 300.0, "1h": 3600.0}
_LOOK_BACK = 20
"""Blocks before a breakpoint at which an earlier entry is still found."""
_KEPT = 100_000
_LEAST = {"haiku": 2_048}
_LEAST_OF_OTHERS = 1_024
_SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class CacheUse:
    """What one request has of the cache, in input tokens."""

    read: int = 0
    written: int = 0
    written_1h: int = 0
    """Part of `written` that is kept for an hour."""
    entries: Mapping[str, float] = field(default_factory=dict)
    """Prefixes that are there once the answer has begun, and the seconds for which they stay."""


@dataclass(frozen=True, slots=True)
class _Prefix:
    """A request up to and including one block."""

    digest: str
    tokens: int
    ttl: str | None
    """None = no breakpoint here."""


class PromptCache:
    """Of one server; thread-safe. Seconds are those of its clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects `_until`."""
        self._until: dict[str, float] = {}

    def look(self, body: Mapping[str, Any], tokens: int, now: float) -> CacheUse:
        """What a request of that many input tokens would read and write now."""
        prefixes = _prefixes(body)
        marked = [place for place, prefix in enumerate(prefixes) if prefix.ttl is not None]
        if not marked:
            return CacheUse()
        counts = [min(tokens, prefix.tokens) for prefix in prefixes]
        least = least_tokens(str(body.get("model")))
        with self._lock:
            hit = max((self._found(prefixes, place, now) for place in marked), default=-1)
        read = counts[hit] if hit >= 0 else 0
        entries: dict[str, float] = {}
        written = {"5m": 0, "1h": 0}
        before = read
        for place in marked:
            prefix = prefixes[place]
            if counts[place] < least:
                continue
            entries[prefix.digest] = _TTL_S[prefix.ttl or "5m"]
            written[prefix.ttl or "5m"] += max(0, counts[place] - before)
            before = max(before, counts[place])
        if hit >= 0:
            entries.setdefault(prefixes[hit].digest, _TTL_S["5m"])
        return CacheUse(read, sum(written.values()), written["1h"], entries)

    def begun(self, use: CacheUse, now: float) -> None:
        """The answer has begun: what it wrote and read is there from now on."""
        with self._lock:
            for digest, ttl_s in use.entries.items():
                self._until[digest] = max(self._until.pop(digest, 0.0), now + ttl_s)
            while len(self._until) > _KEPT:
                del self._until[next(iter(self._until))]

    def _found(self, prefixes: list[_Prefix], marked: int, now: float) -> int:
        """The place of the longest entry at a breakpoint or shortly before it; -1 = none."""
        for place in range(marked, max(-1, marked - _LOOK_BACK - 1), -1):
            if self._until.get(prefixes[place].digest, -1.0) > now:
                return place
        return -1


def least_tokens(model: str) -> int:
    """Tokens below which a prefix is not kept."""
    return next((least for line, least in _LEAST.items() if line in model), _LEAST_OF_OTHERS)


def _prefixes(body: Mapping[str, Any]) -> list[_Prefix]:
    found: list[_Prefix] = []
    digest, size = hashlib.sha256(str(body.get("model")).encode()), 0
    for role, block in _parts(body):
        kept = {key: value for key, value in block.items() if key != "cache_control" and value is not None}
        digest.update(f"{role}{json.dumps(kept, sort_keys=True)}".encode())
        size += 0 if role == _SETTINGS else weight(block)
        control = block.get("cache_control")
        ttl = None if control is None else str(control.get("ttl") or "5m")
        found.append(_Prefix(digest.hexdigest(), ceil(size / CHARS_PER_TOKEN), ttl))
    return found


def _parts(body: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Blocks in the order in which a prefix grows, each with who said it."""
    for tool in body.get("tools") or ():
        yield "tool", tool
    for block in blocks_of({"content": body.get("system")}):
        yield "system", block
    # A change of these leaves tools and system in the cache, and nothing of the messages.
    yield _SETTINGS, {key: body.get(key) for key in ("tool_choice", "thinking", "output_config")}
    for message in messages_of(dict(body)):
        for block in blocks_of(message):
            yield message["role"], block
