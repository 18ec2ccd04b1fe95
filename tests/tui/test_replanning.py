"""`N`: the rest of a run planned anew, its price first, and the difference before anything starts."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui.preflight_stage import PRICES, ask, plan_of, text_of
from tui.scenes import demo, nightly
from tui.stage import RecordingControl, drive, shown
from tui.test_plan_edits import drive as drive_plan
from tui.test_terminal import Terminal

from luna_tui.core.events import Record
from luna_tui.core.home import PlanningPrice
from luna_tui.core.limits import TIERS
from luna_tui.core.plan import Wave
from luna_tui.core.plan_editing import Anew
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import speaking
from luna_tui.core.words import Mode, Staffing, Watching
from luna_tui.engine.clock import ManualClock
from luna_tui.storage.paths import find_run
from luna_tui.storage.resources import resource
from luna_tui.storage.run_meta import read_meta
from luna_tui.storage.themes import discover_themes
from luna_tui.storage.translations import translations
from luna_tui.tui.app import LunaApp
from luna_tui.tui.preflight_app import Choice, PreflightApp
from luna_tui.tui.screens.boxes.ask import AskBox
from luna_tui.tui.screens.difference import DifferencePage
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.spans import Role

Compare = Callable[..., bool]
DIFFERENCE = """--- as it ran
+++ as it is now
@@ -6,3 +6,4 @@
 [[wave]]
-name = "judge"
+name = "rest"
+parallel = false\x1b[2J"""


def price() -> PlanningPrice:
    return PlanningPrice("claude-opus-5-5", 0.07, 1.19)


def anew_app(**more: Any) -> PreflightApp:
    plan = plan_of(
        Wave(name="read", subtasks=(ask("a"), ask("b"))),
        Wave(name="rest", subtasks=(ask("c", depends_on=("a",)), ask("d"))),
        name="review",
    )
    anew = Anew(
        run="20260301-120000-7f3a",
        done=frozenset({"a", "b"}),
        words=("new: 2 (c, d)", "gone: 1 (e)"),
        difference=DIFFERENCE,
    )
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    return PreflightApp(
        Survey(plan, PRICES),
        Choice(mode=Mode.AGGRESSIVE, workers=Staffing.TABLE),
        tier="tier2",
        tiers=TIERS,
        provider="anthropic",
        missing="",
        only_here=True,
        anew=anew,
        settings=Settings(**more),
        themes=themes.found,
    )


@pytest.mark.parametrize("size", [(80, 24), (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_difference(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(anew_app(), terminal_size=size)


def test_difference_in_ascii_and_portuguese(snap_compare: Compare) -> None:
    with speaking(translations("pt_BR", ascii=True)):
        assert snap_compare(anew_app(ascii=True, theme="mono"), terminal_size=(80, 24))


def test_the_plan_of_the_rest(snap_compare: Compare) -> None:
    assert snap_compare(anew_app(), terminal_size=(80, 24), press=["enter", "space"])


def test_what_is_done_costs_nothing_and_the_new_plan_starts_after_the_difference() -> None:
    app = anew_app()

    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("enter")
        assert "= read" in text_of(app)
        assert "0/2" in text_of(app)
        assert [s.id for s in app.survey.plan.subtasks()] == ["c", "d"]
        await pilot.press("g", "enter")

    async def at_first(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        assert isinstance(app.screen, DifferencePage)
        assert "\x1b" not in text_of(app)
        await steps(pilot, app)

    drive_plan(at_first, app)
    assert app.return_value is not None
    assert app.return_value.plan is None


async def pressed_n(pilot: Pilot[None], app: LunaApp) -> None:
    # The report of a run that is over opens by itself, and takes no key in its first moment.
    while app.state_now()[0].finished is not None and "REPORT" not in shown(app):
        await pilot.pause(0.01)
    while app.just_ended:
        clock = app._session.clock
        assert isinstance(clock, ManualClock)
        clock.advance(0.5)
    await pilot.press("N")
    for _ in range(100):
        await pilot.pause(0.01)
        drawn = isinstance(app.screen, AskBox) and "Plan the rest anew?" in shown(app)
        if drawn or app.notice:
            await pilot.pause()
            return


Steps = Callable[[Pilot[None], LunaApp, RecordingControl], Awaitable[None]]


def test_the_price_comes_first_and_a_second_n_leaves_for_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pressed_n(pilot, app)
        assert "claude-opus-5-5 plans: about $0.07, at most $1.19" in shown(app)
        await pilot.press("escape")
        await pilot.pause()
        assert not app.viewing.replan
        await pressed_n(pilot, app)
        await pilot.press("N")
        assert app.viewing.replan

    drive(steps, records=nightly(), replanning=price)


@pytest.mark.parametrize(
    ("records", "more", "says"),
    [
        (nightly(60.0), {"replanning": price}, "when the run is over"),
        (demo(), {"replanning": price}, "Everything is done"),
        (nightly(), {}, "luna-tui replan"),
        (nightly(), {"replanning": price, "watching": Watching.ATTACHED}, "luna-tui replan"),
        (nightly(), {"replanning": price, "live": False}, "luna-tui replan"),
    ],
    ids=["on", "done", "cannot", "attached", "replay"],
)
def test_where_it_cannot_be_had_one_line_says_why_or_how(
    records: tuple[Record, ...], more: dict[str, Any], says: str
) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pressed_n(pilot, app)
        assert says in app.notice
        assert not app.viewing.replan

    drive(steps, records=records, **more)


PLAN = """[plan]
name = "fails"
goal = "Compare the documents"
[[wave]]
name = "one"
[[wave.subtask]]
id = "a"
prompt = "simulate: output=30 seconds=1"
[[wave.subtask]]
id = "b"
kind = "command"
command = ["false"]
retries = 0
"""


def test_the_rest_of_a_run_that_failed_is_planned_and_run_from_its_screen(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    flags = ("--provider", "simulator")
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", str(path), *flags)
    terminal.read_until(b"FAILED", 40.0)
    before = find_run("last").run
    terminal.send(b"N")
    terminal.read_until(b"nothing has been asked yet")
    terminal.send(b"N")
    terminal.read_until(b"see the plan", 40.0)
    terminal.send(b"\r")
    terminal.read_until(b"of max_tokens", 40.0)
    terminal.send(b"\r")
    terminal.read_until(b"DONE", 40.0)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert read_meta(find_run("last")).resumed_from == before
