"""Take typed values out of a parsed table and collect every problem on the way."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, TypeVar

from luna_tui.core.clean import clean_line, short_line
from luna_tui.core.errors import Problem
from luna_tui.core.nearest import nearest as core_nearest
from luna_tui.storage.toml_source import TomlSource

E = TypeVar("E", bound=StrEnum)

_LONGEST = 400
"""Characters of one sentence about a problem."""
_LONGEST_NAME = 100
"""Characters of a name in it."""
_MOST = 100_000
"""Problems kept of one file; nobody reads more, and a generated file may have millions."""
_SEARCHED = 20
"""Problems for which a near word is looked up: as many as are shown. A search costs milliseconds."""
_CANDIDATES = 2_000


def nearest(word: str, valid: Iterable[str]) -> str:
    """`did you mean X?` or the list of valid words; of very many, only likely ones are compared."""
    known = list(valid)
    if len(known) > _CANDIDATES:
        known = _likely(word, known)
    if near := core_nearest(word, known):
        return f"did you mean {near}?"
    return f"one of: {', '.join(known)}" if 0 < len(known) <= 24 else ""


def _likely(word: str, known: list[str]) -> list[str]:
    """Words that differ in length by one at most and share their beginning, or else their end."""
    alike = [k for k in known if abs(len(k) - len(word)) <= 1]
    half = max(1, len(word) // 2)
    start, end = word[:half], word[-half:]
    return [k for k in alike if k.startswith(start) or k.endswith(end)][:_CANDIDATES]


def shortened(name: str) -> str:
    """A name from a file, short enough to leave room for the sentence around it."""
    return name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…"


def _short(text: str) -> str:
    return short_line(text, _LONGEST)


class Problems:
    """Located problems of one file; every text is cleaned and bounded, since it quotes the file."""

    def __init__(self, source: TomlSource) -> None:
        self._source = source
        self.found: list[Problem] = []
        self.notes: list[Problem] = []
        """What is no mistake and should be known."""
        self._seen: set[Problem] = set()
        self._about: tuple[tuple[str | int, ...], Collection[str], Callable[[], str]] | None = None
        """Path of a table that stands for many, its keys that differ, and which of the many is read now."""

    def add(self, path: tuple[str | int, ...], what: str, fix: str = "") -> None:
        """Note a problem at the line of `path`, once."""
        if self._about is not None:
            table, keys, tell = self._about
            if path[: len(table)] == table and any(key in keys for key in path[len(table) :][:1]):
                what = f"{what} ({tell()})"
        problem = Problem(self._source.path, self._source.line(*path), _short(what), _short(fix))
        if problem not in self._seen and len(self.found) < _MOST:
            self._seen.add(problem)
            self.found.append(problem)

    def note(self, path: tuple[str | int, ...], what: str, fix: str = "") -> None:
        """Keep a note at the line of `path`, once."""
        note = Problem(self._source.path, self._source.line(*path), _short(what), _short(fix))
        if note not in self._seen and len(self.notes) < _MOST:
            self._seen.add(note)
            self.notes.append(note)

    @contextmanager
    def about(
        self, table: tuple[str | int, ...], keys: Collection[str], tell: Callable[[], str]
    ) -> Iterator[None]:
        """Within the block, problems with these keys of `table` say which of many they are about."""
        self._about = (table, keys, tell)
        try:
            yield
        finally:
            self._about = None

    def line(self, *path: str | int) -> int:
        """Line of a key."""
        return self._source.line(*path)

    def nearest(self, word: str, valid: Iterable[str]) -> str:
        """As the function, but nothing once there are more problems than anyone is shown."""
        return nearest(word, valid) if len(self.found) < _SEARCHED else ""


class Table:
    """One table of a file; each getter returns the default after noting what is wrong.

    Keys that are in `values` and not in `own` come from the table at `inherited`, and that is
    where their problems are.
    """

    def __init__(
        self,
        problems: Problems,
        path: tuple[str | int, ...],
        values: Mapping[str, Any],
        *,
        own: Mapping[str, Any] | None = None,
        inherited: tuple[str | int, ...] = (),
    ) -> None:
        self.problems = problems
        self.path = path
        self.values = values
        self.own = values if own is None else own
        self.inherited = inherited

    def where(self, key: str) -> tuple[str | int, ...]:
        """Path of a key, or of what should have it."""
        foreign = key in self.values and key not in self.own
        return (*(self.inherited if foreign else self.path), key)

    def refuse_unknown(self, known: Iterable[str], what: str, *, besides: Iterable[str] = ()) -> None:
        """Note every key of its own that is not known; those in `besides` are somebody else's affair."""
        valid = list(known)
        for key in self.own:
            if key not in valid and key not in besides:
                fix = self.problems.nearest(key, valid)
                shown = key if clean_line(key) else repr(key)
                self.problems.add((*self.path, key), f"unknown key {shown} in {what}", fix)

    def wrong(self, key: str, what: str, fix: str = "") -> None:
        """Note a problem with the value of `key`."""
        self.problems.add(self.where(key), what, fix)

    def note(self, key: str, what: str, fix: str = "") -> None:
        """Note what is no mistake about the value of `key`."""
        self.problems.note(self.where(key), what, fix)

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
            self.wrong(key, f"{key} = {_number(value)} is out of range", f"between {low:,} and {high:,}")
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
        if not 0 <= value <= high:
            self.wrong(key, f"{key} = {_number(value)} is out of range", f"seconds between 0 and {high:,.0f}")
            return default
        return float(value)

    def texts(self, key: str, *, single: bool = False) -> tuple[str, ...]:
        """A list of strings; with `single`, one string stands for a list of one."""
        if key not in self.values:
            return ()
        value = self.values[key]
        if single and isinstance(value, str):
            return (value,)
        if not isinstance(value, list):
            self.wrong(key, f"{key} must be a list of texts, not {kind_of(value)}", f'{key} = ["…"]')
            return ()
        if odd := [v for v in value if not isinstance(v, str)]:
            self.wrong(key, f"{key} must hold texts only, not {kind_of(odd[0])}", "put it in quotes")
            return ()
        return tuple(value)

    def choice(self, key: str, kind: type[E], default: E) -> E:
        """One word of a closed list."""
        value = self.values.get(key, default)
        if isinstance(value, kind):
            return value
        words = [str(w) for w in kind]
        if not isinstance(value, str) or value not in words:
            shown = repr(value[:100]) if isinstance(value, str) else kind_of(value)
            near = nearest(value, words) if isinstance(value, str) else f"one of: {', '.join(words)}"
            self.wrong(key, f"{key} = {shown} is not known", near)
            return default
        return kind(value)

    def table(self, key: str) -> Table:
        """A table inside this one."""
        value = self.values.get(key, {})
        if not isinstance(value, dict):
            self.wrong(key, f"{key} must be a table, not {kind_of(value)}")
            value = {}
        return Table(self.problems, self.where(key), value)


def _number(value: float) -> str:
    """A number in words that stay short and can always be made."""
    if isinstance(value, int) and abs(value) >= 10**20:
        return "a number of more than 20 digits"
    return str(value)


def kind_of(value: Any) -> str:
    """What a TOML value is, in words."""
    names = {
        bool: "true/false",
        int: "a number",
        float: "a number",
        str: "text",
        list: "a list",
        dict: "a table",
        type(None): "null",
    }
    return names.get(type(value), "a date or time")
