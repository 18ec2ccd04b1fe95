"""Turn the state of a run into JSON and back, so that another process or a later moment can go on from it."""

from __future__ import annotations

import types
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from itertools import starmap
from operator import attrgetter
from typing import Any, Union, cast, get_args, get_origin, get_type_hints
from zlib import crc32

from luna_tui.core.events import RECORD_VERSION, Event, PlannedSubtask, PlanOutline
from luna_tui.core.parts import SubtaskState, WaveState
from luna_tui.core.records import EVENT_TYPES
from luna_tui.core.state import RunState

_Value = Any
"""Of any type that a field of the state may have, or JSON."""


class _Numbers:
    """What an annotation of `array[float]` means here: the class of arrays has no such form in 3.11."""

    def __class_getitem__(cls, item: type) -> type[_Numbers]:
        return cls


_NAMES: Mapping[str, Any] = {"SubtaskState": SubtaskState, "array": _Numbers}
"""Of annotations that their own modules cannot look up."""
_WIRE_NAMES: Mapping[type, str] = {cls: name for name, cls in EVENT_TYPES.items()}
_PLAIN = (int, float, str, bool, type(None))


class FrozenError(ValueError):
    """A value that was not frozen by this version of the state."""


def freeze(state: RunState, *, tail_chars: int | None = None) -> dict[str, Any]:
    """A value of JSON types that `thaw` makes an equal state of; later changes of `state` do not reach it.

    `tail_chars` bounds the characters of text kept of all subtasks that ended, together; each keeps
    its share of the end of its text. None = all of it.
    """
    context = _Context(state.plan, {s.id: s for w in state.plan.waves for s in w.subtasks})
    frozen = _shape(RunState).freeze(state, context)
    if tail_chars is not None:
        _shorten(frozen, tail_chars)
    return {"shape": _fingerprint(), "state": frozen}


def thaw(value: Mapping[str, Any]) -> RunState:
    """The state that was frozen; FrozenError when another version froze it, or it is something else.

    What was one object in it is one object again, so it takes further records as the original would.
    """
    if not isinstance(value, Mapping) or value.get("shape") != _fingerprint():
        raise FrozenError("it was frozen by another version")
    try:
        return cast(RunState, _shape(RunState).thaw(value["state"], _Context()))
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError) as error:
        raise FrozenError(f"not a frozen state: {error!r}") from error


class _Context:
    """What is kept once and referred to from many places, while one state is frozen or thawed."""

    __slots__ = ("plan", "planned", "subtasks", "waves")

    def __init__(
        self, plan: PlanOutline | None = None, planned: Mapping[str, PlannedSubtask] | None = None
    ) -> None:
        self.plan = plan
        self.planned: Mapping[str, PlannedSubtask] = planned or {}
        self.subtasks: Mapping[str, SubtaskState] = {}
        self.waves: Mapping[str, WaveState] = {}


_Convert = Callable[[_Value, _Context], _Value]


def _shorten(frozen: list[Any], tail_chars: int) -> None:
    """Keep an equal share of the text of each subtask that ended."""
    rows = frozen[_shape(RunState).names.index("subtasks")]
    names = _shape(SubtaskState).names
    status, tail = names.index("status"), names.index("tail")
    ended = [row for row in rows if row[status] is not None and row[tail]]
    share = tail_chars // max(1, len(ended))
    for row in ended:
        row[tail] = row[tail][-share:] if share else ""


@dataclass(frozen=True, slots=True)
class _Shape:
    """How objects of one class become arrays and back; found out once."""

    cls: type
    names: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    """Of the fields, in order."""
    keyed: bool
    """The class takes its fields by name only."""
    freezing: tuple[tuple[int, _Convert], ...]
    """Places whose values are not JSON as they are."""
    thawing: tuple[tuple[int, _Convert], ...]

    def freeze(self, value: _Value, context: _Context) -> list[Any]:
        """The fields in order."""
        row = list(self.values(value))
        for place, convert in self.freezing:
            row[place] = convert(row[place], context)
        return row

    def thaw(self, row: _Value, context: _Context) -> _Value:
        """The object of the fields."""
        if not isinstance(row, list) or len(row) != len(self.names):
            raise FrozenError(f"not a {self.cls.__name__}")
        if self.thawing:
            row = row.copy()
            for place, convert in self.thawing:
                row[place] = convert(row[place], context)
        return self.cls(**dict(zip(self.names, row, strict=True))) if self.keyed else self.cls(*row)


@cache
def _shape(cls: type) -> _Shape:
    """Fields that do not count when two states are compared are caches, and left out."""
    kept = [f for f in fields(cls) if f.compare]
    hints = get_type_hints(cls, localns=dict(_NAMES))
    pairs = [_OWN.get((cls, f.name)) or _codec(hints[f.name]) for f in kept]
    names = tuple(f.name for f in kept)
    get = attrgetter(*names)
    return _Shape(
        cls,
        names,
        (lambda value: (get(value),)) if len(names) == 1 else get,
        any(f.kw_only for f in kept) or len(kept) < len(fields(cls)),
        tuple((place, pair[0]) for place, pair in enumerate(pairs) if pair[0] is not None),
        tuple((place, pair[1]) for place, pair in enumerate(pairs) if pair[1] is not None),
    )


@cache
def _fingerprint() -> str:
    """Of the names and types of all fields: equal for programs that can read each other's states."""
    seen: dict[type, str] = {}
    waiting: list[Any] = [RunState, *get_args(Event)]
    while waiting:
        hint = waiting.pop()
        if is_dataclass(hint) and isinstance(hint, type) and hint not in seen:
            kept = [f for f in fields(hint) if f.compare]
            seen[hint] = ",".join(f"{f.name}:{f.type}" for f in kept)
            hints = get_type_hints(hint, localns=dict(_NAMES))
            waiting += [hints[f.name] for f in kept]
        waiting += get_args(hint)
    said = sorted(f"{cls.__name__}({text})" for cls, text in seen.items())
    return f"{RECORD_VERSION}-{crc32(';'.join(said).encode()):08x}"


_Pair = tuple[_Convert | None, _Convert | None]
"""What freezes and what thaws values of one type; None where the value stays as it is."""


def _codec(hint: Any) -> _Pair:
    origin, inner = get_origin(hint), get_args(hint)
    if hint == Event:
        return _freeze_event, _thaw_event
    if origin in (Union, types.UnionType):
        return _optional(inner)
    if hint in _REFERENCES:
        return _REFERENCES[hint]
    if is_dataclass(hint) and isinstance(hint, type):
        return _object(hint)
    if origin is tuple and inner[-1] is not Ellipsis:
        return _fixed(inner)
    if origin in (tuple, list):
        return _row(origin, inner[0])
    if hint is _Numbers:
        return (lambda v, _: v.tolist()), (lambda v, _: array("d", v))
    if origin is Counter:
        return (lambda v, _: list(v.items())), (lambda v, _: Counter(dict(v)))
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*inner)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        members = {m.value: m for m in hint}
        return None, lambda v, _: members[v]
    if hint in _PLAIN:
        return None, None
    raise TypeError(f"a state cannot keep a {hint}")


def _optional(inner: tuple[Any, ...]) -> _Pair:
    given = [a for a in inner if a is not type(None)]
    if len(given) > 1:
        raise TypeError(f"a state cannot keep one of {given}")
    freezes, thaws = _codec(given[0])
    return (
        freezes and (lambda v, c: None if v is None else freezes(v, c)),
        thaws and (lambda v, c: None if v is None else thaws(v, c)),
    )


def _object(cls: type) -> _Pair:
    """Found out at the first use, because classes may hold each other."""
    return (lambda v, c: _shape(cls).freeze(v, c)), (lambda v, c: _shape(cls).thaw(v, c))


def _fixed(inner: tuple[Any, ...]) -> _Pair:
    if any(pair != (None, None) for pair in map(_codec, inner)):
        raise TypeError(f"a state cannot keep a tuple of {inner}")
    return (lambda v, _: list(v)), (lambda v, _: tuple(v))


def _row(made: type, inner: Any) -> _Pair:
    """Rows of plain objects, of which there are very many, are built without a call for each."""
    if is_dataclass(inner) and isinstance(inner, type) and inner not in _REFERENCES:
        shape = _shape(inner)
        if not (shape.keyed or shape.freezing or shape.thawing):
            get, cls = shape.values, shape.cls
            return (lambda v, _: list(map(list, map(get, v)))), (lambda v, _: made(starmap(cls, v)))
    freezes, thaws = _codec(inner)
    return (
        (lambda v, c: [freezes(one, c) for one in v]) if freezes else (lambda v, _: list(v)),
        (lambda v, c: made([thaws(one, c) for one in v])) if thaws else (lambda v, _: made(v)),
    )


def _mapping(key: Any, inner: Any) -> _Pair:
    """Pairs, since keys of JSON objects are always texts."""
    (_, thaws_key), (freezes, thaws) = _codec(key), _codec(inner)
    freezes, thaws_key, thaws = freezes or _same, thaws_key or _same, thaws or _same
    return (
        lambda v, c: [[k, freezes(one, c)] for k, one in v.items()],
        lambda v, c: {thaws_key(k, c): thaws(one, c) for k, one in v},
    )


def _same(value: _Value, _: _Context) -> _Value:
    return value


def _freeze_event(value: _Value, context: _Context) -> list[Any]:
    return [_WIRE_NAMES[value.__class__], *_shape(value.__class__).freeze(value, context)]


def _thaw_event(value: list[Any], context: _Context) -> _Value:
    return _shape(EVENT_TYPES[value[0]]).thaw(value[1:], context)


def _freeze_plan(value: PlanOutline, context: _Context) -> list[Any] | None:
    """None stands for the plan of the state, which the log refers to."""
    same = value is context.plan or value == context.plan
    return None if same else _shape(PlanOutline).freeze(value, context)


def _thaw_plan(value: _Value, context: _Context) -> _Value:
    return context.plan if value is None else _shape(PlanOutline).thaw(value, context)


def _freeze_own_plan(value: PlanOutline, context: _Context) -> list[Any]:
    return _shape(PlanOutline).freeze(value, context)


def _thaw_own_plan(value: _Value, context: _Context) -> _Value:
    plan: PlanOutline = _shape(PlanOutline).thaw(value, context)
    context.plan, context.planned = plan, {s.id: s for w in plan.waves for s in w.subtasks}
    return plan


def _freeze_planned(value: PlannedSubtask, context: _Context) -> _Value:
    """The id alone stands for what the plan says of it."""
    return (
        value.id if context.planned.get(value.id) is value else _shape(PlannedSubtask).freeze(value, context)
    )


def _thaw_planned(value: _Value, context: _Context) -> _Value:
    return context.planned[value] if isinstance(value, str) else _shape(PlannedSubtask).thaw(value, context)


def _freeze_all(value: Mapping[str, Any], context: _Context) -> list[Any]:
    """The one place that has these objects themselves; their keys are in them."""
    return [_shape(one.__class__).freeze(one, context) for one in value.values()]


def _thaw_waves(value: Iterable[_Value], context: _Context) -> dict[str, WaveState]:
    found: list[WaveState] = [_shape(WaveState).thaw(row, context) for row in value]
    waves = {wave.name: wave for wave in found}
    context.waves = waves
    return waves


def _thaw_subtasks(value: Iterable[_Value], context: _Context) -> dict[str, SubtaskState]:
    found: list[SubtaskState] = [_shape(SubtaskState).thaw(row, context) for row in value]
    subtasks = {s.planned.id: s for s in found}
    context.subtasks = subtasks
    return subtasks


_OWN: Mapping[tuple[type, str], _Pair] = {
    (RunState, "plan"): (_freeze_own_plan, _thaw_own_plan),
    (RunState, "waves"): (_freeze_all, _thaw_waves),
    (RunState, "subtasks"): (_freeze_all, _thaw_subtasks),
    (SubtaskState, "planned"): (_freeze_planned, _thaw_planned),
}
"""Fields that hold the objects which all others refer to; they come before the others."""

_REFERENCES: Mapping[Any, _Pair] = {
    SubtaskState: ((lambda v, _: v.planned.id), (lambda v, c: c.subtasks[v])),
    WaveState: ((lambda v, _: v.name), (lambda v, c: c.waves[v])),
    PlanOutline: (_freeze_plan, _thaw_plan),
}
