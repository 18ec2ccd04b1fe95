"""Load a plan file, or say everything that is wrong with it."""

from __future__ import annotations

import os
import sys
import sysconfig
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.templates import TemplateError, render
from luna_tui.core.waves import levels
from luna_tui.core.words import OnFailure
from luna_tui.storage.fields import Problems, Table
from luna_tui.storage.plan_graph import Placed, check_graph
from luna_tui.storage.plan_subtasks import SUBTASK_KEYS, PlanDefaults, read_subtask
from luna_tui.storage.toml_source import TomlSource, read_toml

MAX_BYTES = 64 * 1024 * 1024
MAX_SUBTASKS = 100_000
TITLE = "the plan cannot be used"
_SHOWN_PROBLEMS = 20
_WAVE_KEYS = ("name", "parallel", "timeout", "max_workers", "subtask")


def load_plan(path: Path, *, workspace: Path | None = None, defaults: PlanDefaults | None = None) -> Plan:
    """The plan in a TOML file, or in Luna V3's JSON; `workspace` replaces the one it names.

    Raises InvalidInput with every problem found, each located, in file order.
    """
    if path.suffix.lower() == ".json":
        from luna_tui.storage.luna_v3 import load_luna_v3

        return load_luna_v3(path, workspace=workspace, defaults=defaults or PlanDefaults())
    source = read_toml(path, TITLE, max_bytes=MAX_BYTES)
    return _Loader(source, path, workspace, defaults or PlanDefaults()).load()


def refuse(problems: list[Problem]) -> InvalidInput:
    """The error for these problems: sorted, and the first twenty shown."""
    ordered = sorted(problems, key=lambda p: p.line)
    more = len(ordered) - _SHOWN_PROBLEMS
    hint = f"and {more} more" if more > 0 else "nothing was started"
    return InvalidInput(TITLE, tuple(ordered[:_SHOWN_PROBLEMS]), hint)


def load_values(plan_path: Path) -> dict[str, str]:
    """Names that `workspace`, `command`, `env` and `cwd` may use, known when a plan is loaded."""
    return {
        "python.stdlib": sysconfig.get_path("stdlib"),
        "python.executable": sys.executable,
        "plan.dir": str(plan_path.resolve().parent),
    }


def check_workspace(path: Path) -> str | None:
    """Why a folder cannot be a workspace; None when it can."""
    if not path.exists():
        return f"workspace {path} does not exist"
    if not path.is_dir():
        return f"workspace {path} is not a folder"
    if path == Path(path.anchor):
        return f"workspace {path} is too wide; name a folder in it"
    if os.environ.get("HOME") and path == Path(os.environ["HOME"]).resolve():
        return f"workspace {path} is your whole home folder; name a folder in it"
    return None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A wave before its subtasks are known to fit together."""

    wave: Wave
    placed: tuple[Placed, ...]


class _Loader:
    def __init__(
        self, source: TomlSource, path: Path, workspace: Path | None, defaults: PlanDefaults
    ) -> None:
        self._source = source
        self._path = path
        self._given_workspace = workspace
        self._defaults = defaults
        self._problems = Problems(source)
        self._root = Table(self._problems, (), source.data)
        self._values = load_values(path)

    def load(self) -> Plan:
        self._root.refuse_unknown(("plan", "defaults", "wave", "subtask"), "a plan")
        head = self._root.table("plan")
        head.refuse_unknown(("name", "goal", "workspace", "on_failure"), "[plan]")
        name = head.text("name", empty=False)
        if "name" not in head.values:
            self._problems.add(("plan",), "[plan] needs a name", 'name = "nightly-docs"')
        workspace = self._workspace(head)
        defaults = self._root.table("defaults")
        defaults.refuse_unknown(SUBTASK_KEYS, "[defaults]")
        drafts = self._drafts(defaults, workspace)
        placed = [p for draft in drafts for p in draft.placed]
        check_graph(placed, self._problems, computed="subtask" in self._root.values)
        if self._problems.found:
            raise refuse(self._problems.found)
        return Plan(
            name=clean_line(name),
            goal=head.text("goal"),
            workspace=workspace,
            on_failure=head.choice("on_failure", OnFailure, OnFailure.CONTINUE),
            waves=self._waves(drafts),
            source=str(self._path.resolve()),
        )

    def _workspace(self, head: Table) -> str:
        if self._given_workspace is not None:
            path = self._given_workspace.resolve()
        else:
            text = head.text("workspace", ".")
            try:
                text = render(text, self._values)
            except TemplateError as error:
                head.wrong("workspace", str(error), f"names: {', '.join(self._values)}")
            path = (self._path.resolve().parent / os.path.expanduser(text)).resolve()
        wrong = check_workspace(path)
        if wrong is not None:
            head.wrong("workspace", wrong)
        return str(path)

    def _drafts(self, defaults: Table, workspace: str) -> list[_Draft]:
        waves, subtasks = self._root.values.get("wave"), self._root.values.get("subtask")
        if waves is not None and subtasks is not None:
            self._problems.add(("subtask",), "a plan has either [[wave]] or top-level [[subtask]], not both")
            return []
        if not waves and not subtasks:
            self._problems.add(
                (), "the plan has no subtasks; nothing to do", "add [[wave]] and [[wave.subtask]]"
            )
            return []
        if self._count(waves, subtasks) > MAX_SUBTASKS:
            self._problems.add((), f"more than {MAX_SUBTASKS:,} subtasks", "split the plan")
            return []
        if subtasks is not None:
            placed = self._subtasks(("subtask",), subtasks, defaults, workspace, 0)
            wave = Wave(name="", subtasks=(), timeout=self._defaults.wave_timeout)
            return [_Draft(wave, placed)]
        if not isinstance(waves, list):
            self._problems.add(("wave",), "waves are written as [[wave]], with two brackets")
            return []
        drafts = [self._wave(n, w, defaults, workspace) for n, w in enumerate(waves)]
        self._unique_names(drafts)
        return drafts

    def _count(self, waves: Any, subtasks: Any) -> int:
        groups = [subtasks] + [w.get("subtask") for w in waves or () if isinstance(w, dict)]
        return sum(len(g) for g in groups if isinstance(g, list))

    def _wave(self, number: int, value: Any, defaults: Table, workspace: str) -> _Draft:
        path: tuple[str | int, ...] = ("wave", number)
        table = Table(self._problems, path, value if isinstance(value, dict) else {})
        if "map" in table.values:
            table.wrong(
                "map", "[[wave.map]] arrives in a later version", "write one [[wave.subtask]] per item"
            )
        table.refuse_unknown((*_WAVE_KEYS, "map"), "[[wave]]")
        name = table.text("name", empty=False)
        if "name" not in table.values:
            self._problems.add(path, "a wave needs a name", 'name = "extract"')
        subtasks = table.values.get("subtask", [])
        if not subtasks and "map" not in table.values:
            self._problems.add(path, f"wave {clean_line(name)} has no subtasks", "add [[wave.subtask]]")
        wave = Wave(
            name=clean_line(name),
            subtasks=(),
            parallel=table.flag("parallel", True),
            timeout=table.seconds("timeout", self._defaults.wave_timeout),
            max_workers=table.whole("max_workers", None, 1, 10_000),
        )
        return _Draft(wave, self._subtasks((*path, "subtask"), subtasks, defaults, workspace, number))

    def _subtasks(
        self, path: tuple[str | int, ...], values: Any, defaults: Table, workspace: str, wave: int
    ) -> tuple[Placed, ...]:
        if not isinstance(values, list):
            self._problems.add(path, "subtasks are written with two brackets: [[...subtask]]")
            return ()
        placed = []
        for number, value in enumerate(values):
            own = value if isinstance(value, dict) else {}
            merged = Table(self._problems, (*path, number), {**defaults.values, **own})
            subtask = read_subtask(merged, own, self._defaults, workspace, self._values)
            if subtask is not None:
                placed.append(Placed(subtask, wave, (*path, number)))
        return tuple(placed)

    def _unique_names(self, drafts: list[_Draft]) -> None:
        first: dict[str, int] = {}
        for number, draft in enumerate(drafts):
            name = draft.wave.name
            if name and name in first:
                before = self._problems.line("wave", first[name], "name")
                self._problems.add(
                    ("wave", number, "name"),
                    f"wave name {name} is already used in line {before}",
                    "rename one",
                )
            first.setdefault(name, number)

    def _waves(self, drafts: list[_Draft]) -> tuple[Wave, ...]:
        if "subtask" in self._root.values:
            return computed_waves([p.subtask for p in drafts[0].placed], drafts[0].wave)
        return tuple(replace(d.wave, subtasks=tuple(p.subtask for p in d.placed)) for d in drafts)


def computed_waves(subtasks: list[Subtask], like: Wave) -> tuple[Wave, ...]:
    """Waves from dependencies: level after level, each as early as it can be."""
    by_id = {s.id: s for s in subtasks}
    ordered = levels({s.id: s.depends_on for s in subtasks})
    return tuple(
        replace(like, name=f"level-{n}", subtasks=tuple(by_id[i] for i in level))
        for n, level in enumerate(ordered, 1)
    )
