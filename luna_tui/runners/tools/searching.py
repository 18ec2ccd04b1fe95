"""search_files."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.engine.cancel import CancelToken
from luna_tui.runners.answering import AnsweringProcess
from luna_tui.runners.beneath import BeneathError, Workspace, read_file
from luna_tui.runners.guard import armed, limited
from luna_tui.runners.tools import search_child
from luna_tui.runners.tools.base import Place, Result, ToolError, Use
from luna_tui.runners.tools.files import is_binary, located, opened
from luna_tui.runners.tools.given import Given, definition
from luna_tui.runners.tools.reading import matching_files, not_looked_into

MOST_HITS = 200
LIMIT_S = 20.0
"""Longest time that one search may take."""
_MOST_BYTES = 4 * 1024 * 1024
"""Largest file that is searched."""
_LONGEST_LINE = 400
_LONGEST_PATTERN = 1_000


@dataclass(slots=True)
class _Found:
    lines: list[str] = field(default_factory=list)
    hits: int = 0
    files: int = 0
    kept_back: int = 0
    unseen: list[str] = field(default_factory=list)
    """Folders that the walk did not come to."""


class SearchFiles:
    """Lines that match a regular expression."""

    name = "search_files"
    definition = definition(
        "search_files",
        "Find lines in the text files of the workspace that match a regular expression (Python's). "
        "Each result is path:line: text.",
        {
            "pattern": {"type": "string", "description": "Regular expression, held against each line"},
            "path": {"type": "string", "description": "Folder or file to search; . by default"},
            "glob": {"type": "string", "description": "Only files that match, as in list_files"},
        },
        "pattern",
    )

    def __init__(
        self, keeps_from: Callable[[str], bool] = lambda path: False, *, limit_s: float = LIMIT_S
    ) -> None:
        """`keeps_from` says of a path whether rules keep its content from whoever searches."""
        self._keeps_from = keeps_from
        self._limit_s = limit_s

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The folder, and the pattern, which is one."""
        values = Given(self.name, given, ("pattern", "path", "glob"))
        pattern = values.text("pattern", most=_LONGEST_PATTERN)
        name, glob = located(place, values.text("path", ".")), values.text("glob", "", most=1_000)
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            raise ToolError(f"the pattern is no regular expression: {clean_line(str(error))}") from error
        checked = {"pattern": pattern, "path": name, "glob": glob}
        told = f"search {clean_line(name)} for {clean_line(pattern)}"
        return Use(given=checked, subject=name, summary=told, harmless=True)

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Sorted by path; the first so many."""
        found = _Found()
        with opened(place, use.subject) as root, _child(use.given["pattern"], token, self._limit_s) as ask:
            for path in sorted(self._files(root, use, token, found.unseen)):
                token.raise_if_cancelled()
                if self._keeps_from(path):
                    found.kept_back += 1
                    continue
                self._search(root, path, ask, found)
                if found.hits >= MOST_HITS:
                    break
        return _told(found)

    def _files(self, root: Workspace, use: Use, token: CancelToken, unseen: list[str]) -> Iterator[str]:
        try:
            os.close(root.folder(use.subject))
        except NotADirectoryError:
            return iter((use.subject,))
        return matching_files(root, use.subject, use.given["glob"], token, unseen)

    def _search(
        self,
        root: Workspace,
        path: str,
        ask: Callable[[bytes], tuple[int, list[tuple[int, str]]]],
        found: _Found,
    ) -> None:
        try:
            content = read_file(root.open(path), _MOST_BYTES)
        except (OSError, BeneathError):
            return
        if is_binary(content):
            return
        hits, lines = ask(content)
        found.hits += hits
        found.files += bool(hits)
        shown = path if path.isprintable() else clean_line(path)
        found.lines += [f"{shown}:{number}: {line}" for number, line in lines]


@contextmanager
def _child(
    pattern: str, token: CancelToken, limit_s: float
) -> Iterator[Callable[[bytes], tuple[int, list[tuple[int, str]]]]]:
    """A process that answers for each text, until the search takes too long or is cancelled."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    def ask(text: bytes) -> tuple[int, list[tuple[int, str]]]:
        answer = process.ask(b"%d\n" % len(text) + text)
        if answer is None:
            token.raise_if_cancelled()
            took = f"took more than {limit_s:g} s" if late.is_set() else "ended before its time"
            raise ToolError(f"the search {took}; take a simpler pattern, or fewer files")
        hits, lines = json.loads(answer)
        return hits, lines

    asked = {"pattern": pattern, "most": MOST_HITS, "chars": _LONGEST_LINE}
    process = AnsweringProcess(search_child)
    with closing(process), armed(token, process.kill), limited(limit_s, end):
        process.tell(json.dumps(asked).encode() + b"\n")
        yield ask


def _told(found: _Found) -> Result:
    lines = found.lines[:MOST_HITS]
    if found.hits > len(lines):
        lines.append(f"… only the first {MOST_HITS} lines; take a narrower pattern, path or glob")
    if found.unseen:
        lines.append(not_looked_into(found.unseen))
    if found.kept_back:
        lines.append(f"({found.kept_back:,} files were left out: rules keep them from being read)")
    many = f"{found.hits:,} lines in {found.files:,} files"
    return Result(text="\n".join(lines) or "(no line matches)", summary=many)
