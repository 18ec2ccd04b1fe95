"""Plans that are looked at before they start, and the app that shows them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from textual.pilot import Pilot

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.limits import TIERS, caps, worker_rule
from luna_tui.core.plan import Estimate, Plan, Subtask, Wave
from luna_tui.core.preflight import Preflight, Terms, preflight
from luna_tui.core.prices import Price
from luna_tui.core.survey import Survey
from luna_tui.core.words import Kind, Mode, Schedule, Staffing
from luna_tui.storage.resources import resource
from luna_tui.storage.themes import discover_themes
from luna_tui.tui.preflight_app import Choice, PreflightApp
from luna_tui.tui.settings import Settings
from luna_tui.tui.views.spans import Role
from luna_tui.tui.widgets.lines_panel import LinesPanel

Steps = Callable[[Pilot[Choice | None], PreflightApp], Awaitable[None]]
MODEL = "claude-haiku-5-5"
PRICES = {MODEL: Price(input=2.5, output=12.5)}
NAMES = (
    "parse_css",
    "merge_ids",
    "scan_docs",
    "fix_links",
    "sum_tests",
    "typ_check",
    "lint_api",
    "scan_html",
)


def ask(id: str, *, chars: int = 1_000, max_tokens: int = 1_000, **more: Any) -> Subtask:
    """A subtask that asks Claude a question of so many characters."""
    values: dict[str, Any] = {"id": id, "title": id, "prompt": "x" * chars, "model": MODEL}
    return Subtask(**(values | {"max_tokens": max_tokens, "timeout": 0.0} | more))


def local(id: str, **more: Any) -> Subtask:
    """A command."""
    values: dict[str, Any] = {"id": id, "title": id, "kind": Kind.COMMAND, "command": ("true",)}
    return Subtask(**(values | {"timeout": 0.0} | more))


def plan_of(*waves: Wave, name: str = "p", schedule: Schedule = Schedule.WAVES) -> Plan:
    """A plan in memory."""
    return Plan(name=name, waves=waves, workspace="/", schedule=schedule)


def nightly() -> Plan:
    """The plan of the sketches: five waves, 96 subtasks."""
    draw = random.Random(3)

    def some(letter: str, count: int, tokens_in: int, tokens_out: int, seconds: float) -> tuple[Subtask, ...]:
        return tuple(
            ask(
                f"{letter}{n:02d}",
                title=NAMES[n % len(NAMES)],
                max_tokens=4_096,
                estimate=Estimate(
                    input_tokens=round(tokens_in * draw.uniform(0.8, 1.2)),
                    output_tokens=round(tokens_out * draw.uniform(0.8, 1.2)),
                    seconds=seconds * draw.uniform(0.7, 1.1),
                ),
            )
            for n in range(count)
        )

    checks = tuple(local(f"k{n}", title=f"run suite {n}") for n in range(4))
    return plan_of(
        Wave(name="scan", subtasks=some("s", 12, 8_000, 750, 36)),
        Wave(name="extract", subtasks=some("x", 64, 17_000, 900, 44), timeout=120.0),
        Wave(name="merge", subtasks=some("m", 9, 14_000, 1_300, 28)),
        Wave(name="check", subtasks=(*some("c", 6, 9_000, 800, 22), *checks)),
        Wave(name="report", subtasks=(ask("r", title="report", max_tokens=4_000, chars=70_000),)),
        name="nightly-docs",
    )


def looked_at(plan: Plan, *, prices: Mapping[str, Price] = PRICES, **terms: Any) -> Preflight:
    """The preflight of a plan; `terms` as in `terms`."""
    return preflight(Survey(plan, prices), terms_of(**terms))


def terms_of(
    tier: str = "tier2",
    mode: Mode = Mode.AGGRESSIVE,
    workers: int | Staffing = Staffing.TABLE,
    budget_usd: float | None = None,
) -> Terms:
    """Terms by name."""
    rule = worker_rule(workers, tier, mode)
    return Terms(tier=tier, mode=mode, caps=caps(TIERS[tier].limits, mode), rule=rule, budget_usd=budget_usd)


def preflight_app(
    plan: Plan | None = None,
    *,
    budget_usd: float | None = 4.75,
    provider: str = "anthropic",
    missing: str = "",
    prices: Mapping[str, Price] = PRICES,
    keeper: Keeper | None = None,
    only_here: bool = False,
    **more: Any,
) -> PreflightApp:
    """The app that asks before a plan starts; `more` are Settings."""
    themes = discover_themes([resource("themes")], [r.value for r in Role])
    return PreflightApp(
        Survey(plan or nightly(), prices),
        Choice(mode=Mode.AGGRESSIVE, workers=Staffing.TABLE, budget_usd=budget_usd),
        tier="tier2",
        tiers=TIERS,
        provider=provider,
        missing=missing,
        models=tuple(prices),
        keeper=keeper,
        only_here=only_here,
        settings=Settings(**more),
        themes=themes.found,
    )


class Keeper:
    """Keeps plans in memory, unless their file is `taken.toml`."""

    def __init__(self) -> None:
        self.written: dict[str, Plan] = {}

    def suggest(self, plan: Plan) -> str:
        """Its name."""
        return f"{plan.name}.toml"

    def write(self, path: str, plan: Plan) -> str:
        """Take it."""
        if path == "taken.toml":
            raise LunaError("cannot save", "it is there already", "give another name", ExitCode.NOT_SAVED)
        self.written[path] = plan
        return f"/plans/{path}"


def text_of(app: PreflightApp) -> str:
    """What the panels show."""
    lines = [line for panel in app.screen.query(LinesPanel) for line in panel.panel.lines]
    return "\n".join("".join(s.text for s in line) for line in lines)


def drive(
    steps: Steps,
    app: PreflightApp | None = None,
    *,
    size: tuple[int, int] = (80, 24),
    first: tuple[str, ...] = (),
) -> PreflightApp:
    """The app after the keys in `first`, and then `steps`."""
    app = app or preflight_app()

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await pilot.press(*first)
            await steps(pilot, app)

    asyncio.run(body())
    return app
