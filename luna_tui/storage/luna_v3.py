"""Load a plan that Luna V3 saved as JSON.

What Luna showed and never used is dropped: its tool lists (every subtask could use every tool),
its guesses of tokens and time, its numbers of waves. Its texts are no templates.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from luna_tui.core.clean import REPLACEMENT, clean_line
from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.templates import literal
from luna_tui.core.words import Priority
from luna_tui.storage import json_scan
from luna_tui.storage.fields import Problems, Table, kind_of
from luna_tui.storage.plan_graph import Placed, check_graph
from luna_tui.storage.plan_problems import MAX_SUBTASKS, TITLE, refuse
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plan_workspace import resolved_workspace
from luna_tui.storage.text_source import read_text
from luna_tui.storage.toml_scan import ShapeError
from luna_tui.storage.toml_source import TomlSource

MAX_BYTES = 64 * 1024 * 1024
_LONGEST_ANSWER = 4096
"""What Luna allowed every call, in tokens."""
_PRIORITIES = {
    "critica": Priority.CRITICAL,
    "crítica": Priority.CRITICAL,
    "alta": Priority.CRITICAL,
    "nice-to-have": Priority.NICE_TO_HAVE,
    "baixa": Priority.NICE_TO_HAVE,
}
_PROMPT_PARTS = (
    ("input", "Input"),
    ("output_esperado", "Expected output"),
    ("criterio_sucesso", "Success criterion"),
)
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_IN_ID = re.compile(r"[^A-Za-z0-9._-]")


def load_luna_v3(path: Path, *, workspace: Path | None, defaults: PlanDefaults) -> Plan:
    """The plan in Luna's own format; raises InvalidInput with located problems."""
    source, problems = _read(path)
    root = Table(problems, (), source.data)
    folder = Path()
    try:
        folder = resolved_workspace(Path.cwd(), str(workspace or path.resolve().parent))
    except ValueError as error:
        problems.add((), str(error), "name another folder with --workspace")
    waves, placed = _waves(root, defaults)
    if not placed and not problems.found:
        problems.add(("ondas",), "the plan has no subtasks; nothing to do", "add subtarefas")
    check_graph(placed, problems, computed=False)
    goal = _SURROGATE.sub(REPLACEMENT, root.text("tarefa_original"))
    if problems.found:
        raise refuse(problems.found)
    return Plan(
        name=clean_line(path.stem),
        goal=goal,
        waves=tuple(waves),
        workspace=str(folder),
        source=str(path.resolve()),
    )


def _read(path: Path) -> tuple[TomlSource, Problems]:
    text = read_text(path, TITLE, max_bytes=MAX_BYTES)
    shown = clean_line(str(path))

    def fail(line: int, what: str, fix: str) -> InvalidInput:
        return InvalidInput(TITLE, (Problem(shown, line, what, fix),))

    try:
        found = json_scan.scan(text)
        data = json.loads(text)
    except ShapeError as error:
        raise fail(error.line, error.what, error.fix) from None
    except json.JSONDecodeError as error:
        raise fail(*_syntax_problem(text, error)) from None
    lines = found.lines
    inner = data.get("decomposicao") if isinstance(data, dict) else None
    if isinstance(inner, dict) and data.get("ondas") is None:
        data = data | {"ondas": inner.get("ondas")}
        lines = lines | {p[1:]: n for p, n in lines.items() if p[:2] == ("decomposicao", "ondas")}
    if not isinstance(data, dict) or data.get("ondas") is None:
        kind = "it has no ondas" if isinstance(data, dict) else f"it is {kind_of(data)}"
        raise fail(1, f"this JSON is no plan of Luna V3: {kind}", "plans of luna-tui are TOML")
    source = TomlSource(shown, data, lines)
    problems = Problems(source)
    for fault in found.faults:
        problems.add(*fault)
    return source, problems


def _syntax_problem(text: str, error: json.JSONDecodeError) -> tuple[int, str, str]:
    end = len(text.rstrip())
    if error.pos >= end or error.msg.startswith("Unterminated string"):
        line = text.count("\n", 0, end) + 1
        return line, f"the file ends at line {line} in the middle of the JSON", "is it complete?"
    rest = text[error.pos : error.pos + 2]
    if rest in ("//", "/*") or rest[:1] == "#":
        return error.lineno, "JSON has no comments", "remove it, or write the plan as TOML"
    before = text[: error.pos].rstrip()
    if before.endswith(",") and rest[:1] in "]}":
        return text.count("\n", 0, len(before)) + 1, "a comma before the end", "remove it"
    return error.lineno, f"{error.msg} (column {error.colno})", "check the line and the one before"


def _waves(root: Table, defaults: PlanDefaults) -> tuple[list[Wave], list[Placed]]:
    values = root.values["ondas"]
    if not isinstance(values, list):
        root.wrong("ondas", f"ondas must be a list, not {kind_of(values)}")
        return [], []
    count = sum(len(_items(value)) for value in values)
    if count > MAX_SUBTASKS:
        root.wrong("ondas", f"{count:,} subtasks, more than {MAX_SUBTASKS:,}", "split the plan")
        return [], []
    waves: list[Wave] = []
    placed: list[Placed] = []
    for number, value in enumerate(values):
        path: tuple[str | int, ...] = ("ondas", number)
        if not _items(value):
            root.problems.add(path, f"wave {number + 1} has no subtarefas", "add some, or remove the wave")
            continue
        here = _placed(root.problems, path, number, _items(value), defaults)
        placed.extend(here)
        waves.append(_wave(Table(root.problems, path, value), number, here, defaults))
    return waves, placed


def _items(wave: Any) -> list[Any]:
    items = wave.get("subtarefas") if isinstance(wave, dict) else None
    return items if isinstance(items, list) else []


def _wave(table: Table, number: int, placed: list[Placed], defaults: PlanDefaults) -> Wave:
    title = clean_line(table.text("descricao"))[:40]
    return Wave(
        name=f"{number + 1} {title}".strip(),
        subtasks=tuple(p.subtask for p in placed),
        parallel=table.flag("pode_executar_paralelo", False),
        timeout=defaults.wave_timeout,
    )


def _placed(
    problems: Problems, wave: tuple[str | int, ...], number: int, items: list[Any], defaults: PlanDefaults
) -> list[Placed]:
    placed = []
    for place, value in enumerate(items):
        path = (*wave, "subtarefas", place)
        if not isinstance(value, dict):
            problems.add(path, f"a subtask must be an object, not {kind_of(value)}")
            continue
        subtask = _subtask(Table(problems, path, value), defaults)
        if subtask is not None:
            placed.append(Placed(subtask, number, path, needs_key="dependencias"))
    return placed


def _subtask(table: Table, defaults: PlanDefaults) -> Subtask | None:
    subtask_id = _id(table.text("id"))
    if not subtask_id:
        table.wrong("id", "a subtask needs an id", '"id": "1.1"')
        return None
    title = clean_line(table.text("titulo", subtask_id)) or subtask_id
    needs = table.texts("dependencias", single=True)
    return Subtask(
        id=subtask_id,
        title=title,
        depends_on=tuple(dict.fromkeys(_id(needed) or needed for needed in needs)),
        priority=_PRIORITIES.get(table.text("prioridade").lower(), Priority.IMPORTANT),
        prompt=_prompt(table, title),
        model=defaults.model,
        max_tokens=max(defaults.max_tokens, _LONGEST_ANSWER),
        timeout=defaults.timeout,
        retries=defaults.retries,
    )


def _id(text: str) -> str:
    """Luna's ids are free text; here they are also file names. Empty when nothing is left."""
    made = _NOT_IN_ID.sub("-", text.strip())[:64].lstrip("-")
    return "" if made in (".", "..") else made


def _prompt(table: Table, title: str) -> str:
    parts = [title, table.text("descricao")]
    parts += [f"{label}: {text}" for key, label in _PROMPT_PARTS if (text := table.text(key)).strip()]
    text = "\n\n".join(p for p in parts if p.strip())
    return literal(_SURROGATE.sub(REPLACEMENT, text))
