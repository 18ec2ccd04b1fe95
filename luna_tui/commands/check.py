"""`check`: what a plan is and what it will take; starts nothing."""

from __future__ import annotations

import argparse
import json
import shutil
import sys

from luna_tui.commands.settings import config_of, holding, plan_defaults, warn_of_workers
from luna_tui.core.errors import ExitCode
from luna_tui.core.limits import caps, worker_rule
from luna_tui.core.plan import Plan
from luna_tui.core.preflight import Preflight, Terms, preflight
from luna_tui.core.preflight_data import preflight_data
from luna_tui.core.survey import Survey
from luna_tui.core.tongue import _n
from luna_tui.core.words import Schedule
from luna_tui.storage.config import Config
from luna_tui.storage.plans import load_plan
from luna_tui.tui.views.glyphs import glyphs_for
from luna_tui.tui.views.preflight import table
from luna_tui.tui.views.preflight_words import sentences, terms_line
from luna_tui.tui.views.text import wrap

_MOST_NOTES = 20
_WIDTH = 110
"""Where the output goes to no terminal."""


def check(args: argparse.Namespace) -> int:
    """Say what a plan is and what it will take; nothing starts."""
    config = config_of(args)
    plan = load_plan(args.plan, workspace=args.workspace, defaults=plan_defaults(config))
    warn_of_workers(config)
    held = holding(config, plan)
    found = preflight(Survey(plan, config.prices), terms_of(config))
    if args.json:
        head: dict[str, object] = {
            "plan": plan.name,
            "workspace": plan.workspace,
            "schedule": plan.schedule.value,
        }
        head |= {"notes": [str(note) for note in plan.notes]} if plan.notes else {}
        head["sandbox"] = _sandbox(plan, config)
        print(json.dumps(head | preflight_data(found), indent=1))
    else:
        _print(plan, found, held)
    return ExitCode.OK


def _sandbox(plan: Plan, config: Config) -> str:
    if not any(subtask.tools for subtask in plan.subtasks()):
        return ""
    from luna_tui.session.sandboxing import sandbox_kind

    return sandbox_kind(plan, config.sandbox)


def terms_of(config: Config) -> Terms:
    """The terms that the configuration gives."""
    return Terms(
        tier=config.tier,
        mode=config.mode,
        caps=caps(config.tiers[config.tier].limits, config.mode),
        rule=worker_rule(config.workers, config.tier, config.mode, config.tiers),
        budget_usd=config.budget_usd or None,
    )


def _print(plan: Plan, found: Preflight, held: list[str]) -> None:
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    glyphs = glyphs_for("utf" not in (sys.stdout.encoding or "").lower())
    waves = _n("{n} wave", "{n} waves", len(plan.waves)).format(n=len(plan.waves))
    subtasks = _n("{n} subtask", "{n} subtasks", found.total.subtasks).format(n=found.total.subtasks)
    print(f"{plan.name}: {subtasks} in {waves}, valid")
    print(f"workspace {plan.workspace}")
    for words in held:
        print(words)
    print(terms_line(found.terms, width))
    print()
    for row in table(found, width, glyphs):
        print("".join(span.text for span in row).rstrip())
    print()
    if plan.schedule is Schedule.DAG:
        print("a subtask starts as soon as its own dependencies are done; waves are labels")
    for note in plan.notes[:_MOST_NOTES]:
        print(note)
    if len(plan.notes) > _MOST_NOTES:
        more = len(plan.notes) - _MOST_NOTES
        print(_n("and {n} more note", "and {n} more notes", more).format(n=more))
    for text, _role in sentences(found):
        for line in wrap(text, width):
            print(line)
