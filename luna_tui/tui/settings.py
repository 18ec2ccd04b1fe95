"""What the dashboard is told once, when it starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from luna_tui.core.home import PlanningPrice
from luna_tui.core.kept import KeptFiles
from luna_tui.core.limits import TIERS, TierLimits
from luna_tui.session.parting import Parting
from luna_tui.tui.notices import SILENT, Channels
from luna_tui.tui.palettes import Changed


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Choices from configuration, flags and the terminal."""

    theme: str = "dark"
    fps: int = 0
    """Frames of data per second, 1 to 30; 0 = what suits the kind of terminal."""
    ascii: bool = False
    """Draw with ASCII characters only."""
    mouse: bool = True
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, separated by commas."""
    notices: tuple[str, ...] = ()
    """Lines to show one after the other, each until a key is pressed."""
    close_after_s: float | None = None
    """Seconds after the end of the run until the app closes by itself; None = it stays."""
    tiers: Mapping[str, TierLimits] = field(default_factory=lambda: TIERS)
    """The table of limits and workers."""
    prompt_of: Callable[[str], str | None] = lambda subtask: None
    """Id of a subtask -> its whole prompt; None where only the outline of the plan is known."""
    heard: Callable[[], Sequence[str]] = tuple
    """What the run said to this viewer alone since the last call: lines, each shown until a key."""
    channels: Channels = SILENT
    """How notices are said."""
    themes_changed: Changed | None = None
    """Looks whether a theme file changed; None = they are read once."""
    folder: str = ""
    """Where the run is kept; empty when it is not."""
    kept: KeptFiles | None = None
    """Reads older text and writes copies, aside; None = nothing can be read or written."""
    parting: Parting = field(default_factory=Parting)
    """What is called when the app has to go."""
    plain: bool = False
    """The screen can be left for plain lines, and come back."""
    replanning: Callable[[], PlanningPrice] | None = None
    """What planning the rest of the run may cost; the screen can be left for it. None = it cannot."""
    replays: bool = False
    """The screen can be left to play the run again, once it is over."""
