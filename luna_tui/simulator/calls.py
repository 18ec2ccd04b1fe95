"""What the pretended model gives to a tool: what fits the tools it knows, else what their schema allows."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any

from luna_tui.simulator.conversation import Conversation
from luna_tui.simulator.prose import echo
from luna_tui.simulator.script import Call
from luna_tui.simulator.structured import instance

PATH = r"(?<![\w/.:-])(?:[\w-]+/)*[\w-]+\.[A-Za-z]\w{0,7}\b(?!/)"
"""A regular expression: what looks like the path of a file."""
_PATH = re.compile(PATH)
_USUAL = ("list_files", "search_files", "read_file")
_LAST = ("ask_user", "run_command", "write_file", "edit_file")
"""Tools that are used of its own accord only where nothing else is offered."""


def offered(body: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Tools of the client in a request, by name; none where the request forbids them all."""
    if (body.get("tool_choice") or {}).get("type") == "none":
        return {}
    tools = body.get("tools") or ()
    return {tool["name"]: tool for tool in tools if tool.get("type") in (None, "custom")}


def paths_in(text: str) -> list[str]:
    """What looks like the path of a file, each once, in order."""
    return list(dict.fromkeys(_PATH.findall(text)))


def known_paths(talk: Conversation) -> list[str]:
    """Files that the prompt names, then those that tools have listed."""
    listed = "\n".join(one.text for one in talk.brought if one.tool == "list_files" and one.ok)
    return list(dict.fromkeys([*paths_in(talk.asked), *paths_in(listed)]))


def some_calls(
    tools: Mapping[str, Mapping[str, Any]], talk: Conversation, count: int, rng: random.Random
) -> tuple[Call, ...]:
    """`count` uses of what is offered, no two alike within the conversation where the tools allow that."""
    names = [n for n in _USUAL if n in tools] + [n for n in tools if n not in (*_USUAL, *_LAST)]
    names = names or list(tools)
    first = len(talk.brought)
    return tuple(
        Call(name, fitting(tools[name], talk, first + n, rng))
        for n in range(count)
        for name in [names[(first + n) % len(names)]]
    )


def fitting(
    tool: Mapping[str, Any], talk: Conversation, number: int, rng: random.Random
) -> Mapping[str, Any]:
    """The input of the `number`th use: sensible for a tool whose schema is as we know it, else any."""
    schema = tool["input_schema"]
    properties = schema.get("properties") or {}
    for given in _sensible(str(tool["name"]), talk, number):
        if given.keys() <= properties.keys() and set(schema.get("required") or ()) <= given.keys():
            return given
    made: dict[str, Any] = instance(schema, rng)
    return made


def _sensible(name: str, talk: Conversation, number: int) -> Sequence[Mapping[str, Any]]:
    """Inputs that would do, the best one first."""
    paths = known_paths(talk) or ["README.md"]
    path = paths[number % len(paths)]
    mark = (echo(talk.asked).split() or ["", "luna"])[1]
    match name:
        case "list_files":
            folder = {"path": path.rpartition("/")[0] or "."}
            return ({"glob": "**/*"}, folder) if number == 0 else (folder, {})
        case "read_file":
            return ({"path": path},)
        case "search_files":
            words = re.findall(r"[A-Za-z]{5,}", talk.asked) or ["TODO"]
            return ({"pattern": words[number % len(words)]},)
        case "write_file":
            return ({"path": f"notes-{number + 1}.md", "content": f"Note {number + 1} of {mark}.\n"},)
        case "run_command":
            return ({"command": ["echo", mark, str(number + 1)]},)
        case "ask_user":
            return ({"question": f"Is {path} the file that is meant?"},)
        case _:
            return ()
