"""Make events of JSON objects: a class is looked at once, and what is right as it is stays untouched."""

from __future__ import annotations

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

_T = TypeVar("_T")
_Read = Callable[[Any], Any]
_PLAIN = (str, int, float, bool, type(None))
_new = object.__new__
_UNIONS = (Union, types.UnionType)


@dataclass(frozen=True, slots=True)
class _Member:
    """How one field is read from a JSON object."""

    name: str
    key: str
    required: bool
    read: _Read
    plain: bool
    """Whether a value is right, and right as it is, is told by its type alone."""
    number: bool
    """A plain one that JSON may have as a whole number, and Python must not."""


class _Reader:
    """Reads objects of one class.

    Objects of one class mostly have the same members with values of the same types. Types that were
    right once are remembered, and then nothing but the members that change is looked at one by one.
    """

    def __init__(self, cls: type) -> None:
        self._cls = cls
        self._members = _members(cls)
        keys = [m.key for m in self._members]
        # One key gives one value and none is an error, where several give a tuple.
        self._values = itemgetter(*keys) if len(keys) > 1 and not hasattr(cls, "__post_init__") else None
        self._put = setters(cls)
        self._changing = tuple((place, m.read) for place, m in enumerate(self._members) if not m.plain)
        self._right: set[tuple[type, ...]] = set()

    def __call__(self, value: Mapping[str, Any]) -> Any:
        """The object; KeyError, TypeError or ValueError when that is not what the value describes."""
        if self._values is None:
            return self._one_by_one(value)
        try:
            values: Sequence[Any] = self._values(value)
        except KeyError:
            return self._one_by_one(value)
        found = tuple(map(type, values))
        if found not in self._right:
            made = self._one_by_one(value)
            if not any(f is int and m.number for f, m in zip(found, self._members, strict=True)):
                self._right.add(found)
            return made
        if self._changing:
            values = list(values)
            for place, read in self._changing:
                values[place] = read(values[place])
        made = _new(self._cls)
        for put, item in zip(self._put, values, strict=False):
            put(made, item)
        return made

    def _one_by_one(self, value: Mapping[str, Any]) -> Any:
        kwargs: dict[str, Any] = {}
        for member in self._members:
            if member.key in value:
                kwargs[member.name] = member.read(value[member.key])
            elif member.required:
                raise KeyError(member.key)
        return self._cls(**kwargs)


def setters(cls: type) -> tuple[Callable[[Any, Any], None], ...]:
    """What sets each field of a frozen class with slots, at a third of the cost of its own `__init__`."""
    return tuple(getattr(cls, f.name).__set__ for f in fields(cls))


@lru_cache
def reader(cls: type) -> Callable[[Mapping[str, Any]], Any]:
    """What makes an object of a class of a JSON object.

    It raises KeyError, TypeError or ValueError when the JSON object describes something else.
    """
    return _Reader(cls)


@lru_cache
def hints(cls: type) -> dict[str, Any]:
    """Types of the fields of a class."""
    return get_type_hints(cls)


def _members(cls: type) -> tuple[_Member, ...]:
    found = []
    for f in fields(cls):
        hint = hints(cls)[f.name]
        required = f.default is MISSING and f.default_factory is MISSING
        kinds = get_args(hint) if get_origin(hint) in _UNIONS else (hint,)
        plain = all(kind in _PLAIN for kind in kinds)
        found.append(
            _Member(f.name, f.name.rstrip("_"), required, _reading(hint), plain, plain and float in kinds)
        )
    return tuple(found)


def _reading(hint: Any) -> _Read:
    """What makes a value of this type of JSON; raises TypeError or ValueError when it is something else."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in _UNIONS:
        read = _reading(next(a for a in inner if a is not type(None)))
        return lambda value: None if value is None else read(value)
    if origin is tuple:
        item = _reading(inner[0])
        return lambda value: tuple(item(v) for v in value)
    if origin is not None:
        item = _reading(inner[1])
        return lambda value: {str(k): item(v) for k, v in value.items()}
    if isinstance(hint, type) and is_dataclass(hint):
        return reader(hint)
    if hint is float:
        return _number
    if issubclass(hint, StrEnum):
        return _word(hint)
    return lambda value: _exactly(hint, value)


def _word(kind: type[StrEnum]) -> _Read:
    known: dict[Any, Any] = {str(word): word for word in kind}

    def read(value: Any) -> Any:
        # Calling an enum costs several times as much as this.
        found = known.get(value) if isinstance(value, str) else None
        return kind(value) if found is None else found

    return read


def _number(value: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    return _exactly(float, value)


def _exactly(kind: type[_T], value: Any) -> _T:
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise TypeError(f"{value!r} is not {kind.__name__}")
    return value
