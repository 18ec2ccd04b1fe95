"""Read what a Python subtask calls, and with what."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from luna_tui.storage.fields import Table, kind_of, shortened
from luna_tui.storage.plan_templates import filled

MAX_ARGUMENT_CHARS = 4_000_000
_NAME = r"[^\W\d]\w*(?:\.[^\W\d]\w*)*"
_CALLABLE = re.compile(f"{_NAME}:{_NAME}")


@dataclass(frozen=True, slots=True)
class Call:
    """What is called; arguments as JSON."""

    callable: str
    args: str
    kwargs: str
    texts: Mapping[str, tuple[str, ...]]
    """Texts in `args` and in `kwargs`, which are templates."""


def read_call(table: Table, values: Mapping[str, str]) -> Call:
    """The call of a subtask; `values` is filled in where its texts use it."""
    args, kwargs = table.values.get("args", []), table.values.get("kwargs", {})
    if not isinstance(args, list):
        table.wrong("args", f"args must be a list, not {kind_of(args)}", 'args = ["data.csv", 3]')
        args = []
    if not isinstance(kwargs, dict):
        table.wrong(
            "kwargs", f"kwargs must be a table, not {kind_of(kwargs)}", 'kwargs = { path = "data.csv" }'
        )
        kwargs = {}
    args, kwargs = _filled(args, values), _filled(kwargs, values)
    texts = {"args": tuple(_texts(args)), "kwargs": tuple(_texts(kwargs))}
    return Call(_callable(table), _json(table, "args", args), _json(table, "kwargs", kwargs), texts)


def _callable(table: Table) -> str:
    text = table.text("callable")
    fix = 'callable = "mypkg.score:run"'
    if "callable" not in table.values:
        table.wrong("callable", "a python subtask needs a callable", fix)
    elif isinstance(table.values["callable"], str) and not _CALLABLE.fullmatch(text):
        table.wrong("callable", f"{shortened(text)!r} names no module and callable", fix)
    return text


def _json(table: Table, key: str, value: Any) -> str:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):
        table.wrong(key, f"{key} holds what JSON has no word for", "no dates, no nan, no inf; write texts")
        return json.dumps(type(value)())
    if len(text) > MAX_ARGUMENT_CHARS:
        table.wrong(
            key, f"{key} has {len(text):,} characters, more than {MAX_ARGUMENT_CHARS:,}", "use a file"
        )
    return text


def _filled(value: Any, values: Mapping[str, str]) -> Any:
    if isinstance(value, str):
        return filled(value, values)
    if isinstance(value, list):
        return [_filled(v, values) for v in value]
    if isinstance(value, dict):
        return {k: _filled(v, values) for k, v in value.items()}
    return value


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(inner)
