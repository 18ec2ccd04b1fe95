"""Take typed values out of a parsed table and collect every problem on the way."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from luna_tui.core.errors import Problem
from luna_tui.storage.toml_source import TomlSource

E = TypeVar("E", bound=StrEnum)


def nearest(word: str, valid: Iterable[str]) -> str:
    """`did you mean X?` or the list of valid words."""
    known = list(valid)
    near = difflib.get_close_matches(word, known, 1, cutoff=0.5)
    if near:
        return f"did you mean {near[0]}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 24 else ""


class Problems:
    """Located problems of one file."""

    def __init__(self, source: TomlSource) -> None:
        self._source = source
        self.found: list[Problem] = []

    def add(self, path: tuple[str | int, ...], what: str, fix: str = "") -> None:
        """Note a problem at the line of `path`."""
        self.found.append(Problem(self._source.path, self._source.line(*path), what, fix))

    def line(self, *path: str | int) -> int:
        """Line of a key."""
        return self._source.line(*path)


class Table:
    """One table of a file; `take_*` return the default after noting what is wrong."""

    def __init__(self, problems: Problems, path: tuple[str | int, ...], values: Mapping[str, Any]) -> None:
        self.problems = problems
        self.path = path
        self.values = values

    def refuse_unknown(self, known: Iterable[str], what: str) -> None:
        """Note every key that is not known."""
        valid = list(known)
        for key in self.values:
            if key not in valid:
                self.problems.add((*self.path, key), f"unknown key {key} in {what}", nearest(key, valid))

    def wrong(self, key: str, what: str, fix: str = "") -> None:
        """Note a problem with the value of `key`."""
        self.problems.add((*self.path, key), what, fix)

    def text(self, key: str, default: str = "", *, empty: bool = True) -> str:
        """A string."""
        value = self.values.get(key, default)
        if not isinstance(value, str):
            self.wrong(key, f"{key} must be text, not {kind_of(value)}", "put it in quotes")
            return default
        if not empty and key in self.values and not value.strip():
            self.wrong(key, f"{key} is empty")
        return value

    def flag(self, key: str, default: bool) -> bool:
        """true or false."""
        value = self.values.get(key, default)
        if not isinstance(value, bool):
            self.wrong(key, f"{key} must be true or false, not {kind_of(value)}")
            return default
        return value

    def whole(self, key: str, default: Any, low: int, high: int) -> Any:
        """A whole number in a range."""
        value = self.values.get(key, default)
        if value is default:
            return default
        if not isinstance(value, int) or isinstance(value, bool):
            fix = "remove the quotes" if isinstance(value, str) and value.isdigit() else ""
            self.wrong(key, f"{key} must be a whole number, not {kind_of(value)}", fix)
            return default
        if not low <= value <= high:
            self.wrong(key, f"{key} = {value} is out of range", f"between {low:,} and {high:,}")
            return default
        return value

    def seconds(self, key: str, default: Any, *, high: float = 604_800.0) -> Any:
        """A finite number of seconds, 0 included."""
        value = self.values.get(key, default)
        if value is default:
            return default
        if not isinstance(value, int | float) or isinstance(value, bool):
            fix = "a number of seconds, without quotes" if isinstance(value, str) else ""
            self.wrong(key, f"{key} must be a number, not {kind_of(value)}", fix)
            return default
        if not math.isfinite(value) or not 0 <= value <= high:
            self.wrong(key, f"{key} = {value} is out of range", f"seconds between 0 and {high:,.0f}")
            return default
        return float(value)

    def texts(self, key: str, *, single: bool = False) -> tuple[str, ...]:
        """A list of strings; with `single`, one string stands for a list of one."""
        value = self.values.get(key, [])
        if single and isinstance(value, str):
            return (value,)
        if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
            self.wrong(key, f"{key} must be a list of texts, not {kind_of(value)}", f'{key} = ["…"]')
            return ()
        return tuple(value)

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """One word of a closed list."""
        value = self.values.get(key, default)
        words = [str(w) for w in kind]
        if not isinstance(value, str) or value not in words:
            shown = value if isinstance(value, str) else kind_of(value)
            self.wrong(key, f"{key} = {shown!r} is not known", nearest(str(value), words))
            return default
        return kind(value)

    def table(self, key: str) -> Table:
        """A table inside this one."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"{key} must be a table, not {kind_of(value)}")
            value = {}
        return Table(self.problems, (*self.path, key), value)


def kind_of(value: Any) -> str:
    """What a TOML value is, in words."""
    names = {
        bool: "true/false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a table",
    }
    return names.get(type(value), "a date or time")
