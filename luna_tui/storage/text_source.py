"""Read a file a person wrote: bounded, regular, UTF-8, and with words for everything it may be instead."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from luna_tui.core.clean import clean_line
from luna_tui.core.errors import InvalidInput, Problem

_UNPACK = "unpack it first"
_GIVE_TEXT = "give a TOML or JSON file"
_UTF8 = "save it as UTF-8"
_KINDS = (
    (b"\x1f\x8b", "a gzip archive", _UNPACK),
    (b"PK\x03\x04", "a zip archive", _UNPACK),
    (b"BZh", "a bzip2 archive", _UNPACK),
    (b"\xfd7zXZ\x00", "an xz archive", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "a zstd archive", _UNPACK),
    (b"%PDF", "a PDF", _GIVE_TEXT),
    (b"\x89PNG", "a picture", _GIVE_TEXT),
    (b"\x7fELF", "a program", _GIVE_TEXT),
    (b"\xff\xfe\x00\x00", "UTF-32 text", _UTF8),
    (b"\xff\xfe", "UTF-16 text", _UTF8),
    (b"\xfe\xff", "UTF-16 text", _UTF8),
)


def read_text(path: Path, title: str, *, max_bytes: int) -> str:
    """The text of a file, without byte-order mark and with `\\n` line ends; InvalidInput says why not."""

    def refuse(what: str, fix: str, line: int = 0) -> InvalidInput:
        return InvalidInput(title, (Problem(clean_line(str(path)), line, what, fix),))

    raw = _read(path, max_bytes + 1, refuse)
    if len(raw) > max_bytes:
        raise refuse(f"is larger than {max_bytes // 1024:,} KiB", "split it")
    for magic, kind, fix in _KINDS:
        if raw.startswith(magic):
            raise refuse(f"is {kind}", fix)
    if len(raw) > 3 and b"\x00" in (raw[0:1], raw[1:2]):
        raise refuse("is UTF-16 text or no text at all", _UTF8)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(f"byte {error.start} is no UTF-8", "save the file as UTF-8", line) from None
    return text.replace("\r\n", "\n")


def _read(path: Path, limit: int, refuse: Callable[[str, str], InvalidInput]) -> bytes:
    """At most `limit` bytes; opening never waits for a writer, and only a regular file is read."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except FileNotFoundError:
        raise refuse("no such file", "check the path") from None
    except PermissionError:
        raise refuse("may not be read", f"chmod u+r {clean_line(str(path))}") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise refuse(f"cannot be opened: {why}", "check the path") from None
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise refuse("is a folder", "name the file in it")
        if not stat.S_ISREG(mode):
            raise refuse("is not a regular file", "copy its content into one")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(limit)
    except OSError as error:
        raise refuse(f"cannot be read: {error.strerror}", "check the disk") from None
    finally:
        os.close(descriptor)
