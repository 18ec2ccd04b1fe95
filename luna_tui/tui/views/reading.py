"""A text that is being read: wrapped as it grows at both ends, with a place in it and what was found."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.cells import get_character_cell_size

from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import plain

KEPT_CHARS = 512 * 1024
"""Longest text kept for reading; beyond it the beginning goes, and is read again from its file."""
_CONTEXT_ROWS = 2
"""Rows above a place that was found."""


class Row(NamedTuple):
    """A row of the wrapped text; offsets count from the character that stood first in the beginning."""

    start: int
    end: int
    indent: int
    """Cells before it: what follows on a wrapped line stands under its beginning."""
    opens: bool
    """It is the first row of its line."""
    note: int = -1
    """Number of the note that stands in it instead of text; -1 = none."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A part of the text with a meaning of its own."""

    start: int
    end: int
    role: Role


@dataclass(frozen=True, slots=True)
class Note:
    """A line that is no part of the text, and stands before one of its characters."""

    at: int
    """Offset of that character; the end of the text for what comes after all of it."""
    line: Line


class Reading:
    """Text, rows and place. Growing costs what is new, showing costs what is shown."""

    def __init__(self, *, follows: bool = False) -> None:
        self.width = 80
        self.text = ""
        self.base = 0
        """Offset of the first character of `text`."""
        self.rows: list[Row] = []
        self.marks: Sequence[Mark] = ()
        """In order, none over another."""
        self.hangs: Mapping[int, int] = {}
        """Where a line begins -> cells before its further rows; else they stand under its first word."""
        self.can_follow = follows
        """Scrolling to the end means to stay there."""
        self.top: int | None = None if follows else 0
        """Offset in the first row shown; None = the end is shown."""
        self._lift = 0
        """Rows of notes above that row that are shown too."""
        self.notes: Sequence[Note] = ()
        """In order of their places."""
        self.query = ""
        self.hits: list[int] = []
        """Offsets of what was found, in order."""
        self.at_hit: int | None = None
        """Offset of the place found that was gone to."""

    @property
    def following(self) -> bool:
        """The end is shown, whatever comes."""
        return self.top is None

    def set_text(self, text: str, marks: Sequence[Mark] = (), hangs: Mapping[int, int] | None = None) -> None:
        """Read another text; the place stays where it was, as far as it is there."""
        self.marks, self.hangs = marks, hangs or {}
        if text != self.text or self.base:
            self.text, self.base = text, 0
            self._wrap_all()
            self._find_all()

    def set_notes(self, notes: Sequence[Note]) -> None:
        """Show these between the lines of the text; what they say may change, and more may come."""
        before, self.notes = self.notes, notes
        same = 0
        for old, new in zip(before, notes, strict=False):
            if old.at != new.at:
                break
            same += 1
        if same == len(before) == len(notes):
            return
        first = min(note.at for note in (*before[same:], *notes[same:]))
        last = self.rows[-1] if self.rows else None
        if last is not None and (first > last.start or (first == last.start and last.opens)):
            self._wrap_from_last()
        else:
            self._wrap_all()

    def append(self, more: str) -> None:
        """The text goes on."""
        end = self.base + len(self.text)
        self.text += more
        if len(self.text) > KEPT_CHARS and self.following:
            self.trim(KEPT_CHARS // 2)
        self._wrap_from_last()
        self._look(end - len(self.query) + 1, self.base + len(self.text))

    def prepend(self, earlier: str) -> None:
        """The text began earlier; the place stays."""
        if not earlier:
            return
        line_end = self.text.find("\n")
        joined = self.base + (len(self.text) if line_end < 0 else line_end + 1)
        kept = self.rows[bisect_left(self.rows, joined, key=lambda r: r.start) :] if line_end >= 0 else []
        old = self.base
        self.text = earlier + self.text
        self.base -= len(earlier)
        # A text that ends in a newline has an empty last row, which `kept` then holds.
        self.rows = [*self._wrapped(self.base, joined if kept else joined + 1), *kept]
        before, self.hits = self.hits, []
        self._look(self.base, old + len(self.query) - 1)
        self.hits += before

    def resize(self, width: int) -> None:
        """Wrap for another width; the place stays on its words."""
        width = max(1, width)
        if width != self.width:
            self.width = width
            if self.following and self.can_follow:
                self.trim(KEPT_CHARS // 8)
            self._wrap_all()
            self._find_all()

    def trim(self, keep: int) -> None:
        """Forget the beginning, so that about this many characters stay."""
        cut = self.base + len(self.text) - keep
        first = bisect_left(self.rows, cut, key=lambda r: r.start)
        if cut > self.base and first < len(self.rows):
            base = self.rows[first].start
            self.text = self.text[base - self.base :]
            self.base = base
            del self.rows[:first]
            del self.hits[: bisect_left(self.hits, base)]

    def first(self, room: int) -> int:
        """Number of the first row shown."""
        last = max(0, len(self.rows) - room)
        if self.top is None:
            return last
        return min(last, max(0, self._row_of(self.top) - self._lift))

    def scroll(self, by: int, room: int) -> None:
        """Move by rows; at the end a text that grows is followed."""
        at = self.first(room) + by
        last = max(0, len(self.rows) - room)
        if at >= last and self.can_follow and by > 0:
            self.top = None
        elif self.rows:
            self._stay(max(0, min(last, at)))

    def follow(self, on: bool, room: int) -> None:
        """Show the end from now on, or stay."""
        at = self.first(room)
        self.top = None if on else self.base
        if not on and self.rows:
            self._stay(at)

    def find(self, query: str) -> None:
        """Look for a text; without capitals in it, capitals make no difference."""
        self.query, self.at_hit = query, None
        self._find_all()

    def go_to_hit(self, by: int, room: int) -> bool:
        """Go to the next place found (or the one before); round at the ends. False = nothing was found."""
        if not self.hits:
            return False
        if self.at_hit is None:
            shown = self.first(room)
            here = self.rows[shown].start if self.rows else self.base
            at = bisect_left(self.hits, here) if by > 0 else bisect_left(self.hits, here) - 1
        else:
            at = bisect_left(self.hits, self.at_hit) + by
        self.at_hit = self.hits[at % len(self.hits)]
        self.show(self.at_hit, room)
        return True

    def show(self, offset: int, room: int) -> None:
        """Have the row of this character in sight, and stay there."""
        row, shown = self._row_of(offset), self.first(room)
        if not shown <= row < shown + room:
            self._stay(max(0, row - _CONTEXT_ROWS))
        elif self.top is None:
            self.follow(False, room)

    def _stay(self, row: int) -> None:
        """Have this row shown first from now on; those of notes have no characters of their own."""
        self.top = self.rows[row].start
        self._lift = self._row_of(self.top) - row

    def hit_number(self) -> int:
        """Which of the places found one is at, from 1; 0 = none yet."""
        return 0 if self.at_hit is None else bisect_left(self.hits, self.at_hit) + 1

    def shown(self, room: int, role: Role = Role.TEXT) -> list[Line]:
        """The rows in sight, at most `room`."""
        at = self.first(room)
        return [self.line(row, role) for row in self.rows[at : at + room]]

    def line(self, row: Row, role: Role = Role.TEXT) -> Line:
        """One row, with its meanings and what was found in it."""
        if row.note >= 0:
            return self.notes[row.note].line
        spans: list[Span] = [Span(" " * row.indent)] if row.indent else []
        at = row.start
        for start, end, other in self._parts(row):
            if start > at:
                spans.append(Span(self._slice(at, start), role))
            if end > at:
                spans.append(Span(self._slice(max(at, start), end), other))
                at = end
        if at < row.end:
            spans.append(Span(self._slice(at, row.end), role))
        return tuple(spans)

    def text_of(self, row: Row) -> str:
        """The text of a row, without its indent."""
        if row.note >= 0:
            return plain(self.notes[row.note].line)
        return self._slice(row.start, row.end)

    def _parts(self, row: Row) -> list[tuple[int, int, Role]]:
        """What differs in a row: its places found, else its meanings."""
        found = []
        size = len(self.query)
        for n in range(bisect_right(self.hits, row.start - size), len(self.hits)):
            hit = self.hits[n]
            if hit >= row.end:
                break
            role = Role.SELECTED if hit == self.at_hit else Role.ACCENT
            found.append((max(hit, row.start), min(hit + size, row.end), role))
        if found or not self.marks:
            return found
        for n in range(bisect_right(self.marks, row.start, key=lambda m: m.end), len(self.marks)):
            mark = self.marks[n]
            if mark.start >= row.end:
                break
            found.append((max(mark.start, row.start), min(mark.end, row.end), mark.role))
        return found

    def _slice(self, start: int, end: int) -> str:
        return self.text[start - self.base : end - self.base]

    def _row_of(self, offset: int) -> int:
        return max(0, bisect_right(self.rows, offset, key=lambda r: r.start) - 1)

    def _wrap_all(self) -> None:
        something = self.text or self.notes
        self.rows = list(self._wrapped(self.base, self.base + len(self.text) + 1)) if something else []

    def _wrap_from_last(self) -> None:
        """Only the last row can change when text comes after it."""
        if not self.rows:
            self._wrap_all()
            return
        last = self.rows.pop()
        while self.rows and self.rows[-1].start == last.start and max(last.note, self.rows[-1].note) >= 0:
            last = self.rows.pop()
        self.rows += self._wrapped(last.start, self.base + len(self.text) + 1, None if last.opens else last)

    def _wrapped(self, start: int, stop: int, inside: Row | None = None) -> Iterator[Row]:
        """Rows of the lines that begin before `stop`; the first may go on `inside` a line.

        A note ends the line that it stands in; what follows begins a new one.
        """
        at = start - self.base
        while at < stop - self.base:
            noted = list(self._notes_at(at + self.base))
            yield from noted
            if noted and at == len(self.text):
                return
            if noted and at and self.text[at] == "\n" != self.text[at - 1]:
                at += 1
                continue
            end = self.text.find("\n", at)
            end = len(self.text) if end < 0 else end
            cut = self._note_after(at + self.base) - self.base
            hang = self.hangs.get(at + self.base)
            for row in rows_of(
                self.text, at, min(end, cut), self.width, inside.indent if inside else None, hang
            ):
                yield Row(row.start + self.base, row.end + self.base, row.indent, row.opens)
            inside = None
            if cut == end:
                yield from self._notes_at(end + self.base)
            at = cut if cut < end else end + 1

    def _notes_at(self, offset: int) -> Iterator[Row]:
        """Rows of the notes before this character."""
        for n in range(bisect_left(self.notes, offset, key=lambda note: note.at), len(self.notes)):
            if self.notes[n].at != offset:
                return
            yield Row(offset, offset, 0, True, n)

    def _note_after(self, offset: int) -> int:
        """Place of the first note after this character; beyond the text when there is none."""
        n = bisect_right(self.notes, offset, key=lambda note: note.at)
        return self.notes[n].at if n < len(self.notes) else self.base + len(self.text) + 1

    def _find_all(self) -> None:
        self.hits = []
        self._look(self.base, self.base + len(self.text))
        if self.at_hit is not None and self.at_hit not in self.hits:
            self.at_hit = None

    def _look(self, start: int, stop: int) -> None:
        """Find in a part of the text; places that are known already are not found again."""
        if not self.query:
            return
        query = self.query
        part = self._slice(max(self.base, start), stop)
        if query == query.lower():
            query, part = query, lowered(part)
        offset = max(self.base, start)
        at = part.find(query)
        while at >= 0:
            self.hits.append(offset + at)
            at = part.find(query, at + len(query))


def lowered(text: str) -> str:
    """`text` in small letters, every character where it was."""
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def rows_of(
    text: str, start: int, end: int, width: int, indent: int | None = None, hang: int | None = None
) -> Iterator[Row]:
    """One line of the text in rows of at most `width` cells, broken at spaces where there are some.

    `indent` is given when `start` lies inside the line: what the rows after its first stand under.
    """
    opens = indent is None
    if indent is None:
        indent = _leading(text, start, end) if hang is None else hang
        indent = indent if indent < width // 2 else 0
    at = start
    while True:
        room = width if opens else width - indent
        count = _fitting(text, at, end, room)
        if at + count >= end:
            yield Row(at, end, 0 if opens else indent, opens)
            return
        cut = at + count
        if text[cut] != " ":
            space = text.rfind(" ", at, cut)
            cut = space if space > at and not text[at:space].isspace() else cut
        stop = cut
        while stop > at and text[stop - 1] == " ":
            stop -= 1
        yield Row(at, stop if stop > at else cut, 0 if opens else indent, opens)
        at, opens = cut, False
        while at < end and text[at] == " ":
            at += 1
        if at >= end:
            return


def _leading(text: str, start: int, end: int) -> int:
    at = start
    while at < end and text[at] == " ":
        at += 1
    return at - start


def _fitting(text: str, start: int, end: int, room: int) -> int:
    """Characters from `start` that fit into `room` cells, at least one."""
    head = text[start : min(end, start + room + 1)]
    if head.isascii():
        return min(len(head), room)
    cells = 0
    for count, char in enumerate(text[start : min(end, start + 3 * room + 3)]):
        cells += 1 if char < "\x7f" else get_character_cell_size(char)
        if cells > room:
            return max(1, count)
    return min(end - start, 3 * room + 3)
