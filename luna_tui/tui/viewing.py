"""What this person chose to see; shared by all screens, never part of the run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Viewing:
    """Marks, filter and sizes; another viewer of the same run has others."""

    marked: set[str] = field(default_factory=set)
    """Ids of marked subtasks."""
    dismissed: dict[str, str] = field(default_factory=dict)
    """Problem -> how it stood when it was said to be none; it comes back when that changes."""
    filter: str = ""
    """As typed on the run screen; empty = everything."""
    asked: dict[str, list[str]] = field(default_factory=dict)
    """What was typed for filter, find and the like in this session, the last one last."""
    density: dict[tuple[int, int], int] = field(default_factory=dict)
    """Size of the terminal -> steps richer (+) or denser (-) than what would be chosen."""
    peek: bool = True
    mouse: bool = True
    away: bool = False
    """The screen was left, and the run goes on without one."""
    plain: bool = False
    """The screen was left for plain lines; the run and this person's choices go on."""
    replan: bool = False
    """The screen was left to have the rest of the run planned anew."""
    replay: bool = False
    """The screen was left to play the run again."""

    def mark(self, subtask: str) -> None:
        """Mark, or take the mark away."""
        self.marked ^= {subtask}
