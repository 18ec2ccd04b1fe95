"""Read a file a person wrote: bounded, regular, UTF-8, and with words for everything it may be instead."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from luna_tui.core.errors import InvalidInput, Problem

_KINDS = (
    (b"\x1f\x8b", "a gzip archive", "unpack it first"),
    (b"PK\x03\x04", "a zip archive", "unpack it first"),
    (b"%PDF", "a PDF", "give a TOML or JSON file"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
    (b"\x7fELF", "a program", "give a TOML or JSON file"),
)


def read_text(path: Path, title: str, *, max_bytes: int) -> str:
    """The text of a file, without byte-order mark and with `\\n` line ends; InvalidInput says why not."""

    def refuse(what: str, fix: str, line: int = 0) -> InvalidInput:
        return InvalidInput(title, (Problem(str(path), line, what, fix),))

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise refuse("no such file", "check the path") from None
    except PermissionError:
        raise refuse("may not be read", f"chmod u+r {path}") from None
    except (OSError, ValueError) as error:
        raise refuse(
            f"cannot be opened: {getattr(error, 'strerror', None) or error}", "check the path"
        ) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        if stat.S_ISDIR(mode):
            raise refuse("is a folder", "name the file in it")
        raise refuse("is not a regular file", "copy its content into one")
    with os.fdopen(descriptor, "rb") as file:
        raw = file.read(max_bytes + 1)
    if len(raw) > max_bytes:
        raise refuse(f"is larger than {max_bytes // 1024:,} KiB", "split it")
    for magic, kind, fix in _KINDS:
        if raw.startswith(magic):
            raise refuse(f"is {kind}", fix)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise refuse(f"byte {error.start} is no UTF-8", "save the file as UTF-8", line) from None
    return text.replace("\r\n", "\n")
