"""Read the items that a map makes subtasks of: files by pattern, rows, lines, objects, a list."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from luna_tui.core.clean import clean_line, short_line
from luna_tui.storage.fields import Table, kind_of, shortened
from luna_tui.storage.globbing import matching
from luna_tui.storage.plan_inputs import InputError, Inputs
from luna_tui.storage.plan_problems import MAX_SUBTASKS

_SOURCES = ("glob", "csv", "jsonl", "lines", "list")
_FIX = 'items = { glob = "docs/**/*.md" }, or csv, jsonl, lines, list'
_MAX_COLUMNS = 1_000
_MAX_DEPTH = 4
_NOT_IN_NAME = re.compile(r"[^A-Za-z0-9._-]")
_LABEL_CHARS = 60

Values = dict[str, str]
"""Name as in a template (`item`, `item.COLUMN`, `index`) -> its text."""


@dataclass(frozen=True, slots=True)
class Items:
    """What a map goes over, in order."""

    values: tuple[Values, ...]
    names: tuple[str, ...]
    """Names that templates may use."""
    paths: bool
    """They are names of files, which make no ids as they are."""

    def label(self, index: int) -> str:
        """How an item is told: `index 3: docs/a.md`."""
        return f"index {index}: {short_line(self.values[index]['item'], _LABEL_CHARS)}"


def read_items(table: Table, inputs: Inputs) -> Items | None:
    """The items that a map names; None after noting why there are none.

    No more are read than a plan may have subtasks, and one.
    """
    if "items" not in table.own:
        table.problems.add(table.path, "a map needs items", _FIX)
        return None
    if not isinstance(table.own["items"], dict):
        table.wrong("items", f"items must be a table, not {kind_of(table.own['items'])}", _FIX)
        return None
    items = table.table("items")
    given = [key for key in _SOURCES if key in items.values]
    items.refuse_unknown(_SOURCES, "items")
    if len(given) != 1:
        table.wrong("items", f"items come from one source, not {len(given)}", _FIX)
        return None
    try:
        found = _Reader(items, given[0], inputs).read()
    except InputError as error:
        table.wrong("items", error.what, error.fix)
        return None
    if len(found.values) > MAX_SUBTASKS:
        table.wrong("items", f"items are more than {MAX_SUBTASKS:,}", "split the plan")
        return None
    return found


class _Reader:
    def __init__(self, table: Table, source: str, inputs: Inputs) -> None:
        self._table = table
        self._source = source
        self._inputs = inputs
        self._value = table.values[source]

    def read(self) -> Items:
        """All items; raises InputError."""
        if self._source == "list":
            return self._listed()
        if not isinstance(self._value, str) or not self._value.strip():
            raise InputError(f"{self._source} names a file or pattern of the workspace", _FIX)
        match self._source:
            case "glob":
                return self._globbed()
            case "csv":
                return self._rows(self._inputs.file(self._value))
            case "jsonl":
                return self._objects(self._inputs.file(self._value))
        return self._lines(self._inputs.file(self._value))

    def _globbed(self) -> Items:
        root = self._inputs.root

        def look() -> str:
            return json.dumps(matching(root, self._value, MAX_SUBTASKS))

        try:
            names = json.loads(self._inputs.once(f"glob:{self._value}", look))
        except ValueError as error:
            raise InputError(f"glob = {self._shown}: {error}", _FIX) from None
        self._some(names, f"glob = {self._shown} matches no file in {root}")
        return Items(tuple({"item": name} for name in names), ("item", "index"), paths=True)

    def _rows(self, text: str) -> Items:
        rows = csv.reader(io.StringIO(text), strict=True)
        try:
            header = next(rows, [])
            columns = self._columns(header)
            found = list(islice(self._filled_rows(rows, columns), MAX_SUBTASKS + 1))
        except csv.Error as error:
            raise InputError(f"{self._shown}, line {rows.line_num}: {error}", "is it CSV?") from None
        self._some(found, f"csv = {self._shown} has no row below its header")
        return Items(tuple(found), ("item", "index", *(f"item.{c}" for c in columns)), paths=False)

    def _columns(self, header: list[str]) -> list[str]:
        columns = [_column(name) for name in header]
        if not columns or not all(columns) or len(columns) > _MAX_COLUMNS:
            raise InputError(f"{self._shown}, line 1: is no header of named columns", "name every column")
        twice = next((c for n, c in enumerate(columns) if c in columns[:n]), None)
        if twice is not None:
            raise InputError(f"{self._shown}, line 1: two columns are named {shortened(twice)}", "rename one")
        return columns

    def _filled_rows(self, rows: Any, columns: list[str]) -> Iterator[Values]:
        for row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                what = f"{len(row)} values for {len(columns)} columns"
                raise InputError(f"{self._shown}, line {rows.line_num}: {what}", "quote values with commas")
            pairs = dict(zip(columns, row, strict=True))
            yield {"item": json.dumps(pairs, ensure_ascii=False)} | {f"item.{c}": v for c, v in pairs.items()}

    def _objects(self, text: str) -> Items:
        found = list(islice(self._parsed_lines(text), MAX_SUBTASKS + 1))
        self._some(found, f"jsonl = {self._shown} holds no object")
        return Items(tuple(found), self._common_names(found), paths=False)

    def _parsed_lines(self, text: str) -> Iterator[Values]:
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                try:
                    yield _values(json.loads(line))
                except (ValueError, RecursionError):
                    what = f"{self._shown}, line {number}: is no JSON"
                    raise InputError(what, "one value on each line") from None

    def _lines(self, text: str) -> Items:
        lines = (line for line in text.split("\n") if line.strip())
        found = tuple({"item": line} for line in islice(lines, MAX_SUBTASKS + 1))
        self._some(found, f"lines = {self._shown} holds no line")
        return Items(found, ("item", "index"), paths=False)

    def _listed(self) -> Items:
        if not isinstance(self._value, list):
            raise InputError(f"list must be a list, not {kind_of(self._value)}", 'list = ["a", "b"]')
        odd = next((v for v in self._value if kind_of(v) in ("a list", "a date or time")), None)
        if odd is not None:
            raise InputError(f"list holds {kind_of(odd)}", "texts, numbers or tables")
        found = [_values(v) for v in self._value]
        self._some(found, "list is empty")
        return Items(tuple(found), self._common_names(found), paths=False)

    def _common_names(self, found: list[Values]) -> tuple[str, ...]:
        """What every item has; a column that some lack is refused where it is used."""
        common = dict.fromkeys(found[0])
        for values in found[1:]:
            if values.keys() != common.keys():
                common = dict.fromkeys(name for name in common if name in values)
        return (*common, "index")

    def _some(self, found: Any, otherwise: str) -> None:
        if not found:
            raise InputError(otherwise, "nothing would be made of the map")

    @property
    def _shown(self) -> str:
        return shortened(clean_line(self._value))


def _column(name: str) -> str:
    """The name of a column as templates write it: what they cannot hold becomes a dash."""
    return _NOT_IN_NAME.sub("-", name.strip())


def _values(value: Any) -> Values:
    return {"item": _text(value)} | dict(_fields(value, "item", 1))


def _fields(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    """`item.user.name` of objects in objects, as deep as anybody would write it."""
    if isinstance(value, dict) and depth <= _MAX_DEPTH:
        for key, inner in value.items():
            here = f"{name}.{_column(str(key))}"
            yield here, _text(inner)
            yield from _fields(inner, here, depth + 1)


def _text(value: Any) -> str:
    """Text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
