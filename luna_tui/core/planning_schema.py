"""The JSON schema of the answer in which a model writes a plan; only what the service can enforce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from luna_tui.core.planning import Phase
from luna_tui.core.tools import FILE_WRITERS, RUN_COMMAND
from luna_tui.core.words import Isolation, Kind, Priority

PLAN_TITLE = "luna-tui plan"
"""Title of the schema."""
_ID = "^[A-Za-z0-9_][A-Za-z0-9._-]*$"


def plan_schema(tools: Sequence[str], *, commands: bool = False) -> dict[str, Any]:
    """The schema of a plan whose subtasks may be granted `tools`; `commands` = they may be commands.

    A tool or a kind of subtask that is not allowed cannot be written at all. No kind of subtask and
    no tool plans, so a plan never leads to another one by itself.
    """
    wave = _object(
        {
            "name": _text("short and unique"),
            "parallel": _flag("false = one subtask after the other"),
            "subtasks": _list(_subtask(tools, commands=commands), least=1),
        },
        optional=("parallel",),
    )
    decomposition = _object({"name": _text("of the plan, a few words"), "waves": _list(wave, least=1)})
    return {
        "title": PLAN_TITLE,
        **_object(
            {
                Phase.ANALYSIS.value: _text("what the goal asks for, what is given, what may go wrong"),
                Phase.STRATEGY.value: _text("how it is split, and what may be done at the same time"),
                Phase.DECOMPOSITION.value: decomposition,
            }
        ),
    }


def _subtask(tools: Sequence[str], *, commands: bool) -> dict[str, Any]:
    needed: dict[str, Any] = {"id": {"type": "string", "pattern": _ID}, "title": _text("a few words")}
    prompt = _text("all that the subtask is told; {{ results.ID }} is the result of another one")
    more: dict[str, Any] = {
        "depends_on": _list(_text("id of a subtask of an earlier wave")),
        "files": _list(_text("path in the workspace, attached as it is")),
        "priority": {"type": "string", "enum": [p.value for p in Priority]},
        "max_tokens": {"type": "integer", "description": "longest answer"},
        "timeout": {"type": "integer", "description": "seconds"},
        "expect": _expect(),
    }
    if tools:
        more["tools"] = _list({"type": "string", "enum": list(tools)})
    if {*FILE_WRITERS, RUN_COMMAND} & set(tools):
        more["isolate"] = {"type": "string", "enum": [i.value for i in Isolation]}
    if not commands:
        return _object(needed | {"prompt": prompt} | more, optional=tuple(more))
    more["prompt"] = prompt
    more["kind"] = {"type": "string", "enum": [Kind.CLAUDE.value, Kind.COMMAND.value]}
    more["command"] = _list(_text("program, or one of its arguments"))
    return _object(needed | more, optional=tuple(more))


def _expect() -> dict[str, Any]:
    expect = {
        "contains": _text("stands in every good answer"),
        "max_chars": {"type": "integer"},
        "json": _flag("the answer is one JSON value"),
    }
    return _object(expect, optional=tuple(expect))


def _object(properties: dict[str, Any], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def _list(item: dict[str, Any], *, least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": item, **({"minItems": least} if least else {})}


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _flag(description: str) -> dict[str, Any]:
    return {"type": "boolean", "description": description}
