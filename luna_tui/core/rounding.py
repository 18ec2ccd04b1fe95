"""Numbers of an event as they are written: who sees it now and who reads it later see the same."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from functools import cache
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

DIGITS = 6
"""After the point, of every number that is not whole."""
_T = TypeVar("_T")
_Rounding = Callable[[Any], Any]


def as_written(event: _T) -> _T:
    """The same event with the numbers that its record will have."""
    changed: dict[str, Any] = {}
    given: Any = event
    for name, rounded in _roundings(given.__class__):
        value = getattr(given, name)
        if value is not None and (new := rounded(value)) != value:
            changed[name] = new
    return cast(_T, replace(given, **changed)) if changed else event


@cache
def _roundings(cls: type) -> tuple[tuple[str, _Rounding], ...]:
    """Fields of a class that hold such numbers, and what rounds them."""
    hints = get_type_hints(cls)
    found = ((f.name, _rounding(hints[f.name])) for f in fields(cls))
    return tuple((name, rounded) for name, rounded in found if rounded is not None)


def _rounding(hint: Any) -> _Rounding | None:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _rounding(next(a for a in inner if a is not type(None)))
    if hint is float:
        return _number
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return _numbers if inner[1] is float else None
    if is_dataclass(hint) and isinstance(hint, type) and _roundings(hint):
        return as_written
    return None


def _number(value: float) -> float:
    return round(value, DIGITS)


def _numbers(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, DIGITS) for name, value in values.items()}
