"""Compare what an attempt left with what it found: keep what may be taken over, show the whole of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from luna_tui.core.clean import clean_line, visible
from luna_tui.core.events import ChangedFile
from luna_tui.core.figures import sized
from luna_tui.runners.beneath import holds
from luna_tui.runners.isolation.copying import SHOWN_BYTES, BaseTexts, is_text
from luna_tui.runners.isolation.kept import Change
from luna_tui.runners.isolation.tree import MOST_BYTES, MOST_FILES, Found, Node, node_of, nodes, walk
from luna_tui.runners.line_diff import line_diff
from luna_tui.runners.tools.files import PROTECTED

CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Folders that programs fill for themselves: nobody's work."""
_MOST_SHOWN = 4 * 1024 * 1024
"""Characters of a diff; beyond, files are named only."""


@dataclass(slots=True)
class Compared:
    """What came of it."""

    changes: list[Change] = field(default_factory=list)
    files: list[ChangedFile] = field(default_factory=list)
    """The same, for whoever is told."""
    left_out: list[tuple[str, str]] = field(default_factory=list)
    """What is never taken over: path, and why."""
    hunks: list[str] = field(default_factory=list)

    def text(self, title: str) -> str:
        """The whole as a file that `patch -p1` reads; what is left out stands in its head."""
        head = [f"# {title}"]
        head += [f"# not taken over: {clean_line(path)} ({why})" for path, why in self.left_out]
        return "\n".join(head) + "\n" + "".join(self.hunks)


def protected(path: str, plan_file: str = "") -> bool:
    """Whether no subtask may change this file of the workspace: it decides what programs may do."""
    return path == plan_file or any(part.casefold() in PROTECTED for part in PurePosixPath(path).parts)


class Comparison:
    """One attempt's workspace beside what it was."""

    def __init__(
        self,
        root: str,
        base: Mapping[str, Node],
        texts: BaseTexts,
        draft: str,
        *,
        plan_file: str,
        ignored: Callable[[Iterable[str]], frozenset[str]],
    ) -> None:
        """`draft` = a new folder for new contents; `plan_file` is relative to the workspace."""
        self._root = root
        self._base = base
        self._texts = texts
        self._draft = draft
        self._plan_file = plan_file
        self._ignored = ignored
        self._bytes = 0
        self._shown = 0
        self.came = Compared()

    def run(self) -> Compared:
        """Read the tree once; OSError when what is new cannot be kept."""
        now = nodes(self._root)
        changed = [path for path in sorted({*now, *self._base}) if now.get(path) != self._base.get(path)]
        new = [path for path in changed if path not in self._base]
        caches = frozenset(path for path in new if CACHES & set(PurePosixPath(path).parts))
        ignored = self._ignored(path for path in new if path not in caches)
        if caches:
            self.came.left_out.append((f"{len(caches)} new files of caches", "nobody's work"))
        wanted = [p for p in changed if p not in caches and self._may(p, now.get(p), ignored)]
        contents = self._keep(wanted, now)
        for path in wanted:
            was, is_now = self._base.get(path), now.get(path)
            if is_now is not None and is_now.link is None and path not in contents:
                self.came.left_out.append((path, "it could not be read, or all of it is too large"))
                continue
            change = Change(path=path, was=was, now=is_now, content=contents.get(path, ""))
            self.came.changes.append(change)
            self._show(change)
        return self.came

    def _may(self, path: str, now: Node | None, ignored: frozenset[str]) -> bool:
        if protected(path, self._plan_file):
            why = "a protected name"
        elif path in ignored:
            why = "ignored by the repository"
        elif now is not None and now.link is not None and not self._stays(path, now.link):
            why = "a link that leads outside or to a protected name"
        else:
            return True
        self.came.left_out.append((path, why))
        return False

    def _stays(self, path: str, target: str) -> bool:
        """Whether a link stays in the workspace wherever that is, by its text and by where it leads now."""
        lexical = os.path.normpath(os.path.join(os.path.dirname(path), target))
        if os.path.isabs(target) or lexical == ".." or lexical.startswith("../") or protected(lexical):
            return False
        root = os.path.realpath(self._root)
        real = os.path.realpath(os.path.join(root, path))
        return holds(root, real)

    def _keep(self, wanted: list[str], now: dict[str, Node]) -> dict[str, str]:
        """Copy new contents, each exactly as it was compared; path -> name of its file."""
        kept: dict[str, str] = {}
        left = {p for p in wanted if p in now and now[p].link is None}
        for found in walk(self._root):
            if found.path in left and len(kept) < MOST_FILES:
                node, name = now[found.path], f"{len(kept) + 1:06d}"
                self._bytes += node.size
                if self._bytes > MOST_BYTES:
                    self._bytes -= node.size
                elif self._copied(found, name, node):
                    kept[found.path] = name
        return kept

    def _copied(self, found: Found, name: str, node: Node) -> bool:
        path = os.path.join(self._draft, name)
        try:
            source = found.open()
        except OSError:
            return False
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with source, open(os.open(path, flags, 0o600), "w+b") as target:
            left = node.size
            while left and (chunk := source.read(min(left, 1024 * 1024))):
                target.write(chunk)
                left -= len(chunk)
            target.flush()
            os.fsync(target.fileno())
            target.seek(0)
            same = node_of(target).digest == node.digest
        if not same:
            os.unlink(path)
        return same

    def _show(self, change: Change) -> None:
        text, added, removed = self._hunk(change)
        self._shown += len(text)
        if self._shown > _MOST_SHOWN:
            text = f"# {clean_line(change.path)}: {change.kind}, not shown: the whole is too long\n"
        self.came.hunks.append(text)
        self.came.files.append(
            ChangedFile(path=clean_line(change.path), kind=change.kind, added=added, removed=removed)
        )

    def _hunk(self, change: Change) -> tuple[str, int, int]:
        """The head and the lines of one file, and how many lines are new and gone."""
        old, new = self._content(change.was), self._new_content(change)
        a, b = _named("a/", change.path), _named("b/", change.path)
        notes = _notes(change)
        if old is None or new is None:
            size = sized(change.now.size) if change.now is not None else "gone"
            return f"{notes}Binary files {a} and {b} differ ({size})\n", 0, 0
        diff = line_diff(old, new)
        if not diff.text:
            return notes or f"# {clean_line(change.path)}: {change.kind}, empty\n", 0, 0
        before = "/dev/null" if change.was is None else a
        after = "/dev/null" if change.now is None else b
        return f"{notes}--- {before}\n+++ {after}\n{visible(diff.text)}", diff.added, diff.removed

    def _content(self, was: Node | None) -> bytes | None:
        if was is None or was.link is not None:
            return b""
        return self._texts.get(was.digest)

    def _new_content(self, change: Change) -> bytes | None:
        if change.now is None or change.now.link is not None:
            return b""
        if change.now.size > SHOWN_BYTES:
            return None
        with open(os.path.join(self._draft, change.content), "rb") as file:
            content = file.read()
        return content if is_text(content) else None


def _notes(change: Change) -> str:
    """Links and permissions, which no hunk shows."""
    was, now, said = change.was, change.now, ""
    path = clean_line(change.path)
    if was is not None and was.link is not None:
        said += f"# {path}: was a link to {clean_line(was.link)}\n"
    if now is not None and now.link is not None:
        said += f"# {path}: is a link to {clean_line(now.link)}\n"
    runs_was = was is not None and bool(was.mode & stat.S_IXUSR)
    runs_now = now is not None and bool(now.mode & stat.S_IXUSR)
    if now is not None and runs_was != runs_now:
        said += f"# {path}: {'can be run' if runs_now else 'can no longer be run'}\n"
    return said


def _named(side: str, path: str) -> str:
    """A name as a diff has it; one with odd characters in quotes, escaped."""
    if clean_line(path) == path and '"' not in path and "\\" not in path and "\t" not in path:
        return side + path
    escaped = path.encode("utf-8", "surrogateescape").decode("latin-1")
    return '"' + side + "".join(_escaped(c) for c in escaped) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if " " <= character <= "~" else f"\\{ord(character):03o}"
