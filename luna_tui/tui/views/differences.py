"""A difference as a text to read: what was added, what was taken away, where."""

from __future__ import annotations

import re

from luna_tui.tui.views.reading import Mark
from luna_tui.tui.views.spans import Role

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ROLES = {"+": Role.GOOD, "-": Role.BAD, "\\": Role.DIM}


def difference_marks(text: str, start: int = 0) -> list[Mark]:
    """Meanings of the lines of `text`, if it is a unified difference; its characters count from `start`."""
    lines = text.split("\n")
    if not any(_HUNK.match(line) for line in lines):
        return []
    marks = []
    at, old, new = start, 0, 0
    for line in lines:
        hunk = _HUNK.match(line)
        if old > 0 or new > 0:
            old -= line[:1] not in ("+", "\\")
            new -= line[:1] not in ("-", "\\")
            role = _ROLES.get(line[:1])
        elif hunk is not None:
            old, new = (1 if many is None else int(many) for many in hunk.groups())
            role = Role.ACCENT
        elif line.startswith("\\"):
            role = Role.DIM
        else:
            role = Role.STRONG if line.startswith(("--- ", "+++ ")) else Role.DIM
        if role is not None and line:
            marks.append(Mark(at, at + len(line), role))
        at += len(line) + 1
    return marks
