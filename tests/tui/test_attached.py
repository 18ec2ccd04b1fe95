"""A dashboard of a run in another process: it says so, and leaving it leaves the run alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot
from tui.scenes import busy, demo
from tui.stage import RecordingControl, StillSession, dashboard, drive, shown

from luna_tui.core.state import fold
from luna_tui.core.tongue import speaking
from luna_tui.core.words import Watching
from luna_tui.storage.translations import translations
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.views.bars import header
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.text import width_of

ELSEWHERE = [w for w in Watching if w is not Watching.OWN]
Compare = Callable[..., bool]


@pytest.mark.parametrize("keys", [["q"], ["ctrl+c"], ["d"], ["t", "ctrl+c"], ["enter", "q", "q"], ["x", "d"]])
@pytest.mark.parametrize("watching", [Watching.ATTACHED, Watching.RECONNECTING])
def test_leaving_asks_nothing_and_ends_nothing(keys: list[str], watching: Watching) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press(*keys)
        assert app._exit
        assert not app.return_code
        assert control.calls == []

    drive(steps, watching=watching)


def test_the_stop_menu_stops_what_is_chosen_and_ctrl_c_in_it_never_ends_the_run() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("x")
        assert isinstance(app.screen, StopMenu)
        await pilot.press("ctrl+c", "ctrl+c", "ctrl+c")
        assert app._exit
        assert control.calls == []

    drive(steps, watching=Watching.ATTACHED)


def test_commands_go_to_the_run() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("p")
        assert control.calls == [("pause", "user")]

    drive(steps, watching=Watching.ATTACHED)


def test_a_signal_to_the_viewer_is_none_to_the_run() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app._terminate()
        await pilot.pause()
        assert app.return_code == 143
        assert control.calls == []

    drive(steps, watching=Watching.ATTACHED)


@pytest.mark.parametrize(
    ("watching", "why"),
    [
        (Watching.READ_ONLY, "Read-only: attach without --read-only to change the run."),
        (Watching.LOST, "The run's process is gone: nothing can be changed."),
        (Watching.REPLAY, "A replay takes no commands."),
    ],
)
def test_why_nothing_can_be_changed_is_said(watching: Watching, why: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("p")
        assert why in shown(app)

    drive(steps, live=False, watching=watching, size=(120, 40))


def test_what_the_run_says_to_this_viewer_is_shown_line_by_line() -> None:
    lines = ["Refused: one", "Refused: two"]

    def heard() -> list[str]:
        found, lines[:] = list(lines), []
        return found

    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app._frame()
        assert "Refused: one" in shown(app)
        await pilot.press("j")
        assert "Refused: two" in shown(app)
        await pilot.press("j")
        assert "Refused" not in shown(app)

    drive(steps, watching=Watching.ATTACHED, heard=heard)


@pytest.mark.parametrize("language", ["en", "pt_BR"])
@pytest.mark.parametrize("watching", ELSEWHERE)
def test_the_banner_shows_at_every_width(watching: Watching, language: str) -> None:
    state = fold(busy(40))
    with speaking(translations(language)):
        for width in range(36, 201):
            for g in (UNICODE, ASCII):
                line = header(state, state.at, width, g, watching=watching)
                text = "".join(span.text for span in line)
                said = [s.text for s in line if s.role.value == "banner" and s.text.strip()]
                assert said, f"{width}: {text}"
                assert width_of(line) <= width


@pytest.mark.parametrize("size", [(44, 16), (80, 24), (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_attached(snap_compare: Compare, size: tuple[int, int]) -> None:
    session = StillSession(demo(10.0), watching=Watching.ATTACHED)
    assert snap_compare(dashboard(session), terminal_size=size)


def test_read_only_in_portuguese(snap_compare: Compare) -> None:
    with speaking(translations("pt_BR")):
        session = StillSession(demo(10.0), live=False, watching=Watching.READ_ONLY)
        assert snap_compare(dashboard(session), terminal_size=(80, 24), press=["t"])


def test_a_lost_process_in_ascii_and_one_colour(snap_compare: Compare) -> None:
    session = StillSession(demo(10.0), live=False, watching=Watching.LOST)
    app = dashboard(session, theme="mono", ascii=True)
    assert snap_compare(app, terminal_size=(80, 24))
