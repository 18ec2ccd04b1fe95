"""Read the settings of the simulated service from words of the command line."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from math import inf, isfinite

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import Limits
from luna_tui.simulator.faults import FaultKind
from luna_tui.simulator.settings import Foreign, LimitChange

_MOST = 1_000_000_000


def parse_limits(text: str, base: Limits) -> Limits:
    """`rpm=60,itpm=30000,otpm=8000` over those of `base`; LunaError when it cannot be read."""
    flag = "--limits"
    given: dict[str, int] = {}
    for key, value in _pairs(flag, text, ("rpm", "itpm", "otpm")):
        number = _number(flag, value, least=1, most=_MOST)
        given[key] = round(number)
    return replace(base, **given)


def parse_limit_change(text: str) -> LimitChange:
    """`SECONDS:FACTOR`; LunaError when it cannot be read."""
    at, factor = _parts("--limits-at", text, "SECONDS:FACTOR", 2)
    return LimitChange(_number("--limits-at", at), _number("--limits-at", factor, least=0.001, most=1_000))


def parse_foreign(text: str) -> Foreign:
    """`SHARE:FROM:UNTIL`, seconds; LunaError when it cannot be read."""
    flag = "--foreign"
    share, since, until = _parts(flag, text, "SHARE:FROM:UNTIL", 3)
    return Foreign(_number(flag, share, most=1), _number(flag, since), _number(flag, until))


def parse_ramp(text: str) -> tuple[float, int | None]:
    """`FACTOR` or `FACTOR:FLOOR`, the floor in input tokens; LunaError when it cannot be read."""
    factor, colon, floor = text.partition(":")
    tokens = round(_number("--ramp", floor)) if colon else None
    return _number("--ramp", factor), tokens


def parse_chaos(texts: Sequence[str]) -> tuple[tuple[FaultKind, float], ...]:
    """Lists `KIND=PROBABILITY,...`; LunaError when one cannot be read or the sum exceeds 1."""
    flag = "--chaos"
    chances = [
        (FaultKind(kind), _number(flag, value, most=1))
        for text in texts
        for kind, value in _pairs(flag, text, [str(k) for k in FaultKind])
    ]
    if sum(probability for _, probability in chances) > 1:
        raise _wrong(flag, "the probabilities add up to more than 1")
    return tuple(chances)


def _pairs(flag: str, text: str, keys: Sequence[str]) -> list[tuple[str, str]]:
    found = []
    for pair in filter(None, text.split(",")):
        key, _, value = pair.partition("=")
        if key not in keys:
            near = difflib.get_close_matches(key, keys, 1)
            hint = f"did you mean {near[0]}?" if near else f"one of: {', '.join(keys)}"
            raise _wrong(flag, f"unknown key {key!r}", hint)
        found.append((key, value))
    return found


def _parts(flag: str, text: str, shape: str, count: int) -> list[str]:
    parts = text.split(":")
    if len(parts) != count:
        raise _wrong(flag, f"{text!r} is no {shape}")
    return parts


def _number(flag: str, text: str, *, least: float = 0.0, most: float = inf) -> float:
    try:
        value = float(text)
    except ValueError:
        raise _wrong(flag, f"{text!r} is not a number") from None
    if not isfinite(value) or not least <= value <= most:
        bounds = f"{least:g} or more" if most == inf else f"{least:g} to {most:g}"
        raise _wrong(flag, f"{text!r} must be {bounds}")
    return value


def _wrong(flag: str, what: str, hint: str = "") -> LunaError:
    return LunaError(f"bad {flag}", what, hint, ExitCode.USAGE)
