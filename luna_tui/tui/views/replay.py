"""The replay bar above every screen, and the keys as they are while a journal is played."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core.figures import clock
from luna_tui.core.insight import Stand
from luna_tui.core.landmarks import Landmark
from luna_tui.core.tongue import _
from luna_tui.tui.views.glyphs import ASCII, Glyphs
from luna_tui.tui.views.hints import Hint, hints
from luna_tui.tui.views.keymap import key_name, names_of, written
from luna_tui.tui.views.keys import ACTING, REPLAY, Keys
from luna_tui.tui.views.spans import Line, Looks, Role, Span
from luna_tui.tui.views.text import cell_len, fit_line

LEAST_HEIGHT = 4
"""Rows of a terminal from which there is room for the bar."""
_LEAST_TRACK = 10
_REFUSED = ACTING | {"screen.plain", "go.replay"}
_ON_KEY_LINE: tuple[tuple[str, ...], ...] = (
    ("replay.play",),
    ("replay.previous_event", "replay.next_event"),
    ("replay.backward", "replay.forward"),
    ("replay.to_problem_before", "replay.to_problem"),
    ("replay.go_to",),
    ("replay.faster",),
)
"""Keys that share a word, which is that of the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BarFacts:
    """What the bar tells."""

    run: str
    at_s: float
    total_s: float
    number: int
    """Of the last event that happened, from 1."""
    last_number: int
    speed: float
    playing: bool
    ended: bool
    landmarks: Sequence[Landmark] = ()


def replay_bar(facts: BarFacts, width: int, g: Glyphs) -> Line:
    """One line of exactly `width` cells, in as many words as leave room for the track."""
    for head, tail in _forms(facts, g):
        room = width - _width(head) - _width(tail) - 2
        if room >= _LEAST_TRACK:
            return (*head, Span(g.bar_left, Role.DIM), *_track(facts, room, g),
                    Span(g.bar_right, Role.DIM), *tail)  # fmt: skip
    return fit_line(head, width, g.cut)


def _forms(facts: BarFacts, g: Glyphs) -> Iterable[tuple[Line, Line]]:
    """What stands before and after the track, the richest first; how wide it is depends on the speed only."""
    total, last = exact(facts.total_s), str(facts.last_number)
    at, number = exact(facts.at_s).rjust(len(total)), str(facts.number).rjust(len(last))
    name = Span(_("REPLAY"), Role.BANNER)
    run = Span(f" {facts.run[-4:]}", Role.DIM)
    long = Span(f"  {at}/{total} ", Role.STRONG)
    speed = Span(f" {'x' if g is ASCII else '×'}{facts.speed:g} ", Role.ACCENT)
    words = (_("playing"), _("paused"), _("at end"))
    word = words[0 if facts.playing else 2 if facts.ended else 1]
    role = Role.ACCENT if facts.playing else Role.WARN
    said = Span(word + " " * (max(map(cell_len, words)) - cell_len(word)), role)
    sign = Span(g.now if facts.playing else g.states[Stand.PAUSED], role)
    event = Span("  " + _("event {n} of {m}").format(n=number, m=last))
    short = Span(f" #{facts.number}".rjust(len(last) + 3))
    yield (name, run, long), (speed, said, event)
    yield (name, run, long), (speed, sign, event)
    yield (name, run, long), (speed, sign, short)
    yield (name, Span(f" {at} ", Role.STRONG)), (speed, sign, short)
    yield (Span(f"{at} ", Role.STRONG),), (speed, sign)
    yield (Span(at, Role.STRONG),), ()


def _width(line: Line) -> int:
    return sum(cell_len(span.text) for span in line)


def _track(facts: BarFacts, width: int, g: Glyphs) -> Line:
    """How far it is; a problem shows as x, what the budget held as $, wherever the position is.

    The position stands out among them too: there may be one in every cell.
    """
    total = facts.total_s or 1.0
    done = width if facts.ended else min(width - 1, int(facts.at_s / total * width))
    marks: dict[int, bool] = {}
    for mark in facts.landmarks:
        place = min(width - 1, int(mark.at / total * width))
        marks[place] = mark.held and marks.get(place, True)
    spans: list[Span] = []
    for place in range(width):
        if place in marks:
            here = place == done and not facts.ended
            role = Role.SELECTED if here else Role.STATE_HELD if marks[place] else Role.BAD
            spans.append(Span("$" if marks[place] else "x", role))
        elif place < done:
            spans.append(Span(g.used, Role.GAUGE_USED))
        elif place == done and not facts.ended:
            spans.append(Span(g.cursor, Role.GAUGE_USED))
        else:
            spans.append(Span(g.free, Role.GAUGE_FREE))
    return _joined(spans)


def _joined(spans: Iterable[Span]) -> Line:
    """Neighbours of one role as one span."""
    found: list[Span] = []
    for span in spans:
        if found and found[-1].role is span.role:
            found[-1] = Span(found[-1].text + span.text, span.role)
        else:
            found.append(span)
    return tuple(found)


def exact(at_s: float) -> str:
    """`0:52.3`."""
    return f"{clock(at_s)}.{int(max(0.0, at_s) * 10 + 1e-6) % 10}"


def replay_hints(found: Sequence[Hint], looks: Looks) -> tuple[Hint, ...]:
    """The key line of a screen while a journal is played: keys of the replay first, none that it refuses."""
    kept = [h for h in found if h.id not in _REFUSED and key_name(h.key) not in _taken(looks.keymap)]
    first: list[Hint] = []
    for ids in _ON_KEY_LINE:
        pair = hints(REPLAY, looks.keymap, *ids)
        first.append(replace(pair[-1], key=" ".join(h.key for h in pair)))
    if looks.playing:
        first[0] = replace(first[0], word=_("pause"))
    return (*first, *kept)


def replay_keys(table: Keys, keymap: Mapping[str, str]) -> Keys:
    """What the keys of a screen do while a journal is played, for the help."""
    taken = _taken(keymap)
    kept = []
    for k in table:
        mine = names_of(keymap.get(k.id, k.keys))
        left = [name for name in mine if name not in taken]
        if k.id in _REFUSED or not left:
            continue
        kept.append(k if left == mine or k.id in keymap else replace(k, shown=written(",".join(left))))
    return REPLAY + tuple(kept)


def replay_keymap(chosen: Mapping[str, str]) -> dict[str, str]:
    """The keys that a user chose, without those that mean something else while a journal is played."""
    taken = _taken(chosen)
    own = {k.id for k in REPLAY}
    found: dict[str, str] = {}
    for name, keys in chosen.items():
        left = [key for key in names_of(keys) if name in own or key not in taken]
        if left:
            found[name] = ",".join(left)
    return found


def _taken(keymap: Mapping[str, str]) -> frozenset[str]:
    """Names of the keys that the replay has."""
    return frozenset(name for k in REPLAY for name in names_of(keymap.get(k.id, k.keys)))
