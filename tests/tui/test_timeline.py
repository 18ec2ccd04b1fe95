"""The timeline says what was so, to the cell; its cursor and its window move only when told to."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from past import Past, two_waves
from textual.pilot import Pilot
from tui.scenes import busy, demo, paused
from tui.stage import RecordingControl, StillSession, dashboard, drive, shown

from luna_tui.core.lanes import Window, bars, critical_so_far
from luna_tui.core.lost import Gauged
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import WaitReason
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.screens.timeline import TimelineScreen
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.lanes import CELL_LENGTHS_S, bar_in_words, cells_across, whole_run, zoomed
from luna_tui.tui.views.spans import Line, Looks, Role
from luna_tui.tui.views.text import width_of
from luna_tui.tui.views.timeline import Lens, lanes_in_order, timeline, timeline_view

BY_HAND = two_waves().state()
MOMENTS = [BY_HAND, Past({"w": "a"}).state(), fold(busy(40)), fold(paused()), fold(demo(19.0)), fold(demo())]


def text(line: Line) -> str:
    return "".join(s.text for s in line)


def lens_of(state: RunState, width: int, **more: Any) -> Lens:
    lanes = sorted(state.tracks.lanes)
    window = whole_run(state.at, cells_across(width))
    chosen: dict[str, Any] = {
        "window": window,
        "lanes": lanes,
        "worker": lanes[0] if lanes else None,
        "critical": critical_so_far(state, state.at),
        "lost": Gauged().of(state, state.at),
    }
    return Lens(**(chosen | more))


def page(state: RunState, width: int, height: int, *, ascii: bool = False, **more: Any) -> list[str]:
    looks = Looks(width=width, height=height, ascii=ascii)
    panel = timeline_view(state, state.at, looks, lens_of(state, width, **more))
    return [text(line).rstrip() for line in panel.lines]


def test_a_small_run_at_80_columns() -> None:
    bar = bars(BY_HAND.subtasks["c"], 60.0)[1]
    lines = page(BY_HAND, 80, 24, worker=2, bar=bar)
    assert lines[:5] == [
        "luna 7f3a  TIMELINE  0:00-1:00 of ~1:04   cell 1 s         zoom +/-  arrows move",
        "     0:00      0:10      0:20      │         0:40      0:50      now",
        "w00  ░░██████████████████··········│▒▒▒▒▒░░██████████████████████        ! 2.01",
        "w01 ^░░░░██████»»»»»»██████████████│█████████████████████████████        ● 2.02",
        "w02  ░███████[rrr░░█████████]······│░████████████████x···········",
    ]
    assert lines[11] == "run  ████████████████████████████████████████████████████████████        2 now"
    assert lines[18] == "ITPM █████████████████████████████████████████████████████████████       85%"
    assert lines[19:22] == [
        "█ stream  » tool  ▒ limit  r backoff  ░ first token  x failed  ^ critical path",
        "lost so far: nothing worth a second",
        "1.03 do_c try 2 w02 0:08-0:24: first token 2 s, stream 10 s after 4 s backoff",
    ]


def readme_picture() -> str:
    """The timeline of the small run as the README shows it."""
    lines = page(BY_HAND, 80, 15, worker=2, bar=bars(BY_HAND.subtasks["c"], 60.0)[1])[:-2]
    return "\n".join(line for line in lines if line)


def test_the_picture_in_the_readme_is_true() -> None:
    readme = Path(__file__).parent.parent.parent / "README.md"
    assert f"```text\n{readme_picture()}\n```" in readme.read_text(encoding="utf-8")


def test_the_same_in_ascii() -> None:
    lines = page(BY_HAND, 80, 24, ascii=True)
    assert lines[2:5] == [
        "w00  ..##################----------|+++++..######################        ! 2.01",
        "w01 ^....######tttttt##############|#############################        * 2.02",
        "w02  .#######xrrr..##########------|.################x-----------",
    ]
    assert lines[19] == "# stream  t tool  + limit  r backoff  . first token  x failed  ^ critical path"
    assert all(line.isascii() for line in lines)


def test_the_strip_at_120_columns() -> None:
    lines = [text(line).rstrip() for line in timeline(BY_HAND, 60.0, 120, 9, UNICODE).lines]
    idle = "·" * 20
    assert lines[0].startswith("timeline, cell 0.6 s   █ stream  » tool  ▒ limit  r backoff  ░ first token")
    assert lines[0].endswith("x failed  · idle  │ wave")
    assert lines[1:4] == [
        "w00  ░░░" + "█" * 30 + idle[:17] + "│▒▒▒▒▒▒▒▒▒░░░" + "█" * 37,
        "w01  ░░░░░░░" + "█" * 10 + "»" * 10 + "█" * 23 + "│░" + "█" * 48,
        "w02  ░░███████████xrrrrrr░░░" + "█" * 17 + idle[:10] + "│░░" + "█" * 27 + "x" + idle[:19],
    ]
    load = [(13, "█"), (1, "▆"), (6, "▅"), (13, "█"), (1, "▆"), (6, "▅"), (10, "▃"), (10, "▅"), (20, "█")]
    assert lines[4] == "run  " + "".join(n * c for n, c in load) + "▅" * 20 + "        2 now"
    assert lines[6] == "     1 scan 0:30" + " " * 39 + "│2 merge 0:30 so far"
    assert lines[5].startswith("ITPM ▂▂▂")
    assert lines[5].endswith("▇       85%")


@pytest.mark.parametrize("height", [4, 5, 6, 7, 12])
def test_the_strip_says_how_many_lanes_it_leaves_out(height: int) -> None:
    state = fold(busy(40))
    lines = timeline(state, state.at, 120, height, UNICODE).lines
    assert len(lines) <= height
    lanes = sum(text(line).startswith("w") for line in lines)
    assert f"…{40 - lanes} more lanes   t opens the full timeline" in "\n".join(map(text, lines))


def test_a_bar_in_words() -> None:
    state = two_waves().wait(56.0, "d", 0, WaitReason.PAUSED).state()
    words = {i: [bar_in_words(state, b) for b in bars(state.subtasks[i], 60.0)] for i in "bcdf"}
    assert words["b"] == ["1.02 do_b try 1 w01 0:00-0:30: first token 4 s, stream 20 s, tool 6 s"]
    assert words["c"][0] == (
        "1.03 do_c try 1 w02 0:00-0:08: first token 1 s, stream 7 s; failed: overloaded (529)"
    )
    assert words["d"] == [
        "2.01 do_d try 1 w00 0:30-0:56: first token 2 s, stream 18 s after 6 s limit ITPM",
        "2.01 do_d try 2 w00 0:56-now: waits 4 s paused so far",
    ]
    assert words["f"][0].endswith("failed: timed out after 18 s")


def test_lanes_in_other_orders() -> None:
    past = Past({"w": "abcd"}, workers=4).wave(0.0, "w")
    past.start(0.0, "a", 0).say(59.0, "a")
    past.wait(40.0, "b", 1, WaitReason.ITPM).wait(10.0, "c", 2, WaitReason.OTPM)
    past.start(0.0, "d", 3).say(1.0, "d").limits(60.0, 0.5)
    state = past.state()
    assert lanes_in_order(state, 60.0, 0) == [0, 1, 2, 3]
    assert lanes_in_order(state, 60.0, 1) == [2, 1, 0, 3]
    assert lanes_in_order(state, 60.0, 2) == [3, 1, 2, 0]


@given(st.floats(0.01, 100_000.0), st.integers(10, 200))
def test_the_whole_run_fits_its_window_and_wastes_little_of_it(now_s: float, count: int) -> None:
    window = whole_run(now_s, count)
    assert window.start_at <= now_s <= window.end_at + 1e-6
    place = CELL_LENGTHS_S.index(window.cell_s)
    assert place in (0, len(CELL_LENGTHS_S) - 1) or now_s >= CELL_LENGTHS_S[place - 1] * count - 1e-6


@pytest.mark.parametrize("cell_s", CELL_LENGTHS_S[1:-1])
def test_zooming_about_halves_and_doubles(cell_s: float) -> None:
    closer, wider = (CELL_LENGTHS_S[zoomed(cell_s, by)] for by in (-1, 1))
    assert 0.4 <= closer / cell_s < 1.0 or closer == CELL_LENGTHS_S[0]
    assert 1.0 < wider / cell_s <= 2.5 or wider == CELL_LENGTHS_S[-1]


@settings(max_examples=120, deadline=None)
@given(
    st.integers(1, 220), st.integers(1, 70), st.integers(0, len(MOMENTS) - 1), st.booleans(),
    st.sampled_from(CELL_LENGTHS_S[:20]), st.integers(0, 200), st.booleans(),
)  # fmt: skip
def test_the_timeline_fits_every_size(
    width: int, height: int, moment: int, ascii_only: bool, cell_s: float, first: int, follow: bool
) -> None:
    state = MOMENTS[moment]
    looks = Looks(width=width, height=height, ascii=ascii_only)
    window = Window(first, cells_across(width), cell_s)
    panel = timeline_view(state, state.at, looks, lens_of(state, width, window=window, follow=follow))
    assert len(panel.lines) == height
    assert all(width_of(line) <= width for line in panel.lines)
    strip = timeline(state, state.at, width, height, ASCII if ascii_only else UNICODE)
    assert len(strip.lines) <= height
    assert all(width_of(line) <= width for line in strip.lines)
    if ascii_only:
        assert all(text(line).isascii() for line in (*panel.lines, *strip.lines))


def at_timeline(app: LunaApp) -> TimelineScreen:
    assert isinstance(app.screen, TimelineScreen)
    return app.screen


def last_bar(app: LunaApp) -> str:
    """The line that names the bar under the cursor."""
    return shown(app).splitlines()[-3].rstrip()


def test_the_cursor_goes_over_lanes_and_bars_and_enter_opens() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "j", "j")
        screen = at_timeline(app)
        assert screen.selected == "2"
        assert last_bar(app).startswith("2.03 do_f try 1 w02")
        await pilot.press("left")
        assert last_bar(app).startswith("1.03 do_c try 2 w02 0:08-0:24")
        await pilot.press("left", "left", "left")
        assert last_bar(app).startswith("1.03 do_c try 1 w02 0:00-0:08")
        await pilot.press("right")
        assert last_bar(app).startswith("1.03 do_c try 2")
        await pilot.press("k")
        assert last_bar(app).startswith("1.02 do_b try 1 w01")
        assert screen.under_cursor() == ("b",)
        assert screen.taken_line() == last_bar(app)
        await pilot.press("enter")
        assert isinstance(app.screen, SubtaskScreen)
        assert app.screen.subtask == "b"
        await pilot.press("escape", "g")
        assert screen.selected == "0"
        await pilot.press("G")
        assert screen.selected == "2"
        assert control.calls == []

    drive(steps, records=two_waves().records())


def test_news_moves_nothing_while_one_looks_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "left")
        screen = at_timeline(app)
        before, window = shown(app).splitlines(), screen.window()
        state = app.state_now()[0]
        for record in two_waves().say(200.0, "e").records()[state.seq :]:
            state.apply(record)
        screen.draw()
        assert screen.window() == window
        assert shown(app).splitlines()[1:5][1][:60] == before[1:5][1][:60]
        assert "f goes to now" in shown(app)
        await pilot.press("f")
        assert screen.follow
        assert screen.window().end_at >= 200.0

    drive(steps, records=two_waves().records())


@pytest.mark.parametrize("key", ["f", "end"])
def test_f_and_end_go_to_now(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "left")
        assert not at_timeline(app).follow
        await pilot.press(key)
        assert at_timeline(app).follow
        assert "zoom +/-" in shown(app)

    drive(steps, records=two_waves().records())


def test_zoom_stays_around_the_bar_or_ends_at_now() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "plus")
        screen = at_timeline(app)
        assert screen.window().cell_s == 0.5
        assert screen.window().end_at >= 60.0
        await pilot.press("minus")
        assert screen.window() == whole_run(60.0, cells_across(80))
        await pilot.press("minus")
        assert screen.window().cell_s == 1
        await pilot.press("j", "j", "left", "plus", "equals_sign")
        window = screen.window()
        assert window.cell_s == 0.25
        assert window.start_at <= 16.0 <= window.end_at

    drive(steps, records=two_waves().records())


def test_arrows_at_the_edge_scroll_and_home_goes_to_the_start() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "plus", "plus")
        screen = at_timeline(app)
        first = screen.window().first
        assert first > 0
        await pilot.press("left")
        assert screen.window().start_at < 20.0
        await pilot.press("home")
        assert screen.window().first == 0
        await pilot.press("left")
        assert screen.window().first == 0
        for _ in range(12):
            await pilot.press("right")
        assert screen.window().end_at >= 60.0

    drive(steps, records=two_waves().records())


def test_c_leaves_the_critical_path_and_c_brings_all_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "c")
        assert at_timeline(app).entries() == ("1",)
        assert "critical path only" in shown(app)
        assert "w00" not in shown(app)
        await pilot.press("c")
        assert at_timeline(app).entries() == ("0", "1", "2")

    drive(steps, records=two_waves().records())


def test_s_sorts_once_and_the_lanes_then_keep_their_places() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "s")
        screen = at_timeline(app)
        assert "longest wait first" in shown(app)
        before = screen.entries()
        past = two_waves().wait(61.0, "e", 1, WaitReason.ITPM).limits(90.0, 0.5)
        for record in past.records()[app.state_now()[0].seq :]:
            app.state_now()[0].apply(record)
        assert screen.entries() == before
        await pilot.press("s")
        assert "needs me first" in shown(app)
        await pilot.press("s", "s")
        assert screen.entries()[0] == "1"

    drive(steps, records=two_waves().records())


def test_a_click_selects_a_lane_and_nothing_else() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t")
        await pilot.click("#list", offset=(20, 4))
        assert at_timeline(app).selected == "2"
        assert control.calls == []

    drive(steps, records=two_waves().records())


def test_more_lanes_than_rows_scroll() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t")
        assert "…26 more lanes (j k)" in shown(app)
        await pilot.press("pagedown", "pagedown")
        screen = at_timeline(app)
        assert screen.selected is not None
        assert f"w{int(screen.selected):02d}" in shown(app)
        assert "above" in shown(app)
        await pilot.press("pageup", "up", "down")
        assert screen.first < 14

    drive(steps, records=busy(40))


def test_the_word_for_every_key_of_the_timeline_is_in_its_help() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("t", "question_mark")
        said = shown(app)
        for word in ("To the bar before", "To the next bar of the lane"):
            assert word in said

    drive(steps, records=two_waves().records(), size=(100, 60))


def test_the_name_of_the_cursor_lane_is_marked() -> None:
    looks = Looks(width=80, height=24)
    panel = timeline_view(BY_HAND, 60.0, looks, lens_of(BY_HAND, 80, worker=1))
    marked = [s.text for line in panel.lines for s in line if s.role is Role.SELECTED]
    assert marked == ["w01"]


Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_timeline(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = dashboard(StillSession(demo(19.0)))
    assert snap_compare(app, terminal_size=size, press=["t", "j", "j", "left"])


def test_timeline_of_forty(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(busy(40))), terminal_size=(80, 24), press=["t"])


def test_timeline_by_hand(snap_compare: Compare) -> None:
    app = dashboard(StillSession(two_waves().records()))
    assert snap_compare(app, terminal_size=(80, 24), press=["t", "j", "j", "left"])


def test_timeline_ascii(snap_compare: Compare) -> None:
    app = dashboard(StillSession(demo(19.0)), ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), press=["t", "j"])


def test_timeline_mono(snap_compare: Compare) -> None:
    app = dashboard(StillSession(two_waves().records()), theme="mono")
    assert snap_compare(app, terminal_size=(80, 24), press=["t", "j", "j", "left"])
