"""The plan as `run_started` tells it: what every front end needs, without the attached files."""

from __future__ import annotations

import json
import shlex

from luna_tui.core.clean import clean, clean_line, visible
from luna_tui.core.events import PlannedSubtask, PlannedWave, PlanOutline
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import Kind

PROMPT_CHARS = 2_000
"""Longest prompt or command line kept in the outline."""


def outline(plan: Plan, redaction: Redaction = NO_REDACTION) -> PlanOutline:
    """The outline of a plan, with every text cleaned for a terminal and without secrets."""
    waves = tuple(
        PlannedWave(
            name=clean_line(wave.name),
            parallel=wave.parallel,
            timeout=wave.timeout,
            max_workers=wave.max_workers,
            subtasks=tuple(_planned(s, redaction) for s in wave.subtasks),
        )
        for wave in plan.waves
    )
    return PlanOutline(
        name=redaction.text(clean_line(plan.name)),
        goal=redaction.text(clean(plan.goal)),
        waves=waves,
        schedule=plan.schedule,
    )


def shown(prompt: str) -> str:
    """A prompt or command line as a screen may show it: cleaned, and not too long."""
    return _shortened(clean(prompt))


def _planned(subtask: Subtask, redaction: Redaction) -> PlannedSubtask:
    return PlannedSubtask(
        id=subtask.id,
        title=redaction.text(clean_line(subtask.title)),
        kind=subtask.kind,
        depends_on=subtask.depends_on,
        timeout=subtask.timeout,
        retries=subtask.retries,
        model=clean_line(subtask.model) if subtask.kind is Kind.CLAUDE else "",
        tools=subtask.tools,
        max_turns=subtask.max_turns if subtask.tools else 0,
        isolate=subtask.isolate,
        prompt=_shortened(redaction.text(clean(_instruction(subtask)))),
    )


def _instruction(subtask: Subtask) -> str:
    if subtask.kind is Kind.COMMAND:
        return visible(subtask.command[0] if subtask.shell else shlex.join(subtask.command))
    if subtask.kind is Kind.PYTHON:
        args, named = json.loads(subtask.args), json.loads(subtask.kwargs)
        given = [_json(v) for v in args] + [f"{name}={_json(v)}" for name, v in named.items()]
        return f"{subtask.callable}({', '.join(given)})"
    return subtask.prompt


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= PROMPT_CHARS else text[: PROMPT_CHARS - 1] + "…"
