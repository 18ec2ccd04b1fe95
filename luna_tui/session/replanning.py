"""Plan the rest of a run that did not reach its goal, and have a new run take over what is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.session.planning import PlanRequest
from luna_tui.storage.config import Config
from luna_tui.storage.past import Left, look_back, with_prompts, with_results
from luna_tui.storage.paths import RunDir
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plans import load_plan
from luna_tui.storage.replanning import tools_of, what_is_left
from luna_tui.storage.run_meta import RunMeta, read_meta
from luna_tui.storage.taking_over import taken_over


@dataclass(frozen=True, slots=True)
class Before:
    """A run that did not reach its goal, as its files tell it."""

    meta: RunMeta
    left: Left
    plan: Plan
    """As it ran."""
    config: Config
    """For its rest."""
    defaults: PlanDefaults

    @property
    def tools(self) -> tuple[str, ...]:
        """What its plan granted to some subtask."""
        return tools_of(self.plan)

    def taken_over(self, plan: Plan) -> Past:
        """What a run of another plan need not do again; for `NewRun.takes_over`."""
        return taken_over(self.left, self.plan, self.meta.files, plan)

    def request(
        self, tools: tuple[str, ...], *, commands: bool = False, budget_usd: float | None = None
    ) -> PlanRequest | None:
        """What to ask a planning for; None when everything is done."""
        found = what_is_left(self.left, self.plan)
        if found is None:
            return None
        return PlanRequest(
            goal=self.plan.goal or self.plan.name,
            workspace=Path(self.plan.workspace),
            tools=tools,
            commands=commands,
            budget_usd=budget_usd,
            defaults=self.defaults,
            replanned=found,
        )


def look_at(
    run_dir: RunDir,
    config_of: Callable[[RunMeta, Left], Config],
    defaults_of: Callable[[Config], PlanDefaults],
    *,
    workspace: Path | None = None,
) -> Before:
    """Read a run that is over or was left; nobody may write it meanwhile.

    `workspace` instead of the one it worked in. LunaError when it cannot be read.
    """
    meta, left = read_meta(run_dir), look_back(run_dir)
    config = config_of(meta, left)
    defaults = defaults_of(config)
    plan = load_plan(
        run_dir.path / meta.kept_plan,
        workspace=workspace or Path(meta.workspace),
        defaults=defaults,
        origin=Path(meta.plan) if meta.plan else None,
    )
    plan = with_prompts(plan, left.traces)
    return Before(meta, with_results(left, plan), plan, config, defaults)
