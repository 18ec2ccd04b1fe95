"""A position in a journal: it plays at any speed, goes anywhere, and never leaves the journal."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.landmarks import Landmark
from luna_tui.core.places import NoPlace, Place, understood_place
from luna_tui.core.player import SPEEDS, Player

INSTANTS = (0.0, 1.0, 1.0, 4.0, 10.0)


def player(*landmarks: Landmark) -> Player:
    return Player(INSTANTS, (1, 2, 3, 4, 5), landmarks)


def test_time_takes_all_records_that_happened_in_it() -> None:
    one = player()
    one.play()
    one.advance(0.5)
    assert (one.count, one.at_s) == (1, 0.5)
    one.advance(0.5)
    assert (one.count, one.at_s) == (3, 1.0)


def test_a_second_at_four_times_the_speed_is_four_seconds_of_the_run() -> None:
    one = player()
    one.speed = 4.0
    one.play()
    one.advance(1.0)
    assert (one.count, one.at_s) == (4, 4.0)


def test_it_says_in_how_many_real_seconds_the_next_record_is_due() -> None:
    one = player()
    assert one.due_s is None
    one.speed = 2.0
    one.play()
    one.advance(0.25)
    assert one.due_s == pytest.approx(0.25)


def test_at_the_end_it_stands_and_from_there_it_begins_anew() -> None:
    one = player()
    one.play()
    one.advance(100.0)
    assert (one.count, one.at_s, one.playing, one.due_s) == (5, 10.0, False, None)
    one.play()
    assert (one.count, one.at_s, one.playing) == (1, 0.0, True)


def test_records_of_one_instant_are_stepped_through_one_by_one() -> None:
    one = player()
    one.play()
    seen = []
    for _ in range(5):
        one.step(1)
        seen.append((one.count, one.at_s))
    assert seen == [(2, 1.0), (3, 1.0), (4, 4.0), (5, 10.0), (5, 10.0)]
    assert not one.playing
    one.step(-3)
    assert (one.count, one.at_s) == (2, 1.0)


def test_a_skip_goes_on_playing_and_stops_at_both_ends() -> None:
    one = player()
    one.play()
    one.skip(5.0)
    assert (one.count, one.at_s, one.playing) == (4, 5.0, True)
    one.skip(-50.0)
    assert (one.count, one.at_s, one.playing) == (1, 0.0, True)
    one.skip(50.0)
    assert one.ended


def test_faster_and_slower_go_through_the_speeds_and_stop_at_the_last() -> None:
    one = player()
    seen = [one.speed]
    for _ in range(8):
        one.faster()
        seen.append(one.speed)
    assert tuple(dict.fromkeys(seen)) == SPEEDS
    one.speed = 3.0
    one.slower()
    assert one.speed == 2.0
    one.speed = 0.5
    one.slower()
    assert one.speed == 0.5


def test_stops_are_gone_to_in_order_and_it_stands_there() -> None:
    one = player(Landmark(2, 1.0, 2), Landmark(4, 4.0, 4, held=True))
    one.play()
    assert one.to_landmark(1) == one.landmarks[0]
    assert (one.count, one.playing) == (2, False)
    assert one.to_landmark(1) == one.landmarks[1]
    assert one.to_landmark(1) is None
    assert one.count == 4
    assert one.to_landmark(-1) == one.landmarks[0]
    assert one.to_landmark(-1) is None


def test_what_comes_before_the_beginning_of_the_run_is_never_a_position() -> None:
    one = Player(INSTANTS, (1, 2, 3, 4, 5), first=3)
    assert one.count == 3
    one.step(-1)
    one.skip(-10.0)
    assert one.count == 3
    one.go_to(Place(number=1))
    assert one.count == 3


def test_an_event_is_found_by_its_number_even_where_records_are_missing() -> None:
    one = Player(INSTANTS, (1, 2, 8, 9, 12))
    one.go_to(Place(number=8))
    assert (one.count, one.number) == (3, 8)
    one.go_to(Place(number=10))
    assert (one.count, one.number, one.last_number) == (4, 9, 12)


def test_time_that_goes_back_in_a_journal_does_not_go_back_in_its_replay() -> None:
    one = Player((0.0, 5.0, 3.0, 6.0), (1, 2, 3, 4))
    one.step(2)
    assert (one.count, one.at_s) == (3, 5.0)


@given(
    st.lists(st.floats(0.0, 50.0), min_size=1, max_size=12).map(sorted),
    st.lists(st.tuples(st.sampled_from(("play", "advance", "step", "skip", "go")), st.integers(-9, 60))),
)
def test_position_and_records_always_agree(instants: list[float], moves: list[tuple[str, int]]) -> None:
    one = Player(instants, range(1, len(instants) + 1))
    for move, by in moves:
        match move:
            case "play":
                one.play(not one.playing)
            case "advance":
                one.advance(by / 4)
            case "step":
                one.step(by)
            case "skip":
                one.skip(by)
            case _:
                one.go_to(Place(at_s=float(by)))
        assert 1 <= one.count <= len(instants)
        assert instants[one.count - 1] <= one.at_s
        assert one.count == len(instants) or one.at_s <= instants[one.count]
        assert instants[0] <= one.at_s <= instants[-1]
        assert not (one.playing and one.ended and move == "advance")


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("1:23", Place(83.0)),
        ("0:52.3", Place(52.3)),
        ("0:52,3", Place(52.3)),
        ("1:00:05", Place(3605.0)),
        ("83", Place(83.0)),
        (" 83.5 ", Place(83.5)),
        ("50 %", Place(2000.0)),
        ("12,5%", Place(500.0)),
        ("#812", Place(number=812)),
        ("# 1", Place(number=1)),
    ],
)
def test_a_place_is_understood(text: str, place: Place) -> None:
    assert understood_place(text, 4000.0, 900) == place


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2:00:00", "the journal ends at 1:06:40"),
        ("#901", "there are events #1 to #900"),
        ("#0", "there are events #1 to #900"),
        ("101 %", "0 % to 100 %"),
        ("soon", "soon is no place: 1:23, 83, 50 % or #812"),
        ("-5", "-5 is no place: 1:23, 83, 50 % or #812"),
        ("", " is no place: 1:23, 83, 50 % or #812"),
    ],
)
def test_what_is_no_place_is_refused_in_words(text: str, why: str) -> None:
    assert understood_place(text, 4000.0, 900) == NoPlace(why)


def test_speeds_double() -> None:
    assert all(after == 2 * before for before, after in pairwise(SPEEDS))
