"""Make the subtasks of a map: one for each item, all read like those that stand in the file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.storage.fields import Problems, Table, shortened
from luna_tui.storage.plan_filling import Fill, Manner, faults, item_names, prepare, prepare_template
from luna_tui.storage.plan_graph import Placed
from luna_tui.storage.plan_inputs import Inputs
from luna_tui.storage.plan_items import Items, read_items
from luna_tui.storage.plan_subtasks import Read, SubtaskReader

Path = tuple[str | int, ...]

_MANNERS = {
    "id": Manner.ID,
    "depends_on": Manner.ID,
    "title": Manner.TEXT,
    "files": Manner.TEXT,
    "cwd": Manner.TEXT,
    "expect": Manner.TEXT,
    "prompt": Manner.TEMPLATE,
    "command": Manner.TEMPLATE,
    "env": Manner.TEMPLATE,
    "args": Manner.TEMPLATE,
    "kwargs": Manner.TEMPLATE,
}
"""Keys that may use the item, and what its values become there."""


@dataclass(frozen=True, slots=True)
class _Map:
    own: Mapping[str, Any]
    """The keys that its subtasks get."""
    items: Items


class MapReader:
    """Reads the maps of one plan; the items are read first, so that they can be counted."""

    def __init__(
        self, problems: Problems, common: Mapping[str, Any], reader: SubtaskReader, inputs: Inputs | None
    ) -> None:
        self._problems = problems
        self._common = common
        """The plan's [defaults]."""
        self._reader = reader
        self._inputs = inputs
        """None when the workspace itself cannot be used."""
        self._maps: dict[Path, _Map] = {}
        self.complete = True
        """Every map could be read, as far as was tried."""

    def open(self, path: Path, own: Mapping[str, Any]) -> int:
        """Read the items of the map at `path`; returns how many subtasks it makes."""
        items = None
        if self._inputs is not None:
            items = read_items(Table(self._problems, path, own), self._inputs)
        if items is None:
            self.complete = False
            return 0
        self._maps[path] = _Map({k: v for k, v in own.items() if k != "items"}, items)
        return len(items.values)

    def read(self, path: Path, wave: int) -> Iterator[Placed]:
        """The subtasks of a map that was opened, in the order of its items; none where that failed."""
        found = self._maps.get(path)
        if found is None:
            return
        merged = {**self._common, **found.own}
        whole = Table(self._problems, path, merged, own=found.own, inherited=("defaults",))
        fills = self._fills(whole, found.items)
        if fills is None:
            self.complete = False
            return
        first: Read | None = None
        for index, item in enumerate(found.items.values):
            label = partial(found.items.label, index)
            values = item | {"index": str(index)}
            made = {key: fill(values) for key, fill in fills.items()}
            own = {**found.own, **{key: value for key, value in made.items() if key in found.own}}
            table = Table(self._problems, path, {**merged, **made}, own=own, inherited=whole.inherited)
            with self._problems.about(path, fills.keys(), label):
                reader = self._reader
                read = reader.read(table) if first is None else reader.variant(first, table, fills.keys())
            if read is not None:
                first = first or read
                yield Placed(read.subtask, wave, path, read.mentions, item=label)

    def _fills(self, table: Table, items: Items) -> dict[str, Fill] | None:
        """How every key that uses the item is filled; None after noting why that cannot be."""
        before = len(self._problems.found)
        fills: dict[str, Fill] = {}
        shell = table.values.get("shell") is True and isinstance(table.values.get("command"), str)
        for key, value in table.values.items():
            if not self._check_names(table, key, value, items):
                continue
            if key == "command" and shell:
                fills |= _shell(value, table.values.get("env", {}), paths=items.paths)
            elif key == "expect" and isinstance(value, dict):
                fills[key] = _expected(value, paths=items.paths)
            elif key not in fills and (fill := prepare(value, _MANNERS[key], paths=items.paths)):
                fills[key] = fill
        if "id" in table.own and "id" not in fills and len(items.values) > 1:
            what = f"id is the same for all {len(items.values):,} items"
            table.wrong("id", what, 'use the item: id = "page-{{ index }}"')
        return fills if len(self._problems.found) == before else None

    def _check_names(self, table: Table, key: str, value: Any, items: Items) -> bool:
        """Whether a key uses the item; what it uses wrongly is noted."""
        manner = _MANNERS.get(key)
        for fault in faults(value) if manner is not None else ():
            table.wrong(key, f"{fault} is no reference", "write {{ item }} or {{ item.COLUMN }}")
        used = item_names(value)
        for name in used if manner is None else ():
            what = f"{{{{ {shortened(name)} }}}} cannot be used in {key}, which is the same for every item"
            table.wrong(key, what, f"it can in {', '.join(_MANNERS)}")
        for name in used:
            if name not in items.names:
                table.wrong(key, *self._unknown(name, items))
        return bool(used) and manner is not None

    def _unknown(self, name: str, items: Items) -> tuple[str, str]:
        shown = f"{{{{ {shortened(name)} }}}}"
        if any(name in values for values in items.values):
            lacking = next(n for n, values in enumerate(items.values) if name not in values)
            return f"{shown} has no value for {items.label(lacking)}", "every item needs it"
        names = [clean_line(n) for n in items.names]
        return f"{shown} is no column", self._problems.nearest(name, names)


def _expected(expect: dict[str, Any], *, paths: bool) -> Fill:
    """An expression must find what an item is, whatever its characters would mean in it."""
    fills = {
        key: prepare(value, Manner.PATTERN if key == "regex" else Manner.TEXT, paths=paths)
        for key, value in expect.items()
    }
    used = {key: fill for key, fill in fills.items() if fill is not None}
    return lambda values: expect | {key: fill(values) for key, fill in used.items()}


def _shell(command: str, env: Any, *, paths: bool) -> dict[str, Fill]:
    """In a shell text values are variables, so that no item is ever read as shell."""
    variables = {name: f"LUNA_ITEM_{n}" for n, name in enumerate(item_names(command), 1)}
    instead = {name: f"${{{variable}}}" for name, variable in variables.items()}
    given = env if isinstance(env, dict) else {}
    values = {variable: f"{{{{ {name} }}}}" for name, variable in variables.items()}
    filled = prepare({**given, **values}, Manner.TEMPLATE, paths=paths)
    script = prepare_template(command, instead, paths=paths)
    return {"command": script} | ({"env": filled} if filled is not None else {})
