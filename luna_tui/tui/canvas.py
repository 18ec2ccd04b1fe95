"""What the terminal shows and what it should show; the difference, in few bytes, is what is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache

from rich.cells import get_character_cell_size

_UNKNOWN = "\0"
"""Equal to no cell that is wanted."""
_BRIDGE = 5
"""Unchanged cells between two changed ones that are cheaper to send again than to jump over."""
_ERASE_FROM = 4
"""Blanks up to the end of a row from which erasing is cheaper than writing them."""


@dataclass(frozen=True, slots=True)
class Ink:
    """How a piece of text looks: the parameters of SGR, empty = the terminal's own."""

    codes: str = ""
    covers: bool = False
    """It shows on a blank, too: a background, a line under it."""


Piece = tuple[str, Ink]
_PLAIN = Ink()
_interned: dict[Ink, Ink] = {_PLAIN: _PLAIN}
"""One object for each ink, to be compared by identity."""


class Canvas:
    """Rows of cells. Nothing is sent twice, and what was overtaken before it was sent is not sent at all."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self._wanted = [[" "] * width for _ in range(height)]
        self._wanted_inks = [[_PLAIN] * width for _ in range(height)]
        self._shown = [[_UNKNOWN] * width for _ in range(height)]
        self._shown_inks = [[_PLAIN] * width for _ in range(height)]
        self._open = set(range(height))
        self._last = -1

    @property
    def settled(self) -> bool:
        """The terminal shows what it should."""
        return not self._open

    def put(self, row: int, column: int, pieces: Iterable[Piece]) -> None:
        """From this cell on the row should show these pieces."""
        if not 0 <= row < self.height:
            return
        cells: list[str] = []
        inks: list[Ink] = []
        for text, ink in pieces:
            more, looks = _cells(text, ink)
            cells += more
            inks += looks
        room = self.width - column
        if len(cells) > room:
            del cells[room:], inks[room:]
            if cells and get_character_cell_size(cells[-1][:1] or " ") > 1:
                cells[-1] = " "
        end = column + len(cells)
        wanted, looks_now = self._wanted[row], self._wanted_inks[row]
        if 0 < column < self.width and not wanted[column]:
            wanted[column - 1] = " "
        if end < self.width and not wanted[end]:
            wanted[end] = " "
        wanted[column:end] = cells
        looks_now[column:end] = inks
        if wanted != self._shown[row] or looks_now != self._shown_inks[row]:
            self._open.add(row)
        else:
            self._open.discard(row)

    def forget(self) -> None:
        """Nothing is known of what the terminal shows."""
        self._shown = [[_UNKNOWN] * self.width for _ in range(self.height)]
        self._open = set(range(self.height))

    def changes(self, limit: int, first: Collection[int] = ()) -> str:
        """What brings the terminal nearer to what it should show; whole rows, `limit` characters if they fit.

        `first` are rows that cannot wait. The others take turns, so that none waits for ever.
        """
        out: list[str] = []
        length = 0
        order = sorted(self._open, key=lambda r: (r not in first, r <= self._last, r))
        for row in order:
            sequence = self._row(row)
            if out and length + len(sequence) > limit:
                break
            out.append(sequence)
            length += len(sequence)
            self._shown[row] = self._wanted[row].copy()
            self._shown_inks[row] = self._wanted_inks[row].copy()
            self._open.discard(row)
            if row not in first:
                self._last = row
            if length >= limit:
                break
        if self.settled:
            self._last = -1
        return "".join(out)

    def _row(self, row: int) -> str:
        """The changed parts of a row, and the pen as the terminal has it by itself afterwards."""
        wanted, inks = self._wanted[row], self._wanted_inks[row]
        blank_from = self._blank_from(row)
        out: list[str] = []
        pen = _PLAIN
        for begin, end in self._runs(row):
            out.append(f"\x1b[{row + 1};{begin + 1}H" if not out else f"\x1b[{begin + 1}G")
            erase = end - max(begin, blank_from) >= _ERASE_FROM
            for at in range(begin, max(begin, blank_from) if erase else end):
                ink, cell = inks[at], wanted[at]
                if ink is not pen and not (cell == " " and not ink.covers and not pen.covers):
                    out.append(_pen(pen, ink))
                    pen = ink
                out.append(cell)
            if erase:
                out.append(_pen(pen, _PLAIN) + "\x1b[K")
                pen = _PLAIN
                break
        out.append(_pen(pen, _PLAIN))
        return "".join(out)

    def _blank_from(self, row: int) -> int:
        """Column from which the row should be blank to its end."""
        wanted, inks = self._wanted[row], self._wanted_inks[row]
        at = self.width
        while at and wanted[at - 1] == " " and not inks[at - 1].covers:
            at -= 1
        return at

    def _runs(self, row: int) -> list[tuple[int, int]]:
        """Parts of a row that differ from what is shown; never half of a wide character."""
        wanted = self._wanted[row]
        cells = zip(wanted, self._shown[row], self._wanted_inks[row], self._shown_inks[row], strict=True)
        # Inks are interned, so that this loop, the hottest of the screen, compares no texts of codes.
        changed = [at for at, (a, b, ink, old) in enumerate(cells) if ink is not old or a != b]
        runs: list[tuple[int, int]] = []
        for at in changed:
            if runs and at - runs[-1][1] <= _BRIDGE:
                runs[-1] = (runs[-1][0], at + 1)
            else:
                runs.append((at, at + 1))
        return [self._whole(wanted, begin, end) for begin, end in runs]

    def _whole(self, cells: list[str], begin: int, end: int) -> tuple[int, int]:
        while begin and not cells[begin]:
            begin -= 1
        while end < self.width and not cells[end]:
            end += 1
        return begin, end


def _pen(before: Ink, after: Ink) -> str:
    if before is after:
        return ""
    if not after.codes:
        return "\x1b[m"
    return f"\x1b[{after.codes}m" if not before.codes else f"\x1b[0;{after.codes}m"


@lru_cache(maxsize=8_192)
def _cells(text: str, ink: Ink) -> tuple[list[str], list[Ink]]:
    """One string for each cell; empty behind a wide character. Blanks have no ink that does not show."""
    cells = list(text) if text.isascii() else _wide_cells(text)
    ink = _interned.setdefault(ink, ink)
    if ink.covers or not ink.codes:
        return cells, [ink] * len(cells)
    return cells, [_PLAIN if cell == " " else ink for cell in cells]


def _wide_cells(text: str) -> list[str]:
    cells: list[str] = []
    for character in text:
        width = get_character_cell_size(character)
        if width:
            cells += [character] + [""] * (width - 1)
        elif cells:
            last = len(cells) - 1
            while last and not cells[last]:
                last -= 1
            cells[last] += character
    return cells
