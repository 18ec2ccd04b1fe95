"""What records look like as JSON follows from their values alone, whatever way they are encoded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import ATOMS, values_of

from luna_tui.core.events import RECORD_VERSION, Record
from luna_tui.core.records import EVENT_TYPES, decode, to_line, wire_name


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
