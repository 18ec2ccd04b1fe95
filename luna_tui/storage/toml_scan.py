"""Walk over TOML text once: where each key stands, and whether its shape is safe to parse."""

from __future__ import annotations

import re
from dataclasses import dataclass

Path = tuple[str | int, ...]
"""Keys and array indices from the root: ("wave", 1, "subtask", 3, "timeout")."""

MAX_KEY_PARTS = 8
MAX_KEY_CHARS = 128
MAX_DEPTH = 16
MAX_DIGITS = 40

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_DIGITS = re.compile(r"[0-9_]+")
_PLAIN = re.compile(r"[^\"'#\[\]{}\n0-9]+")


class ShapeError(Exception):
    """Text that must not reach the parser: what is wrong and in which line."""

    def __init__(self, line: int, what: str, fix: str) -> None:
        super().__init__(what)
        self.line = line
        self.what = what
        self.fix = fix


@dataclass(slots=True)
class Scan:
    """What one pass found."""

    lines: dict[Path, int]
    """First line (from 1) of every table header and key outside inline values."""


def scan(text: str) -> Scan:
    """Index the lines of `text` and refuse dangerous shapes with ShapeError; syntax is the parser's job."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._line = 1
        self._table: Path = ()
        self._counts: dict[Path, int] = {}
        self._lines: dict[Path, int] = {}

    def run(self) -> Scan:
        while self._place < len(self._text):
            self._skip(_SPACE)
            char = self._text[self._place : self._place + 1]
            if char == "[":
                self._header()
            elif char not in ("", "\n", "\r", "#"):
                self._pair()
            self._end_of_line()
        return Scan(self._lines)

    def _header(self) -> None:
        double = self._text.startswith("[[", self._place)
        self._place += 2 if double else 1
        parts = self._key()
        path = self._resolved(parts[:-1])
        if not parts:
            return
        whole: Path = (*path, parts[-1])
        if double:
            index = self._counts.get(whole, 0)
            self._counts[whole] = index + 1
            self._lines.setdefault(whole, self._line)
            whole = (*whole, index)
        elif whole in self._counts:
            whole = (*whole, self._counts[whole] - 1)
        self._table = whole
        self._lines.setdefault(whole, self._line)

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
        for depth in range(1, len(parts) + 1):
            self._lines.setdefault((*self._table, *parts[:depth]), line)
        self._skip(_SPACE)
        if self._text.startswith("=", self._place):
            self._place += 1
            self._value()

    def _key(self) -> list[str]:
        parts: list[str] = []
        while self._place < len(self._text):
            self._skip(_SPACE)
            char = self._text[self._place : self._place + 1]
            if char in ('"', "'"):
                parts.append(self._string()[1:-1])
            elif match := _BARE.match(self._text, self._place):
                parts.append(match[0])
                self._place = match.end()
            else:
                break
            if len(parts) > MAX_KEY_PARTS:
                raise ShapeError(
                    self._line, f"a key with more than {MAX_KEY_PARTS} dotted parts", "shorten it"
                )
            if len(parts[-1]) > MAX_KEY_CHARS:
                raise ShapeError(self._line, f"a key of more than {MAX_KEY_CHARS} characters", "shorten it")
            self._skip(_SPACE)
            if not self._text.startswith(".", self._place):
                break
            self._place += 1
        return parts

    def _value(self) -> None:
        """Pass over a value, which may go on over several lines inside brackets."""
        depth = 0
        text = self._text
        while self._place < len(text):
            char = text[self._place]
            if char in "\"'":
                self._string()
                continue
            if char in "[{":
                depth += 1
                if depth > MAX_DEPTH:
                    raise ShapeError(self._line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            elif char in "]}":
                depth -= 1
            elif char == "#":
                self._to_line_end()
                continue
            elif char == "\n":
                if depth <= 0:
                    return
                self._line += 1
            elif char.isdigit() and char.isascii():
                self._number()
                continue
            else:
                self._skip(_PLAIN)
                continue
            self._place += 1

    def _number(self) -> None:
        match = _DIGITS.match(self._text, self._place)
        assert match is not None
        if match.end() - match.start() > MAX_DIGITS:
            raise ShapeError(self._line, f"a number of more than {MAX_DIGITS} digits", "use a smaller number")
        self._place = match.end()

    def _string(self) -> str:
        """Pass over a string of any of the four kinds."""
        text, start = self._text, self._place
        quote = text[start]
        if text.startswith(quote * 3, start):
            end = start + 3
            while end < len(text) and not text.startswith(quote * 3, end):
                end += 2 if quote == '"' and text[end] == "\\" else 1
            end = min(len(text), end + 3)
            while end < len(text) and text[end] == quote:
                end += 1
        else:
            end = start + 1
            while end < len(text) and text[end] not in (quote, "\n"):
                end += 2 if quote == '"' and text[end] == "\\" else 1
            end = min(len(text), end + (0 if text[end : end + 1] == "\n" else 1))
        end = min(max(end, start + 1), len(text))
        self._line += text.count("\n", start, end)
        self._place = end
        return text[start:end]

    def _end_of_line(self) -> None:
        self._to_line_end()
        if self._place < len(self._text):
            self._place += 1
            self._line += 1

    def _to_line_end(self) -> None:
        end = self._text.find("\n", self._place)
        self._place = len(self._text) if end < 0 else end

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self._text, self._place)
        if match is not None:
            self._place = max(match.end(), self._place)
