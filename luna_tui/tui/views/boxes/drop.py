"""The drop box: what is lost when the changes of an agent are thrown away."""

from __future__ import annotations

from luna_tui.core.agents import Changes
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.views.boxes.frame import Box, Choice
from luna_tui.tui.views.changes import counted
from luna_tui.tui.views.spans import Role, Span


def drop_box(state: RunState, changes: Changes) -> Box:
    """The box; the choice that changes nothing is the last one, and the cursor is on it."""
    s = state.subtasks[changes.subtask]
    facts = (
        (Span(f"{s.label} ", Role.STRONG), Span(s.planned.title)),
        (Span(_("{what} would be thrown away").format(what=counted(changes)), Role.WARN),),
    )
    choices = (Choice("D", _("drop them")), Choice("esc", _("keep them")))
    return Box(
        _("Drop changes?"), facts, choices, _("this cannot be taken back; the difference stays a file")
    )
