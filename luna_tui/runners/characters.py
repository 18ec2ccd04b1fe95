"""Text that any file, terminal or request can take."""

from __future__ import annotations


def whole_characters(text: str) -> str:
    """`text` with U+FFFD for half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
