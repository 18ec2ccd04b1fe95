"""What records look like as JSON follows from their values alone, whatever way they are encoded."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from luna_tui.core.events import RECORD_VERSION, Record
from luna_tui.core.records import EVENT_TYPES, decode, to_line, wire_name

ATOMS: dict[Any, st.SearchStrategy[Any]] = {
    str: st.text(),
    int: st.integers(),
    bool: st.booleans(),
    float: st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**50), 2**50),
}


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Any value that a field of this type may have."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return st.none() | values_of(inner[0])
    if origin is tuple:
        return st.lists(values_of(inner[0]), max_size=3).map(tuple)
    if origin is not None:
        return st.dictionaries(values_of(inner[0]), values_of(inner[1]), max_size=3)
    if isinstance(hint, type) and is_dataclass(hint):
        return st.builds(hint, **{name: values_of(h) for name, h in get_type_hints(hint).items()})
    return ATOMS[hint] if hint in ATOMS else st.sampled_from(list(hint))


def generic(value: object) -> Any:
    """The rule, without any preparation."""
    if is_dataclass(value):
        return {f.name.rstrip("_"): generic(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {str(k): generic(v) for k, v in value.items()}
    if isinstance(value, tuple):
        return [generic(v) for v in value]
    return round(value, 6) if isinstance(value, float) else value


@pytest.mark.parametrize("event_class", EVENT_TYPES.values(), ids=wire_name)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_every_event_is_encoded_by_the_rule_and_read_back(event_class: type, data: st.DataObject) -> None:
    event = data.draw(values_of(event_class))
    record = Record(data.draw(st.integers(1)), data.draw(ATOMS[float]), data.draw(st.text()), event)
    head = {"v": RECORD_VERSION, "seq": record.seq, "at": round(record.at, 6)}
    body = {"type": wire_name(event_class), "run": record.run} | generic(event)
    line = to_line(record)
    assert line == json.dumps(head | body, separators=(",", ":"), allow_nan=False)
    again = decode(json.loads(line))
    assert again is not None
    assert type(again.event) is event_class
    assert json.loads(to_line(again)) == json.loads(line)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(bad: float) -> None:
    event = EVENT_TYPES["tool_finished"](wave="w", subtask="s", attempt=1, tool="t", ok=True, duration_s=bad)
    with pytest.raises(ValueError, match="not JSON compliant"):
        to_line(Record(1, 0.0, "r", event))
