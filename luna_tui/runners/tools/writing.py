"""write_file and edit_file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.rules import exact_pattern
from luna_tui.engine.cancel import CancelToken
from luna_tui.runners.line_diff import line_diff
from luna_tui.runners.tools.base import Place, Result, ToolError, Use
from luna_tui.runners.tools.files import MAX_BYTES, content, located_for_writing, opened
from luna_tui.runners.tools.given import Given, definition

MOST_CHARS = 1024 * 1024
"""Of a file that is written."""


class WriteFile:
    """A new file, or new content for one; `protected` are absolute paths that it leaves as they are."""

    name = "write_file"
    definition = definition(
        "write_file",
        "Write a text file of the workspace: the whole content, in place of what was there. Folders above it "
        "are made. To change a part of a file use edit_file.",
        {
            "path": {"type": "string", "description": "Path of the file, relative to the workspace"},
            "content": {"type": "string", "description": "All that the file shall hold"},
        },
        "path",
        "content",
    )

    def __init__(self, protected: tuple[str, ...] = ()) -> None:
        self._protected = protected

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The file, and what will be different in it."""
        values = Given(self.name, given, ("path", "content"))
        new = values.text("content", most=MOST_CHARS)
        name = located_for_writing(place, values.text("path"), self._protected)
        old = _present(place, name)
        return _change(self.name, place, name, old, new, {"path": name, "content": new})

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Write it whole or not at all; ToolError when the file is no longer what was described."""
        token.raise_if_cancelled()
        now = self.describe(use.given, place)
        if (now.subject, now.detail) != (use.subject, use.detail):
            raise ToolError(f"{clean_line(use.subject)} has changed meanwhile; read it again")
        return _write(place, use.subject, use.given["content"])


class EditFile:
    """Exact text of a file exchanged; `protected` are absolute paths that it leaves as they are."""

    name = "edit_file"
    definition = definition(
        "edit_file",
        "Replace exact text in a file of the workspace. old must occur exactly once, spaces and line ends "
        "included, unless all is true; give enough of the lines around it to make it unique.",
        {
            "path": {"type": "string", "description": "Path of the file, relative to the workspace"},
            "old": {"type": "string", "description": "The text that is there, without line numbers"},
            "new": {"type": "string", "description": "What to put in its place"},
            "all": {"type": "boolean", "description": "Replace every occurrence; false by default"},
        },
        "path",
        "old",
        "new",
    )

    def __init__(self, protected: tuple[str, ...] = ()) -> None:
        self._protected = protected

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The file, and what will be different in it; ToolError says how often `old` is there."""
        values = Given(self.name, given, ("path", "old", "new", "all"))
        old, new = values.text("old", most=MOST_CHARS), values.text("new", most=MOST_CHARS)
        name = located_for_writing(place, values.text("path"), self._protected)
        before = _present(place, name)
        if before is None:
            raise ToolError(f"{clean_line(name)} does not exist; write_file makes it")
        after = _edited(name, before, old, new, every=values.flag("all"))
        checked = {"path": name, "old": old, "new": new, "all": values.flag("all")}
        return _change(self.name, place, name, before, after, checked)

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Exchange it in the file as it is now; ToolError as in `describe`."""
        token.raise_if_cancelled()
        name = located_for_writing(place, use.given["path"], self._protected)
        before = _present(place, name)
        if name != use.subject or before is None:
            raise ToolError(f"{clean_line(use.subject)} is no longer there")
        after = _edited(name, before, use.given["old"], use.given["new"], every=use.given["all"])
        return replace(_write(place, name, after), summary=use.summary.rpartition(": ")[2])


def _present(place: Place, name: str) -> str | None:
    """The text of a file; None where there is none, ToolError for what cannot be changed as text."""
    with opened(place, name) as root:
        try:
            found = content(root, name)
        except FileNotFoundError:
            return None
    try:
        return found.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ToolError(f"{clean_line(name)} is no UTF-8 text") from error


def _edited(name: str, before: str, old: str, new: str, *, every: bool) -> str:
    if not old:
        raise ToolError("old is empty; write_file writes a whole file")
    if old == new:
        raise ToolError("old and new are the same")
    if old not in before and "\r\n" in before and "\r\n" not in old:
        old, new = old.replace("\n", "\r\n"), new.replace("\n", "\r\n")
    count = before.count(old)
    if not count:
        raise ToolError(f"old is not in {clean_line(name)}; read it again, it must match exactly")
    if count > 1 and not every:
        raise ToolError(f"old is {count:,} times in {clean_line(name)}; make it unique, or set all")
    size = len(before) + count * (len(new) - len(old))
    if size > max(MAX_BYTES, len(before)):
        raise ToolError(f"{clean_line(name)} would have {size:,} characters; {MAX_BYTES:,} is the most")
    return before.replace(old, new)


def _change(
    tool: str, place: Place, name: str, before: str | None, after: str, given: Mapping[str, Any]
) -> Use:
    detail, plus, minus = difference(name, before, after)
    verb = "make" if before is None else "write" if tool == WriteFile.name else "edit"
    pattern = exact_pattern(name)
    return Use(
        given=given,
        subject=name,
        summary=f"{verb} {clean_line(name)}: +{plus:,} −{minus:,} lines",
        detail=detail,
        pattern=f"{tool}({pattern})" if pattern else "",
        harmless=place.own,
    )


def difference(name: str, before: str | None, after: str) -> tuple[str, int, int]:
    """A unified difference, and how many lines it adds and takes away."""
    diff = line_diff((before or "").encode(), after.encode())
    old = "/dev/null" if before is None else f"a/{name}"
    return f"--- {old}\n+++ b/{name}\n{diff.text}" if diff.text else "", diff.added, diff.removed


def _write(place: Place, name: str, text: str) -> Result:
    with opened(place, name, "written") as root:
        root.replace(name, text.encode())
    lines = f"{len(text.splitlines()):,} lines"
    return Result(text=f"{clean_line(name)} is written: {lines}", summary=lines)
