"""A line that is typed at the bottom of the screen: filter, find, go to, write to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from luna_tui.tui.views.glyphs import Glyphs
from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import cell_len, fit, pad


@dataclass(frozen=True, slots=True)
class Typed:
    """Text with a cursor in it."""

    text: str = ""
    at: int = 0
    """Place of the cursor, 0 to the length of the text."""

    def insert(self, more: str) -> Typed:
        """Put text where the cursor is."""
        return Typed(self.text[: self.at] + more + self.text[self.at :], self.at + len(more))

    def rub_out(self, count: int = 1) -> Typed:
        """Take characters away before the cursor."""
        kept = max(0, self.at - count)
        return Typed(self.text[:kept] + self.text[self.at :], kept)

    def delete(self) -> Typed:
        """Take the character under the cursor away."""
        return Typed(self.text[: self.at] + self.text[self.at + 1 :], self.at)

    def rub_out_word(self) -> Typed:
        """Take the word before the cursor away."""
        kept = self.text[: self.at].rstrip()
        return self.rub_out(self.at - (kept.rfind(" ") + 1))

    def move(self, by: int) -> Typed:
        """Move the cursor."""
        return replace(self, at=max(0, min(len(self.text), self.at + by)))

    def put(self, start: int, word: str) -> Typed:
        """Replace what stands between `start` and the cursor."""
        return Typed(self.text[:start] + word + self.text[self.at :], start + len(word))


@dataclass(frozen=True, slots=True)
class Said:
    """What stands beside the line while it is typed."""

    text: str
    wrong: bool = False
    """It cannot be used as it is."""


def asking_line(label: str, typed: Typed, said: Said, keys: str, width: int, g: Glyphs) -> Line:
    """`label text_  said   keys`, exactly `width` cells; the cursor is always in sight."""
    head = fit(label, max(0, width - 8), g.cut)
    room = width - cell_len(head) - 1
    beside = f"  {said.text}" if said.text else ""
    typing = min(room, max(cell_len(typed.text) + 1, 8))
    if cell_len(beside) > room - typing:
        beside = fit(beside, room - typing, g.cut) if room - typing > 6 else ""
    help_ = f"   {keys}" if keys and cell_len(beside) + cell_len(keys) + 3 <= room - typing else ""
    typing = max(1, room - cell_len(beside) - cell_len(help_))
    before, under, after = _window(typed, typing, g)
    used = cell_len(before) + cell_len(under) + cell_len(after)
    return (
        Span(head + " ", Role.KEY),
        Span(before),
        Span(under, Role.SELECTED if typed.at < len(typed.text) else Role.ACCENT),
        Span(pad(after, typing - used + cell_len(after), g.cut)),
        Span(beside, Role.BAD if said.wrong else Role.DIM),
        Span(help_, Role.DIM),
    )


def _window(typed: Typed, width: int, g: Glyphs) -> tuple[str, str, str]:
    """Text before, under and after the cursor that fits; what is left out at an end shows as cut."""
    under = typed.text[typed.at : typed.at + 1] or g.cursor
    before, after = typed.text[: typed.at], typed.text[typed.at + 1 :]
    if cell_len(under) > width:
        under = g.cut
    room = width - cell_len(under)
    if cell_len(before) > room:
        while before and cell_len(before) > max(0, room - 1):
            before = before[1:]
        before = g.cut + before if room > 0 else ""
    return before, under, fit(after, room - cell_len(before), g.cut)
