"""The replay bar over the screens, as it looks; and what it leaves out where there is little room."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tui.replay_stage import replayed
from tui.scenes import busy

from luna_tui.core.landmarks import Landmark
from luna_tui.core.tongue import speaking
from luna_tui.storage.translations import translations
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.replay import BarFacts, replay_bar
from luna_tui.tui.views.spans import Role
from luna_tui.tui.views.text import plain, width_of

Compare = Callable[..., bool]
SCREENS = {"run": [], "timeline": ["t"], "subtask": ["enter"], "report": ["R"]}
SKETCH = (
    Landmark(1, 134.0, 1),
    Landmark(2, 210.0, 2, held=True),
)
"""Of a run of 4:58."""


@pytest.mark.parametrize("size", [(44, 16), (80, 24), (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("screen", SCREENS)
def test_the_bar_over(snap_compare: Compare, size: tuple[int, int], screen: str) -> None:
    assert snap_compare(replayed(at_s=60.0), terminal_size=size, press=SCREENS[screen])


def test_the_bar_while_it_plays(snap_compare: Compare) -> None:
    keys = ["right_curly_bracket", "right_curly_bracket", "space"]
    assert snap_compare(replayed(at_s=60.0), terminal_size=(80, 24), press=keys)


def test_a_stop_in_words(snap_compare: Compare) -> None:
    assert snap_compare(replayed(), terminal_size=(80, 24), press=["right_square_bracket"])


def test_the_question_where_to_go(snap_compare: Compare) -> None:
    assert snap_compare(replayed(), terminal_size=(80, 24), press=["g", "9", "colon", "0", "0"])


def test_the_help(snap_compare: Compare) -> None:
    assert snap_compare(replayed(), terminal_size=(80, 40), press=["question_mark"])


def test_in_ascii(snap_compare: Compare) -> None:
    assert snap_compare(replayed(busy(20), at_s=57.0, ascii=True), terminal_size=(80, 24))


def test_without_colour(snap_compare: Compare) -> None:
    assert snap_compare(replayed(at_s=60.0, theme="mono"), terminal_size=(80, 24))


@pytest.mark.parametrize("size", [(44, 16), (80, 24), (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_in_portuguese(snap_compare: Compare, size: tuple[int, int]) -> None:
    with speaking(translations("pt_BR")):
        assert snap_compare(replayed(at_s=60.0), terminal_size=size)


def bar(width: int, *, at_s: float = 52.3, playing: bool = True, ascii_only: bool = False) -> str:
    facts = BarFacts(
        run="20260102-150405-61c0",
        at_s=at_s,
        total_s=298.0,
        number=812,
        last_number=5120,
        speed=4.0,
        playing=playing,
        ended=at_s == 298.0,
        landmarks=SKETCH,
    )
    line = replay_bar(facts, width, ASCII if ascii_only else UNICODE)
    assert width_of(line) <= width
    return plain(line)


def test_the_bar_says_less_where_there_is_less_room() -> None:
    assert [bar(width) for width in (80, 60, 44, 30, 20)] == [
        "REPLAY 61c0  0:52.3/4:58.0 ▕███▌····x·····$·····▏ ×4 playing  event  812 of 5120",
        "REPLAY 61c0  0:52.3/4:58.0 ▕███▌····x····$·····▏ ×4 ►   #812",
        "REPLAY 0:52.3 ▕██▌····x···$····▏ ×4 ►   #812",
        "0:52.3 ▕██▌····x···$····▏ ×4 ►",
        "0:52.3▕██▌··x··$···▏",
    ]


@pytest.mark.parametrize("width", [24, 44, 60, 80, 120, 200])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_the_bar_keeps_its_places_while_it_plays(width: int, *, ascii_only: bool) -> None:
    shown = [bar(width, at_s=at, ascii_only=ascii_only) for at in (0.0, 9.9, 59.9, 60.0, 134.0, 297.9)]
    ends = "[]" if ascii_only else "▕▏"
    assert len({(len(line), line.find(ends[0]), line.find(ends[1])) for line in shown}) == 1
    assert all(line.isascii() for line in shown) or not ascii_only


@pytest.mark.parametrize("width", [44, 80, 200])
def test_problems_and_what_was_held_stay_in_sight_wherever_the_replay_is(width: int) -> None:
    for at_s in (0.0, 134.0, 220.0, 298.0):
        track = bar(width, at_s=at_s).partition("▕")[2].partition("▏")[0]
        assert (track.count("x"), track.count("$")) == (1, 1)
        assert track.index("x") / len(track) == pytest.approx(134 / 298, abs=1.5 / len(track))


def test_the_position_stands_out_where_every_cell_is_a_problem() -> None:
    marks = tuple(Landmark(n, float(n), n) for n in range(298))
    facts = BarFacts(
        run="r", at_s=150.0, total_s=298.0, number=1, last_number=2, speed=1.0, playing=True, ended=False,
        landmarks=marks,
    )  # fmt: skip
    line = replay_bar(facts, 80, UNICODE)
    assert [span.text for span in line if span.role is Role.SELECTED] == ["x"]


def test_that_it_is_paused_shows_without_colour() -> None:
    assert "paused" in bar(80, playing=False)
    assert "=" in bar(60, playing=False)
    assert "at end" in bar(80, at_s=298.0, playing=False)
