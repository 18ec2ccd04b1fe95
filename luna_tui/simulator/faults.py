"""Faults on a schedule: what the simulated API does wrong, when, and to whom."""

from __future__ import annotations

import difflib
import threading
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from math import isfinite
from typing import Any

from luna_tui.core.errors import ExitCode, LunaError


class FaultKind(StrEnum):
    """Ways in which a real service has failed its callers."""

    RATE_LIMIT = "rate_limit"
    OVERLOADED = "overloaded"
    SERVER_ERROR = "server_error"
    AUTH = "auth"
    CUT = "cut"
    EARLY_END = "early_end"
    STALL = "stall"
    PING_ONLY = "ping_only"
    NO_HEADERS = "no_headers"
    MALFORMED = "malformed"
    ERROR_EVENT = "error_event"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. It hits requests that fulfil every condition that is set."""

    kind: FaultKind
    match: str = ""
    """Text that must occur in the request; empty = any."""
    at: int = 0
    """Number of the request, from 1; 0 = any."""
    since: float = 0.0
    """Seconds after the first request from which it holds."""
    lasts: float = 0.0
    """Seconds for which it holds; 0 = for ever."""
    times: int = 1
    """Requests it hits; 0 = no bound."""
    after: int = 8
    """Text deltas sent before a fault in mid-stream."""
    retry_after: float = 2.0
    """Seconds told with a 429."""


_KEYS = tuple(f.name for f in fields(Fault) if f.name != "kind")
_ALIASES = {"from": "since", "for": "lasts"}


class FaultSchedule:
    """Decides for each request which fault hits it; thread-safe."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        self._lock = threading.Lock()
        """Protects `_left`."""
        self._left = [(fault, fault.times or 1_000_000_000) for fault in faults]

    def hit(self, number: int, text: str, age_s: float) -> Fault | None:
        """The fault for request `number` (from 1) with this text, `age_s` seconds after the first."""
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if left > 0 and _holds(fault, number, text, age_s):
                    self._left[place] = (fault, left - 1)
                    return fault
        return None

    def give_back(self, fault: Fault) -> None:
        """The request that `fault` was meant for was refused for another reason: it will hit a later one."""
        with self._lock:
            self._left = [(f, left + (f is fault)) for f, left in self._left]


def _holds(fault: Fault, number: int, text: str, age_s: float) -> bool:
    if fault.at and fault.at != number:
        return False
    if age_s < fault.since or (fault.lasts and age_s > fault.since + fault.lasts):
        return False
    return fault.match in text


def parse_fault(text: str) -> Fault:
    """A fault from the command line: `kind` or `kind:key=value,key=value`.

    Keys are the fields of Fault; `from` and `for` say the same as `since` and `lasts`. A window without
    `times` hits every request in it. Raises LunaError naming the nearest valid word.
    """
    name, _, rest = text.partition(":")
    kinds = [str(k) for k in FaultKind]
    if name not in kinds:
        raise _wrong(f"unknown fault {name!r}", name, kinds)
    fault = Fault(kind=FaultKind(name))
    given: dict[str, Any] = {}
    for pair in filter(None, rest.split(",")):
        key, _, value = pair.partition("=")
        field = _ALIASES.get(key, key)
        if field not in _KEYS:
            raise _wrong(f"unknown key {key!r} of fault {name}", key, [*_KEYS, *_ALIASES])
        given[field] = _value(key, value, type(getattr(fault, field)))
    if "times" not in given and given.keys() & {"since", "lasts"}:
        given["times"] = 0
    return replace(fault, **given)


def _value(key: str, text: str, kind: type) -> str | int | float:
    if kind is str:
        return text
    try:
        value: int | float = kind(text)
    except ValueError:
        raise _wrong(f"{key}={text!r} is not a number", text, []) from None
    if not isfinite(value) or value < 0:
        raise _wrong(f"{key}={text!r} must be 0 or more", text, [])
    return value


def _wrong(what: str, word: str, valid: list[str]) -> LunaError:
    near = difflib.get_close_matches(word, valid, 1)
    hint = f"did you mean {near[0]}?" if near else (f"one of: {', '.join(valid)}" if valid else "")
    return LunaError("bad --fault", what, hint, ExitCode.USAGE)
