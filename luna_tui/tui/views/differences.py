"""A difference as a text to read: what was added, what was taken away, where."""

from __future__ import annotations

from luna_tui.tui.views.reading import Mark
from luna_tui.tui.views.spans import Role


def difference_marks(text: str, start: int = 0) -> list[Mark]:
    """Meanings of the lines of `text`, if it is a unified difference; its characters count from `start`."""
    lines = text.split("\n")
    if not any(line.startswith("@@ ") for line in lines):
        return []
    marks = []
    at, inside = start, False
    for line in lines:
        inside = line.startswith("@@") or (inside and line[:1] in (" ", "+", "-", "\\", ""))
        role = _role(line, inside=inside)
        if role is not None and line:
            marks.append(Mark(at, at + len(line), role))
        at += len(line) + 1
    return marks


def _role(line: str, *, inside: bool) -> Role | None:
    if line.startswith("@@"):
        return Role.ACCENT
    if not inside:
        return Role.STRONG if line.startswith(("--- ", "+++ ")) else Role.DIM
    return {"+": Role.GOOD, "-": Role.BAD, "\\": Role.DIM}.get(line[:1])
