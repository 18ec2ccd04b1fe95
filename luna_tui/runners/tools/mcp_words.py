"""What a server of tools says, as a model and a person may read it: cleaned, descriptions cut."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luna_tui.core.clean import clean, clean_line, short_line
from luna_tui.core.figures import sized
from luna_tui.core.tools import mcp_called
from luna_tui.runners.tools.base import Result

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock, Tool

MOST_DESCRIPTION = 4_000
MOST_SCHEMA = 64_000
"""Characters of a description, and of a schema as JSON; a larger one is left out."""
_NAME_CHARS = 64
_ODD = re.compile(r"[^A-Za-z0-9_-]")


@dataclass(frozen=True, slots=True)
class Offer:
    """A tool of a server, as the API takes it."""

    server: str
    tool: str
    """As the server calls it."""
    name: str
    """As the model calls it."""
    definition: Mapping[str, Any]


def offer_of(server: str, tool: Tool) -> Offer:
    """A tool with a name that the API takes, and a description that is no longer than it may be."""
    name = name_of(server, tool.name)
    description = clean(tool.description or "")
    if len(description) > MOST_DESCRIPTION:
        description = description[:MOST_DESCRIPTION] + " […]"
    schema: Mapping[str, Any] = tool.input_schema
    if schema.get("type") != "object" or len(json.dumps(schema)) > MOST_SCHEMA:
        schema = {"type": "object"}
    return Offer(server, tool.name, name, {"name": name, "description": description, "input_schema": schema})


def name_of(server: str, tool: str) -> str:
    """`mcp__SERVER__TOOL`, with what the API does not take replaced, and shortened so that it stays one."""
    name = mcp_called(server, _ODD.sub("_", tool))
    if len(name) <= _NAME_CHARS:
        return name
    mark = hashlib.blake2b(tool.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return f"{name[: _NAME_CHARS - 9]}_{mark}"


def result_of(said: CallToolResult) -> Result:
    """The texts of a result; what is none is named."""
    text = clean("\n".join(_text(block) for block in said.content))
    if not said.content and said.structured_content is not None:
        text = clean(json.dumps(said.structured_content, ensure_ascii=False, indent=1))
    ok = not said.is_error
    lines = text.count("\n") + 1 if text else 0
    summary = short_line(text, 200) if not ok else ("1 line" if lines == 1 else f"{lines:,} lines")
    return Result(text=text or "(nothing)", ok=ok, summary=summary)


def _text(block: ContentBlock) -> str:
    match block.type:
        case "text":
            return block.text
        case "image" | "audio":
            return (
                f"[{block.type} {clean_line(block.mime_type)}, {sized(len(block.data) * 3 // 4)}: not shown]"
            )
        case "resource":
            text = getattr(block.resource, "text", None)
            return text if isinstance(text, str) else f"[resource {block.resource.uri}: no text]"
        case "resource_link":
            return f"[resource {block.uri}]"
