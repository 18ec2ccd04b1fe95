"""What a view is made of: lines of spans, each a text with a role; roles become colours in a theme."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from luna_tui.core.words import Watching


class Role(StrEnum):
    """What a span means; a theme gives every role a style, and every role also differs in words or shape."""

    TEXT = "text"
    DIM = "dim"
    STRONG = "strong"
    ACCENT = "accent"
    TITLE = "title"
    BORDER = "border"
    KEY = "key"
    """A key to press, in key lines and menus."""
    SELECTED = "selected"
    """The frame or mark of the entry under the cursor."""
    BANNER = "banner"
    """PAUSED, STOPPING, REPLAY, NOT SAVED."""
    GOOD = "good"
    WARN = "warn"
    BAD = "bad"
    GAUGE_USED = "gauge-used"
    GAUGE_RESERVED = "gauge-reserved"
    GAUGE_WARN = "gauge-warn"
    GAUGE_FREE = "gauge-free"
    STATE_QUEUED = "state-queued"
    STATE_LIMIT = "state-limit"
    STATE_HELD = "state-held"
    STATE_ASK = "state-ask"
    STATE_PAUSED = "state-paused"
    STATE_BACKOFF = "state-backoff"
    STATE_SENT = "state-sent"
    STATE_RUNNING = "state-running"
    STATE_TOOL = "state-tool"
    STATE_QUIET = "state-quiet"
    STATE_GHOST = "state-ghost"
    STATE_OK = "state-ok"
    STATE_FAILED = "state-failed"
    STATE_ENDED = "state-ended"
    """Cancelled or skipped."""


@dataclass(frozen=True, slots=True)
class Span:
    """A run of characters with one meaning; the text is already clean and fits its place."""

    text: str
    role: Role = Role.TEXT


Line = tuple[Span, ...]
"""One screen row; never wider than the width its view was asked for, in terminal cells."""
Lines = tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """Where an entry of a grid or list stands inside its panel, for the mouse and the cursor."""

    key: str
    """Id of the subtask, or of the menu choice."""
    row: int
    column: int
    width: int
    height: int = 1


@dataclass(frozen=True, slots=True)
class Panel:
    """What one widget paints: lines from the top, and the places that can be selected."""

    lines: Lines
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """What the user chose to see; nothing in here changes the run."""

    width: int
    height: int
    selected: str | None = None
    """Key of the entry under the cursor: the id of a subtask, or what the screen's cells are called."""
    marked: frozenset[str] = frozenset()
    """Ids of marked subtasks."""
    filter: str = ""
    """As it was typed; empty = everything."""
    order: int = 0
    """Which of the screen's orders; 0 is its first."""
    density: int = 0
    """0 = the richest in which all workers fit; negative = denser, positive = richer, in steps."""
    peek: bool = True
    ascii: bool = False
    follow: bool = True
    stream_text: bool = True
    """False on a line too slow for it: what streams say is left out where nobody asked for it."""
    status: str = ""
    """What the status line says of the terminal's line, already translated; empty when all is well."""
    scroll: int = 0
    """Lines scrolled back from the end of a stream, or the first entry shown of a list."""
    keymap: Mapping[str, str] = field(default_factory=dict)
    """Binding id -> keys, where the user chose others."""
    watching: Watching = Watching.OWN
    """What the screen has to say of where the run goes on."""
    notice: str = ""
    """One line that stands in for the key line until the next key."""
    playing: bool | None = None
    """Whether the replay that is shown plays or stands; None = no replay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    """The run screen: panels from top to bottom; an empty panel takes no space.

    Heights add up to `Looks.height`. `peek` stands right of `grid`, `peek_width` cells wide
    (0 = no peek), and has the same height.
    """

    header: Panel
    gauges: Panel
    waiting: Panel
    strip: Panel
    grid: Panel
    peek: Panel
    peek_width: int
    timeline: Panel
    attention: Panel
    keys: Panel
