"""Load a plan that Luna V3 saved as JSON. Its tool lists are dropped: Luna offered every tool to all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.words import Priority
from luna_tui.storage.fields import Problems, Table
from luna_tui.storage.plan_graph import Placed, check_graph
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.text_source import read_text
from luna_tui.storage.toml_source import TomlSource

MAX_BYTES = 16 * 1024 * 1024
_PRIORITIES = {
    "critica": Priority.CRITICAL,
    "crítica": Priority.CRITICAL,
    "alta": Priority.CRITICAL,
    "nice-to-have": Priority.NICE_TO_HAVE,
    "baixa": Priority.NICE_TO_HAVE,
}
_ID_LINE = re.compile(r'"id"\s*:\s*"((?:[^"\\]|\\.)*)"')


def load_luna_v3(path: Path, *, workspace: Path | None, defaults: PlanDefaults) -> Plan:
    """The plan in Luna's own format; raises InvalidInput with located problems."""
    from luna_tui.storage.plans import TITLE, check_workspace, refuse

    text = read_text(path, TITLE, max_bytes=MAX_BYTES)
    data = _parse(path, text, TITLE)
    problems = Problems(TomlSource(str(path), data, _lines(text, data)))
    root = Table(problems, (), data)
    folder = (workspace or path.resolve().parent).resolve()
    wrong = check_workspace(folder)
    if wrong is not None:
        problems.add((), wrong, "give another with --workspace")
    waves, placed = _waves(root, defaults)
    if not placed and not problems.found:
        problems.add((), "the plan has no subtasks; nothing to do")
    check_graph(placed, problems, computed=False)
    if problems.found:
        raise refuse(problems.found)
    goal = root.text("tarefa_original")
    return Plan(
        name=clean_line(path.stem),
        goal=goal,
        waves=tuple(waves),
        workspace=str(folder),
        source=str(path.resolve()),
    )


def _parse(path: Path, text: str, title: str) -> dict[str, Any]:
    def fail(line: int, what: str, fix: str = "") -> InvalidInput:
        return InvalidInput(title, (Problem(str(path), line, what, fix),))

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                raise fail(0, f"key {clean_line(key)} stands twice in one object", "remove one")
            seen[key] = value
        return seen

    def constant(name: str) -> Any:
        raise fail(0, f"{name} is no JSON number")

    try:
        data = json.loads(text, object_pairs_hook=unique, parse_constant=constant)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip())
        if at_end:
            raise fail(error.lineno, f"the file ends at line {error.lineno}", "is it complete?") from None
        raise fail(
            error.lineno, f"{error.msg} (column {error.colno})", "JSON has no comments and no trailing commas"
        ) from None
    except (RecursionError, ValueError):
        raise fail(0, "nested too deep or a number too long") from None
    if isinstance(data, dict) and "ondas" not in data and isinstance(data.get("decomposicao"), dict):
        data = data | {"ondas": data["decomposicao"].get("ondas")}
    if not isinstance(data, dict) or data.get("ondas") is None:
        raise fail(1, "this JSON is no plan of Luna V3: it has no ondas", "plans of luna-tui are TOML")
    return data


def _lines(text: str, data: dict[str, Any]) -> dict[tuple[str | int, ...], int]:
    """Lines of the subtasks, by the order in which their ids stand after `ondas`."""
    start = text.rfind('"ondas"')
    found = iter(text.count("\n", 0, m.start()) + 1 for m in _ID_LINE.finditer(text, max(0, start)))
    lines: dict[tuple[str | int, ...], int] = {}
    waves = data["ondas"] if isinstance(data["ondas"], list) else []
    for n, wave in enumerate(waves):
        subtasks = wave.get("subtarefas") if isinstance(wave, dict) else None
        for m, _ in enumerate(subtasks if isinstance(subtasks, list) else []):
            lines[("ondas", n, "subtarefas", m)] = next(found, 0)
    return lines


def _waves(root: Table, defaults: PlanDefaults) -> tuple[list[Wave], list[Placed]]:
    values = root.values["ondas"]
    if not isinstance(values, list):
        root.wrong("ondas", "ondas must be a list")
        return [], []
    waves: list[Wave] = []
    placed: list[Placed] = []
    for number, value in enumerate(values):
        path: tuple[str | int, ...] = ("ondas", number)
        table = Table(root.problems, path, value if isinstance(value, dict) else {})
        subtasks = table.values.get("subtarefas")
        if not isinstance(subtasks, list) or not subtasks:
            root.problems.add(path, f"wave {number + 1} has no subtarefas")
            continue
        here = [
            Placed(subtask, number, (*path, "subtarefas", place))
            for place, item in enumerate(subtasks)
            if (subtask := _subtask(root.problems, (*path, "subtarefas", place), item, defaults)) is not None
        ]
        placed.extend(here)
        title = clean_line(table.text("descricao"))[:40]
        waves.append(
            Wave(
                name=f"{number + 1} {title}".strip(),
                subtasks=tuple(p.subtask for p in here),
                parallel=table.flag("pode_executar_paralelo", False),
                timeout=defaults.wave_timeout,
            )
        )
    return waves, placed


def _subtask(
    problems: Problems, path: tuple[str | int, ...], value: Any, defaults: PlanDefaults
) -> Subtask | None:
    table = Table(problems, path, value if isinstance(value, dict) else {})
    raw_id = table.text("id")
    subtask_id = re.sub(r"[^A-Za-z0-9._-]", "-", raw_id)[:64].lstrip("-")
    if not subtask_id or subtask_id in (".", ".."):
        problems.add((*path, "id"), "a subtask needs an id")
        return None
    title = clean_line(table.text("titulo", subtask_id)) or subtask_id
    return Subtask(
        id=subtask_id,
        title=title,
        depends_on=table.texts("dependencias", single=True),
        priority=_PRIORITIES.get(table.text("prioridade").lower(), Priority.IMPORTANT),
        prompt=_prompt(table, title),
        model=defaults.model,
        max_tokens=max(defaults.max_tokens, 4096),
        timeout=defaults.timeout,
        retries=defaults.retries,
    )


def _prompt(table: Table, title: str) -> str:
    parts = [title, table.text("descricao")]
    for key, label in (
        ("input", "Input"),
        ("output_esperado", "Expected output"),
        ("criterio_sucesso", "Success criterion"),
    ):
        text = table.text(key)
        if text.strip():
            parts.append(f"{label}: {text}")
    return "\n\n".join(p for p in parts if p.strip())
