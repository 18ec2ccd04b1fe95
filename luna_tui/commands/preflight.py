"""Look at a plan before anything is created, reserved or spent; then start it, or leave."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan
from luna_tui.core.reasons import reason_words
from luna_tui.core.sandbox import REFUSED, SandboxKind
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind
from luna_tui.session import check_credentials
from luna_tui.session.sandboxing import sandbox_kind, sandbox_words
from luna_tui.storage.config import Config

if TYPE_CHECKING:
    from luna_tui.tui.preflight_app import Choice


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of the look."""

    config: Config | None
    """Start with this; None = start nothing."""
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


def look_first(plan: Plan, config: Config, keys: Mapping[str, str]) -> Decided:
    """Show what the plan will take, and wait for a decision; `keys` maps binding ids to keys."""
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
        settings=settings,
        themes=themes,
    )
    choice = run_preflight(app)
    if choice is not None:
        return Decided(_chosen(config, choice))
    if app.error_text:
        print(app.error_text, file=sys.stderr, flush=True)
        return Decided(None, ExitCode.INTERNAL)
    print(_("nothing was started"), file=sys.stderr, flush=True)
    return Decided(None, app.return_code or ExitCode.OK)


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
