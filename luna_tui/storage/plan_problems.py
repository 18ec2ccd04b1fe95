"""How a plan is refused: all its problems in one error."""

from __future__ import annotations

from luna_tui.core.errors import InvalidInput, Problem

TITLE = "the plan cannot be used"
MAX_SUBTASKS = 100_000
_SHOWN = 20


def refuse(problems: list[Problem]) -> InvalidInput:
    """The error for these problems: in file order, the first twenty shown, the rest counted."""
    ordered = sorted(problems, key=lambda p: p.line)
    more = len(ordered) - _SHOWN
    hint = f"and {more:,} more; nothing was started" if more > 0 else "nothing was started"
    return InvalidInput(TITLE, tuple(ordered[:_SHOWN]), hint)
