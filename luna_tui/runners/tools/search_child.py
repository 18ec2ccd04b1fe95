"""The process in which search_files tries a pattern: it may hang or die there, and reaches no file.

Started with this file alone: it imports nothing of ours. Reads the pattern, then texts; answers each.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from typing import Any, BinaryIO

_MEMORY_BYTES = 1024**3


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """One answer for each text: the lines that match, the first so many of them, and how many there are."""
    asked: dict[str, Any] = json.loads(source.readline())
    pattern = re.compile(asked["pattern"])
    while head := source.readline():
        text = source.read(int(head)).decode("utf-8", "replace")
        found = [(n, line) for n, line in enumerate(text.split("\n"), 1) if pattern.search(line)]
        shown = [(n, line[: asked["chars"]]) for n, line in found[: asked["most"]]]
        sink.write(json.dumps([len(found), shown]).encode() + b"\n")
        sink.flush()


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)
