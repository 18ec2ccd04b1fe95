"""Measure and cut text in terminal cells, for front ends that draw no screen."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

_WIDE = "WF"


def cells(text: str) -> int:
    """Cells that clean text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(char) for char in text)


def cut(text: str, width: int, mark: str = "...") -> str:
    """`text` in at most `width` cells; what is cut ends in `mark`, after a whole word where there is one."""
    if cells(text) <= width:
        return text
    left, end = width - len(mark), 0
    while end < len(text) and (left := left - _cells_of(text[end])) >= 0:
        end += 1
    word_end = text.rfind(" ", 0, end + 1)
    kept = text[: word_end if word_end > 0 else end].rstrip(" ,;:")
    return (kept + mark)[: max(0, width)]


def wrapped(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces; a word that is longer is cut."""
    lines: list[str] = []
    for word in text.split():
        if lines and cells(lines[-1]) + 1 + cells(word) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(cut(word, width))
    return lines


def listed(names: Sequence[str], width: int, more: str) -> str:
    """As many names as fit, with commas; the rest is told by `more`, a text with `{n}`."""
    for shown in range(len(names), 0, -1):
        rest = len(names) - shown
        text = ", ".join(names[:shown]) + (more.format(n=rest) if rest else "")
        if cells(text) <= width:
            return text
    return cut(", ".join(names), width)


def _cells_of(char: str) -> int:
    if unicodedata.combining(char):
        return 0
    return 2 if unicodedata.east_asian_width(char) in _WIDE else 1
