"""Put a word about the terminal's own line at the end of the screen's last row."""

from __future__ import annotations

from collections.abc import Callable

from luna_tui.tui.views.spans import Line, Role, Span
from luna_tui.tui.views.text import cell_len, fit, join

_GAP = 2


def with_status(make: Callable[[int], Line], status: str, width: int, mark: str) -> Line:
    """The line that `make` makes for a width, with `status` at its right end; both show, however narrow."""
    if not status:
        return make(width)
    told = fit(status, max(width // 2, width - 40), mark)
    line = make(max(0, width - cell_len(told) - _GAP))
    return join(line, (Span(told, Role.WARN),), width, mark)
