"""Every key of this version: its binding id, its default keys, and what it does in one sentence."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyHelp:
    """One action a key does."""

    id: str
    keys: str
    """Textual's names, separated by commas."""
    shown: str
    """How the help and the key line write it."""
    does: str


RUN_KEYS = (
    KeyHelp("run.move_down", "j,down", "j ↓", "Move the cursor; looking never changes the run."),
    KeyHelp("run.move_up", "k,up", "k ↑", "Move back."),
    KeyHelp("run.move_left", "h,left", "h ←", "Move to the column on the left."),
    KeyHelp("run.move_right", "l,right", "l →", "Move to the column on the right."),
    KeyHelp("run.first", "g,home", "g", "Move to the first entry."),
    KeyHelp("run.last", "G,end", "G", "Move to the last entry."),
    KeyHelp("run.open", "enter", "enter", "Open the subtask: its stream, its tries, what it waits for."),
    KeyHelp("run.pause", "p", "p", "Pause admission, or go on; what is in flight ends by itself."),
    KeyHelp(
        "run.mode",
        "m",
        "m",
        "Next mode, conservative to aggressive; limits and workers follow.",
    ),
    KeyHelp("run.stop", "x,ctrl+c", "x", "Stop menu; nothing is stopped by opening it."),
    KeyHelp("run.events", "v", "v", "Show or hide the event log."),
    KeyHelp("run.peek", "space", "space", "Show or hide the stream beside the grid, where there is room."),
    KeyHelp("run.theme", "T", "T", "Next colour theme."),
    KeyHelp("run.help", "question_mark", "?", "This page."),
    KeyHelp("run.report", "R", "R", "The report, once the run has ended."),
    KeyHelp("run.leave", "q", "q", "Leave; asks first while the run is on."),
)
SUBTASK_KEYS = (
    KeyHelp("subtask.back", "escape", "esc", "Back to the run."),
    KeyHelp("subtask.down", "j,down", "j ↓", "Scroll down."),
    KeyHelp("subtask.up", "k,up", "k ↑", "Scroll up; following stops."),
    KeyHelp("subtask.page_down", "pagedown", "pgdn", "Scroll a page down."),
    KeyHelp("subtask.page_up", "pageup", "pgup", "Scroll a page up."),
    KeyHelp("subtask.first", "g,home", "g", "To the beginning of what is kept."),
    KeyHelp("subtask.last", "G,end", "G", "To the end."),
    KeyHelp("subtask.follow", "f", "f", "Follow the stream, or stop following."),
    KeyHelp("subtask.stop", "x,ctrl+c", "x", "Stop menu with this subtask."),
)
MODE_ORDER = ("conservative", "balanced", "aggressive")
