"""The JSON shapes of the API."""

from __future__ import annotations

from typing import Any

from luna_tui.simulator.model import Answer


def message_begun(model: str, number: int, reply: Answer) -> dict[str, Any]:
    """A message before its first token."""
    return {
        "id": f"msg_{number:06d}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": reply.input_tokens - reply.cached_tokens,
            "output_tokens": 1,
            "cache_read_input_tokens": reply.cached_tokens,
            "cache_creation_input_tokens": 0,
        },
    }


def model_entry(name: str) -> dict[str, Any]:
    """One entry of the list of models."""
    _, line, *version = name.split("-")
    return {
        "type": "model",
        "id": name,
        "display_name": f"Claude {line.title()} {'.'.join(version)}",
        "created_at": "2026-01-01T00:00:00Z",
        "lifecycle": "active",
        "line": line,
        "max_input_tokens": 200_000,
        "max_tokens": 64_000,
    }
