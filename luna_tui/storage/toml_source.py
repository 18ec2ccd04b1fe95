"""Parse a TOML file and remember where everything in it stands."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.storage import toml_scan
from luna_tui.storage.text_source import read_text

_AT_LINE = re.compile(r" \(at line (\d+), column (\d+)\)$")
_SMART_QUOTES = re.compile("[\u201c\u201d\u2018\u2019]")


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
    try:
        lines = toml_scan.scan(text).lines
    except toml_scan.ShapeError as error:
        raise InvalidInput(title, (Problem(str(path), error.line, error.what, error.fix),)) from None
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise InvalidInput(title, (_syntax_problem(path, text, error),)) from None
    return TomlSource(str(path), data, lines)


def _syntax_problem(path: Path, text: str, error: Exception) -> Problem:
    message = str(error)
    match = _AT_LINE.search(message)
    if match is None:
        line = text.count("\n") + 1 if "end of document" in message else 0
        what = message.removesuffix(" (at end of document)") or "cannot be parsed"
        return Problem(str(path), line, what, "is the file complete?" if line else "")
    line = int(match[1])
    source = text.splitlines()[line - 1] if line <= len(text.splitlines()) else ""
    fix = "use straight quotes" if _SMART_QUOTES.search(source) else ""
    if not fix and ":" in source and "=" not in source:
        fix = "this looks like YAML; TOML writes key = value"
    return Problem(str(path), line, f"{message[: match.start()]} (column {match[2]})", fix)
