"""The line's state is told in words at the end of the last row, however narrow it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tui.scenes import busy

from luna_tui.core.state import fold
from luna_tui.tui.ladder import Rung
from luna_tui.tui.pace import WORDS
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks, Panel, Span
from luna_tui.tui.views.status import with_status
from luna_tui.tui.views.text import fit_line, width_of


def text(panel: Panel) -> str:
    return "\n".join("".join(s.text for s in line) for line in panel.lines)


@given(st.integers(24, 200), st.sampled_from([w for w in WORDS.values() if w]))
def test_the_words_are_there_and_the_row_is_not_wider(width: int, words: str) -> None:
    line = with_status(lambda room: fit_line((Span("enter open  q leave " * 3),), room), words, width, "…")
    told = "".join(s.text for s in line)
    assert width_of(line) <= width
    assert told.endswith(words) or told.endswith("…")
    assert told.startswith("ent")


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (60, 20)], ids=str)
def test_a_slow_line_leaves_out_what_streams_say_and_says_so(size: tuple[int, int]) -> None:
    state = fold(busy(20))
    looks = Looks(width=size[0], height=size[1], selected="s00")
    full = run_view(state, state.at, looks)
    words = WORDS[Rung.NO_TEXT]
    slow = Looks(width=size[0], height=size[1], selected="s00", stream_text=False, status=words)
    less = run_view(state, state.at, slow)
    assert words in text(less.keys)
    assert words not in text(full.keys)
    for said in ("Summary of the module", "checking 41 of 96"):
        assert said not in text(less.grid) + text(less.peek)
    if size[0] >= 120:
        assert "checking 41 of 96" in text(full.grid)
    assert len(less.grid.lines) == len(full.grid.lines)
    assert text(less.attention) == text(full.attention)
