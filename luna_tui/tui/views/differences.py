"""A difference as a text to read: what was added, what was taken away, where."""

from __future__ import annotations

import re
from collections.abc import Sequence

from luna_tui.tui.views.reading import Mark
from luna_tui.tui.views.spans import Role

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_ROLES = {"+": Role.GOOD, "-": Role.BAD, "\\": Role.DIM}


def difference_marks(text: str, start: int = 0) -> list[Mark]:
    """Meanings of the lines of `text`, if it is a unified difference; its characters count from `start`."""
    lines = text.split("\n")
    marks, at = [], start
    for line, role in zip(lines, line_roles(lines), strict=True):
        if role is not None and line:
            marks.append(Mark(at, at + len(line), role))
        at += len(line) + 1
    return marks


def line_roles(lines: Sequence[str]) -> list[Role | None]:
    """What each line of a unified difference means; None for text as it stands, and for all of any other."""
    if not any(_HUNK.match(line) for line in lines):
        return [None] * len(lines)
    roles: list[Role | None] = []
    old = new = 0
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
        roles.append(role)
    return roles
