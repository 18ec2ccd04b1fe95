"""Walk over TOML text once: where each key stands, and whether its shape is safe to parse."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and array indices from the root: ("wave", 1, "subtask", 3, "timeout")."""

MAX_KEY_PARTS = 8
MAX_KEY_CHARS = 128
MAX_DEPTH = 16
MAX_DIGITS = 40
MAX_ITEMS = 3_000_000
"""Keys, values of arrays and brackets together: what 100,000 subtasks need, not what fills the memory."""

_BLANK = re.compile(r"(?:[ \t\r]*+(?:#[^\n]*+)?\n)++")
_SIMPLE = re.compile(
    r'[ \t]*+([A-Za-z0-9_-]{1,128}+)[ \t]*+=[ \t]*+(?:"(?!"")[^"\\\n]*+"|true|false|[0-9]{1,18}+)[ \t]*+\n'
)
"""The commonest statement in one go; nothing in it needs a bound."""
_SPACE = re.compile(r"[ \t]*+")
_BARE = re.compile(r"[A-Za-z0-9_-]++")
_NUMBER = re.compile(r"0[xob][0-9A-Fa-f_]++|[0-9_]++")
_FILLER = re.compile(r"[^\"'#\[\]{}\n0-9.,=]++")
_STRINGS = {
    '"""': re.compile(r'"""(?:[^"\\]++|\\.|"(?!""))*+"{3,5}', re.DOTALL),
    "'''": re.compile(r"'''(?:[^']++|'(?!''))*+'{3,5}"),
    '"': re.compile(r'"(?:[^"\\\n]++|\\[^\n])*+"'),
    "'": re.compile(r"'[^'\n]*+'"),
}


class ShapeError(Exception):
    """Text that must not reach the parser: what is wrong and in which line."""

    def __init__(self, line: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.fix = fix


class _Malformed(Exception):
    """No TOML from here on: the parser stops here too, or stopped before."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A key or table that stands twice."""

    path: Path
    first_line: int
    line: int


@dataclass(slots=True)
class Scan:
    """What one pass found."""

    lines: dict[Path, int]
    """First line (from 1) of every table header and key outside inline values."""
    repeat: Repeat | None
    """The first one."""


def scan(text: str) -> Scan:
    """Index the lines of `text` and refuse dangerous shapes with ShapeError; syntax is the parser's job.

    Takes time linear in the text, whatever it holds.
    """
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line = 1
        self._items = 0
        self._table: Path = ()
        self._counts: dict[Path, int] = {}
        self._lines: dict[Path, int] = {}
        self._repeat: Repeat | None = None

    def run(self) -> Scan:
        # What is malformed is told by the parser, with its line; the index ends there.
        with suppress(_Malformed):
            while self._place < len(self._text):
                self._statement()
        return Scan(self._lines, self._repeat)

    def _statement(self) -> None:
        if simple := _SIMPLE.match(self._text, self._place):
            self._count_item()
            self._note((*self._table, simple[1]), self._line)
            self._line += 1
            self._place = simple.end()
            return
        if blank := _BLANK.match(self._text, self._place):
            self._line += self._text.count("\n", self._place, blank.end())
            self._place = blank.end()
        self._skip(_SPACE)
        char = self._text[self._place : self._place + 1]
        if char == "[":
            self._header()
        elif char not in ("", "\n", "\r", "#"):
            self._pair()
        self._to_line_end()
        if self._place < len(self._text):
            self._place += 1
            self._line += 1

    def _header(self) -> None:
        double = self._text.startswith("[[", self._place)
        self._place += 2 if double else 1
        parts = self._key()
        if not parts:
            raise _Malformed
        whole: Path = (*self._resolved(parts[:-1]), parts[-1])
        if double:
            index = self._counts.get(whole, 0)
            self._counts[whole] = index + 1
            self._lines.setdefault(whole, self._line)
            whole = (*whole, index)
        elif whole in self._counts:
            whole = (*whole, self._counts[whole] - 1)
        self._note(whole, self._line)
        self._table = whole

    def _resolved(self, parts: list[str]) -> Path:
        """The path of a header's parents, each array of tables at its last element."""
        path: Path = ()
        for part in parts:
            path = (*path, part)
            if path in self._counts:
                path = (*path, self._counts[path] - 1)
        return path

    def _pair(self) -> None:
        line = self._line
        parts = self._key()
        for depth in range(1, len(parts)):
            self._lines.setdefault((*self._table, *parts[:depth]), line)
        self._skip(_SPACE)
        if not parts or not self._text.startswith("=", self._place):
            raise _Malformed
        self._note((*self._table, *parts), line)
        self._place += 1
        self._value()

    def _note(self, path: Path, line: int) -> None:
        first = self._lines.setdefault(path, line)
        if first != line and self._repeat is None:
            self._repeat = Repeat(path, first, line)

    def _key(self) -> list[str]:
        self._count_item()
        parts: list[str] = []
        while self._place < len(self._text):
            self._skip(_SPACE)
            if self._text[self._place : self._place + 1] in ('"', "'"):
                parts.append(self._string()[1:-1])
            elif match := _BARE.match(self._text, self._place):
                parts.append(match[0])
                self._place = match.end()
            else:
                break
            self._check_parts(len(parts))
            if len(parts[-1]) > MAX_KEY_CHARS:
                raise ShapeError(self._line, f"a key of more than {MAX_KEY_CHARS} characters", "shorten it")
            self._skip(_SPACE)
            if not self._text.startswith(".", self._place):
                break
            self._place += 1
        return parts

    def _value(self) -> None:
        """Pass over a value, which may go on over several lines inside brackets."""
        depth = dots = 0
        text = self._text
        while self._place < len(text):
            char = text[self._place]
            if char in "[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise ShapeError(self._line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            elif char in "]}":
                depth -= 1
            elif char == "\n":
                if depth <= 0:
                    return
                self._line += 1
            elif char == ".":
                dots += 1
                self._check_parts(dots + 1)
            elif char not in ",=":
                self._pass_over(char)
                continue
            if char != ".":
                dots = 0
                self._count_item()
            self._place += 1

    def _pass_over(self, char: str) -> None:
        if char in "\"'":
            self._string()
        elif char == "#":
            self._to_line_end()
        elif char.isascii() and char.isdigit():
            self._number()
        else:
            self._skip(_FILLER)

    def _number(self) -> None:
        start = self._place
        self._skip(_NUMBER)
        if self._place - start > MAX_DIGITS:
            raise ShapeError(self._line, f"a number of more than {MAX_DIGITS} digits", "use a smaller number")

    def _string(self) -> str:
        """Pass over a string of any of the four kinds."""
        start = self._place
        quote = self._text[start]
        kind = quote * 3 if self._text.startswith(quote * 3, start) else quote
        match = _STRINGS[kind].match(self._text, start)
        if match is None:
            raise _Malformed
        self._line += self._text.count("\n", start, match.end())
        self._place = match.end()
        return match[0]

    def _check_parts(self, count: int) -> None:
        if count > MAX_KEY_PARTS:
            raise ShapeError(self._line, f"a key with more than {MAX_KEY_PARTS} dotted parts", "shorten it")

    def _count_item(self) -> None:
        self._items += 1
        if self._items > MAX_ITEMS:
            raise ShapeError(self._line, f"more than {MAX_ITEMS:,} keys and values", "split the file")

    def _to_line_end(self) -> None:
        end = self._text.find("\n", self._place)
        self._place = len(self._text) if end < 0 else end

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._place)
        if match is not None:
            self._place = match.end()
