"""From flags to the configuration a command works with."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import ExitCode, InvalidInput, LunaError
from luna_tui.core.limits import above_table
from luna_tui.core.plan import Plan
from luna_tui.core.prices import price_of, usd
from luna_tui.core.secrets import known_secrets
from luna_tui.core.tongue import _
from luna_tui.core.words import Kind, Staffing
from luna_tui.storage.config import TITLE, Config, current_environ, load_config, typed
from luna_tui.storage.plan_subtasks import PlanDefaults


def config_of(args: argparse.Namespace, **more: Any) -> Config:
    """The configuration with the command's flags on top; `more` are dotted keys under the flags."""
    flags: dict[str, Any] = dict(more)
    for pair in args.settings:
        key, sign, value = pair.partition("=")
        if not sign or "." not in key:
            raise LunaError(
                "bad --set", f"{key!r} is no KEY of KEY=VALUE", "--set run.mode=aggressive", ExitCode.USAGE
            )
        flags[key] = typed(value)
    for name in ("mode", "tier", "model", "provider"):
        if getattr(args, name, None):
            flags[f"run.{name}"] = getattr(args, name)
    if getattr(args, "console", None):
        flags["ui.console"] = args.console
    if getattr(args, "budget", None) is not None:
        flags["run.budget_usd"] = args.budget
    if getattr(args, "lang", None):
        flags["ui.lang"] = args.lang
    workers = getattr(args, "workers", None)
    if workers:
        flags["run.workers"] = workers if workers in list(Staffing) else _whole(workers)
    return load_config(explicit=args.config, cwd=Path.cwd(), environ=current_environ(), flags=flags)


def warn_of_workers(config: Config) -> None:
    """Say on stderr when the number of workers is above the table's."""
    said = above_table(config.workers, config.tier, config.mode, config.tiers)
    if said:
        print(said, file=sys.stderr, flush=True)


def warn_of_budget(config: Config, plan: Plan) -> None:
    """Say on stderr for which models a budget holds nothing back, since their price is not known."""
    asked = {s.model for s in plan.subtasks() if s.kind is Kind.CLAUDE}
    models = {model for model in asked if price_of(config.prices, model) is None}
    if config.budget_usd and models:
        names = ", ".join(clean_line(name) for name in sorted(models))
        print(
            _("the budget of {usd} does not hold {models}: no price is known; give one under {where}").format(
                usd=usd(config.budget_usd), models=names, where='[prices."MODEL"]'
            ),
            file=sys.stderr,
            flush=True,
        )


def holding(config: Config, plan: Plan) -> list[str]:
    """What holds the commands of the plan's agents, and which servers they may use: a sentence each.

    LunaError(78) when it grants a server that cannot be had.
    """
    if not any(subtask.tools for subtask in plan.subtasks()):
        return []
    from luna_tui.session.sandboxing import sandbox_words
    from luna_tui.session.tool_servers import check_servers, servers_words

    check_servers(plan, config.mcp)
    return [w for w in (sandbox_words(plan, config.sandbox), servers_words(plan, config.mcp)) if w]


def tell_sandbox(config: Config, plan: Plan) -> None:
    """Say what `holding` does on stderr."""
    for words in holding(config, plan):
        print(words, file=sys.stderr, flush=True)


def warn_of_secrets(plan: Plan) -> None:
    """Say on stderr which variables' values stand in the plan: its copy beside the journal keeps them."""
    try:
        text = Path(plan.source).read_text(encoding="utf-8", errors="replace") if plan.source else ""
    except OSError:
        return
    known = known_secrets(current_environ())
    names = dict.fromkeys(name for value, name in known.items() if value in text)
    if names:
        print(
            _("the plan holds the value of {names}: the run keeps a copy of the plan as it is").format(
                names=", ".join(names)
            ),
            file=sys.stderr,
            flush=True,
        )


def plan_defaults(config: Config) -> PlanDefaults:
    """What plans get where they are silent."""
    return PlanDefaults(
        model=config.model,
        max_tokens=config.max_tokens,
        timeout=config.timeout,
        wave_timeout=config.wave_timeout,
        retries=config.retries,
    )


def _whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        hint = "a number from 1, auto, or table"
        raise LunaError("bad --workers", f"{text!r} is no number of workers", hint, ExitCode.USAGE)
    return int(text)


def checked_keys(config: Config) -> dict[str, str]:
    """The keys the user chose; InvalidInput with every unknown name and every clash."""
    from luna_tui.tui.views.keymap import usable_keys

    good, problems = usable_keys(config.keys, config.origins)
    if problems:
        raise InvalidInput(TITLE, problems)
    return good
