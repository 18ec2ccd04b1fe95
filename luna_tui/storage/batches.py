"""Load requests of the Message Batches API, one a line, as a plan of one wave."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_tui.core.clean import REPLACEMENT, clean_line
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.templates import literal
from luna_tui.storage.fields import Problems, Table, kind_of, shortened
from luna_tui.storage.plan_problems import MAX_SUBTASKS, TITLE, refuse
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plan_workspace import resolved_workspace
from luna_tui.storage.text_source import read_text
from luna_tui.storage.toml_source import TomlSource

MAX_BYTES = 64 * 1024 * 1024
SUFFIXES = (".jsonl", ".ndjson")
"""Of files that hold such requests."""
_PARAMS = ("model", "max_tokens", "system", "messages", "stream")
_ROLES = ("user", "assistant")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")
_SURROGATE = re.compile("[\ud800-\udfff]")


class _Twice(ValueError):
    """A key that stands twice in one object."""


@dataclass(slots=True)
class _Lines:
    """What is known of the lines so far."""

    problems: Problems
    defaults: PlanDefaults
    ids: dict[str, int]
    """Id, without case -> the line that has it."""


def load_batch(path: Path, *, workspace: Path | None, defaults: PlanDefaults) -> Plan:
    """The plan of a file of requests; raises InvalidInput with every problem found, each with its line."""
    text = read_text(path, TITLE, max_bytes=MAX_BYTES)
    numbered = [(n, line) for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    source = TomlSource(clean_line(str(path)), {}, {("line", n): n for n, _ in numbered})
    problems = Problems(source)
    folder = Path()
    try:
        folder = resolved_workspace(Path.cwd(), str(workspace or path.resolve().parent))
    except ValueError as error:
        problems.add((), str(error), "name another folder with --workspace")
    if not numbered:
        problems.add((), "the file has no requests; nothing to do", "one request on each line")
    elif len(numbered) > MAX_SUBTASKS:
        problems.add((), f"{len(numbered):,} requests, more than {MAX_SUBTASKS:,}", "split the file")
        numbered = []
    lines = _Lines(problems, defaults, {})
    subtasks = tuple(s for n, line in numbered for s in _request(lines, n, line))
    if problems.found:
        raise refuse(problems.found)
    wave = Wave(name="batch", subtasks=subtasks, timeout=defaults.wave_timeout)
    return Plan(name=clean_line(path.stem), waves=(wave,), workspace=str(folder), source=str(path.resolve()))


def _request(lines: _Lines, number: int, line: str) -> Iterator[Subtask]:
    """The subtask of one line; none after noting what is wrong with it."""
    place = ("line", number)
    before = len(lines.problems.found)
    value = _parsed(lines.problems, place, line)
    if not isinstance(value, dict):
        return
    table = Table(lines.problems, place, value)
    if "url" in value or "body" in value:
        lines.problems.add(
            place, "this is a request for another service", "custom_id and params, nothing else"
        )
        return
    table.refuse_unknown(("custom_id", "params"), "a request")
    custom_id = table.text("custom_id")
    subtask_id = _id(lines, table, custom_id, number)
    params = table.table("params")
    if "params" not in value:
        lines.problems.add(place, "a request needs params", '"params": {"model": …, "messages": […]}')
    for key in params.values:
        if key not in _PARAMS or (key == "stream" and params.values[key] is not False):
            what = f"params.{shortened(clean_line(key))} is nothing that a plan can say"
            lines.problems.add(place, what, "remove it, or send the file to the Batches API")
    said = _conversation(params) if "params" in value else [("user", "")]
    subtask = Subtask(
        id=subtask_id or "-",
        title=clean_line(custom_id) or subtask_id,
        prompt=literal(said[-1][1]),
        messages=tuple(said[:-1]),
        system=_text_of(params, "system", params.values.get("system", "")),
        model=params.text("model", lines.defaults.model, empty=False),
        max_tokens=params.whole("max_tokens", lines.defaults.max_tokens, 1, 1_000_000),
        timeout=lines.defaults.timeout,
        retries=lines.defaults.retries,
    )
    if len(lines.problems.found) == before:
        yield subtask


def _parsed(problems: Problems, place: tuple[str | int, ...], line: str) -> Any:
    try:
        value = json.loads(line, object_pairs_hook=_object, parse_constant=_constant)
    except _Twice as error:
        problems.add(place, str(error), "remove one of them")
    except (ValueError, RecursionError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it cannot be read"
        problems.add(place, f"this line is no JSON: {what}", "one request on each line, and nothing else")
    else:
        if isinstance(value, dict):
            return value
        problems.add(place, f"a request is an object, not {kind_of(value)}", '{"custom_id": …, "params": …}')
    return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for n, name in enumerate(names) if name in names[:n])
        raise _Twice(f"key {twice} stands twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _id(lines: _Lines, table: Table, custom_id: str, number: int) -> str:
    """The id for a custom_id: what no id may hold becomes a dash. Empty when that is none."""
    made = _NOT_IN_ID.sub("-", custom_id.strip())[:64].lstrip("-")
    if not made.strip("."):
        table.wrong("custom_id", "a request needs a custom_id with letters or digits", '"custom_id": "a-1"')
        return ""
    first = lines.ids.setdefault(made.casefold(), number)
    if first != number:
        table.wrong("custom_id", f"custom_id {made} is already used in line {first}", "rename one of them")
    return made


def _conversation(params: Table) -> list[tuple[str, str]]:
    """(role, text) of every message, the prompt last; at least one, whatever is wrong."""
    given = params.values.get("messages")
    if not isinstance(given, list) or not given:
        params.wrong("messages", "params.messages must be a list of messages", '[{"role": "user", …}]')
        return [("user", "")]
    said = [_message(params, n, message) for n, message in enumerate(given)]
    if said[0][0] != "user" or said[-1][0] != "user":
        what = "the first and the last message must be the user's"
        params.wrong("messages", what, "an answer that is begun for the model cannot be asked for")
    elif not all(text.strip() for _, text in said):
        params.wrong("messages", "a message is empty", "remove it")
    return said


def _message(params: Table, number: int, message: Any) -> tuple[str, str]:
    role = message.get("role") if isinstance(message, dict) else None
    if role not in _ROLES:
        params.wrong("messages", f"message {number} has no role", '"user" or "assistant"')
        return "user", "-"
    if unknown := next((k for k in message if k not in ("role", "content")), None):
        params.wrong("messages", f"message {number} has an unknown key {shortened(clean_line(unknown))}", "")
    return str(role), _text_of(params, "messages", message.get("content"), f"message {number}")


def _text_of(params: Table, key: str, content: Any, name: str = "params.system") -> str:
    """Text of a string or of blocks of text."""
    if isinstance(content, str):
        return _SURROGATE.sub(REPLACEMENT, content)
    if not isinstance(content, list):
        params.wrong(key, f"{name} must be text or a list of blocks, not {kind_of(content)}")
        return "-"
    texts = []
    for block in content:
        if (
            not isinstance(block, dict)
            or block.get("type") != "text"
            or not isinstance(block.get("text"), str)
        ):
            kind = block.get("type") if isinstance(block, dict) else kind_of(block)
            what = (
                f"{name} holds a block of type {shortened(clean_line(str(kind)))}, and a plan holds text only"
            )
            params.wrong(key, what, "write it as text, or send the file to the Batches API")
            return "-"
        texts.append(_SURROGATE.sub(REPLACEMENT, block["text"]))
    return "\n\n".join(texts)
