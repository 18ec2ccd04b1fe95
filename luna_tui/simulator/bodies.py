"""The JSON shapes of the API."""

from __future__ import annotations

from typing import Any

from luna_tui.simulator.answers import Answer


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
            "input_tokens": reply.input_tokens - reply.cached_tokens - reply.written_tokens,
            "output_tokens": 1,
            "cache_read_input_tokens": reply.cached_tokens,
            "cache_creation_input_tokens": reply.written_tokens,
            "cache_creation": {
                "ephemeral_5m_input_tokens": reply.written_tokens - reply.written_1h_tokens,
                "ephemeral_1h_input_tokens": reply.written_1h_tokens,
            },
        },
    }


def message_ended(reply: Answer) -> dict[str, Any]:
    """What is known of a message at its end: why it stopped, and its final usage."""
    usage: dict[str, Any] = {"output_tokens": reply.output_tokens}
    if reply.server_uses:
        usage["server_tool_use"] = dict(reply.server_uses)
    delta: dict[str, Any] = {"stop_reason": reply.stop_reason, "stop_sequence": None}
    if reply.stop_details is not None:
        delta["stop_details"] = dict(reply.stop_details)
    return {"delta": delta, "usage": usage}


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
