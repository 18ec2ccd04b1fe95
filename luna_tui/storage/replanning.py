"""What of a run a new plan of its rest keeps, and what is told of the rest."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from luna_tui.core.clean import short_line
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.planning_prompt import Done, Rest
from luna_tui.core.waves import levels
from luna_tui.core.words import BAD, GOOD, Status
from luna_tui.storage.past import Left, told_ends
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.results import output_of

_HEAD_CHARS = 400
"""Of each result."""
_MOST_TOLD = 100
"""Subtasks of each sort; a plan of thousands is not told in full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """The part of an earlier run that a new plan keeps, and what the model is told of that run."""

    run: str
    rest: Rest
    head: Mapping[str, Any]
    """`[plan]` of the new plan, `workspace` excepted."""
    waves: tuple[Mapping[str, Any], ...]
    """What is done, as `[[wave]]` of a plan file."""


def what_is_left(left: Left, plan: Plan) -> Replanned | None:
    """What a new plan of the rest begins with; None when all of `plan` is done."""
    ends = left.ends
    done = _done(plan, ends)
    if all(s.id in done for s in plan.subtasks()):
        return None
    told = told_ends(left.records)
    failed = [s for s in plan.subtasks() if s.id not in done and ends.get(s.id) in BAD]
    beyond = {*done, *(s.id for s in failed)}
    opened = [s for s in plan.subtasks() if s.id not in beyond]
    reasons = {i: event.reason for i, event in told.items()}
    kept = _only(plan, done)
    tables = tomllib.loads(plan_toml(kept))
    rest = Rest(
        done=tuple(
            Done(id=s.id, title=s.title, text=_head(output_of(left.run_dir, told.get(s.id), s.id) or ""))
            for s in list(kept.subtasks())[:_MOST_TOLD]
        ),
        failed=tuple(Done(id=s.id, title=s.title, text=_head(reasons.get(s.id, ""))) for s in failed)[
            :_MOST_TOLD
        ],
        open=tuple(Done(id=s.id, title=s.title, text="") for s in opened)[:_MOST_TOLD],
        waves=tuple(wave.name for wave in kept.waves),
    )
    return Replanned(
        run=left.run_dir.run,
        rest=rest,
        head={key: value for key, value in tables["plan"].items() if key != "workspace"},
        waves=tuple(_explicit(wave, tables.get("defaults", {})) for wave in tables.get("wave", ())),
    )


def tools_of(plan: Plan) -> tuple[str, ...]:
    """Every tool that some subtask of the plan is granted."""
    return tuple(dict.fromkeys(tool for s in plan.subtasks() for tool in s.tools))


def _done(plan: Plan, ends: Mapping[str, Status]) -> set[str]:
    """What ended well, with all that it needed."""
    needs = {s.id: s.depends_on for s in plan.subtasks()}
    done: set[str] = set()
    for i in (i for level in levels(needs) for i in level):
        if ends.get(i) in GOOD and all(need in done for need in needs[i]):
            done.add(i)
    return done


def _only(plan: Plan, done: Collection[str]) -> Plan:
    def subtasks(of: tuple[Subtask, ...]) -> tuple[Subtask, ...]:
        return tuple(s for s in of if s.id in done)

    waves = tuple(replace(wave, subtasks=subtasks(wave.subtasks)) for wave in plan.waves)
    return replace(plan, waves=tuple(wave for wave in waves if wave.subtasks))


def _explicit(wave: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The wave without need of a table of defaults, which would count for new subtasks too."""
    return {**wave, "subtask": [{**_defaults_for(s, defaults), **s} for s in wave["subtask"]]}


def _defaults_for(subtask: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    asks = subtask.get("kind", "claude") == "claude"
    return {k: v for k, v in defaults.items() if asks or k in ("timeout", "retries")}


def _head(text: str) -> str:
    return short_line(text, _HEAD_CHARS)
