"""A filter on the run screen is told as long as it is in force, and no key acts on what it hides."""

from __future__ import annotations

import pytest
from textual.pilot import Pilot
from tui.stage import RecordingControl, drive, shown

from luna_tui.tui.app import LunaApp
from luna_tui.tui.replaying import ReplayApp
from luna_tui.tui.screens.acting import ActingScreen
from luna_tui.tui.screens.asks import AsksScreen
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.screens.changes import ChangesScreen
from luna_tui.tui.screens.difference import DifferencePage
from luna_tui.tui.screens.events import EventsScreen
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.screens.home import HomeScreen
from luna_tui.tui.screens.kept_report import KeptReport
from luna_tui.tui.screens.limits import LimitsScreen
from luna_tui.tui.screens.plan import PlanScreen
from luna_tui.tui.screens.planning import PlanningScreen
from luna_tui.tui.screens.preflight import PreflightScreen
from luna_tui.tui.screens.problems import ProblemsScreen
from luna_tui.tui.screens.report import ReportScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.screens.timeline import TimelineScreen
from luna_tui.tui.views.keys import REPLAY, SCREEN_KEYS

SCREENS: dict[str, type[LunaScreen]] = {
    "run": RunScreen,
    "subtask": SubtaskScreen,
    "problems": ProblemsScreen,
    "asks": AsksScreen,
    "changes": ChangesScreen,
    "timeline": TimelineScreen,
    "limits": LimitsScreen,
    "events": EventsScreen,
    "plan": PlanScreen,
    "preflight": PreflightScreen,
    "report": ReportScreen,
    "help": HelpScreen,
    "home": HomeScreen,
    "kept": KeptReport,
    "planning": PlanningScreen,
    "difference": DifferencePage,
}


@pytest.mark.parametrize("name", SCREENS)
def test_every_key_of_a_screen_does_something(name: str) -> None:
    actions = {k.id: f"action_{k.id.rpartition('.')[2]}" for k in SCREEN_KEYS[name]}
    assert [i for i, action in actions.items() if not hasattr(SCREENS[name], action)] == []


def test_every_table_of_keys_belongs_to_a_screen_or_to_the_replay() -> None:
    assert SCREEN_KEYS.keys() - SCREENS.keys() == {"replay"}
    assert all(hasattr(ReplayApp, f"action_{k.id.rpartition('.')[2]}") for k in REPLAY)


def test_a_filter_that_hides_everything_leaves_nothing_for_keys_to_act_on() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, _control: RecordingControl) -> None:
        here = app.screen
        assert isinstance(here, ActingScreen)
        assert here.selection()
        await pilot.press("slash", *"nothing like it", "enter")
        assert "No worker matches the filter." in shown(app)
        assert here.selection() == ()
        await pilot.press("slash", "ctrl+u", "enter")
        assert here.selection()

    drive(steps)


def test_the_key_line_tells_the_filter_in_force() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, _control: RecordingControl) -> None:
        await pilot.press("slash", *"s:stream", "enter")
        assert "/ s:stream  " in shown(app)
        await pilot.press("slash", "ctrl+u", *"something very long to look for", "enter")
        assert "/ something very…" in shown(app)
        await pilot.press("slash", "ctrl+u", "enter")
        assert "/ filter" in shown(app)

    drive(steps)
