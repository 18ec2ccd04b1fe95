"""Tables whose columns go one by one when space ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from luna_tui.tui.views.text import cell_len, pad

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column; texts of numbers stand to the right."""

    key: str
    head: str
    least: int = 0
    """Cells that it takes at least."""
    keep: int = 0
    """The higher, the longer it stays when there is no room; the first column always stays."""
    left: bool = False


def cells_of(text: str, column: Column, width: int, mark: str) -> str:
    """A text in the cells of its column."""
    if column.left:
        return pad(text, width, mark)
    text = text if cell_len(text) <= width else pad(text, width, mark)
    return " " * (width - cell_len(text)) + text


def widths(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    least_first: int,
    first: int = 0,
) -> dict[str, int]:
    """Column -> cells, of those that fit beside the first, which takes what is left up to what it needs.

    `least_first` = cells that the first column keeps while others could go; `first` = cells that it needs
    whatever the rows say.
    """
    need = {
        c.key: max(c.least, cell_len(c.head), *(cell_len(row[n]) for row in rows))
        for n, c in enumerate(columns)
    }
    key, others = columns[0].key, list(columns[1:])
    need[key] = max(need[key], first)
    for gone in sorted(others, key=lambda c: c.keep):
        if sum(need[c.key] + GAP for c in others) + min(least_first, need[key]) <= width:
            break
        others.remove(gone)
    room = width - sum(need[c.key] + GAP for c in others)
    return {key: max(1, min(need[key], room))} | {c.key: need[c.key] for c in others}
