"""read_file and list_files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from luna_tui.core.clean import clean_line
from luna_tui.core.rules import glob_matches
from luna_tui.engine.cancel import CancelToken
from luna_tui.runners.beneath import Workspace
from luna_tui.runners.tools.base import Place, Result, ToolError, Use
from luna_tui.runners.tools.files import content, located, opened
from luna_tui.runners.tools.given import Given, definition

MOST_BYTES = 256 * 1024
"""Of a result of read_file."""
MOST_NAMES = 1_000
_LONGEST_LINE = 2_000
MOST_VISITED = 200_000
_LAST_LINE = 100_000_000


class ReadFile:
    """Lines of a text file, numbered."""

    name = "read_file"
    definition = definition(
        "read_file",
        "Read a text file of the workspace. Lines come numbered from 1, each number followed by a tab. "
        "A long file comes in parts: the end of the result says how to read on.",
        {
            "path": {"type": "string", "description": "Path of the file, relative to the workspace"},
            "offset": {"type": "integer", "description": "Number of the first line to read; 1 by default"},
            "limit": {"type": "integer", "description": "How many lines to read"},
        },
        "path",
    )

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The file, where its links lead."""
        values = Given(self.name, given, ("path", "offset", "limit"))
        name = located(place, values.text("path"))
        offset = values.whole("offset", 1, 1, _LAST_LINE)
        limit = values.whole("limit", _LAST_LINE, 1, _LAST_LINE)
        checked = {"path": name, "offset": offset, "limit": limit}
        return Use(given=checked, subject=name, summary=f"read {clean_line(name)}", harmless=True)

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """As many lines as fit."""
        token.raise_if_cancelled()
        name, offset, limit = use.subject, use.given["offset"], use.given["limit"]
        with opened(place, name) as root:
            text = content(root, name).decode("utf-8", "replace")
        # Only line ends count: numbers must be those of every other program.
        lines = text.removesuffix("\n").split("\n") if text else []
        if offset > max(1, len(lines)):
            raise ToolError(
                f"{clean_line(name)} has {len(lines):,} lines; offset {offset:,} is behind its end"
            )
        shown = list(_numbered(lines[offset - 1 : offset - 1 + limit], offset))
        after = len(lines) - (offset - 1 + len(shown))
        more = f"\n… {after:,} more lines; read on with offset {offset + len(shown)}" if after else ""
        told = f"{len(shown):,} of {len(lines):,} lines" if after or offset > 1 else f"{len(lines):,} lines"
        return Result(text=("\n".join(shown) or "(the file is empty)") + more, summary=told)


class ListFiles:
    """Names in a folder, or of files that match."""

    name = "list_files"
    definition = definition(
        "list_files",
        "List a folder of the workspace; names of folders end in /. With glob, list the files below it that "
        "match, at any depth: *.py matches names, src/**/*.py matches paths relative to the folder.",
        {
            "path": {"type": "string", "description": "The folder, relative to the workspace; . by default"},
            "glob": {"type": "string", "description": "Which files: * and ? within a name, ** over folders"},
        },
    )

    def describe(self, given: Mapping[str, Any], place: Place) -> Use:
        """The folder, where its links lead."""
        values = Given(self.name, given, ("path", "glob"))
        name, glob = located(place, values.text("path", ".")), values.text("glob", "", most=1_000)
        told = f"list {clean_line(glob)} in {clean_line(name)}" if glob else f"list {clean_line(name)}"
        return Use(given={"path": name, "glob": glob}, subject=name, summary=told, harmless=True)

    def use(self, use: Use, place: Place, token: CancelToken) -> Result:
        """Sorted, the first thousand."""
        name, glob = use.subject, use.given["glob"]
        unseen: list[str] = []
        with opened(place, name) as root:
            if glob:
                paths = matching_files(root, name, glob, token, unseen)
                found = sorted(_shown(name, path) for path in paths)
            else:
                found = sorted(
                    entry + "/" * is_folder for entry, is_folder in entries(root, name) if entry != ".git"
                )
        names = [entry if entry.isprintable() else clean_line(entry) for entry in found[:MOST_NAMES]]
        more = len(found) - len(names)
        if more:
            names.append(f"… and {more:,} more; narrow the glob or name a folder")
        if unseen:
            names.append(not_looked_into(unseen))
        return Result(
            text="\n".join(names) or "(nothing)",
            summary="1 name" if len(found) == 1 else f"{len(found):,} names",
        )


def entries(root: Workspace, folder: str) -> list[tuple[str, bool]]:
    """Names in a folder and whether each is a folder; what a link leads to does not count."""
    descriptor = root.folder(folder)
    try:
        with os.scandir(descriptor) as found:
            return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    finally:
        os.close(descriptor)


def not_looked_into(folders: list[str]) -> str:
    """What the model is told of folders that a walk did not come to."""
    left = f"{MOST_VISITED:,} entries were looked at, and folders are left: {len(folders):,}"
    return f"… {left}; name one of them"


def matching_files(
    root: Workspace, folder: str, glob: str, token: CancelToken, unseen: list[str]
) -> Iterator[str]:
    """Paths, relative to the workspace, of what is no folder below one; `.git` is left out.

    A glob without a slash is held against names, any other against paths relative to the folder.
    Folders that it did not come to, for their number, are in `unseen` at the end.
    """
    waiting, visited = [folder], 0
    while waiting:
        if visited >= MOST_VISITED:
            unseen.extend(waiting)
            return
        token.raise_if_cancelled()
        here = waiting.pop()
        try:
            inside = sorted(entries(root, here))
        except OSError:
            if here == folder:
                raise
            continue
        visited += len(inside)
        for entry, is_folder in inside:
            token.raise_if_cancelled()
            path = entry if here == "." else f"{here}/{entry}"
            if entry == ".git":
                continue
            if is_folder:
                waiting.append(path)
            elif not glob or _matches(glob, entry, _shown(folder, path)):
                yield path


def _matches(glob: str, name: str, path: str) -> bool:
    return glob_matches(glob, path if "/" in glob or "**" in glob else name)


def _shown(folder: str, path: str) -> str:
    return path if folder == "." else path.removeprefix(folder + "/")


def _numbered(lines: list[str], first: int) -> Iterator[str]:
    size = 0
    for number, line in enumerate(lines, first):
        cut = len(line) - _LONGEST_LINE
        shown = f"{number:>6}\t{line if cut <= 0 else line[:_LONGEST_LINE] + f' … {cut:,} more characters'}"
        size += len(shown.encode("utf-8", "replace")) + 1
        if size > MOST_BYTES:
            return
        yield shown
