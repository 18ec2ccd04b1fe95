"""A client that uses tools as the real SDK has it: the conversation goes back as it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anthropic
from simulator_support import MODEL

READ: dict[str, Any] = {
    "name": "read_file",
    "description": "Read a file.",
    "input_schema": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "limit": {"type": "integer"}},
        "required": ["path"],
    },
}
LIST: dict[str, Any] = {
    "name": "list_files",
    "input_schema": {
        "type": "object",
        "properties": {"path": {"type": "string"}, "glob": {"type": "string"}},
    },
}
Use = Callable[[str, Mapping[str, Any]], str]


def said(name: str, given: Mapping[str, Any]) -> str:
    return f"{name} of {given}"


def plain(message: Any) -> list[dict[str, Any]]:
    """The content of an answer as it is sent back."""
    blocks: list[dict[str, Any]] = [block.model_dump(exclude_none=True) for block in message.content]
    return blocks


def results(message: Any, use: Use = said) -> list[dict[str, Any]]:
    """A result for each use of a tool in an answer."""
    return [
        {"type": "tool_result", "tool_use_id": block.id, "content": use(block.name, block.input)}
        for block in message.content
        if block.type == "tool_use"
    ]


def converse(
    client: anthropic.Anthropic, prompt: str, *, use: Use = said, tools: Any = (READ,), **more: Any
) -> tuple[list[Any], list[dict[str, Any]]]:
    """All answers until one uses no tool, streamed, and the messages of the last request."""
    messages: list[Any] = [{"role": "user", "content": prompt}]
    answers: list[Any] = []
    while True:
        given: dict[str, Any] = {"model": MODEL, "max_tokens": 4096, "tools": list(tools)} | more
        with client.messages.stream(messages=messages, **given) as stream:
            answers.append(stream.get_final_message())
        if answers[-1].stop_reason not in ("tool_use", "pause_turn"):
            return answers, messages
        messages.append({"role": "assistant", "content": plain(answers[-1])})
        if done := results(answers[-1], use):
            messages.append({"role": "user", "content": done})
