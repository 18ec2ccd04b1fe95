"""While a plan is written: phases on the screen, the way out, and what comes of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from tui.preflight_stage import text_of as text_of_app

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.planning import (
    Phase,
    PhaseFinished,
    PhaseStarted,
    PlanningCancelled,
    PlanningEvent,
    PlanningFailed,
    PlanningProgressed,
    PlanningRecord,
    PlanningRequestFailed,
    PlanningStarted,
    PlanningWaiting,
    PlanProposed,
    PlanRepaired,
)
from luna_tui.core.planning_progress import PlanningProgress
from luna_tui.core.prices import Price
from luna_tui.core.tongue import speaking
from luna_tui.core.words import ErrorKind, WaitReason
from luna_tui.session.planning import Planning, Proposal
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import discover_themes
from luna_tui.storage.translations import translations
from luna_tui.tui.planning_app import PlanningApp
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.planning import PlanningLook, planning_view
from luna_tui.tui.views.spans import Looks, Role
from luna_tui.tui.views.text import plain, width_of

Compare = Callable[..., bool]
Steps = Callable[[Pilot[Proposal | None], PlanningApp], Awaitable[None]]
SIZES = [(80, 24), (120, 40), (200, 60)]
GOAL = "Find what in these docs contradicts the code,\nand say where"
PROBLEMS = (
    "line 12: subtask 'sum' depends on look-9, which does not exist",
    "line 20: id look-1 is already used in line 8",
    "wave 'weigh': 'colour' is not allowed here",
    "the plan has no name",
)
BEGUN: tuple[tuple[float, PlanningEvent], ...] = (
    (
        0.0,
        PlanningStarted(
            started_at="2026-03-01T12:00:00Z",
            goal=GOAL,
            model="claude-opus-5-5",
            provider="anthropic",
            workspace="/home/ada/site",
        ),
    ),
    (1.2, PhaseStarted(phase=Phase.ANALYSIS)),
    (2.6, PhaseFinished(phase=Phase.ANALYSIS, tokens=61, seconds=1.4)),
    (2.6, PhaseStarted(phase=Phase.STRATEGY)),
    (4.0, PhaseFinished(phase=Phase.STRATEGY, tokens=74, seconds=1.4)),
    (4.0, PhaseStarted(phase=Phase.DECOMPOSITION)),
)
REPAIRED: tuple[tuple[float, PlanningEvent], ...] = (
    (31.0, PhaseFinished(phase=Phase.DECOMPOSITION, tokens=1_840, seconds=27.0)),
    (31.0, PhaseStarted(phase=Phase.VALIDATION)),
    (31.1, PhaseFinished(phase=Phase.VALIDATION, tokens=0, seconds=0.1)),
    (31.1, PlanRepaired(round=1, problems=PROBLEMS)),
    (33.0, PhaseStarted(phase=Phase.ANALYSIS, round=1)),
    (34.0, PhaseFinished(phase=Phase.ANALYSIS, tokens=60, seconds=1.0)),
    (34.0, PhaseStarted(phase=Phase.DECOMPOSITION, round=1)),
    (39.0, PlanningProgressed(phase=Phase.DECOMPOSITION, tokens=412, subtasks=6)),
)
TEXT = (
    '{"analysis":"Twelve pages make claims.","strategy":"Read all at once,\\nthen \x1b[2Jcompare.",'
    '"decomposition":{"name":"docs","waves":[{"name":"look","subtasks":[{"id":"look-1","title":"FAQ"'
)


def records(*events: tuple[float, PlanningEvent]) -> list[PlanningRecord]:
    return [PlanningRecord(n, at, "p", event) for n, (at, event) in enumerate(events, 1)]


def progress_of(*events: tuple[float, PlanningEvent]) -> PlanningProgress:
    progress = PlanningProgress()
    for record in records(*events):
        progress.take(record)
    return progress


class Scripted:
    """A planning that tells what it was given, and ends when it is let."""

    def __init__(
        self, events: tuple[tuple[float, PlanningEvent], ...], end: LunaError | Proposal | None = None
    ) -> None:
        self._events, self._end = events, end
        self._cancelled = threading.Event()
        self.told = threading.Event()

    def cancel(self, *, by: str = "user") -> None:
        self._cancelled.set()

    def run(self, on_event: Callable[[PlanningRecord], None], on_text: Callable[[str], None]) -> Proposal:
        for record in records(*self._events):
            on_event(record)
        on_text(TEXT)
        self.told.set()
        if self._end is None:
            self._cancelled.wait(20.0)
            raise LunaError("no plan", "cancelled by user", code=ExitCode.INTERRUPTED)
        if isinstance(self._end, LunaError):
            raise self._end
        return self._end


def planning_app(*scripts: Scripted, told: list[PlanningRecord] | None = None, **more: Any) -> PlanningApp:
    left = list(scripts)
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    return PlanningApp(
        lambda: cast("Planning", left.pop(0)),
        goal=GOAL,
        price=Price(input=4.0, output=20.0),
        tell=(told if told is not None else []).append,
        settings=Settings(**more),
        themes=themes.found,
    )


def drive(app: PlanningApp, steps: Steps) -> PlanningApp:
    async def body() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await steps(pilot, app)

    asyncio.run(body())
    return app


async def until(pilot: Pilot[Proposal | None], seen: Callable[[], bool]) -> None:
    for _ in range(200):
        await pilot.pause(0.02)
        if seen():
            return
    raise AssertionError("it never came")


def shown(app: PlanningApp) -> str:
    return text_of_app(cast("Any", app))


def no_plan() -> LunaError:
    return LunaError("no plan", "the model wrote no valid plan, after 2 repairs", "say it in other words")


FAILED: tuple[tuple[float, PlanningEvent], ...] = (
    *BEGUN,
    *REPAIRED,
    (60.0, PlanningFailed(reason="no", problems=PROBLEMS, raw_file="/state/plans/p/answer-3.json")),
)


def after_news(app: PlanningApp) -> Callable[[Pilot[Any]], Awaitable[None]]:
    async def wait(pilot: Pilot[Any]) -> None:
        await pilot.pause(0.6)

    return wait


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_planning(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = planning_app(Scripted((*BEGUN, *REPAIRED)))
    assert snap_compare(app, terminal_size=size, run_before=after_news(app))


@pytest.mark.parametrize("look", [{"ascii": True}, {"theme": "mono"}], ids=["ascii", "mono"])
def test_planning_drawn_plainly(snap_compare: Compare, look: dict[str, Any]) -> None:
    app = planning_app(Scripted((*BEGUN, *REPAIRED)), **look)
    assert snap_compare(app, terminal_size=(80, 24), run_before=after_news(app))


def test_planning_in_portuguese(snap_compare: Compare) -> None:
    with speaking(translations("pt_BR")):
        app = planning_app(Scripted((*BEGUN, *REPAIRED)))
        assert snap_compare(app, terminal_size=(80, 24), run_before=after_news(app))


def test_planning_failed(snap_compare: Compare) -> None:
    app = planning_app(Scripted(FAILED, no_plan()))
    assert snap_compare(app, terminal_size=(80, 24), run_before=after_news(app))


def test_phases_have_their_tokens_seconds_and_price() -> None:
    look = PlanningLook(goal=GOAL, progress=progress_of(*BEGUN, *REPAIRED), price=Price(input=4, output=20))
    lines = [plain(line) for line in planning_view(look, Looks(width=80, height=24)).lines]
    assert [" ".join(line.split()) for line in lines[4:15] if line.strip()] == [
        "✓ analysis 0:01 61 tokens <$0.01",
        "✓ strategy 0:01 74 tokens <$0.01",
        "✓ decomposition 0:27 1.8k tokens $0.04",
        "✓ validation 0:00",
        "repair 1 of 2: 4 mistakes",
        "line 12: subtask 'sum' depends on look-9, which does not exist",
        "line 20: id look-1 is already used in line 8",
        "wave 'weigh': 'colour' is not allowed here",
        "and 1 more",
        "✓ analysis 0:01 60 tokens <$0.01",
        "● decomposition 0:05 412 tokens $0.01 6 subtasks",
    ]


def test_what_a_request_told_that_came_to_nothing_is_void() -> None:
    failed = PlanningRequestFailed(error_kind=ErrorKind.OVERLOADED, message="x", status=529, will_retry=True)
    progress = progress_of(*BEGUN, (5.0, failed))
    assert progress.steps == []
    look = PlanningLook(goal=GOAL, progress=progress)
    text = "\n".join(map(plain, planning_view(look, Looks(width=80, height=24)).lines))
    assert "and is sent again." in text
    waiting = PlanningWaiting(reason=WaitReason.ITPM, expected_s=12.0)
    look = PlanningLook(goal=GOAL, progress=progress_of(*BEGUN[:1], (1.0, waiting)))
    text = "\n".join(map(plain, planning_view(look, Looks(width=80, height=24)).lines))
    assert "waits for ITPM, about 0:12" in text


@pytest.mark.parametrize("size", [(24, 6), (44, 16), (80, 24), (200, 60)])
@pytest.mark.parametrize("failed", ["", "the model wrote no valid plan\n" + "x" * 300])
def test_every_line_fits(size: tuple[int, int], failed: str) -> None:
    for text in ("", TEXT * 20):
        look = PlanningLook(goal=GOAL, progress=progress_of(*FAILED), text=text, failed=failed)
        panel = planning_view(look, Looks(width=size[0], height=size[1]))
        assert len(panel.lines) == size[1]
        assert all(width_of(line) <= size[0] for line in panel.lines)
        assert not any("\x1b" in span.text for line in panel.lines for span in line)


def test_a_plan_ends_it_and_every_record_was_told() -> None:
    told: list[PlanningRecord] = []
    proposal = cast("Proposal", object())
    end = PlanProposed(
        name="p", waves=1, subtasks=1, repairs=0, input_tokens=1, output_tokens=1, cost_usd=0.1
    )
    script = (*BEGUN, (6.0, end))

    async def steps(pilot: Pilot[Proposal | None], app: PlanningApp) -> None:
        await until(pilot, lambda: not app.is_running)

    app = drive(planning_app(Scripted(script, proposal), told=told), steps)
    assert app.return_value is proposal
    assert [r.event for r in told] == [event for _at, event in script]


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
def test_a_key_cancels_and_the_second_one_does_not_wait(key: str) -> None:
    script = Scripted(BEGUN)

    async def steps(pilot: Pilot[Proposal | None], app: PlanningApp) -> None:
        await until(pilot, script.told.is_set)
        await pilot.press(key)
        await until(pilot, lambda: not app.is_running)

    app = drive(planning_app(script), steps)
    assert app.return_value is None
    assert app.error is not None
    assert app.error.code is ExitCode.INTERRUPTED


def test_without_a_plan_it_says_why_and_where_and_can_be_tried_again() -> None:
    good = Scripted(BEGUN, cast("Proposal", object()))

    async def steps(pilot: Pilot[Proposal | None], app: PlanningApp) -> None:
        await until(pilot, lambda: app.error is not None)
        await pilot.pause()
        assert "the model wrote no valid plan, after 2 repairs" in shown(app)
        assert "what it answered last: /state/plans/p/answer-3.json" in shown(app)
        assert "r try again" in shown(app)
        await pilot.press("r")
        await until(pilot, lambda: not app.is_running)

    app = drive(planning_app(Scripted(FAILED, no_plan()), good), steps)
    assert app.return_value is not None
    assert app.error is None


def test_a_cancelled_planning_is_over() -> None:
    assert progress_of(*BEGUN, (5.0, PlanningCancelled(by="user"))).end == PlanningCancelled(by="user")
