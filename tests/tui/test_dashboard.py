"""Keys do what the help says, and looking changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import AppBlur, AppFocus
from textual.pilot import Pilot
from tui.scenes import busy, demo
from tui.stage import RecordingControl, StillSession, dashboard, drive, shown

from luna_tui.core.words import Manner, Mode, Scope
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.screens.report import ReportScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.widgets.lines_panel import LinesPanel


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60), (44, 16), (60, 20)], ids=str)
@pytest.mark.parametrize("workers", [20, 40])
def test_the_screen_shows_every_line_of_the_view(size: tuple[int, int], workers: int) -> None:
    import asyncio

    async def body() -> None:
        app = dashboard(StillSession(busy(workers)))
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            panels = {p.id: p for p in app.screen.query(LinesPanel)}
            for name, panel in panels.items():
                room = panel.size.height if panel.display else 0
                assert room == len(panel.panel.lines), f"{name} has {room} rows"
            grid = panels["grid"]
            assert grid.region.bottom <= size[1]
            assert len({c.key for c in grid.panel.cells}) == workers

    asyncio.run(body())


def test_looking_changes_nothing() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press(
            "j",
            "k",
            "right",
            "left",
            "g",
            "G",
            "down",
            "up",
            "space",
            "v",
            "escape",
            "T",
            "question_mark",
            "escape",
            "enter",
            "f",
            "j",
            "escape",
        )
        await pilot.click("#grid", offset=(3, 3))
        assert control.calls == []
        assert isinstance(app.screen, RunScreen)

    drive(steps)


def test_m_asks_for_a_mode_and_p_for_a_pause() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("m", "c", "p")
        assert control.calls == [("mode", Mode.CONSERVATIVE, "user"), ("pause", "user")]

    drive(steps)


@pytest.mark.parametrize(
    ("key", "call"),
    [
        ("s", ("cancel", Scope.SUBTASK, Manner.NOW, None, "s00", "user")),
        ("w", ("cancel", Scope.WAVE, Manner.FINISH, "extract", None, "user")),
        ("W", ("cancel", Scope.WAVE, Manner.NOW, "extract", None, "user")),
        ("a", ("cancel", Scope.RUN, Manner.FINISH, None, None, "user")),
        ("A", ("cancel", Scope.RUN, Manner.NOW, None, None, "user")),
    ],
)
def test_x_opens_a_menu_and_a_letter_stops(key: str, call: tuple[Any, ...]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("x")
        assert isinstance(app.screen, StopMenu)
        assert control.calls == []
        await pilot.press(key)
        assert control.calls == [call]
        assert isinstance(app.screen, RunScreen)

    drive(steps)


def test_the_safe_choice_is_under_the_cursor() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("x", "enter")
        await pilot.press("x", "escape")
        assert control.calls == []
        await pilot.press("x", "j", "j", "enter")
        assert control.calls == [("cancel", Scope.WAVE, Manner.FINISH, "extract", None, "user")]

    drive(steps)


def test_ctrl_c_again_and_again_goes_from_asking_to_leaving() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("ctrl+c")
        menu = app.screen
        assert isinstance(menu, StopMenu)
        await pilot.press("ctrl+c", "ctrl+c")
        assert control.calls == []
        assert menu._keys[menu.at] == "A"
        await pilot.press("ctrl+c")
        assert app.return_code == 130
        assert control.calls == [("cancel", Scope.RUN, Manner.NOW, None, None, "user")]

    drive(steps)


def test_enter_opens_the_subtask_under_the_cursor() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("j", "enter")
        assert isinstance(app.screen, SubtaskScreen)
        assert app.screen.subtask == "s01"
        assert "overloaded (529)" in shown(app)
        await pilot.press("f")
        assert "follow off" in shown(app)
        await pilot.press("f")
        assert "follow on" in shown(app)
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)

    drive(steps)


def test_help_names_every_key() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        assert "MOVE" in shown(app)
        await pilot.press("q")
        assert isinstance(app.screen, RunScreen)

    drive(steps)


def test_q_asks_while_the_run_is_on_and_leaves_after_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("q")
        assert isinstance(app.screen, StopMenu)
        assert app.is_running

    drive(steps)


def test_the_report_comes_by_itself_and_closes_when_left_alone() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app._frame()
        await pilot.pause()
        assert isinstance(app.screen, ReportScreen)
        assert "speed-up" in shown(app)
        assert "closes in 10 s" in shown(app)
        app._session.clock.advance(11)  # type: ignore[attr-defined]
        app._frame()
        assert app._exit

    drive(steps, records=demo(), close_after_s=10.0)


def test_any_key_keeps_the_report() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app._frame()
        await pilot.pause()
        await pilot.press("j")
        app._session.clock.advance(60)  # type: ignore[attr-defined]
        app._frame()
        assert not app._exit

    drive(steps, records=demo(), close_after_s=10.0)


def test_a_recording_takes_no_commands() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("x")
        assert isinstance(app.screen, RunScreen)
        app.screen.draw()
        assert "A replay takes no commands." in shown(app)

    drive(steps, live=False)


def test_themes_change_at_run_time_and_an_unknown_one_is_told() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        assert "theme nope is not known; using dark" in shown(app)
        names = []
        for _ in range(6):
            await pilot.press("T")
            names.append(app.palette.name)
        assert sorted(names) == ["colour-blind", "dark", "high-contrast", "light", "mono", "solarized"]

    drive(steps, theme="nope")


def test_an_equal_frame_paints_nothing() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        grid = app.screen.query_one("#grid", LinesPanel)
        refreshed: list[object] = []
        grid.refresh = lambda *a, **k: refreshed.append(a) or grid  # type: ignore[method-assign, func-returns-value]
        app.draw_screens()
        assert refreshed == []

    drive(steps)


def test_only_the_first_button_selects_and_not_the_click_that_brings_the_terminal_to_the_front() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        before = screen.selected
        await pilot.click("#grid", offset=(30, 5), button=3)
        assert screen.selected == before
        app.post_message(AppBlur())
        app.post_message(AppFocus())
        await pilot.pause()
        await pilot.click("#grid", offset=(30, 5))
        assert screen.selected == before
        await pilot.click("#grid", offset=(30, 5))
        assert screen.selected != before

    drive(steps)


def test_every_notice_is_shown_one_after_the_other() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        for said in ("theme one is broken", "theme two is broken", "did you mean run.mode?"):
            app.screen.draw()  # type: ignore[attr-defined]
            assert said in shown(app)
            await pilot.press("f5")

    drive(
        steps,
        notices=("theme one is broken", "theme two is broken", "did you mean run.mode?"),
    )
