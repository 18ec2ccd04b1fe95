"""However it is cut into pieces, what is sent makes the terminal show what it should, in few bytes."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.glass import Glass
from luna_tui.tui.canvas import Canvas, Ink

WIDTH, HEIGHT = 24, 6
PLAIN = Ink()
RED = Ink("31")
DIM = Ink("2;36")
BAR = Ink("1;44", covers=True)
INKS = (PLAIN, RED, DIM, BAR)

pieces = st.lists(
    st.tuples(st.text(st.sampled_from("ab  ●▒漢e\u0301"), max_size=9), st.sampled_from(INKS)), max_size=5
)
puts = st.tuples(st.integers(-1, HEIGHT), st.integers(0, WIDTH - 1), pieces)
steps = st.lists(
    st.one_of(
        puts.map(lambda p: lambda canvas, glass: canvas.put(*p)),
        st.integers(1, 200).map(lambda n: lambda canvas, glass: glass.feed(canvas.changes(n).encode())),
        st.just(lambda canvas, glass: canvas.forget()),
    ),
    max_size=30,
)


def look(canvas: Canvas) -> tuple[list[list[str]], list[list[set[str]]]]:
    """What a user should see: cells, and the looks of those where a look shows."""
    looks = [
        [
            set(ink.codes.split(";")) - {""} if cell != " " or ink.covers else set()
            for cell, ink in zip(row, inks, strict=True)
        ]
        for row, inks in zip(canvas._wanted, canvas._wanted_inks, strict=True)
    ]
    return canvas._wanted, looks


def seen(glass: Glass) -> tuple[list[list[str]], list[list[set[str]]]]:
    looks = [
        [set(pen) if cell != " " or "44" in pen else set() for cell, pen in zip(row, pens, strict=True)]
        for row, pens in zip(glass.cells, glass.looks, strict=True)
    ]
    return glass.cells, looks


def settle(canvas: Canvas, glass: Glass, limit: int = 10_000) -> int:
    sent = 0
    for _turn in range(100):
        if canvas.settled:
            return sent
        changes = canvas.changes(limit).encode()
        glass.feed(changes)
        sent += len(changes)
    raise AssertionError("it never settles")


def row(canvas: Canvas, y: int, text: str, ink: Ink = PLAIN) -> None:
    canvas.put(y, 0, [(text.ljust(canvas.width), ink)])


@settings(max_examples=300, deadline=None)
@given(steps)
def test_the_terminal_ends_up_showing_what_it_should(steps: list[Callable[[Canvas, Glass], object]]) -> None:
    canvas, glass = Canvas(WIDTH, HEIGHT), Glass(WIDTH, HEIGHT)
    for step in steps:
        step(canvas, glass)
    settle(canvas, glass, 40)
    assert seen(glass) == look(canvas)
    assert canvas.changes(10_000) == ""


def test_nothing_is_sent_for_what_is_shown_already() -> None:
    canvas, glass = Canvas(80, 3), Glass(80, 3)
    row(canvas, 1, "● 2.09 parse_css 0:44", RED)
    settle(canvas, glass)
    row(canvas, 1, "● 2.09 parse_css 0:44", RED)
    assert canvas.settled


def test_one_changed_cell_in_a_wide_row_costs_a_jump_and_a_cell() -> None:
    canvas, glass = Canvas(200, 1), Glass(200, 1)
    line = "".join(f"{n:>4} word" for n in range(25))
    canvas.put(0, 0, [(line, DIM)])
    settle(canvas, glass)
    canvas.put(0, 0, [(line[:100] + "X" + line[101:], DIM)])
    assert canvas.changes(10_000) == "\x1b[1;101H\x1b[2;36mX\x1b[m"


def test_what_was_overtaken_is_never_sent() -> None:
    canvas, glass = Canvas(80, 2), Glass(80, 2)
    settle(canvas, glass)
    for n in range(1_000):
        row(canvas, 0, f"count {n}")
    assert settle(canvas, glass) < 40
    assert glass.shows("count 999")


def test_a_change_that_was_taken_back_is_never_sent() -> None:
    canvas, glass = Canvas(80, 2), Glass(80, 2)
    settle(canvas, glass)
    row(canvas, 0, "gone again")
    row(canvas, 0, "")
    assert canvas.settled


def test_rows_that_cannot_wait_go_first_and_the_others_take_turns() -> None:
    canvas, glass = Canvas(40, 6), Glass(40, 6)
    settle(canvas, glass)
    for y in range(6):
        row(canvas, y, f"{y}" * 40)
    glass.feed(canvas.changes(60, first={4}).encode())
    assert glass.shows("4" * 40)
    order = []
    for turn in range(5):
        before = glass.lines()
        glass.feed(canvas.changes(60).encode())
        order += [y for y in range(6) if glass.lines()[y] != before[y]]
        row(canvas, 0, f"{turn}!" * 20)
    assert order == [0, 1, 2, 3, 5]


def test_blanks_up_to_the_end_of_a_row_are_erased_not_written() -> None:
    canvas, glass = Canvas(200, 1), Glass(200, 1)
    canvas.put(0, 0, [("x" * 200, BAR)])
    settle(canvas, glass)
    row(canvas, 0, "short")
    changes = canvas.changes(10_000)
    assert len(changes) < 25
    glass.feed(changes.encode())
    assert glass.lines() == ["short".ljust(200)]
    assert all("44" not in pen for pen in glass.looks[0])


def test_words_of_one_colour_are_sent_with_one_code() -> None:
    canvas = Canvas(80, 1)
    canvas.put(0, 0, [(text, RED) for text in ("one ", "two ", "three ", "four")])
    assert canvas.changes(10_000).count("\x1b[31m") == 1


def test_half_a_wide_character_is_never_left() -> None:
    canvas, glass = Canvas(10, 1), Glass(10, 1)
    canvas.put(0, 0, [("漢漢漢漢漢", PLAIN)])
    settle(canvas, glass)
    canvas.put(0, 3, [("x", PLAIN)])
    settle(canvas, glass)
    assert "".join(glass.cells[0]) == "漢 x漢漢漢"
    assert seen(glass) == look(canvas)


def test_what_does_not_fit_is_cut_at_a_cell() -> None:
    canvas = Canvas(5, 1)
    canvas.put(0, 0, [("ab漢漢", PLAIN)])
    assert canvas._wanted == [["a", "b", "漢", "", " "]]
    canvas.put(7, 0, [("outside", PLAIN)])
    assert "outside" not in canvas.changes(1_000)
