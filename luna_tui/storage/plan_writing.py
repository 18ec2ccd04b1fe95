"""Write a plan as the TOML that loads as the same plan."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import tomli_w

from luna_tui.core.plan import Estimate, Expectation, Plan, Subtask, Wave
from luna_tui.core.words import Kind, OnFailure, Priority, Schedule

_USUAL = Subtask(id="-", title="-")
_SHARED = ("timeout", "retries", "model", "max_tokens")
"""Keys that go to [defaults] when every subtask has the same."""
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 100
_DEEPEST = 12
"""Tables and lists within each other that a file may be sure to hold."""


def plan_toml(plan: Plan, *, workspace: str | None = None) -> str:
    """The plan as text of a plan file, nothing left to the configuration's defaults.

    `workspace` is written in place of the absolute path of the folder: "." for a file that will lie in it.
    """
    keys = [_all_keys(s) for s in plan.subtasks()]
    shared = _shared(keys)
    parts = [_table("[plan]", _head(plan, workspace))]
    if shared:
        parts.append(_table("[defaults]", shared))
    of = iter(keys)
    for wave in plan.waves:
        parts.append(_table("[[wave]]", _wave(wave)))
        for _subtask in wave.subtasks:
            own = {k: v for k, v in next(of).items() if k not in shared}
            parts.append(_table("[[wave.subtask]]", own))
    return "\n".join(parts)


def _head(plan: Plan, workspace: str | None) -> dict[str, Any]:
    found: dict[str, Any] = {"name": plan.name}
    if plan.goal:
        found["goal"] = plan.goal
    found["workspace"] = plan.workspace if workspace is None else workspace
    if plan.on_failure is not OnFailure.CONTINUE:
        found["on_failure"] = plan.on_failure.value
    if plan.schedule is not Schedule.WAVES:
        found["schedule"] = plan.schedule.value
    return found


def _wave(wave: Wave) -> dict[str, Any]:
    found: dict[str, Any] = {"name": wave.name}
    if not wave.parallel:
        found["parallel"] = False
    found["timeout"] = wave.timeout
    if wave.max_workers is not None:
        found["max_workers"] = wave.max_workers
    return found


def _shared(keys: list[dict[str, Any]]) -> dict[str, Any]:
    """What all that have a key have the same of."""
    found = {}
    for key in _SHARED:
        values = {own[key] for own in keys if key in own}
        if len(values) == 1:
            found[key] = values.pop()
    return found


def _all_keys(subtask: Subtask) -> dict[str, Any]:
    """Key -> value as in a file, without those that say what holds anyway."""
    found: dict[str, Any] = {"id": subtask.id}
    if subtask.title != subtask.id:
        found["title"] = subtask.title
    if subtask.kind is not Kind.CLAUDE:
        found["kind"] = subtask.kind.value
    match subtask.kind:
        case Kind.CLAUDE:
            found |= _asked(subtask)
        case Kind.COMMAND:
            found |= _run(subtask) | _process(subtask)
        case Kind.PYTHON:
            found |= _called(subtask) | _process(subtask)
    if subtask.depends_on:
        found["depends_on"] = list(subtask.depends_on)
    if subtask.priority is not Priority.IMPORTANT:
        found["priority"] = subtask.priority.value
    if subtask.expect is not None:
        found["expect"] = _expect(subtask.expect)
    if subtask.estimate != Estimate():
        found["estimate"] = _present(subtask.estimate, ("input_tokens", "output_tokens", "seconds"))
    if subtask.isolate is not None:
        found["isolate"] = subtask.isolate.value
    return found | {"timeout": subtask.timeout, "retries": subtask.retries}


def _asked(subtask: Subtask) -> dict[str, Any]:
    found: dict[str, Any] = {"prompt": subtask.prompt}
    if subtask.messages:
        found["messages"] = [{"role": role, "content": text} for role, text in subtask.messages]
    if subtask.system:
        found["system"] = subtask.system
    if subtask.files:
        found["files"] = list(subtask.files)
    if subtask.tools:
        found["tools"] = list(subtask.tools)
    if subtask.max_turns != _USUAL.max_turns:
        found["max_turns"] = subtask.max_turns
    return found | {"model": subtask.model, "max_tokens": subtask.max_tokens}


def _run(subtask: Subtask) -> dict[str, Any]:
    found: dict[str, Any] = {"command": subtask.command[0] if subtask.shell else list(subtask.command)}
    if subtask.shell:
        found["shell"] = True
    if subtask.ok_codes != _USUAL.ok_codes:
        found["ok_codes"] = list(subtask.ok_codes)
    return found


def _called(subtask: Subtask) -> dict[str, Any]:
    found: dict[str, Any] = {"callable": subtask.callable}
    if subtask.args != _USUAL.args:
        found["args"] = json.loads(subtask.args)
    if subtask.kwargs != _USUAL.kwargs:
        found["kwargs"] = json.loads(subtask.kwargs)
    return found


def _process(subtask: Subtask) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if subtask.env:
        found["env"] = dict(subtask.env)
    if subtask.cwd != _USUAL.cwd:
        found["cwd"] = subtask.cwd
    return found


def _expect(expect: Expectation) -> dict[str, Any]:
    found = ({"json": True} if expect.json else {}) | _present(expect, ("contains", "max_chars", "regex"))
    if expect.schema is not None:
        found["schema"] = _schema(expect.schema)
    if expect.command:
        found["command"] = list(expect.command)
    return found


def _schema(text: str) -> Any:
    """A table where that says the very same; else its text, as for a schema with null in it."""
    table = json.loads(text)
    same = json.dumps(table, ensure_ascii=False) == text and _fits(table, 1)
    return table if same and table.keys() != {"file"} else text


def _fits(value: Any, depth: int) -> bool:
    if isinstance(value, dict):
        return depth < _DEEPEST and all(k and len(k) < 100 and _fits(v, depth + 1) for k, v in value.items())
    if isinstance(value, list):
        return depth < _DEEPEST and all(_fits(v, depth + 1) for v in value)
    return value is not None


def _present(values: Estimate | Expectation, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(values, key)) is not None}


def _table(header: str, values: Mapping[str, Any]) -> str:
    lines = (f"{_key(key)} = {_value(value, block=True)}" for key, value in values.items())
    return "\n".join((header, *lines, ""))


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key, block=False)


def _value(value: Any, *, block: bool = False) -> str:
    """A value in TOML; only with `block` it may take more than one line."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value, block=block)
        case dict():
            pairs = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case list():
            return _list(value, block=block)
    return str(value)


def _list(values: list[Any], *, block: bool) -> str:
    line = f"[{', '.join(map(_value, values))}]"
    if not block or len(line) <= _WIDTH:
        return line
    return "\n".join(("[", *_rows(values), "]"))


def _rows(values: list[Any]) -> Iterator[str]:
    for value in values:
        yield f"    {_value(value)},"


def _text(text: str, *, block: bool) -> str:
    # In a block of lines the library would write every line end as \n, whatever it was.
    lines = block and "\r" not in text
    return tomli_w.dumps({"v": text}, multiline_strings=lines)[len("v = ") : -1]
