"""Find the files in a folder that look like plans, and say of each what it is or what is wrong with it."""

from __future__ import annotations

import os
import re
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput, LunaError
from luna_tui.core.run_summary import PlanSummary
from luna_tui.storage.batches import SUFFIXES
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plans import load_plan

_LOOKED_AT = 64 * 1024
"""Bytes of a file in which it shows whether it is a plan."""
_LOADED = 4 * 1024 * 1024
"""A larger file is listed by its name only."""
_MOST = 100
"""Files that are looked at."""
_MOST_PROBLEMS = 8
_TOML = re.compile(rb"^[ \t]*(?:\[plan\]|\[\[(?:wave|subtask)\]\])", re.MULTILINE)
_JSON = re.compile(rb'"(?:ondas|subtarefas|tarefa_original)"\s*:')
_BATCH = re.compile(rb'\A\s*\{\s*"(?:custom_id|params)"\s*:')
_MARKS = {".toml": _TOML, ".json": _JSON} | dict.fromkeys(SUFFIXES, _BATCH)
"""Ending of a name -> what shows that the file is a plan."""
_SUFFIXES = tuple(_MARKS)


class PlanShelf:
    """Plans of one folder. One thread at a time; a file that did not change is not read again."""

    def __init__(self, folder: Path, defaults: PlanDefaults) -> None:
        self._folder = folder
        self._defaults = defaults
        self._known: dict[str, tuple[tuple[int, int], PlanSummary | None]] = {}
        """Name -> size and time of change, and the summary; None = it is no plan."""

    def look(self) -> tuple[PlanSummary, ...]:
        """Summaries by name; files that are no plans are left out."""
        found: dict[str, tuple[tuple[int, int], PlanSummary | None]] = {}
        for name, mark in self._files()[:_MOST]:
            before = self._known.get(name)
            found[name] = before if before is not None and before[0] == mark else (mark, self._plan(name))
        self._known = found
        return tuple(plan for _mark, plan in found.values() if plan is not None)

    def _files(self) -> list[tuple[str, tuple[int, int]]]:
        try:
            with os.scandir(self._folder) as entries:
                return sorted(
                    (e.name, (e.stat().st_size, e.stat().st_mtime_ns))
                    for e in entries
                    if e.name.endswith(_SUFFIXES) and e.is_file()
                )
        except OSError:
            return []

    def _plan(self, name: str) -> PlanSummary | None:
        path = self._folder / name
        try:
            with path.open("rb") as file:
                head = file.read(_LOOKED_AT)
                size = os.fstat(file.fileno()).st_size
        except OSError:
            return None
        if not next(mark for suffix, mark in _MARKS.items() if name.endswith(suffix)).search(head):
            return None
        if size > _LOADED:
            return PlanSummary(str(path), clean_line(name))
        try:
            plan = load_plan(path, defaults=self._defaults)
        except InvalidInput as error:
            problems = tuple(
                f"{p.line}: {p.what}" if p.line else p.what for p in error.problems[:_MOST_PROBLEMS]
            )
            return PlanSummary(str(path), clean_line(name), problems=problems)
        except LunaError as error:
            return PlanSummary(str(path), clean_line(name), problems=(error.message,))
        subtasks = sum(len(wave.subtasks) for wave in plan.waves)
        return PlanSummary(str(path), plan.name, subtasks, len(plan.waves))
