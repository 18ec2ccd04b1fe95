"""Digests over all that decides what comes of a subtask, to know whether it would be the same again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.waves import levels
from luna_tui.core.words import Kind
from luna_tui.storage.run_meta import file_digest


def digests(plan: Plan, files: Mapping[str, str] | None = None) -> dict[str, str]:
    """Subtask -> digest over its definition, the content of its files, and all that it depends on.

    `files` = digests of attached files at an earlier time, by name; None = as they are now. Empty for
    a subtask with a file that cannot be read, and for all that depend on it.
    """
    by_id = {s.id: s for s in plan.subtasks()}
    file = _of_files(Path(plan.workspace), files)
    found: dict[str, str] = {}
    for level in levels({s.id: s.depends_on for s in by_id.values()}):
        for i in level:
            found[i] = _digest(plan, by_id[i], file, found)
    return found


def _of_files(workspace: Path, known: Mapping[str, str] | None) -> Callable[[str], str]:
    if known is not None:
        return lambda name: known.get(name, "")
    seen: dict[str, str] = {}

    def of(name: str) -> str:
        if name not in seen:
            seen[name] = file_digest(workspace / name)
        return seen[name]

    return of


def _digest(plan: Plan, subtask: Subtask, file: Callable[[str], str], found: Mapping[str, str]) -> str:
    files = {name: file(name) for name in subtask.files}
    needs = {i: found.get(i, "") for i in subtask.depends_on}
    if not all((*files.values(), *needs.values())):
        return ""
    parts = {
        "kind": subtask.kind.value,
        "expect": asdict(subtask.expect) if subtask.expect is not None else None,
        "isolate": subtask.isolate,
        "needs": needs,
        **(_asked(subtask, files) if subtask.kind is Kind.CLAUDE else _run(plan, subtask)),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _asked(subtask: Subtask, files: Mapping[str, str]) -> dict[str, object]:
    return {
        "prompt": subtask.prompt,
        "system": subtask.system,
        "messages": subtask.messages,
        "model": subtask.model,
        "max_tokens": subtask.max_tokens,
        "tools": sorted(subtask.tools),
        "max_turns": subtask.max_turns if subtask.tools else None,
        "files": list(files.items()),
    }


def _run(plan: Plan, subtask: Subtask) -> dict[str, object]:
    return {
        "command": subtask.command,
        "shell": subtask.shell,
        "call": [subtask.callable, subtask.args, subtask.kwargs],
        "env": sorted(subtask.env),
        "cwd": subtask.cwd,
        "ok_codes": sorted(subtask.ok_codes),
        "workspace": plan.workspace,
    }
