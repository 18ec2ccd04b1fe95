"""Look at a plan before anything is created, reserved or spent; then start it, or leave."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan
from luna_tui.core.plan_editing import Anew
from luna_tui.core.reasons import reason_words
from luna_tui.core.sandbox import REFUSED, SandboxKind
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind
from luna_tui.session import NewRun, check_credentials
from luna_tui.session.sandboxing import sandbox_kind, sandbox_words
from luna_tui.storage.config import Config
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.run_files import RunFiles

if TYPE_CHECKING:
    from luna_tui.tui.preflight_app import Choice


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of the look."""

    config: Config | None
    """Start with this; None = start nothing."""
    plan: Plan | None = None
    """Start this instead, which stands in no file; None = the plan as it was."""
    code: int = ExitCode.OK
    """Exit code where nothing starts."""


def asks_first(args: argparse.Namespace, config: Config, plan: Plan) -> bool:
    """Whether the plan is looked at before it starts."""
    if args.yes or config.preflight == "never":
        return False
    if config.preflight == "always":
        return True
    paid = config.provider == "anthropic" and args.command != "demo"
    return paid and any(s.kind is Kind.CLAUDE for s in plan.subtasks())


class Keeper:
    """Writes a plan beside the file it came from, or wherever one names."""

    def __init__(self, source: str) -> None:
        folder = Path(source).parent if source else Path.cwd()
        self._folder = folder if folder != Path.cwd() else Path()
        self._files = RunFiles(None)

    def suggest(self, plan: Plan) -> str:
        """A file that is not there yet."""
        return self._files.suggest(plan.name, folder=self._folder, suffix=".toml")

    def write(self, path: str, plan: Plan) -> str:
        """Write a new file; its whole path. LunaError(74) when it cannot be written."""
        folder = Path(path.strip()).expanduser().resolve().parent
        same = str(folder) == plan.workspace
        return self._files.write_new(path, plan_toml(plan, workspace="." if same else None))


def look_first(
    plan: Plan, config: Config, keys: Mapping[str, str], *, only_here: bool = False, anew: Anew | None = None
) -> Decided:
    """Show what the plan will take, let it be changed, and wait for a decision.

    `keys` maps binding ids to keys. `only_here` = the plan is in no file that stays. `anew` = it is what a
    run left, planned anew.
    """
    from luna_tui.commands.screen import settings_of
    from luna_tui.tui.preflight_app import Choice, PreflightApp, run_preflight

    settings, themes = settings_of(config, keys)
    app = PreflightApp(
        Survey(plan, config.prices),
        Choice(mode=config.mode, workers=config.workers, budget_usd=config.budget_usd or None),
        tier=config.tier,
        tiers=config.tiers,
        provider=config.provider,
        missing=_missing(plan, config),
        sandbox=_sandbox(plan, config),
        models=tuple(config.prices),
        keeper=Keeper("" if only_here else plan.source),
        only_here=only_here,
        anew=anew,
        settings=settings,
        themes=themes,
    )
    choice = run_preflight(app)
    if choice is not None:
        return Decided(_chosen(config, choice), choice.plan)
    if app.error_text:
        print(app.error_text, file=sys.stderr, flush=True)
        return Decided(None, code=ExitCode.INTERNAL)
    print(_("nothing was started"), file=sys.stderr, flush=True)
    return Decided(None, code=app.return_code or ExitCode.OK)


def beginning_of(decided: Decided, beginning: NewRun) -> NewRun:
    """How a run begins after the look: a plan that was changed is kept as what it became."""
    if decided.plan is None:
        return beginning
    return replace(beginning, content=plan_toml(decided.plan).encode())


def _missing(plan: Plan, config: Config) -> str:
    """Why it cannot be started as it is; empty when it can."""
    try:
        check_credentials(config, asks_claude=any(s.kind is Kind.CLAUDE for s in plan.subtasks()))
    except LunaError as error:
        return _("{problem}: set ANTHROPIC_API_KEY, or D for a dry run").format(
            problem=reason_words(error.message)
        )
    return ""


def _sandbox(plan: Plan, config: Config) -> tuple[str, bool]:
    """What holds commands of agents, in a sentence, and whether anything does."""
    kind = sandbox_kind(plan, config.sandbox)
    return sandbox_words(plan, config.sandbox) if kind else "", kind not in (SandboxKind.NONE, REFUSED)


def _chosen(config: Config, choice: Choice) -> Config:
    provider = "simulator" if choice.dry_run else config.provider
    budget_usd = choice.budget_usd or 0.0
    return replace(config, mode=choice.mode, workers=choice.workers, budget_usd=budget_usd, provider=provider)
