"""A text that is read wraps alike however it came, keeps its place, and costs only what is new."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from luna_tui.tui.views.reading import KEPT_CHARS, Mark, Reading, lowered
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import cell_len

TEXT = st.text(alphabet="ab 日é\u0301\n  ", max_size=150)
FRAME_S = 0.002


def reading(text: str, width: int = 20, *, follows: bool = False) -> Reading:
    made = Reading(follows=follows)
    made.resize(width)
    made.set_text(text)
    return made


@given(TEXT, st.lists(st.integers(1, 9), max_size=60), st.integers(2, 40))
def test_text_in_pieces_wraps_like_the_whole(text: str, sizes: list[int], width: int) -> None:
    pieces = Reading()
    pieces.resize(width)
    at = 0
    for size in [*sizes, len(text)]:
        pieces.append(text[at : at + size])
        at += size
    assert pieces.rows == reading(text, width).rows


@given(TEXT, st.integers(0, 150), st.integers(0, 150), st.integers(2, 40))
def test_text_before_wraps_like_the_whole(text: str, first: int, second: int, width: int) -> None:
    late, early = sorted((min(first, len(text)), min(second, len(text))))[::-1]
    back = reading(text[late:], width)
    back.prepend(text[early:late])
    back.prepend(text[:early])
    assert back.text == text
    whole = reading(text, width)
    if text:
        assert [back.text_of(r) for r in back.rows] == [whole.text_of(r) for r in whole.rows]


@given(TEXT, st.integers(2, 40))
def test_rows_fit_and_lose_no_letter(text: str, width: int) -> None:
    read = reading(text, width)
    rows = ["".join(s.text for s in read.line(r)) for r in read.rows]
    assert all(cell_len(row) <= width for row in rows)
    assert "".join(rows).replace(" ", "") == text.replace(" ", "").replace("\n", "")


@given(TEXT, st.text(alphabet="ab 日", min_size=1, max_size=3), st.integers(0, 150))
def test_places_are_found_alike_however_the_text_came(text: str, query: str, cut: int) -> None:
    grown = Reading()
    grown.find(query)
    for char in text[cut:]:
        grown.append(char)
    grown.prepend(text[:cut])
    whole = reading(text)
    whole.find(query)
    missing = {h + min(cut, len(text)) for h in grown.hits} ^ set(whole.hits)
    # Where places overlap, those that do not are counted from another end.
    assert not missing or any(query[:n] == query[-n:] for n in range(1, len(query)))


def test_what_is_found_is_marked_over_meanings_and_over_the_end_of_a_row() -> None:
    read = reading("aaaa needle bbbb", width=8)
    read.marks = [Mark(0, 4, Role.DIM)]
    read.find("aa needle")
    assert read.go_to_hit(1, 10)
    lines = read.shown(10)
    assert [(s.text, s.role) for s in lines[0]] == [("aa", Role.TEXT), ("aa", Role.SELECTED)]
    assert [(s.text, s.role) for s in lines[1]] == [("needle", Role.SELECTED)]
    read.find("")
    assert [(s.text, s.role) for s in read.shown(1)[0]] == [("aaaa", Role.DIM)]


def test_capitals_make_a_difference_only_when_they_are_typed() -> None:
    read = reading("Straße STRASSE İ and\nAnd")
    read.find("and")
    assert len(read.hits) == 2
    read.find("And")
    assert len(read.hits) == 1
    assert len(lowered("İ ẞ")) == 3


def test_further_rows_stand_under_the_first_word_or_where_they_are_told() -> None:
    read = reading("    four words in here and more", width=20)
    assert [r.indent for r in read.rows] == [0, 4]
    read.set_text("label text that goes on and on", hangs={0: 6})
    assert [r.indent for r in read.rows] == [0, 6]


def test_scrolling_to_the_end_follows_and_back_stays() -> None:
    read = reading("\n".join(str(n) for n in range(50)), follows=True)
    assert read.following
    read.scroll(-5, 10)
    assert read.text_of(read.rows[read.first(10)]) == "35"
    read.append("\n50\n51")
    assert read.text_of(read.rows[read.first(10)]) == "35"
    read.scroll(99, 10)
    assert read.following


def test_memory_is_bounded_and_a_place_that_is_read_is_never_taken_away() -> None:
    read = Reading(follows=True)
    for n in range(2 * KEPT_CHARS // 1_000):
        read.append(f"{n:09d} " * 100 + "\n")
    assert len(read.text) <= KEPT_CHARS
    assert read.base > 0
    assert [read.text_of(r) for r in read.rows] == [
        r.text_of(x) for r in [reading(read.text, 80)] for x in r.rows
    ]
    read.scroll(-3, 10)
    before = read.shown(10)
    for _ in range(2 * KEPT_CHARS // 1_000):
        read.append("x" * 1_000 + "\n")
    assert read.shown(10) == before


def test_a_frame_of_a_long_stream_costs_little() -> None:
    for end in ("\n", " "):
        read = Reading(follows=True)
        took = []
        for n in range(500):
            more = f"{n} some words of a stream, naïve and plain, " * 45 + end
            began = time.process_time()
            read.append(more[:2_000])
            read.shown(50)
            took.append(time.process_time() - began)
        assert len(read.text) > 100_000
        assert sorted(took)[int(len(took) * 0.95)] < FRAME_S
