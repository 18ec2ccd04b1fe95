"""Turn records into JSON objects and back; the wire names are derived from the class names."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from operator import attrgetter
from typing import Any, Union, get_args, get_origin

from luna_tui.core import events
from luna_tui.core.decoding import hints, reader, setters
from luna_tui.core.events import RECORD_VERSION, Event, Record, SubtaskOutput
from luna_tui.core.rounding import DIGITS

_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_quoted = json.encoder.encode_basestring_ascii
_PARSER = json.JSONDecoder()
_OUTPUT = re.compile(
    rb'\{"v":1,"seq":([1-9]\d*),"at":(\d+\.\d+),"type":"subtask_output","run":"([^"\\\x00-\x1f]*)",'
    rb'"wave":"([^"\\\x00-\x1f]*)","subtask":"([^"\\\x00-\x1f]*)","attempt":([1-9]\d*),'
    rb'"text":"([^"\\\x00-\x1f]*(?:\\.[^"\\\x00-\x1f]*)*)","crc":"[0-9a-f]{8}"\}'
)
_new = object.__new__
_set_seq, _set_at, _set_run, _set_event = setters(Record)
_set_wave, _set_subtask, _set_attempt, _set_text = setters(SubtaskOutput)
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


class RecordError(ValueError):
    """A JSON object that is not a record of this version."""


def wire_name(event_class: type) -> str:
    """`SubtaskStarted` -> `subtask_started`."""
    return _WORD_START.sub("_", event_class.__name__).lower()


EVENT_TYPES: Mapping[str, type] = {wire_name(cls): cls for cls in get_args(events.Event)}
"""Wire name -> event class."""
_wire_names = {cls: name for name, cls in EVENT_TYPES.items()}


def encode(record: Record) -> dict[str, Any]:
    """The JSON object of a record, without a checksum."""
    head: dict[str, Any] = {
        "v": RECORD_VERSION,
        "seq": record.seq,
        "at": round(record.at, DIGITS),
        "type": _wire_names[type(record.event)],
        "run": record.run,
    }
    return head | plain_object(record.event)


def to_line(record: Record) -> str:
    """One line of NDJSON without its line end; safe to print, since everything beyond ASCII is escaped."""
    event = record.event
    if isinstance(event, SubtaskOutput) and isfinite(record.at):
        return _output_line(record, event)
    return _JSON.encode(encode(record))


def _output_line(record: Record, event: SubtaskOutput) -> str:
    """The same of the one event of which there are many, in an eighth of the time."""
    at = repr(round(record.at, DIGITS))
    return (
        f'{{"v":{RECORD_VERSION},"seq":{record.seq},"at":{at},"type":"subtask_output",'
        f'"run":{_quoted(record.run)},"wave":{_quoted(event.wave)},"subtask":{_quoted(event.subtask)},'
        f'"attempt":{event.attempt},"text":{_quoted(event.text)}}}'
    )


def parse(line: str) -> Any:
    """What a line of a journal or of `--events` holds; ValueError when it is no line of JSON."""
    value, end = _PARSER.raw_decode(line)
    if end != len(line):
        raise ValueError(f"more than one value: {line[end:][:20]!r}")
    return value


def output_of(line: bytes) -> Record | None:
    """The record of a journal's line when it is a usual `subtask_output`; None = read it as any other.

    Most of a journal are these, and this takes half the time.
    """
    found = _OUTPUT.fullmatch(line)
    if found is None:
        return None
    seq, at, run, wave, subtask, attempt, text = found.groups()
    event, record = _new(SubtaskOutput), _new(Record)
    try:
        _set_text(event, parse(f'"{text.decode()}"') if b"\\" in text else text.decode())
        _set_wave(event, _name(wave))
        _set_subtask(event, _name(subtask))
        _set_attempt(event, int(attempt))
        _set_run(record, _name(run))
        _set_seq(record, int(seq))
        _set_at(record, float(at))
        _set_event(record, event)
    except ValueError:
        return None
    return record


@lru_cache(4_096)
def _name(raw: bytes) -> str:
    return raw.decode()


def decode(value: Mapping[str, Any]) -> Record | None:
    """The record of a JSON object; None for a type this version does not know.

    Raises RecordError when a known type lacks a field or has one of the wrong kind.
    """
    if value.get("v") != RECORD_VERSION:
        raise RecordError(f"record version {value.get('v')!r} is not {RECORD_VERSION}")
    event_class = EVENT_TYPES.get(str(value.get("type")))
    if event_class is None:
        return None
    try:
        event: Event = reader(event_class)(value)
        return Record(int(value["seq"]), float(value["at"]), str(value["run"]), event)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RecordError(f"bad {value.get('type')} record: {error}") from error


@dataclass(frozen=True, slots=True)
class _Shape:
    """How objects of one class become JSON objects; found out once, since every record needs it."""

    keys: tuple[str, ...]
    values: Callable[[Any], tuple[Any, ...]]
    converted: tuple[tuple[str, Callable[[Any], Any]], ...]
    """Members whose values are not JSON as they are."""


@lru_cache
def _shape(cls: type) -> _Shape:
    names = [f.name for f in fields(cls)]
    keys = tuple(name.rstrip("_") for name in names)
    found = ((key, _conversion(hints(cls)[name])) for key, name in zip(keys, names, strict=True))
    converted = tuple((key, convert) for key, convert in found if convert is not None)
    if len(names) == 1:
        only = attrgetter(names[0])
        return _Shape(keys, lambda value: (only(value),), converted)
    return _Shape(keys, attrgetter(*names), converted)


def plain_object(value: Any) -> dict[str, Any]:
    """The JSON object of an event or of a part of one."""
    shape = _shape(value.__class__)
    plain = dict(zip(shape.keys, shape.values(value), strict=True))
    for key, convert in shape.converted:
        plain[key] = convert(plain[key])
    return plain


def _conversion(hint: Any) -> Callable[[Any], Any] | None:
    """What makes JSON of a value of this type; None when it is JSON already."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        convert = _conversion(next(a for a in inner if a is not type(None)))
        return convert and (lambda value: None if value is None else convert(value))
    if origin is tuple:
        item = _conversion(inner[0]) or _same
        return lambda value: [item(v) for v in value]
    if origin is not None:
        item = _conversion(inner[1]) or _same
        return lambda value: {str(k): item(v) for k, v in value.items()}
    if is_dataclass(hint):
        return plain_object
    if hint is float:
        return _rounded
    return str if issubclass(hint, StrEnum) else None


def _same(value: Any) -> Any:
    return value


def _rounded(value: float) -> float:
    return round(value, DIGITS) if isinstance(value, float) else value
