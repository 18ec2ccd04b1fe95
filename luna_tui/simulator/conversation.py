"""What the messages of a request say: the words that ask, and what tools have brought so far."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from luna_tui.simulator.answers import CHARS_PER_TOKEN

MODEL_IDS = re.compile(r"\b(?:srv)?toolu_\w+")
_NESTING = 8
"""Depth of content blocks that is looked into."""


@dataclass(frozen=True, slots=True)
class Brought:
    """One use of a tool, and what came back."""

    tool: str
    given: Mapping[str, Any]
    text: str
    ok: bool

    @property
    def digest(self) -> str:
        """What tells its text from any other: the first 12 digits of its SHA-256."""
        return hashlib.sha256(self.text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A request's messages, read."""

    asked: str
    """System and all that the user said; neither what tools brought nor what was answered."""
    brought: tuple[Brought, ...]
    turns: int
    """Answers so far that used tools of the client."""
    paused: int
    """Answers so far that nobody has said anything to, so that they are to be gone on with."""


def request_text(body: dict[str, Any]) -> str:
    """All text of a request: system, prompts, documents, and what tools brought."""
    parts: list[str] = []
    _collect(body.get("system"), parts)
    for message in messages_of(body):
        _collect(message.get("content"), parts)
    return "\n".join(parts)


def count_tokens(text: str) -> int:
    """Tokens of a text, as this model counts them."""
    return max(1, math.ceil(len(text) / CHARS_PER_TOKEN)) + 8


def input_tokens(body: dict[str, Any]) -> int:
    """Tokens of a whole request: its text, the tools it offers and those that were used."""
    unsaid = sum(map(_unsaid, _blocks(body))) + sum(map(weight, body.get("tools") or ()))
    return count_tokens(request_text(body)) + math.ceil(unsaid / CHARS_PER_TOKEN)


def weight(block: dict[str, Any]) -> int:
    """Characters of one content block or of one tool that is offered, as tokens are counted from them."""
    if "input_schema" in block or "type" not in block or str(block["type"])[-8:].isdigit():
        return len(json.dumps({key: value for key, value in block.items() if key != "cache_control"}))
    return len(text_of(block)) + _unsaid(block)


def conversation_of(body: dict[str, Any]) -> Conversation:
    """Read the messages of a request that was checked."""
    asked: list[str] = []
    _collect(body.get("system"), asked)
    uses: dict[str, tuple[str, Mapping[str, Any]]] = {}
    brought: list[Brought] = []
    turns = paused = 0
    messages = messages_of(body)
    for place, message in enumerate(messages):
        blocks = blocks_of(message)
        if message.get("role") == "assistant":
            mine = {b["id"]: (b["name"], b["input"]) for b in blocks if b.get("type") == "tool_use"}
            uses |= mine
            turns += bool(mine)
            paused += not mine and all(m.get("role") == "assistant" for m in messages[place + 1 : place + 2])
            continue
        for block in blocks:
            if block.get("type") == "tool_result":
                brought.append(_brought(block, uses))
            else:
                _collect(block, asked)
    return Conversation("\n".join(asked), tuple(brought), turns, paused)


def messages_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    """The messages of a request; what is none is left out."""
    messages = body.get("messages")
    return [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []


def blocks_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    """Content blocks of a message; a bare text is one block."""
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [b for b in content if isinstance(b, dict)] if isinstance(content, list) else []


def text_of(content: Any) -> str:
    """The text in content blocks or in one of them."""
    parts: list[str] = []
    _collect(content, parts)
    return "\n".join(parts)


def without_ids(text: str) -> str:
    """A text in which ids of tool uses are their places, so that it is the same in every run."""
    seen: dict[str, str] = {}
    return MODEL_IDS.sub(lambda found: seen.setdefault(found[0], f"use{len(seen)}"), text)


def _unsaid(block: dict[str, Any]) -> int:
    """Characters of a block that are no text."""
    return len(json.dumps(block["input"])) if isinstance(block.get("input"), dict) else 0


def _brought(block: dict[str, Any], uses: dict[str, tuple[str, Mapping[str, Any]]]) -> Brought:
    tool, given = uses.get(block["tool_use_id"], ("?", {}))
    return Brought(tool, given, text_of(block.get("content")), not block.get("is_error"))


def _blocks(body: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for message in messages_of(body):
        yield from blocks_of(message)


def _collect(value: Any, parts: list[str], nesting: int = 0) -> None:
    if nesting > _NESTING:
        return
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, parts, nesting + 1)
    elif isinstance(value, dict):
        _collect(value.get("text"), parts, nesting + 1)
        _collect(value.get("content"), parts, nesting + 1)
        source = value.get("source")
        if isinstance(source, dict):
            _collect(source.get("data"), parts, nesting + 1)
            _collect(source.get("content"), parts, nesting + 1)
