"""What a model wrote for a tool, checked key by key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from luna_tui.runners.tools.base import ToolError

LONGEST_PATH = 4_000


class Given:
    """Values by key; every getter raises ToolError that says what would be right."""

    def __init__(self, tool: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
        self._tool = tool
        self._values = values
        if odd := [key for key in values if key not in known]:
            raise ToolError(f"{tool} takes {', '.join(known)}; not {str(odd[0])[:100]}")

    def text(self, key: str, default: str | None = None, *, most: int = LONGEST_PATH) -> str:
        """A text of at most so many characters; without a default it must be there."""
        value = self._values.get(key, default)
        if value is None:
            raise ToolError(f"{self._tool} needs {key}")
        if not isinstance(value, str):
            raise ToolError(f"{key} must be text")
        if len(value) > most:
            raise ToolError(f"{key} has {len(value):,} characters; at most {most:,} are taken")
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise ToolError(f"{key} holds half a character (a lone surrogate)") from error
        return value

    def whole(self, key: str, default: int, low: int, high: int) -> int:
        """A whole number in a range."""
        value = self._values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ToolError(f"{key} must be a whole number from {low:,} to {high:,}")
        return value

    def flag(self, key: str) -> bool:
        """true or false; false when it is not there."""
        value = self._values.get(key, False)
        if not isinstance(value, bool):
            raise ToolError(f"{key} must be true or false")
        return value


def definition(
    name: str, description: str, properties: Mapping[str, Mapping[str, Any]], *required: str
) -> Mapping[str, Any]:
    """A tool as the API takes it."""
    schema = {
        "type": "object",
        "properties": dict(properties),
        "required": list(required),
        "additionalProperties": False,
    }
    return {"name": name, "description": description, "input_schema": schema}
