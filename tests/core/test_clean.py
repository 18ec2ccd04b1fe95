"""Cleaning stays complete, linear and independent of the chunks, whatever is thrown at it."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.clean import (
    HELD_BACK,
    MAX_COMBINING,
    REPLACEMENT,
    Cleaner,
    clean,
    clean_line,
    short_line,
    visible,
)

INVISIBLE = (
    {chr(n) for n in (*range(0x20), *range(0x7F, 0xA0)) if chr(n) != "\n"}
    | {chr(n) for n in (0xAD, 0x34F, 0x61C, 0x115F, 0x1160, 0x3164, 0xFEFF, 0xFFA0, 0xFFF9)}
    | {chr(n) for first, last in ((0x200B, 0x200F), (0x2028, 0x202E)) for n in range(first, last + 1)}
    | {chr(n) for first, last in ((0x2060, 0x206F), (0xFE00, 0xFE0F)) for n in range(first, last + 1)}
    | {chr(n) for n in range(0xE0000, 0xE0080)}
)
FRAGMENTS = [
    "\x1b", "\x1b[", "31m", "\x1b]", "0;", "52;c;", "\x07", "\x1b\\", "\x9b", "\x9d", "\x9c", "\x1bP",
    "\x1b_", "\x90", "\x1b(", "B", "\r", "\n", "\t", "a", "日", "é", "\u0301", "\u0e31", "\u202e", "\u200d",
    "\ud800", "\U000e0041", " ", "x" * 40,
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)


def fed(text: str, cuts: list[int]) -> str:
    places = sorted({min(c, len(text)) for c in cuts} | {0, len(text)})
    cleaner = Cleaner()
    return "".join([*(cleaner.feed(text[a:b]) for a, b in itertools.pairwise(places)), cleaner.flush()])


@given(HOSTILE | st.text(max_size=60))
def test_no_invisible_character_is_left(text: str) -> None:
    assert not INVISIBLE & set(clean(text))
    clean(text).encode("utf-8")


@given(HOSTILE | st.text(max_size=60))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(HOSTILE, st.lists(st.integers(0, 200), max_size=8))
def test_chunks_make_no_difference(text: str, cuts: list[int]) -> None:
    assert fed(text, cuts) == clean(text)


@given(HOSTILE)
def test_one_character_at_a_time_makes_no_difference(text: str) -> None:
    assert fed(text, list(range(len(text)))) == clean(text)


@given(HOSTILE | st.text(max_size=60))
def test_combining_marks_never_pile_up(text: str) -> None:
    run = 0
    for char in clean(text):
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        assert run <= MAX_COMBINING


@given(HOSTILE | st.text(max_size=60))
def test_a_label_is_one_trimmed_line(text: str) -> None:
    label = clean_line(text)
    assert "\n" not in label
    assert label == label.strip()


@pytest.mark.parametrize(
    "sequence",
    [
        "\x1b]8;;https://example.org/" + "a" * 1_500 + "\x1b\\",
        "\x1b]52;c;" + "QUJD" * 300 + "\x07",
        "\x1bPq#0;2;0;0;0\x1b\\",
        "\x1b_Gf=100;AAAA\x1b\\",
        "\x9d0;title\x9c",
        "\x1b[38;2;1;2;3m",
        "\x1b[?1049h",
        "\x1b(0",
        "\x1bc",
        "\x1b#8",
    ],
)
def test_a_whole_sequence_vanishes_with_its_payload(sequence: str) -> None:
    assert clean(f"a{sequence}b") == "ab"
    assert fed(f"a{sequence}b", list(range(0, len(sequence), 7))) == "ab"


@given(HOSTILE)
def test_what_is_made_visible_hides_nothing_and_is_clean(text: str) -> None:
    shown = visible(text)
    assert [c for c in shown if " " <= c <= "~"] == [c for c in text if " " <= c <= "~"]
    assert all(clean(part) == part for part in shown.split("\t"))


def test_a_sequence_that_is_too_long_is_shown_as_text() -> None:
    long = "\x1b]0;" + "t" * HELD_BACK + "\x07"
    assert clean(long) == REPLACEMENT + long[1:-1] + REPLACEMENT
    assert fed(long, list(range(0, len(long), 100))) == clean(long)


def test_a_sequence_that_never_ends_holds_back_no_more_than_allowed() -> None:
    cleaner = Cleaner()
    assert cleaner.feed("\x1b]" + "t" * (HELD_BACK - 2)) == ""
    assert cleaner.feed("t") == REPLACEMENT + "]" + "t" * (HELD_BACK - 1)


def test_a_line_end_ends_an_unfinished_title() -> None:
    cleaner = Cleaner()
    assert cleaner.feed("\x1b]0;title\nnext") == f"{REPLACEMENT}]0;title\nnext"


def test_a_progress_bar_reads_as_one_line_a_step() -> None:
    assert clean("10%\r20%\r\n30%") == "10%\n20%\n30%"


@pytest.mark.parametrize("unit", ["\x1b", "\x9d", "\x1b[", "\x1b]", "\x1bP\x1b", "\x9b1", "\u0301", "\r"])
def test_a_flood_of_introducers_costs_linear_time(unit: str) -> None:
    flood = unit * 60_000
    assert fed(flood, list(range(0, len(flood), 4_000))) == clean(flood)


@pytest.mark.parametrize(
    ("text", "short"),
    [("a b", "a b"), ("0123456789", "0123456789"), ("0123456789x", "012345678…"), ("a\n\x1b[31mb\t", "a b"),
     ("a" + " " * 99 + "b", "a…"), ("", "")],
)  # fmt: skip
def test_a_short_line_says_where_something_is_left_out(text: str, short: str) -> None:
    assert short_line(text, 10) == short
