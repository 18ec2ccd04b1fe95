"""One cell per state, in Unicode and in ASCII, and the characters that bars and frames are made of."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.insight import Stand
from luna_tui.tui.views.spans import Role

_UNICODE = {
    Stand.QUEUED: "·", Stand.LIMIT: "~", Stand.HELD: "$", Stand.ASK: "?", Stand.PAUSED: "=",
    Stand.BACKOFF: "↻", Stand.SENT: "○", Stand.STREAMING: "●", Stand.TOOL: "»", Stand.QUIET: "!",
    Stand.GHOST: "&", Stand.OK: "✓", Stand.CACHED: "≡", Stand.FAILED: "x", Stand.TIMED_OUT: "T",
    Stand.CANCELLED: "c", Stand.SKIPPED: "/",
}  # fmt: skip
_ASCII = _UNICODE | {
    Stand.QUEUED: ".", Stand.BACKOFF: "r", Stand.SENT: "o", Stand.STREAMING: "*", Stand.TOOL: "#",
    Stand.OK: "+", Stand.CACHED: "e",
}  # fmt: skip
ROLES: dict[Stand, Role] = {
    Stand.QUEUED: Role.STATE_QUEUED, Stand.LIMIT: Role.STATE_LIMIT, Stand.HELD: Role.STATE_HELD,
    Stand.ASK: Role.STATE_ASK, Stand.PAUSED: Role.STATE_PAUSED, Stand.BACKOFF: Role.STATE_BACKOFF,
    Stand.SENT: Role.STATE_SENT, Stand.STREAMING: Role.STATE_RUNNING, Stand.TOOL: Role.STATE_TOOL,
    Stand.QUIET: Role.STATE_QUIET, Stand.GHOST: Role.STATE_GHOST, Stand.OK: Role.STATE_OK,
    Stand.CACHED: Role.STATE_OK, Stand.FAILED: Role.STATE_FAILED, Stand.TIMED_OUT: Role.STATE_FAILED,
    Stand.CANCELLED: Role.STATE_ENDED, Stand.SKIPPED: Role.STATE_ENDED,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Every character that is not text."""

    states: dict[Stand, str]
    bar_left: str
    bar_right: str
    used: str
    reserved: str
    free: str
    cap: str
    binds: str
    now: str
    rule: str
    pipe: str
    corners: tuple[str, ...]
    """Top left, top right, bottom left, bottom right, horizontal, vertical."""
    bold_corners: tuple[str, ...]
    tees: tuple[str, ...]
    """Joints that open downwards, upwards, to the right, to the left."""
    steps: str
    """Eight heights of a small chart."""
    cut: str
    more: str
    """After a word that opens a menu."""
    cursor: str
    arrow: str
    dot: str
    spread: str
    """Before how far off an estimate may be."""
    changed: str
    """Before what an agent changed and a person has to look at."""


UNICODE = Glyphs(
    _UNICODE,
    "▕",
    "▏",
    "█",
    "▒",
    "·",
    "┊",
    "◄",
    "►",
    "─",
    "│",
    tuple("┌┐└┘─│"),
    tuple("╔╗╚╝═║"),
    tuple("┬┴├┤"),
    "▁▂▃▄▅▆▇█",
    "…",
    "…",
    "▌",
    "→",
    "·",
    "±",
    "Δ",
)
ASCII = Glyphs(
    _ASCII,
    "[",
    "]",
    "#",
    "+",
    ".",
    "|",
    "<",
    ">",
    "-",
    "|",
    tuple("++++-|"),
    tuple("****=#"),
    tuple("++++"),
    ".:-=+*#@",
    "~",
    ".",
    "_",
    ">",
    "-",
    "~",
    "D",
)


def glyphs_for(ascii_only: bool) -> Glyphs:
    """The set to draw with."""
    return ASCII if ascii_only else UNICODE
