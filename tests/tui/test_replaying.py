"""A replay on the screen: keys of the player everywhere, nothing is asked of a run, nothing is told early."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot
from tui.replay_stage import drive_replay, replayed
from tui.scenes import busy, nightly
from tui.stage import StillSession, dashboard, shown

from luna_tui.core.events import SubtaskOutput
from luna_tui.core.state import fold
from luna_tui.engine.clock import ManualClock
from luna_tui.tui.app import LunaApp
from luna_tui.tui.replaying import ReplayApp
from luna_tui.tui.screens.asking import Asking
from luna_tui.tui.screens.boxes.palette import PaletteBox
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.screens.report import ReportScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.screens.timeline import TimelineScreen
from luna_tui.tui.views.keymap import key_name
from luna_tui.tui.views.keys import REPLAY, SCREEN_KEYS
from luna_tui.tui.views.replay import replay_keymap, replay_keys
from luna_tui.tui.widgets.lines_panel import LinesPanel

SCREENS = ("t", "l", "v", "L", "R", "exclamation_mark", "question_mark", "enter")


def first_line(app: ReplayApp) -> str:
    return shown(app).splitlines()[0]


def test_space_plays_at_the_pace_of_the_real_clock_and_pauses() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        app.action_to_begin()
        begin_s = app.player.at_s
        await pilot.press("space")
        clock.advance(2.0)
        await pilot.press("right_curly_bracket")
        assert app.player.at_s == pytest.approx(begin_s + 2.0)
        clock.advance(3.0)
        await pilot.press("space")
        assert app.player.at_s == pytest.approx(begin_s + 8.0)
        clock.advance(60.0)
        app._frame()
        assert app.player.at_s == pytest.approx(begin_s + 8.0)
        assert "×2" in first_line(app)
        assert "paused" in first_line(app)

    drive_replay(steps)


@pytest.mark.parametrize("screen", ["", *SCREENS])
def test_the_keys_of_the_player_work_on_every_screen(screen: str) -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        if screen:
            await pilot.press(screen)
            await pilot.pause()
        top, count = app.screen, app.player.count
        await pilot.press("full_stop")
        assert app.player.count == count + 1
        await pilot.press("comma", "comma")
        assert app.player.count == count - 1
        at_s = app.player.at_s
        await pilot.press("greater_than_sign")
        assert app.player.at_s == pytest.approx(at_s + 10.0)
        await pilot.press("less_than_sign")
        assert app.player.at_s == pytest.approx(at_s)
        await pilot.press("right_square_bracket")
        assert app.player.count == app.player.landmarks[0].count
        await pilot.press("end")
        assert app.player.ended
        await pilot.press("left_square_bracket")
        assert app.player.count == app.player.landmarks[-1].count
        await pilot.press("home")
        assert app.player.count == 1
        await pilot.press("space")
        assert app.player.playing
        assert app.screen is top
        assert first_line(app).startswith("REPLAY 7f3a")

    drive_replay(steps, at_s=30.0)


def test_a_step_says_what_happened_and_a_stop_says_what_went_wrong() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("full_stop")
        number = app.player.number
        assert f"#{number} " in shown(app).splitlines()[-1]
        await pilot.press("right_square_bracket")
        assert "2.21 doc_ast: api (500): Internal server error" in shown(app).splitlines()[-1]
        state = app.state_now()[0]
        assert next(s for s in state.subtasks.values() if s.label == "2.21").status == "failed"
        await pilot.press("end", "right_square_bracket")
        assert shown(app).splitlines()[-1] == "No problem comes after this."
        await pilot.press("j")
        assert "space play" in shown(app).splitlines()[-1]

    drive_replay(steps, at_s=30.0)


def test_g_asks_where_to_go_and_what_is_typed_there_plays_nothing() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("g")
        assert isinstance(app.screen, Asking)
        await pilot.press("9", "colon", "0", "0", "enter")
        assert isinstance(app.screen, Asking)
        assert "the journal ends at 2:49" in shown(app)
        await pilot.press("ctrl+u", "5", "0", "space", "percent_sign", "enter")
        assert isinstance(app.screen, RunScreen)
        assert not app.player.playing
        assert app.player.at_s == pytest.approx(app.player.total_s / 2)
        await pilot.press("g", "number_sign", "8", "1", "2", "enter")
        assert app.player.number == 812
        await pilot.press("g", "1", "escape")
        assert app.player.number == 812

    drive_replay(steps)


@pytest.mark.parametrize("key", list("pmwbrxieu"))
def test_what_acts_on_a_run_is_refused_in_one_line(key: str) -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press(key)
        assert isinstance(app.screen, RunScreen)
        assert shown(app).splitlines()[-1] == "A replay takes no commands."
        assert not app.player.playing

    drive_replay(steps, at_s=30.0)


@pytest.mark.parametrize("key", ["q", "d", "escape", "ctrl+c"])
def test_it_is_left_at_once(key: str) -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press(key)
        assert not app.is_running
        assert not app.return_code

    drive_replay(steps, at_s=30.0)


def test_esc_goes_back_where_there_is_something_behind() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("t")
        assert isinstance(app.screen, TimelineScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)
        assert app.is_running

    drive_replay(steps, at_s=30.0)


def test_at_the_end_it_pauses_and_no_other_screen_opens() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("space")
        clock.advance(1_000.0)
        app._frame()
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        assert app.player.ended
        assert not app.player.playing
        assert app.closes_in_s is None
        assert "at end" in first_line(app)
        await pilot.press("R")
        assert isinstance(app.screen, ReportScreen)
        await pilot.press("space")
        assert app.player.count == 1

    drive_replay(steps, at_s=160.0)


def test_a_position_shows_what_a_dashboard_showed_then() -> None:
    """The same lines below the bar, wherever the replay came from."""

    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        for key in ("t", "R", "L", "l"):
            await pilot.press("end", key)
            await pilot.pause()
            app.player.step(700 - app.player.count)
            app._moved()
            await pilot.pause()
            back = shown(app).splitlines()[1:-1]
            app.player.to_begin()
            app._moved()
            app.player.step(699)
            app._moved()
            await pilot.pause()
            assert shown(app).splitlines()[1:-1] == back
            assert app.state_now()[0] == fold(nightly()[:700])
            await pilot.press("escape")

    drive_replay(steps, size=(120, 40))


def test_going_back_takes_back_what_a_subtask_said() -> None:
    texts = [r.event for r in nightly() if isinstance(r.event, SubtaskOutput)]
    subtask = texts[0].subtask
    places = [
        n
        for n, r in enumerate(nightly(), 1)
        if isinstance(r.event, SubtaskOutput) and r.event.subtask == subtask
    ]

    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        app.open_subtask(subtask)
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, SubtaskScreen)
        app.player.step(places[-1] - app.player.count)
        app._moved()
        await pilot.pause()
        whole = screen.reading.text
        assert len(places) > 3
        app.player.step(places[1] - app.player.count)
        app._moved()
        await pilot.pause()
        assert whole.startswith(screen.reading.text)
        assert len(screen.reading.text) < len(whole)
        app.action_to_begin()
        await pilot.pause()
        assert screen.reading.text == ""

    drive_replay(steps)


def test_the_bar_is_no_part_of_what_is_copied_from_a_screen() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        assert screen.taken_all().startswith("luna ")

    drive_replay(steps, at_s=30.0)


@pytest.mark.parametrize("size", [(44, 16), (80, 24), (120, 40), (200, 60)], ids=str)
@pytest.mark.parametrize("screen", ["", *SCREENS])
def test_the_bar_and_the_screen_fill_the_terminal_exactly(size: tuple[int, int], screen: str) -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        if screen:
            await pilot.press(screen)
        await pilot.pause()
        panels = [p for p in app.screen.query(LinesPanel) if p.display]
        assert panels[0].region.y == 0
        assert panels[0].region.height == 1
        assert max(p.region.bottom for p in panels) == size[1]
        assert min(p.region.y for p in panels[1:]) == 1

    drive_replay(steps, at_s=60.0, size=size)


def test_a_terminal_too_low_for_a_bar_has_none() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        assert "REPLAY" not in shown(app)

    drive_replay(steps, at_s=60.0, size=(60, 3))


def test_no_key_line_and_no_line_of_trouble_names_what_a_replay_refuses() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        for key in ("", "enter", "exclamation_mark", "t", "l", "R"):
            if key:
                await pilot.press(key)
                await pilot.pause()
            text = shown(app)
            for refused in ("r retry", "x stop", "p pause", "i skip", "b raise", "w workers", "e edit"):
                assert refused not in text, (key, refused)
            if key:
                await pilot.press("escape")

    drive_replay(steps, busy(20), at_s=57.0, size=(120, 40))


def test_the_help_of_a_screen_tells_the_keys_as_they_are_in_a_replay() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = shown(app)
        assert "g      Go to a time" in text
        assert "H      Move to the beginning." in text
        assert "peek" not in text

    drive_replay(steps, size=(80, 60))


@pytest.mark.parametrize("name", sorted(SCREEN_KEYS))
def test_no_key_means_two_things_in_a_replay(name: str) -> None:
    if name in ("preflight", "replay"):
        return
    own = {key for k in REPLAY for key in map(key_name, k.keys.split(","))}
    told = [key for k in replay_keys(SCREEN_KEYS[name], {}) for key in k.shown.split()]
    assert len(told) == len(set(told))
    for k in replay_keys(SCREEN_KEYS[name], {})[len(REPLAY) :]:
        assert not {key_name(key) for key in k.shown.split()} & own


def test_a_key_that_was_chosen_for_the_player_wins_and_another_ones_is_given_back() -> None:
    chosen = {"replay.play": "f5", "go.timeline": "comma", "go.limits": "l,comma"}
    assert replay_keymap(chosen) == {"replay.play": "f5", "go.limits": "l"}

    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("f5")
        assert app.player.playing
        await pilot.press("t")
        assert isinstance(app.screen, TimelineScreen)
        assert "f5 pause" in shown(app).splitlines()[-1]

    drive_replay(steps, keymap=chosen)


def test_the_palette_takes_letters_and_places_alike() -> None:
    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("colon")
        screen = app.screen
        assert isinstance(screen, PaletteBox)
        await pilot.press("g", "space", "full_stop")
        assert screen.text == "g ."
        assert not app.player.playing

    drive_replay(steps)


def test_a_replay_says_nothing_to_the_terminal_beside_its_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[str] = []
    monkeypatch.setattr(ReplayApp, "_send", lambda app, text: sent.append(text))

    async def steps(pilot: Pilot[None], app: ReplayApp, clock: ManualClock) -> None:
        await pilot.press("end", "home", "right_square_bracket")
        app._frame()

    drive_replay(steps)
    assert "".join(sent) == ""


def test_a_replay_of_a_damaged_journal_begins_with_its_notice() -> None:
    app = replayed(notices=("2 lines of the journal are damaged",))
    assert app.notice == "2 lines of the journal are damaged"


def _report(*, ended: bool, replays: bool, waits: bool) -> tuple[LunaApp, str]:
    """A dashboard whose report was open for a while when R was pressed, and what it then said."""
    session = StillSession(nightly() if ended else nightly(60.0))
    app = dashboard(session, replays=replays)
    said: list[str] = []

    async def body() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await pilot.press("R")
            app._frame()
            if waits:
                session.clock.advance(1.5)
            await pilot.press("R")
            said.append(app.notice)

    asyncio.run(body())
    return app, said[0]


def test_r_on_the_report_of_a_run_that_is_over_leaves_to_play_it() -> None:
    app, _said = _report(ended=True, replays=True, waits=True)
    assert app.viewing.replay
    assert app.return_code == 0


def test_r_says_the_command_where_the_run_is_still_on_or_nobody_could_play_it() -> None:
    app, said = _report(ended=False, replays=True, waits=True)
    assert not app.viewing.replay
    assert said.startswith("When it is over: luna-tui replay ")
    app, said = _report(ended=True, replays=False, waits=True)
    assert not app.viewing.replay
    assert said.endswith(" plays it")


def test_r_that_was_meant_for_the_run_that_has_just_ended_does_not_leave_the_report() -> None:
    app, said = _report(ended=True, replays=True, waits=False)
    assert not app.viewing.replay
    assert said == ""
