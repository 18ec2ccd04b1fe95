"""What the real service would refuse about tools, their uses and their results, and with which words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from luna_tui.simulator.conversation import blocks_of

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_NAMED = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"
_SERVER_TYPES = {
    "web_search_20250305": "web_search",
    "web_search_20260209": "web_search",
    "web_search_20260318": "web_search",
    "web_fetch_20250910": "web_fetch",
    "web_fetch_20260209": "web_fetch",
    "web_fetch_20260309": "web_fetch",
    "web_fetch_20260318": "web_fetch",
}
_CHOICES = ("any", "auto", "none", "tool")
_BREAKPOINTS = 4


def wrong_tools(body: dict[str, Any]) -> str | None:
    """The first mistake in `tools`, `tool_choice` and cache breakpoints."""
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, list):
        return "tools: Input should be a valid list"
    for place, tool in enumerate(tools or ()):
        if wrong := _in_tool(tool, place):
            return wrong
    names = [tool["name"] for tool in tools or ()]
    if len(set(names)) < len(names):
        return "tools: Tool names must be unique."
    return _in_choice(body.get("tool_choice"), names) or _in_breakpoints(body)


def wrong_uses(body: dict[str, Any]) -> str | None:
    """The first mistake in how uses of tools and their results follow each other in the messages."""
    messages = body["messages"]
    if messages[0].get("role") == "assistant":
        return 'messages: first message must use the "user" role'
    wrong = next(filter(None, map(_in_uses, _places(messages))), None)
    if wrong:
        return wrong
    seen: set[str] = set()
    used = False
    for place, message in enumerate(messages):
        uses, results = _ids(message, "tool_use", "id"), _ids(message, "tool_result", "tool_use_id")
        used = used or bool(uses or results)
        before = _ids(messages[place - 1], "tool_use", "id") if place else []
        if wrong := _unanswered(place, message, before) or _unexpected(place, message, before):
            return wrong
        if len(set(uses)) < len(uses) or seen & set(uses):
            return f"messages.{place}: `tool_use` ids must be unique"
        seen |= set(uses)
    if left := _ids(messages[-1], "tool_use", "id"):
        return _without_result(len(messages) - 1, left)
    if used and not body.get("tools"):
        return "Requests which include `tool_use` or `tool_result` blocks must define tools"
    return None


def _in_tool(tool: Any, place: int) -> str | None:
    if not isinstance(tool, dict):
        return f"tools.{place}: Input should be a valid dictionary"
    kind = tool.get("type") or "custom"
    if kind in _SERVER_TYPES:
        return _in_server_tool(tool, f"tools.{place}.{kind}", _SERVER_TYPES[kind])
    if kind != "custom":
        known = ", ".join(f"'{each}'" for each in ("custom", *_SERVER_TYPES))
        return (
            f"tools.{place}: Input tag '{kind}' found using 'type' does not match any of "
            f"the expected tags: {known}"
        )
    where = f"tools.{place}.custom"
    if not isinstance(tool.get("name"), str):
        return f"{where}.name: Field required"
    if not _NAME.fullmatch(tool["name"]):
        return f"{where}.name: {_NAMED}"
    if not isinstance(tool.get("description", ""), str):
        return f"{where}.description: Input should be a valid string"
    schema = tool.get("input_schema")
    if not isinstance(schema, dict):
        return f"{where}.input_schema: Field required"
    if schema.get("type") != "object":
        wanted = "Input should be 'object'" if "type" in schema else "Field required"
        return f"{where}.input_schema.type: {wanted}"
    return None


def _in_server_tool(tool: dict[str, Any], where: str, name: str) -> str | None:
    if tool.get("name") != name:
        return f"{where}.name: Input should be '{name}'"
    uses = tool.get("max_uses")
    if uses is not None and (not isinstance(uses, int) or isinstance(uses, bool) or uses < 1):
        return f"{where}.max_uses: Input should be greater than 0"
    if tool.get("allowed_domains") and tool.get("blocked_domains"):
        return f"{where}: Only one of allowed_domains or blocked_domains may be specified"
    return None


def _in_choice(choice: Any, names: list[str]) -> str | None:
    if choice is None:
        return None
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind not in _CHOICES:
        known = ", ".join(f"'{each}'" for each in _CHOICES)
        return (
            f"tool_choice: Input tag '{kind}' found using 'type' does not match any of "
            f"the expected tags: {known}"
        )
    if not names:
        return "tool_choice: tool_choice may only be specified while providing tools"
    if kind == "tool" and choice.get("name") not in names:
        return f"tool_choice: Tool '{choice.get('name')}' not found in provided tools"
    return None


def _in_breakpoints(body: dict[str, Any]) -> str | None:
    marked = [one for one in _marked(body) if one.get("cache_control") is not None]
    for one in marked:
        control = one["cache_control"]
        if not isinstance(control, dict) or control.get("type") != "ephemeral":
            return "cache_control.type: Input should be 'ephemeral'"
        if control.get("ttl", "5m") not in ("5m", "1h"):
            return "cache_control.ephemeral.ttl: Input should be '5m' or '1h'"
        if one.get("type") in ("thinking", "redacted_thinking"):
            return "cache_control: Extra inputs are not permitted in thinking blocks"
    if len(marked) > _BREAKPOINTS:
        return f"A maximum of {_BREAKPOINTS} blocks with cache_control may be provided. Found {len(marked)}."
    return None


def _marked(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that may carry a breakpoint."""
    yield from body.get("tools") or ()
    system = body.get("system")
    yield from (b for b in system if isinstance(b, dict)) if isinstance(system, list) else ()
    for message in body["messages"]:
        yield from blocks_of(message)


def _places(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for place, message in enumerate(messages):
        for number, block in enumerate(blocks_of(message)):
            yield f"messages.{place}.content.{number}", message["role"], block


def _in_uses(placed: tuple[str, str, dict[str, Any]]) -> str | None:
    where, role, block = placed
    match block["type"]:
        case "tool_use" | "server_tool_use" as kind:
            if role != "assistant":
                return f"{where}: `{kind}` blocks can only be in `assistant` messages"
            if not isinstance(block.get("id"), str) or not block["id"]:
                return f"{where}.{kind}.id: Field required"
            if not isinstance(block.get("name"), str) or not _NAME.fullmatch(block["name"]):
                return f"{where}.{kind}.name: {_NAMED}"
            if not isinstance(block.get("input"), dict):
                return f"{where}.{kind}.input: Input should be a valid dictionary"
        case "tool_result":
            if role != "user":
                return f"{where}: `tool_result` blocks can only be in `user` messages"
            if not isinstance(block.get("tool_use_id"), str):
                return f"{where}.tool_result.tool_use_id: Field required"
            if not isinstance(block.get("content", ""), str | list):
                return f"{where}.tool_result.content: Input should be a valid string or list"
            if not isinstance(block.get("is_error") or False, bool):
                return f"{where}.tool_result.is_error: Input should be a valid boolean"
        case "thinking" if not isinstance(block.get("signature"), str):
            return f"{where}.thinking.signature: Field required"
    return None


def _unanswered(place: int, message: dict[str, Any], uses: list[str]) -> str | None:
    """Uses of the message before that have no result at the beginning of this one."""
    first: list[str] = []
    for block in blocks_of(message) if message["role"] == "user" else ():
        if block["type"] != "tool_result":
            break
        first.append(block["tool_use_id"])
    left = [one for one in uses if one not in first]
    return _without_result(place - 1, left) if left else None


def _without_result(place: int, left: list[str]) -> str:
    return (
        f"messages.{place}: `tool_use` ids were found without `tool_result` blocks immediately after: "
        f"{', '.join(left)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
        "next message."
    )


def _unexpected(place: int, message: dict[str, Any], uses: list[str]) -> str | None:
    """Results that answer nothing of the message before, or the same twice."""
    results = Counter(_ids(message, "tool_result", "tool_use_id"))
    for number, block in enumerate(blocks_of(message)):
        if block["type"] != "tool_result":
            continue
        one = block["tool_use_id"]
        if one not in uses:
            return (
                f"messages.{place}.content.{number}: unexpected `tool_use_id` found in `tool_result` blocks: "
                f"{one}. Each `tool_result` block must have a corresponding `tool_use` block in the "
                "previous message."
            )
        if results[one] > 1:
            return (
                f"messages.{place}.content.{number}: each tool_use must have a single result. Found multiple "
                f"`tool_result` blocks with id: {one}"
            )
    return None


def _ids(message: dict[str, Any], kind: str, key: str) -> list[str]:
    return [block[key] for block in blocks_of(message) if block["type"] == kind]
