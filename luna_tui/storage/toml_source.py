"""Parse a TOML file and remember where everything in it stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.storage import toml_scan
from luna_tui.storage.text_source import read_text

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_SMART_QUOTES = re.compile("[\u201c\u201d\u2018\u2019]")
_YAML = re.compile(r"\s*+(?:- )?[\w.-]++\s*+:(?:\s|$)|---\s*$|- ")
_TWICE = ("Cannot overwrite", "Cannot declare", "Cannot redefine", "Cannot mutate")
"""How the parser's messages about a key or table that is already there begin."""


@dataclass(frozen=True, slots=True)
class TomlSource:
    """The parsed data of a file and the lines of its keys."""

    path: str
    """As the user named it."""
    data: dict[str, Any]
    lines: dict[toml_scan.Path, int]

    def line(self, *path: str | int) -> int:
        """Line of the key, or of its nearest ancestor that has one; 0 for the file itself."""
        while path:
            if path in self.lines:
                return self.lines[path]
            path = path[:-1]
        return 0


def read_toml(path: Path, title: str, *, max_bytes: int) -> TomlSource:
    """Read, bound, index and parse; raises InvalidInput with a located problem."""
    text = read_text(path, title, max_bytes=max_bytes)
    shown = clean_line(str(path))
    try:
        found = toml_scan.scan(text)
    except toml_scan.ShapeError as error:
        raise InvalidInput(title, (Problem(shown, error.line, error.what, error.fix),)) from None
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InvalidInput(title, (_syntax_problem(shown, text, str(error), found.repeat),)) from None
    return TomlSource(shown, data, found.lines)


def _syntax_problem(path: str, text: str, message: str, repeat: toml_scan.Repeat | None) -> Problem:
    match = _AT_LINE.search(message)
    if match is None:
        at_end = "end of document" in message
        line = text.rstrip().count("\n") + 1 if at_end else 0
        what = clean_line(message.removesuffix(" (at end of document)")) or "cannot be parsed"
        return Problem(path, line, what, "is the file complete?" if at_end else "")
    line = int(match[1])
    if repeat is not None and message.startswith(_TWICE):
        name = clean_line(".".join(str(p) for p in repeat.path if isinstance(p, str)))
        return Problem(
            path, repeat.line, f"{name} is already there in line {repeat.first_line}", "remove one of them"
        )
    what = clean_line(message[: match.start()])
    return Problem(path, line, f"{what} (column {match[2]})", _syntax_fix(_line_of(text, line)))


def _line_of(text: str, number: int) -> str:
    lines = text.split("\n", number)
    return lines[number - 1] if number <= len(lines) else ""


def _syntax_fix(source: str) -> str:
    if _SMART_QUOTES.search(source):
        return "use straight quotes"
    if _YAML.match(source) and "=" not in source:
        return "this looks like YAML; TOML writes key = value"
    if source.lstrip().startswith("{") and '"custom_id"' in source:
        return "this looks like batch requests; name the file .jsonl"
    if source.lstrip().startswith("{"):
        return "this looks like JSON; name the file .json if it is a plan of Luna V3"
    if "\x00" in source:
        return "save the file as UTF-8 text"
    return ""
