"""Load a plan file, or say everything that is wrong with it."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from luna_tui.core.clean import clean_line
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.templates import TemplateError, render
from luna_tui.core.waves import levels
from luna_tui.core.words import OnFailure, Schedule
from luna_tui.storage.batches import SUFFIXES, load_batch
from luna_tui.storage.fields import Problems, Table
from luna_tui.storage.luna_v3 import load_luna_v3
from luna_tui.storage.plan_graph import Placed, check_graph
from luna_tui.storage.plan_inputs import Inputs
from luna_tui.storage.plan_maps import MapReader
from luna_tui.storage.plan_patterns import resolved
from luna_tui.storage.plan_problems import MAX_SUBTASKS, TITLE, refuse
from luna_tui.storage.plan_subtasks import SUBTASK_KEYS, PlanDefaults, SubtaskReader
from luna_tui.storage.plan_workspace import PlanFiles, resolved_workspace
from luna_tui.storage.toml_source import TomlSource, read_toml

Place = tuple[str | int, ...]
"""Keys and numbers from the root of the file."""

MAX_BYTES = 64 * 1024 * 1024
_PLAN_KEYS = ("name", "goal", "workspace", "on_failure", "schedule")
_WAVE_KEYS = ("name", "parallel", "timeout", "max_workers", "subtask", "map")
_MADE_OF = ("subtask", "map")
"""Keys under which subtasks stand."""


def load_plan(
    path: Path,
    *,
    workspace: Path | None = None,
    defaults: PlanDefaults | None = None,
    origin: Path | None = None,
    inputs: Mapping[str, str] | None = None,
) -> Plan:
    """The plan in a TOML file, in Luna V3's JSON or in lines of batch requests.

    `workspace` replaces the one it names.

    `origin` = where the file stood when `path`, a copy of it, was made: what the plan says of its own
    folder means that one. `inputs` = what an earlier load of it read besides.

    Raises InvalidInput with every problem found, each located, in file order.
    """
    home = (origin or path).resolve()
    suffix = path.suffix.lower()
    if suffix == ".json" or suffix in SUFFIXES:
        load = load_luna_v3 if suffix == ".json" else load_batch
        plan = load(path, workspace=workspace, defaults=defaults or PlanDefaults())
        return replace(plan, name=clean_line(home.stem), source=str(home))
    source = read_toml(path, TITLE, max_bytes=MAX_BYTES)
    return _Loader(source, home, workspace, defaults or PlanDefaults(), inputs).load()


def load_values(plan_path: Path) -> dict[str, str]:
    """Names that `workspace`, `command`, `env` and `cwd` may use, known when a plan is loaded."""
    return {
        "python.stdlib": sysconfig.get_path("stdlib"),
        "python.executable": sys.executable,
        "plan.dir": str(plan_path.resolve().parent),
    }


@dataclass(frozen=True, slots=True)
class _Draft:
    """A wave before its subtasks are known to fit together."""

    wave: Wave
    placed: tuple[Placed, ...]


class _Loader:
    def __init__(
        self,
        source: TomlSource,
        path: Path,
        workspace: Path | None,
        defaults: PlanDefaults,
        kept: Mapping[str, str] | None,
    ) -> None:
        self._path = path
        """Where the plan is at home."""
        self._defaults = defaults
        self._problems = Problems(source)
        self._root = Table(self._problems, (), source.data)
        self._values = load_values(path)
        self._head = self._root.table("plan")
        self._common = self._root.table("defaults")
        self._workspace = self._resolve(workspace)
        files = PlanFiles(self._workspace) if self._workspace is not None else None
        self._inputs = Inputs(self._workspace, kept) if self._workspace is not None else None
        self._reader = SubtaskReader(defaults, files, self._inputs, self._values)
        self._maps = MapReader(self._problems, self._common.values, self._reader, self._inputs)

    def load(self) -> Plan:
        self._root.refuse_unknown(("plan", "defaults", "wave", "subtask", "map"), "a plan")
        plan = self._plan()
        self._check_defaults()
        drafts = self._drafts()
        placed = [p for draft in drafts for p in draft.placed]
        if self._maps.complete:
            placed = resolved(placed, self._problems)
            check_graph(placed, self._problems, computed=self._computed)
        if self._problems.found:
            raise refuse(self._problems.found)
        read = self._inputs.read if self._inputs is not None else {}
        return replace(
            plan,
            waves=self._waves(drafts, placed),
            notes=tuple(self._problems.notes),
            inputs=tuple(sorted(read.items())),
        )

    @property
    def _computed(self) -> bool:
        """The plan has no waves of its own."""
        return "subtask" in self._root.values or "map" in self._root.values

    def _plan(self) -> Plan:
        head = self._head
        head.refuse_unknown(_PLAN_KEYS, "[plan]")
        if "name" not in head.values and isinstance(self._root.values.get("plan", {}), dict):
            self._problems.add(("plan",), "[plan] needs a name", 'name = "nightly-docs"')
        return Plan(
            name=clean_line(head.text("name", empty=False)),
            goal=head.text("goal"),
            workspace=str(self._workspace),
            on_failure=head.choice("on_failure", OnFailure, OnFailure.CONTINUE),
            schedule=head.choice("schedule", Schedule, Schedule.WAVES),
            waves=(),
            source=str(self._path.resolve()),
        )

    def _check_defaults(self) -> None:
        self._common.refuse_unknown(SUBTASK_KEYS, "[defaults]")
        if "id" in self._common.values:
            self._common.wrong("id", "every subtask needs an id of its own", "remove it from [defaults]")

    def _resolve(self, given: Path | None) -> Path | None:
        """The workspace; None after noting why it cannot be one."""
        text = str(given) if given is not None else self._head.text("workspace", ".")
        try:
            if given is not None:
                return resolved_workspace(Path.cwd(), text)
            return resolved_workspace(self._path.resolve().parent, render(text, self._values))
        except TemplateError as error:
            self._head.wrong("workspace", str(error), f"names: {', '.join(self._values)}")
        except ValueError as error:
            if given is not None:
                self._problems.add((), str(error), "name another folder with --workspace")
            else:
                self._head.wrong("workspace", str(error), "a folder, seen from the folder of the plan")
        return None

    def _drafts(self) -> list[_Draft]:
        values = self._root.values
        waves, flat = values.get("wave"), [k for k in _MADE_OF if values.get(k) not in (None, [])]
        if waves is not None and self._computed:
            key = "subtask" if "subtask" in values else "map"
            both = f"a plan has either [[wave]] or top-level [[{key}]], not both"
            self._root.wrong(key, both, f"move the {key}s into a wave")
            return []
        if waves in (None, []) and not flat:
            fix = "add [[wave]] and [[wave.subtask]]"
            self._problems.add((), "the plan has no subtasks; nothing to do", fix)
            return []
        tables = waves if _is_tables(waves) else []
        if not flat and not tables:
            self._root.wrong("wave", "waves are tables", "write [[wave]], with two brackets")
            return []
        if (count := self._count()) > MAX_SUBTASKS:
            self._problems.add((), f"{count:,} subtasks, more than {MAX_SUBTASKS:,}", "split the plan")
            return []
        if flat:
            wave = Wave(name="", subtasks=(), timeout=self._defaults.wave_timeout)
            return [_Draft(wave, self._made((), values, 0))]
        drafts = [self._wave(n, w) for n, w in enumerate(tables)]
        self._unique_names(drafts)
        return drafts

    def _wave(self, number: int, values: dict[str, Any]) -> _Draft:
        path: tuple[str | int, ...] = ("wave", number)
        table = Table(self._problems, path, values)
        table.refuse_unknown(_WAVE_KEYS, "[[wave]]")
        name = clean_line(table.text("name", empty=False))
        if "name" not in values:
            self._problems.add(path, "a wave needs a name", 'name = "extract"')
        if all(values.get(key) in (None, []) for key in _MADE_OF):
            self._problems.add(path, f"wave {name or number + 1} has no subtasks", "add [[wave.subtask]]")
        wave = Wave(
            name=name,
            subtasks=(),
            parallel=table.flag("parallel", True),
            timeout=table.seconds("timeout", self._defaults.wave_timeout),
            max_workers=table.whole("max_workers", None, 1, 10_000),
        )
        return _Draft(wave, self._made(path, values, number))

    def _made(self, path: Place, values: Mapping[str, Any], wave: int) -> tuple[Placed, ...]:
        """Subtasks and those of maps, in the order in which they stand in the file."""
        here = []
        for key in _MADE_OF:
            tables = values.get(key, [])
            if not _is_tables(tables):
                header = f"[[wave.{key}]]" if path else f"[[{key}]]"
                self._problems.add((*path, key), f"{key}s are tables", f"write {header}, with two brackets")
                continue
            here += [(self._problems.line(*path, key, n), key, n) for n in range(len(tables))]
        found: list[Placed] = []
        for _line, key, number in sorted(here):
            if key == "map":
                found += self._maps.read((*path, key, number), wave)
            else:
                found += self._subtask((*path, key, number), values[key][number], wave)
        return tuple(found)

    def _subtask(self, path: Place, own: dict[str, Any], wave: int) -> Iterator[Placed]:
        merged = {**self._common.values, **own}
        table = Table(self._problems, path, merged, own=own, inherited=("defaults",))
        read = self._reader.read(table)
        if read is not None:
            yield Placed(read.subtask, wave, path, read.mentions)

    def _count(self) -> int:
        """How many subtasks there will be; the items of maps are read, and none is made yet."""
        count = 0
        for path, values in self._groups():
            subtasks, maps = values.get("subtask", []), values.get("map", [])
            count += len(subtasks) if isinstance(subtasks, list) else 0
            if _is_tables(maps):
                count += sum(self._maps.open((*path, "map", n), own) for n, own in enumerate(maps))
        return count

    def _groups(self) -> Iterator[tuple[Place, Mapping[str, Any]]]:
        yield (), self._root.values
        for number, wave in enumerate(self._root.values.get("wave", [])):
            yield ("wave", number), wave

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

    def _waves(self, drafts: list[_Draft], placed: Sequence[Placed]) -> tuple[Wave, ...]:
        if self._computed:
            return computed_waves([p.subtask for p in placed], drafts[0].wave)
        of = iter(placed)
        return tuple(
            replace(d.wave, subtasks=tuple(p.subtask for p in islice(of, len(d.placed)))) for d in drafts
        )


def computed_waves(subtasks: list[Subtask], like: Wave) -> tuple[Wave, ...]:
    """Waves from dependencies: level after level, each as early as it can be."""
    by_id = {s.id: s for s in subtasks}
    ordered = levels({s.id: s.depends_on for s in subtasks})
    return tuple(
        replace(like, name=f"level-{n}", subtasks=tuple(by_id[i] for i in level))
        for n, level in enumerate(ordered, 1)
    )


def _is_tables(value: Any) -> TypeGuard[list[dict[str, Any]]]:
    return isinstance(value, list) and all(isinstance(v, dict) for v in value)
