"""Two runs beside each other."""

from __future__ import annotations

from luna_tui.core.comparison import Comparison
from luna_tui.tui.screens.base import bindings
from luna_tui.tui.screens.kept_page import KeptPage
from luna_tui.tui.views.compare import compare_lines
from luna_tui.tui.views.spans import Line


class ComparePage(KeptPage):
    """What changed from the one to the other."""

    BINDINGS = bindings(KeptPage.KEYS)

    def __init__(self, found: Comparison, names: tuple[str, str]) -> None:
        """`names` are short names of the two."""
        super().__init__()
        self._found = found
        self._names = names

    def lines(self) -> list[Line]:
        """Totals, then what changed."""
        return compare_lines(self._found, self._names, self.looks().width, self.glyphs)
