"""What the real service would refuse in a request body, and with which words."""

from __future__ import annotations

from typing import Any

from luna_tui.simulator.model import MODELS
from luna_tui.simulator.schema_checks import wrong_output
from luna_tui.simulator.tool_checks import wrong_tools, wrong_uses

_SAMPLING = ("temperature", "top_p", "top_k")
"""Refused since version 2026-10-21 of the API."""

Wrong = tuple[str, str]
"""(error type, message)."""


def wrong_message(body: dict[str, Any]) -> Wrong | None:
    """The first mistake in the body of `POST /v1/messages`."""
    limit = body.get("max_tokens")
    if limit is None:
        return _invalid("max_tokens: Field required")
    if not isinstance(limit, int) or isinstance(limit, bool):
        return _invalid("max_tokens: Input should be a valid integer")
    if limit < 1:
        return _invalid("max_tokens: must be greater than or equal to 1")
    if not isinstance(body.get("stream", False), bool):
        return _invalid("stream: Input should be a valid boolean")
    for name in _SAMPLING:
        if name in body:
            return _invalid(f"{name}: Extra inputs are not permitted")
    return wrong_count(body)


def wrong_count(body: dict[str, Any]) -> Wrong | None:
    """The first mistake in what messages and token counts have in common."""
    model = body.get("model")
    if not isinstance(model, str):
        return _invalid("model: Field required")
    if model not in MODELS:
        return "not_found_error", f"model: {model}"
    messages = body.get("messages")
    if not isinstance(messages, list):
        return _invalid("messages: Field required")
    if not messages:
        return _invalid("messages: at least one message is required")
    for place, message in enumerate(messages):
        if wrong := _in_message(message, f"messages.{place}"):
            return _invalid(wrong)
    if not isinstance(body.get("system", ""), str | list):
        return _invalid("system: Input should be a valid string or list")
    wrong = wrong_output(body) or wrong_tools(body) or wrong_uses(body)
    return _invalid(wrong) if wrong else None


def _in_message(message: Any, where: str) -> str | None:
    if not isinstance(message, dict) or message.get("role") not in ("user", "assistant"):
        return f"{where}.role: Input should be 'user' or 'assistant'"
    content = message.get("content")
    if not isinstance(content, str | list):
        return f"{where}.content: Input should be a valid string or list"
    if not content:
        return f"{where}: content must not be empty"
    for place, block in enumerate(content if isinstance(content, list) else ()):
        if wrong := _in_block(block, message["role"]):
            return f"{where}.content.{place}.{wrong}"
    return None


def _in_block(block: Any, role: str) -> str | None:
    if not isinstance(block, dict) or not isinstance(block.get("type"), str):
        return "type: Field required"
    match block["type"]:
        case "text":
            if not isinstance(block.get("text"), str):
                return "text.text: Field required"
            return None if block["text"] else "text.text: text content blocks must be non-empty"
        case "document" if role == "assistant":
            return "document: not permitted in assistant turns"
        case "document":
            source = block.get("source")
            known = isinstance(source, dict) and isinstance(source.get("type"), str)
            return None if known else "document.source: Field required"
        case _:
            return None


def _invalid(message: str) -> Wrong:
    return "invalid_request_error", message
