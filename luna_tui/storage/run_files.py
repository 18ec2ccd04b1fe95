"""Files of a run as a front end asks for them: older text of a stream, copies, a text in a new file."""

from __future__ import annotations

import errno
import os
import re
from contextlib import suppress
from pathlib import Path

from luna_tui.core.clean import clean
from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.kept import TextPage
from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, private_dir, state_dir, why_not
from luna_tui.storage.results import read_result

PAGE_CHARS = 64 * 1024
"""A page is about this long."""
SEARCHED_BYTES = 4 * 1024 * 1024
"""How far from the end of a file the known text is looked for."""
_MOST_COPIES = 1_000_000
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class RunFiles:
    """KeptFiles of a run directory; without one, copies go to the state directory."""

    def __init__(self, folder: Path | None, disk: Disk | None = None) -> None:
        self._folder = folder
        self._disk = disk or Disk()

    def text_before(
        self, subtask: str, attempt: int, *, before: str, after: int, end: int | None
    ) -> TextPage | None:
        """The page of an attempt's text before what is known of it."""
        path = self._text(subtask, attempt)
        if path is None:
            return None
        try:
            with path.open("rb") as file:
                size = end if end is not None else file.seek(0, os.SEEK_END)
                reach = PAGE_CHARS if end is not None else min(SEARCHED_BYTES, PAGE_CHARS + 4 * after)
                start = max(0, size - reach)
                file.seek(start)
                raw = file.read(size - start)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unread(path, error) from error
        start, raw = _from_line(start, raw)
        return _page(start, raw, before if end is None else "", after)

    def text_from_start(self, subtask: str, attempt: int, *, most: int) -> tuple[str, bool] | None:
        """The first characters of an attempt's text, and whether that is all."""
        path = self._text(subtask, attempt)
        return None if path is None else _first(path, most)

    def difference(self, name: str, *, most: int) -> tuple[str, bool] | None:
        """The first characters of a file with changes; only files in `diffs/` are read."""
        folder, _slash, file = name.partition("/")
        if self._folder is None or folder != "diffs" or file in ("", ".", "..") or "/" in file:
            return None
        return _first(self._folder / folder / file, most)

    def result(self, subtask: str, *, most: int) -> tuple[str, bool] | None:
        """The first characters of what a subtask came to, and whether that is all."""
        kept = None if self._folder is None else read_result(RunDir(self._folder), subtask)
        return None if kept is None else (clean(kept.output[:most]), len(kept.output) <= most)

    def where(self, subtask: str, attempt: int) -> str:
        """Path of an attempt's text."""
        path = self._text(subtask, attempt)
        return str(path) if path is not None else "not kept"

    def keep_copy(self, text: str) -> str:
        """Write `copies/NNN.txt`, 0600, with the next free number."""
        folder = private_dir((self._folder or private_dir(state_dir())) / "copies")
        try:
            taken = (int(p.stem) for p in folder.glob("*.txt") if p.stem.isdecimal())
            number = max(taken, default=0) + 1
            while number < _MOST_COPIES:
                path = folder / f"{number:03d}.txt"
                if self._write_new(path, text):
                    return str(path)
                number += 1
        except OSError as error:
            raise _refused(folder, error) from error
        raise LunaError("cannot save", f"{folder} is full", "remove old copies", ExitCode.NOT_SAVED)

    def suggest(self, name: str, *, folder: Path = Path(), suffix: str = ".txt") -> str:
        """A file that is not there yet, in the current folder or another one."""
        stem = _UNSAFE.sub("-", name).strip("-.") or "luna"
        names = [f"{n}{suffix}" for n in (stem, *(f"{stem}-{n}" for n in range(2, 100)))]
        paths = [str(folder / n) for n in names]
        return next((path for path in paths if not os.path.lexists(path)), paths[0])

    def write_new(self, path: str, text: str) -> str:
        """Write a new file, whole or not at all; LunaError(74) in words when it cannot be."""
        target = Path(os.path.abspath(os.path.expanduser(path.strip())))
        try:
            if target.is_dir():
                raise LunaError(
                    "cannot save", f"{target} is a folder", "give a file name too", ExitCode.NOT_SAVED
                )
            if not self._write_new(target, text):
                raise LunaError(
                    "cannot save",
                    f"{target} is there already; nothing was overwritten",
                    "give another name",
                    ExitCode.NOT_SAVED,
                )
        except (OSError, ValueError) as error:
            raise _refused(target, error) from error
        return str(target)

    def _write_new(self, path: Path, text: str) -> bool:
        """False when something is there; a crash leaves the file whole or not there."""
        draft = path.with_name(f".{path.name}.{os.getpid()}.new")
        draft.unlink(missing_ok=True)
        try:
            descriptor = self._disk.open_append(draft)
            try:
                self._disk.write(descriptor, text.encode("utf-8", "replace"))
                self._disk.sync(descriptor)
            finally:
                self._disk.close(descriptor)
            if not _named(draft, path):
                return False
        finally:
            with suppress(OSError):
                draft.unlink(missing_ok=True)
        self._disk.sync_folder(path.parent)
        return True

    def _text(self, subtask: str, attempt: int) -> Path | None:
        if self._folder is None or "/" in subtask:
            return None
        return self._folder / "outputs" / f"{subtask}.{attempt}.txt"


def _first(path: Path, most: int) -> tuple[str, bool] | None:
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            text = file.read(most + 1)
    except (FileNotFoundError, ValueError):
        return None
    except OSError as error:
        raise _unread(path, error) from error
    return clean(text[:most]), len(text) <= most


def _unread(path: Path, error: OSError) -> LunaError:
    return LunaError("cannot read", f"{path}: {why_not(error)}", "look at the file", ExitCode.NOT_SAVED)


def _named(draft: Path, path: Path) -> bool:
    """Give the draft its name, unless the name is taken."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.EMLINK):
            raise
        if os.path.lexists(path):
            return False
        os.rename(draft, path)
    return True


def _refused(path: Path, error: OSError | ValueError) -> LunaError:
    if isinstance(error, ValueError):
        return LunaError("cannot save", "that is no path", "give another name", ExitCode.NOT_SAVED)
    return LunaError("cannot save", f"{path}: {why_not(error)}", "choose another place", ExitCode.NOT_SAVED)


def _from_line(start: int, raw: bytes) -> tuple[int, bytes]:
    """Begin at a line, so that no escape sequence and no character is cut; else at a character."""
    if start == 0:
        return start, raw
    line_end = raw.find(b"\n", 0, len(raw) // 2)
    cut = line_end + 1
    if line_end < 0:
        while cut < min(4, len(raw)) and raw[cut] & 0xC0 == 0x80:
            cut += 1
    return start + cut, raw[cut:]


def _page(start: int, raw: bytes, before: str, after: int) -> TextPage | None:
    """The last page of `raw` that ends where `before` begins, with the byte at which it begins."""
    decoded = [raw.decode("utf-8", "replace")]
    cleaned = [clean(decoded[0])]
    if cleaned != decoded:
        decoded = [line + "\n" for line in decoded[0].split("\n")]
        decoded[-1] = decoded[-1][:-1]
        cleaned = [clean(line) for line in decoded]
    text = "".join(cleaned)
    end = _place(text, before, after)
    if end is None:
        return None
    if end <= PAGE_CHARS + PAGE_CHARS // 2:
        return TextPage(text[:end], start)
    cut = end - PAGE_CHARS
    line_end = text.find("\n", cut, end)
    cut = line_end + 1 if 0 <= line_end < cut + PAGE_CHARS // 2 else cut
    return TextPage(text[cut:end], _byte_at(start, decoded, cleaned, cut))


def _place(text: str, before: str, after: int) -> int | None:
    """Where `before` begins: the place that is nearest to `after` characters from the end."""
    if not before:
        return len(text)
    expected = max(0, len(text) - after)
    later, earlier = text.find(before, expected), text.rfind(before, 0, expected + len(before))
    found = [place for place in (later, earlier) if place >= 0]
    return min(found, key=lambda place: abs(place - expected), default=None)


def _byte_at(start: int, decoded: list[str], cleaned: list[str], at: int) -> int | None:
    """The byte at which the clean character number `at` stands; None when it is inside a changed line."""
    for line, clear in zip(decoded, cleaned, strict=True):
        if at == 0 or (at < len(clear) and line == clear):
            return start + len(line[:at].encode("utf-8", "replace"))
        if at < len(clear):
            return None
        at -= len(clear)
        start += len(line.encode("utf-8", "replace"))
    return start
