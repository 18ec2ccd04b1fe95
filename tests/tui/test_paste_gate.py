"""A paste is whole, bounded and never keeps the keyboard, wherever its bytes are cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from luna_tui.tui.paste import END, LIMIT, QUIET_TICKS, START, PasteGate


@given(st.data())
def test_where_the_input_is_cut_makes_no_difference(data: st.DataObject) -> None:
    text = "ab" + START + "pasted" + END + "x" + START + "more\x1b[2J" + END + "y"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    gate = PasteGate()
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    taken = "".join(gate.take(piece) for piece in pieces)
    assert taken == "ab" + START + "pasted" + END + "x" + START + "more[2J" + END + "y"


def test_a_huge_paste_is_cut_and_what_follows_is_keys() -> None:
    gate = PasteGate()
    taken = "".join(gate.take(piece) for piece in [START, *["a" * 4_096] * 250, END, "x"])
    assert taken == START + "a" * LIMIT + END + "x"


def test_a_paste_without_an_end_is_closed_after_two_quiet_seconds() -> None:
    gate = PasteGate()
    assert gate.take(START + "abc") == START
    assert [gate.tick() for _ in range(QUIET_TICKS)] == [""] * (QUIET_TICKS - 1) + ["abc" + END]
    assert gate.take("x") == "x"
    assert gate.tick() == ""
