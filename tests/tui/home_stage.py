"""A home screen on runs that were made up, and ways to drive it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from kept import records
from textual.pilot import Pilot

from luna_tui.core.comparison import Comparison, compare_runs
from luna_tui.core.errors import LunaError
from luna_tui.core.events import Tokens
from luna_tui.core.home import HomeContents, PlanningPrice, Verb, Wish
from luna_tui.core.run_summary import KeptStatus, PlanSummary, RunSummary
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Status
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import discover_themes
from luna_tui.tui.home_app import HomeApp, HomePlace
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.spans import Role
from luna_tui.tui.widgets.lines_panel import LinesPanel

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ALL = frozenset(Verb)


def run(
    end: str,
    status: KeptStatus,
    minutes: float,
    *,
    plan: str = "nightly-docs",
    good: int = 96,
    bad: int = 0,
    of: int = 96,
    wall_s: float | None = 298.0,
    usd: float | None = 5.41,
    **more: Any,
) -> RunSummary:
    """One run that began so long ago."""
    counts = {Status.SUCCEEDED: good, Status.FAILED: bad}
    began = NOW - timedelta(minutes=minutes)
    return RunSummary(
        run=f"{began:%Y%m%d-%H%M%S}-{end}",
        status=status,
        began=began,
        plan=plan,
        wall_s=wall_s,
        counts={s: n for s, n in counts.items() if n},
        subtasks=of,
        tokens=Tokens(input=1_398_000, output=87_000),
        cost_usd=usd,
        throttled=1,
        size_bytes=1_300_000,
        workspace="/home/ada/site",
        plan_file=f"/home/ada/site/{plan}.toml",
        plan_sha256=plan,
        host="ship",
        folder=f"/home/ada/.local/state/luna-tui/runs/{end}",
        **more,
    )


RUNS = (
    run("9b2c", KeptStatus.SUCCEEDED, 3),
    run("7f3a", KeptStatus.RUNNING, 12, good=18, bad=2, wall_s=99.0, usd=1.41),
    run("61c0", KeptStatus.FAILED, 190, good=91, bad=5),
    run(
        "aa10",
        KeptStatus.INTERRUPTED,
        26 * 60,
        good=40,
        wall_s=121.0,
        usd=2.2,
        wrong=("the last line of the journal is torn",),
    ),
    run("c3d4", KeptStatus.CANCELLED, 27 * 60, plan="stdlib-review", good=12, of=40, wall_s=8.0, usd=None),
    run("h3ld", KeptStatus.HELD, 4 * 1440, plan="a-plan-with-a-rather-long-name", good=80, usd=6.0),
    run(
        "bad1",
        KeptStatus.UNREADABLE,
        40 * 1440,
        plan="",
        good=0,
        of=0,
        wall_s=None,
        usd=None,
        wrong=("run.json is missing", "there is no journal"),
    ),
)
PLANS = (
    PlanSummary(
        "/home/ada/site/broken.toml",
        "broken.toml",
        problems=("3: a wave needs a name", "9: unknown key tymeout"),
    ),
    PlanSummary("/home/ada/site/nightly.toml", "nightly-docs", 96, 5),
)


_OVER = {r.run for r in RUNS if r.status in (KeptStatus.SUCCEEDED, KeptStatus.FAILED)}


class StillSource:
    """Finds always the same, until it is told otherwise."""

    folder = "/home/ada/site"
    home = "/home/ada"

    def __init__(self, contents: HomeContents, offered: frozenset[Verb] = ALL) -> None:
        self.contents = contents
        self.offered = offered
        self.looks = 0
        self.stopped: list[tuple[str, bool]] = []
        self._told: HomeContents | None = contents

    def now(self) -> datetime:
        return NOW

    def look(self) -> HomeContents | None:
        self.looks += 1
        news = self.contents if self.contents is not self._told else None
        self._told = self.contents
        return news

    def state(self, run: str) -> RunState:
        if run.endswith("h3ld"):
            raise LunaError("nothing to show", f"the journal of {run} is empty")
        return fold(records(run, until=None if run in _OVER else 400))

    def compare(self, before: str, after: str) -> Comparison:
        old, new = fold(records(before)), fold(records(after))
        new.subtasks["gzip"].duration_s += 30.0
        new.subtasks["ast"].status = Status.TIMED_OUT
        new.subtasks["ast"].reason = "timed out after 60 s"
        return compare_runs(old, new, ("x", "x"))

    def planning_price(self) -> PlanningPrice:
        return PlanningPrice("claude-opus-5-5", 0.07, 1.19)

    def stop(self, run: str, *, now: bool) -> str:
        self.stopped.append((run, now))
        return "what is in flight ends"


def home_app(
    contents: HomeContents | None = None,
    *,
    offered: frozenset[Verb] = ALL,
    theme: str = "dark",
    **more: Any,
) -> HomeApp:
    """The home screen on these contents, read already; `more` are Settings."""
    contents = contents or HomeContents(RUNS, PLANS)
    place = HomePlace(contents=contents)
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    app = HomeApp(StillSource(contents, offered), place, Settings(theme=theme, **more), themes=themes.found)
    app.sort(0)
    return app


Steps = Callable[[Pilot[Wish | None], HomeApp], Awaitable[None]]


def drive(steps: Steps, app: HomeApp | None = None, size: tuple[int, int] = (80, 24)) -> HomeApp:
    """Do this on a home screen."""
    app = app or home_app()

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(pilot, app)

    asyncio.run(body())
    return app


def pressed(*keys: str, app: HomeApp | None = None) -> HomeApp:
    """The home screen after these keys."""

    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press(*keys)

    return drive(steps, app)


def shown(app: HomeApp) -> str:
    """What the panels of the screen on top show."""
    lines = [line for panel in app.screen.query(LinesPanel) for line in panel.panel.lines]
    return "\n".join("".join(s.text for s in line) for line in lines)
