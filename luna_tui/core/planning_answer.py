"""Read what a model wrote for a plan: from any text to the content of a plan file, or what is wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Plan
from luna_tui.core.words import Kind

MOST_PLANNED = 1_000
"""Subtasks that a model may write; more is no plan of anybody."""
_MOST_PROBLEMS = 20
_MOST_CHARS = 300
_DEEPEST = 12
_HALF = re.compile("[\ud800-\udfff]")
"""Half a character, which no file can hold."""
_WAVE_KEYS = ("name", "parallel", "timeout", "max_workers")
_COMMAND_KEYS = ("command", "ok_codes")
_KEYS = (
    "id", "title", "prompt", "system", "files", "tools", "depends_on", "priority", "max_tokens", "timeout",
    "expect", "estimate", "isolate",
)  # fmt: skip
"""What a model may say of a subtask."""
_EXPECT_KEYS = ("contains", "max_chars", "json")
"""What it may expect of an answer. Not among them: a command that checks it, which would run here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the model may use."""

    tools: tuple[str, ...] = ()
    commands: bool = False


@dataclass(slots=True)
class Draft:
    """A plan as the model means it."""

    name: str = ""
    waves: list[dict[str, Any]] = field(default_factory=list)
    """As `[[wave]]` in a plan file, not yet checked by the rules of plan files."""
    problems: list[str] = field(default_factory=list)
    """What the rules of plan files do not tell, at most twenty; not empty = it must not be used."""

    def note(self, problem: str) -> None:
        """Something is wrong; cleaned and bounded, since it quotes the model."""
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(clean_line(problem[: 4 * _MOST_CHARS])[:_MOST_CHARS])


def read_answer(text: str, allowed: Allowed) -> Draft:
    """The plan in an answer; also from a fence or prose, where something in between dropped the schema."""
    draft = Draft()
    value = _json(text)
    if value is None:
        draft.note("the answer is not the JSON object that was asked for")
        return draft
    plan = value.get("decomposition", value)
    waves = plan.get("waves") if isinstance(plan, dict) else None
    if not isinstance(waves, list) or not all(isinstance(wave, dict) for wave in waves):
        draft.note("decomposition.waves is not a list of waves")
        return draft
    name = plan.get("name")
    draft.name = clean_line(name)[:100] if isinstance(name, str) else ""
    count = sum(len(w["subtasks"]) for w in waves if isinstance(w.get("subtasks"), list))
    if count == 0:
        draft.note("the plan has no subtasks")
    elif count > MOST_PLANNED:
        draft.note(f"the plan has {count:,} subtasks, more than {MOST_PLANNED:,}")
    else:
        draft.waves = [_wave(wave, allowed, draft) for wave in waves]
    return draft


def trespasses(plan: Plan, kept: Collection[str], allowed: Allowed) -> list[str]:
    """What of a loaded plan nobody allowed, whatever way it got there; `kept` are ids that a person wrote."""
    found = []
    for s in plan.subtasks():
        if s.id in kept:
            continue
        if s.kind is not Kind.CLAUDE and not (s.kind is Kind.COMMAND and allowed.commands):
            found.append(f"subtask {s.id!r}: kind {s.kind.value!r} is not allowed here")
        if not set(s.tools) <= set(allowed.tools) or (s.expect is not None and s.expect.command):
            found.append(f"subtask {s.id!r}: it uses what was not granted")
    return found


def _wave(wave: Mapping[str, Any], allowed: Allowed, draft: Draft) -> dict[str, Any]:
    where = f"wave {wave.get('name')!r}"
    subtasks = wave.get("subtasks")
    if not isinstance(subtasks, list) or not all(isinstance(s, dict) for s in subtasks):
        draft.note(f"{where}: subtasks is not a list of subtasks")
        subtasks = []
    written = _only(wave, (*_WAVE_KEYS, "subtasks"), where, draft)
    written.pop("subtasks", None)
    return {**written, "subtask": [_subtask(s, allowed, draft) for s in subtasks]}


def _subtask(subtask: Mapping[str, Any], allowed: Allowed, draft: Draft) -> dict[str, Any]:
    where = f"subtask {subtask.get('id')!r}"
    expect = subtask.get("expect")
    if isinstance(expect, dict):
        subtask = {**subtask, "expect": _only(expect, _EXPECT_KEYS, f"{where}, expect", draft)}
    kind = subtask.get("kind", Kind.CLAUDE.value)
    if kind == Kind.COMMAND.value and allowed.commands:
        # A schema cannot say that a command has no prompt, so what does not belong to it is no mistake.
        plain = {k: v for k, v in subtask.items() if v not in ("", [], {}, None)}
        return _only(plain, ("kind", *_COMMAND_KEYS, *_KEYS), where, draft)
    if kind != Kind.CLAUDE.value:
        draft.note(f"{where}: kind {kind!r} is not allowed here")
    tools = subtask.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if tool not in allowed.tools:
            names = ", ".join(allowed.tools) or "none"
            draft.note(f"{where}: tool {tool!r} cannot be granted; what can be: {names}")
    ignored = {"kind"} | ({"command"} if subtask.get("command") == [] else set())
    return _only({k: v for k, v in subtask.items() if k not in ignored}, _KEYS, where, draft)


def _only(values: Mapping[str, Any], known: Sequence[str], where: str, draft: Draft) -> dict[str, Any]:
    """The known members that a TOML file can hold; null counts as not there."""
    written = {}
    for key, value in values.items():
        if value is None:
            continue
        if key not in known:
            draft.note(f"{where}: {key!r} is not allowed here")
        elif not _can_be_written(value):
            draft.note(f"{where}: {key} holds something that a plan file cannot")
        else:
            written[key] = value
    return written


def _can_be_written(value: Any, depth: int = 0) -> bool:
    if depth > _DEEPEST:
        return False
    if isinstance(value, dict):
        return all(_can_be_written(v, depth + 1) for pair in value.items() for v in pair)
    if isinstance(value, list):
        return all(_can_be_written(v, depth + 1) for v in value)
    if isinstance(value, int):
        return abs(value) < 2**63
    if isinstance(value, str):
        return not _HALF.search(value)
    return isinstance(value, float)


def _json(text: str) -> dict[str, Any] | None:
    for candidate in (text, text[text.find("{") : text.rfind("}") + 1]):
        try:
            value = json.loads(candidate, parse_constant=_refuse)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return None


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
