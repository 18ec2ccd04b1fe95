"""Pages that are read rather than watched, and the help."""

from __future__ import annotations

from luna_tui.core.insight import Stand
from luna_tui.core.tongue import _, _n
from luna_tui.tui.views.glyphs import ROLES, glyphs_for
from luna_tui.tui.views.keys import Keys
from luna_tui.tui.views.spans import Line, Looks, Panel, Role, Span
from luna_tui.tui.views.text import fit_line

_STATE_WORDS = (
    (Stand.QUEUED, "queued"), (Stand.LIMIT, "waits for a limit"), (Stand.BACKOFF, "waits to try again"),
    (Stand.PAUSED, "paused"), (Stand.SENT, "sent, no token yet"), (Stand.STREAMING, "streaming"),
    (Stand.TOOL, "command runs"), (Stand.QUIET, "quiet for long"), (Stand.GHOST, "thread ignores its end"),
    (Stand.OK, "ok"), (Stand.FAILED, "failed"), (Stand.TIMED_OUT, "timed out"),
    (Stand.CANCELLED, "cancelled"), (Stand.SKIPPED, "skipped"),
)  # fmt: skip


def help_lines(about: Keys, looks: Looks) -> list[Line]:
    """All lines of the help page."""
    g = glyphs_for(looks.ascii)
    lines: list[Line] = [(Span(_("KEYS"), Role.TITLE),)]
    lines += [(Span(f"  {_ascii(k.shown, looks):<8}", Role.KEY), Span(_(k.does))) for k in about]
    lines += [(), (Span("STATES", Role.TITLE),)]
    pairs = [(g.states[s], word, ROLES[s]) for s, word in _STATE_WORDS]
    for left, right in zip(pairs[::2], pairs[1::2], strict=True):
        lines.append(
            (
                Span(f"  {left[0]} ", left[2]), Span(f"{left[1]:<28}"),
                Span(f"{right[0]} ", right[2]), Span(right[1]),
            )
        )  # fmt: skip
    return lines


def _ascii(text: str, looks: Looks) -> str:
    names = {"↓": "down", "↑": "up", "←": "left", "→": "right"}
    return "".join(names.get(c, c) for c in text) if looks.ascii else text


def page(lines: list[Line], looks: Looks, foot: Line) -> Panel:
    """A scrolled page of exactly `looks.height` lines with a foot."""
    g = glyphs_for(looks.ascii)
    room = max(0, looks.height - 2)
    start = min(looks.scroll, max(0, len(lines) - room))
    shown = [fit_line(line, looks.width, g.cut) for line in lines[start : start + room]]
    shown += [()] * (room - len(shown))
    more = len(lines) - room - start
    below = (
        _n(" {n} more line below, j ", " {n} more lines below, j ", more).format(n=more) if more > 0 else ""
    )
    left = max(0, looks.width - len(below) - 2)
    rule: Line = (
        Span(g.rule * left, Role.BORDER), Span(below, Role.DIM),
        Span(g.rule * (looks.width - left - len(below)), Role.BORDER),
    )  # fmt: skip
    foot = fit_line(foot, looks.width, g.cut)
    return Panel((*shown, fit_line(rule, looks.width, g.cut), foot)[-looks.height :])


def without_air(lines: list[Line], room: int) -> list[Line]:
    """The lines, with as many of the empty ones left out, the last first, as it takes to fit them in."""
    kept = list(lines)
    for place in range(len(lines) - 1, -1, -1):
        if len(kept) <= room:
            break
        if not lines[place]:
            del kept[place]
    return kept
