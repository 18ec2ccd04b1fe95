"""Measure, cut and pad text in terminal cells; write times, tokens and money."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from luna_tui.core.clean import clean_line
from luna_tui.core.figures import clock
from luna_tui.tui.views.spans import Line, Span

__all__ = [
    "cell_len",
    "clock",
    "fit",
    "fit_line",
    "join",
    "money",
    "pad",
    "plain",
    "set_end",
    "tokens",
    "width_of",
    "wrap",
]


def fit(text: str, width: int, mark: str = "…") -> str:
    """`text` in at most `width` cells; what is cut ends in `mark`."""
    text = clean_line(text) if "\n" in text else text
    if cell_len(text) <= width:
        return text
    if width <= 0:
        return ""
    return set_cell_size(text, width - 1).rstrip() + mark if width > 1 else mark


def pad(text: str, width: int, mark: str = "…") -> str:
    """`text` in exactly `width` cells."""
    return set_cell_size(fit(text, width, mark), max(0, width))


def set_end(text: str, width: int, mark: str = "…") -> str:
    """The end of `text` in at most `width` cells; what is cut begins with `mark`."""
    if cell_len(text) <= width:
        return text
    kept = text
    while kept and cell_len(kept) > width - 1:
        kept = kept[1:]
    return mark + kept


def width_of(line: Line) -> int:
    """Cells of a line."""
    return sum(cell_len(span.text) for span in line)


def plain(line: Line) -> str:
    """The text of a line without its roles."""
    return "".join(span.text for span in line)


def fit_line(line: Line, width: int, mark: str = "…") -> Line:
    """A line in at most `width` cells; what is cut ends in `mark`."""
    if width_of(line) <= width:
        return line
    kept: list[Span] = []
    left = width
    for span in line:
        size = cell_len(span.text)
        if size < left:
            kept.append(span)
            left -= size
            continue
        kept.append(Span(fit(span.text + "  ", left, mark), span.role))
        break
    return tuple(kept)


def join(left: Line, right: Line, width: int, mark: str = "…") -> Line:
    """`left` and `right` at the two ends of a line; `right` goes when there is no room for both."""
    gap = width - width_of(left) - width_of(right)
    if gap < 2:
        return fit_line(left, width, mark)
    return (*left, Span(" " * gap), *right)


def tokens(count: int) -> str:
    """`612`, `1.3k`, `24k`, `1.40M`."""
    if count < 1_000:
        return str(count)
    if count < 9_950:
        return f"{count / 1_000:.1f}k"
    if count < 999_500:
        return f"{count / 1_000:.0f}k"
    return f"{count / 1_000_000:.2f}M"


def money(usd: float | None) -> str:
    """`$1.41`; `$?` when no price is known."""
    return "$?" if usd is None else f"${usd:.2f}"


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken at spaces where there are some."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while cell_len(rest) > width:
            head = set_cell_size(rest, width).rstrip(" ")
            cut = head.rfind(" ")
            if cut > width // 2:
                head = head[:cut]
            head = head or rest[:1]
            lines.append(head)
            rest = rest[len(head) :].lstrip(" ")
        lines.append(rest)
    return lines
