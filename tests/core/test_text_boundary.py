"""Nothing that a terminal would obey passes the event boundary."""

from __future__ import annotations

import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.clean import Cleaner, clean, clean_line

HOSTILE = st.text(
    alphabet="ab\x1b[]PX^_0;52cm?hH\\\x07\x9b\x9d\x9c\r\n\t\u202e\u200b\ufeff\x00é\u0301日", max_size=80
)
FORBIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f\ufeff\ud800-\udfff]"
)


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("plain text\nand more", "plain text\nand more"),
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("t\x1b]0;title\x07x", "tx"),
        ("c\x1b]52;c;aGk=\x1b\\x", "cx"),
        ("\x9b2Jx", "x"),
        ("a\tb", "a    b"),
        ("a\r\nb\rc", "a\nb\nc"),
        ("rtl\u202eevil", "rtl\ufffdevil"),
        ("zero\u200bwidth", "zero\ufffdwidth"),
        ("e\u0301\u0301\u0301\u0301", "e\u0301\u0301"),
        ("\x1b", "\ufffd"),
        ("日本語 ção", "日本語 ção"),
    ],
)
def test_each_kind_of_danger(raw: str, cleaned: str) -> None:
    assert clean(raw) == cleaned


@given(HOSTILE)
def test_nothing_forbidden_is_left_and_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)
    assert not FORBIDDEN.search(once)
    assert "\t" not in once
    assert clean(once) == once


@given(HOSTILE, st.lists(st.integers(0, 80), max_size=6))
def test_where_the_chunks_are_cut_makes_no_difference(text: str, cuts: list[int]) -> None:
    places = sorted({min(c, len(text)) for c in cuts} | {0, len(text)})
    cleaner = Cleaner()
    parts = [cleaner.feed(text[a:b]) for a, b in itertools.pairwise(places)]
    assert "".join(parts) + cleaner.flush() == clean(text)


def test_a_label_is_one_line() -> None:
    assert clean_line("  two\n lines \x1b[2J") == "two lines"
