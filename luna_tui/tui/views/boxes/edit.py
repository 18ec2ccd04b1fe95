"""The edit box: the prompt of one subtask around the area in which it is changed."""

from __future__ import annotations

from collections.abc import Sequence

from luna_tui.core.state import RunState, SubtaskState
from luna_tui.core.tongue import _
from luna_tui.core.words import GOOD, Kind
from luna_tui.tui.views.boxes.effects import about, together
from luna_tui.tui.views.boxes.frame import Box, Choice, bottom_of, top_of
from luna_tui.tui.views.boxes.retry import refusal, waste_lines
from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Panel, Role, Span
from luna_tui.tui.views.text import wrap

MOST = 100
"""Cells of the box, where there is room."""
CUT = "…"
"""Last character of a prompt that the outline had to cut."""


def known_prompt(s: SubtaskState, whole: str | None) -> str | None:
    """The whole prompt; None when only its beginning is known."""
    if whole is not None:
        return whole
    return None if s.planned.prompt.endswith(CUT) else s.planned.prompt


def edit_title(s: SubtaskState) -> str:
    """Of the frame."""
    return _("Edit the prompt of {label} {title}").format(label=s.label, title=s.planned.title)


def edit_top(s: SubtaskState, width: int, g: Glyphs) -> Panel:
    """Above the text."""
    return top_of(edit_title(s), width, g)


def edit_bottom(width: int, g: Glyphs, *, tall: bool) -> Panel:
    """Under the text, while it is edited."""
    said = wrap(_("esc when done: then enter sends it as a new try, d drops it"), width - 4)
    return bottom_of(["", *said] if tall else [_("esc when done")], width, g)


def edit_box(state: RunState, s: SubtaskState, now_s: float) -> Box:
    """What can be done with the changed text."""
    send = _("send it: try {n}, the old one is kept").format(n=s.attempt + 1)
    if s.status is None and not s.tries:
        send = _("send it; it has not run yet")
    facts = waste_lines(state, now_s, (s.id,) if s.running else ())
    if s.status in GOOD:
        facts.append((Span(_("It is ok already; its result would be replaced."), Role.WARN),))
    choices = (
        Choice("enter", send, about(*together(state, (s.id,)))),
        Choice("e", _("go on editing")),
        Choice("d", _("drop the changes")),
    )
    return Box(edit_title(s), tuple(facts), choices, _("nothing was sent yet; esc goes on editing"))


def edit_refusal(state: RunState, selected: Sequence[str], whole: str | None) -> str:
    """Why the selection cannot be edited; empty when it can."""
    if len(selected) != 1 or selected[0] not in state.subtasks:
        return (
            _("Edit one prompt at a time: {n} are marked.").format(n=len(selected))
            if selected
            else refusal(())
        )
    s = state.subtasks[selected[0]]
    if s.planned.kind is not Kind.CLAUDE:
        return _("{label} is a command: only prompts can be edited.").format(label=s.label)
    if known_prompt(s, whole) is None:
        said = _("Only the first {n} characters of {label} are known here; it is not edited.")
        return said.format(n=len(s.planned.prompt) - 1, label=s.label)
    return ""
