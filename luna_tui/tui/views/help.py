"""The help page: keys of the screen it was opened from, states, and the words used."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from luna_tui.core.insight import Stand
from luna_tui.core.tongue import N_, _
from luna_tui.tui.views.glyphs import ROLES, Glyphs, glyphs_for
from luna_tui.tui.views.keys import KeyHelp, Keys
from luna_tui.tui.views.spans import Line, Looks, Role, Span
from luna_tui.tui.views.text import cell_len, fit, pad, wrap

_STATE_WORDS = (
    (Stand.QUEUED, N_("queued")),
    (Stand.LIMIT, N_("waits for a limit")),
    (Stand.HELD, N_("held by the budget")),
    (Stand.ASK, N_("waits for approval")),
    (Stand.PAUSED, N_("paused at the gate")),
    (Stand.BACKOFF, N_("waits to try again")),
    (Stand.SENT, N_("sent, no token yet")),
    (Stand.STREAMING, N_("streaming")),
    (Stand.TOOL, N_("tool or command runs")),
    (Stand.QUIET, N_("quiet for unusually long")),
    (Stand.GHOST, N_("its thread ignores the end")),
    (Stand.OK, N_("ok")),
    (Stand.CACHED, N_("ok, from the cache")),
    (Stand.FAILED, N_("failed")),
    (Stand.TIMED_OUT, N_("timed out")),
    (Stand.CANCELLED, N_("cancelled")),
    (Stand.SKIPPED, N_("skipped")),
)
_WORDS = (
    (N_("wave"), N_("Subtasks of the plan that belong together; the next wave begins when it is over.")),
    (N_("try"), N_("One attempt at a subtask. A retry makes a new one; the old one is kept.")),
    (N_("useful workers"), N_("As many as the limits can keep busy; more of them would only wait.")),
    (N_("binds"), N_("The one limit that keeps the run from being faster; the gauge shows it with a mark.")),
    (N_("held"), N_("Not started because it would pass the budget; never failed for that.")),
)
_GROUPS = (
    ("replay", N_("REPLAY")), ("move", N_("MOVE")), ("here", N_("THIS SCREEN")), ("act", N_("ACT")),
    ("go", N_("GO")), ("screen", N_("SCREEN")),
)  # fmt: skip
_ACTING = frozenset({"do.retry", "do.skip", "do.edit"})
_ARROWS = {"↓": "down", "↑": "up", "←": "left", "→": "right"}


def group_of(key: KeyHelp) -> str:
    """Which group of the help an action belongs to."""
    first = key.id.partition(".")[0]
    if first == "run" or key.id in _ACTING:
        return "act"
    return first if first in ("replay", "move", "go", "screen") else "here"


def help_lines(about: Keys, looks: Looks, keys: Mapping[str, str] | None = None) -> list[Line]:
    """All lines; `keys` are binding ids with the keys they have, where those are not the usual ones."""
    shown = {k.id: _plain((keys or {}).get(k.id, k.shown), looks) for k in about}
    size = min(14, max((cell_len(text) for text in shown.values()), default=0))
    lines: list[Line] = []
    for name, title in _GROUPS:
        members = [k for k in about if group_of(k) == name]
        if members:
            lines += _titled(_(title), lines)
            for k in members:
                lines += _entry(shown[k.id], _(k.does), size, looks.width)
    g = glyphs_for(looks.ascii)
    lines += _titled(_("STATES"), lines)
    lines += _states(looks.width, g)
    lines += _titled(_("WORDS"), lines)
    size = max(cell_len(_(word)) for word, _says in _WORDS)
    for word, says in _WORDS:
        lines += _entry(_(word), _(says), size, looks.width, Role.STRONG)
    return lines


def _titled(title: str, before: list[Line]) -> list[Line]:
    head: Line = (Span(title, Role.TITLE),)
    return [(), head] if before else [head]


def _entry(word: str, says: str, size: int, width: int, role: Role = Role.KEY) -> Iterable[Line]:
    room = width - size - 4
    if room < 16:
        return [
            (Span(fit(f"  {word}", width), role),),
            *((Span(f"    {part}"),) for part in wrap(says, max(8, width - 4))),
        ]
    parts = wrap(says, room)
    first: Line = (Span(f"  {pad(word, size)}  ", role), Span(parts[0]))
    return [first, *((Span(" " * (size + 4) + part),) for part in parts[1:])]


def _states(width: int, g: Glyphs) -> list[Line]:
    """Two columns where there is room for them, read downwards."""
    found = [(Span(f"  {g.states[s]} ", ROLES[s]), _(word)) for s, word in _STATE_WORDS]
    if width < 68:
        return [(mark, Span(fit(word, width - 4, g.cut))) for mark, word in found]
    half = -(-len(found) // 2)
    lines: list[Line] = []
    for n in range(half):
        mark, word = found[n]
        line: Line = (mark, Span(pad(word, 32)))
        if n + half < len(found):
            other, says = found[n + half]
            line = (*line, other, Span(says))
        lines.append(line)
    return lines


def _plain(text: str, looks: Looks) -> str:
    return "".join(_ARROWS.get(c, c) for c in text) if looks.ascii else text
