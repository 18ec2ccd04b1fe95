"""Text, and what holds text, that any file, terminal or request can take."""

from __future__ import annotations

import json
from typing import Any

MOST_LEVELS = 100
"""Of objects and lists in each other; every program on the way of a deeper value may give up on it."""


def whole_characters(text: str) -> str:
    """`text` with U+FFFD for half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def sendable(value: Any) -> Any:
    """`value`, which JSON was, as any request can take it: with U+FFFD for half characters.

    ValueError when it is too deep, or holds a number that JSON does not have.
    """
    _check_levels(value, MOST_LEVELS)
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    whole = whole_characters(text)
    return value if whole is text else json.loads(whole)


def _check_levels(value: Any, left: int) -> None:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not left:
        raise ValueError("too deep")
    for each in inner:
        if isinstance(each, dict | list):
            _check_levels(each, left - 1)
