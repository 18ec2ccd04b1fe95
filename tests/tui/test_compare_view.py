"""Two runs beside each other, as lines: they fit, and say the worst first."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from kept import records

from luna_tui.core.comparison import Comparison, compare_runs
from luna_tui.core.state import fold
from luna_tui.core.words import Status
from luna_tui.tui.views.compare import compare_lines
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.text import plain, width_of


def changed() -> Comparison:
    """One of every kind."""
    before, after = fold(records("a")), fold(records("b"))
    for state, usd in ((before, 0.2), (after, 0.3)):
        state.subtasks["csv"].cost_usd = usd
    before.subtasks["calendar"].cost_usd, after.subtasks["calendar"].cost_usd = 0.5, 0.1
    after.subtasks["gzip"].duration_s += 30.0
    before.subtasks["heapq"].duration_s += 30.0
    after.subtasks["ast"].status, after.subtasks["ast"].reason = Status.TIMED_OUT, "timed out after 60 s"
    before.subtasks["ftplib"].status, before.subtasks["ftplib"].reason = Status.FAILED, "exited with 3"
    after.subtasks["new"] = after.subtasks.pop("mailbox")
    return compare_runs(before, after, ("x", "y"))


FOUND = changed()


def test_groups_come_worst_first_with_their_figures() -> None:
    lines = [plain(line) for line in compare_lines(FOUND, ("a", "b"), 100, glyphs_for(False))]
    heads = [
        line.split("  ")[0] for line in lines if line and not line.startswith(" ") and line[-1].isdigit()
    ]
    groups = ["failed anew", "slower", "dearer", "removed", "added", "fixed", "faster", "cheaper"]
    assert [h for h in heads if h in groups] == groups
    text = "\n".join(lines)
    assert "Another plan: subtasks are matched by their ids." in text
    assert "before: failed: exited with 3" in text
    assert "$0.20 → $0.30   +$0.10" in text
    assert "33 subtasks changed in nothing" in text


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.booleans())
def test_a_comparison_fits_every_width(width: int, ascii_only: bool) -> None:
    lines = compare_lines(FOUND, ("7f3a", "a-name-of-ones-own"), width, glyphs_for(ascii_only))
    assert all(width_of(line) <= width for line in lines)
    if ascii_only:
        assert all(span.text.isascii() for line in lines for span in line)
