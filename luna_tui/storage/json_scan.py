"""Walk over JSON text once: where each key stands, and what the parser would let pass or must not see."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

from luna_tui.storage.toml_scan import MAX_DIGITS, MAX_ITEMS, Path, ShapeError

MAX_DEPTH = 32
_INDEXED_DEPTH = 8
"""Deepest path whose line is kept."""
_TOKEN = re.compile(r'[ \t\r]*+(?:(\n)|("(?:[^"\\\n]++|\\.)*+")|([{}\[\],:])|([^\s"{}\[\],:]++)|(?=.)|$)')
_CONSTANTS = ("NaN", "Infinity", "-Infinity")


@dataclass(slots=True)
class JsonScan:
    """What one pass found; of malformed text, what stands before the first mistake."""

    lines: dict[Path, int] = field(default_factory=dict)
    """First line (from 1) of keys and of the elements of lists."""
    faults: list[tuple[Path, str, str]] = field(default_factory=list)
    """Path, what is wrong and what to do: keys that stand twice, numbers that are none."""


@dataclass(slots=True)
class _Level:
    path: Path
    keys: dict[str, int] | None
    """Line of each key so far; None in a list."""
    index: int = 0
    key: str | None = None


def scan(text: str) -> JsonScan:
    """Index `text`; ShapeError for what must not reach the parser; syntax is the parser's job."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._line = 1
        self._levels: list[_Level] = []
        self._found = JsonScan()

    def run(self) -> JsonScan:
        items = place = 0
        while place < len(self._text):
            match = _TOKEN.match(self._text, place)
            if match is None or match.end() == place or not match[0].strip(" \t\r"):
                break
            place = match.end()
            if match[1]:
                self._line += 1
                continue
            items += 1
            if items > MAX_ITEMS:
                raise ShapeError(self._line, f"more than {MAX_ITEMS:,} keys and values", "split the file")
            if match[2]:
                self._string(match[2])
            elif match[3]:
                self._sign(match[3])
            else:
                self._literal(match[4])
        return self._found

    def _string(self, token: str) -> None:
        level = self._levels[-1] if self._levels else None
        if level is None or level.keys is None or level.key is not None:
            self._note_value()
            return
        try:
            key = json.loads(token)
        except ValueError:
            key = token[1:-1]
        level.key = key
        here = (*level.path, key)
        if key in level.keys:
            what = f"key {key} is already there in line {level.keys[key]}"
            self._found.lines[here] = self._line
            self._found.faults.append((here, what, "remove one of them"))
        level.keys[key] = self._line

    def _sign(self, sign: str) -> None:
        if sign in "{[":
            self._note_value()
            path = self._here()
            if len(self._levels) >= MAX_DEPTH:
                raise ShapeError(self._line, f"nested deeper than {MAX_DEPTH} levels", "flatten it")
            self._levels.append(_Level(path, {} if sign == "{" else None))
        elif sign in "}]" and self._levels:
            self._levels.pop()
        elif sign == "," and self._levels:
            self._levels[-1].index += 1
            self._levels[-1].key = None

    def _literal(self, token: str) -> None:
        self._note_value()
        if token in _CONSTANTS:
            self._found.lines.setdefault(self._here(), self._line)
            self._found.faults.append((self._here(), f"{token} is no JSON number", "write a number"))
        elif len(token) > MAX_DIGITS and token.lstrip("-")[:1].isdigit():
            what = f"a number of more than {MAX_DIGITS} digits"
            raise ShapeError(self._line, what, "use a smaller number")

    def _note_value(self) -> None:
        here = self._here()
        if len(here) <= _INDEXED_DEPTH:
            self._found.lines.setdefault(here, self._line)

    def _here(self) -> Path:
        """Path of the value that begins here."""
        if not self._levels:
            return ()
        level = self._levels[-1]
        if level.keys is None:
            return (*level.path, level.index)
        return (*level.path, level.key or "")
