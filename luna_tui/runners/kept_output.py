"""Decode the output of a process, pass it on, and keep its beginning and its end."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Callable

KEPT_BYTES = 256 * 1024
"""Kept of the beginning and of the end of an output each; the rest only passes through."""
SHOWN_BYTES = 4 * 1024 * 1024
"""Output beyond this is no longer passed on to screens and the output file."""


class KeptOutput:
    """Lives as long as one process; memory stays bounded whatever it writes."""

    def __init__(self, output: Callable[[str], None], kept: int = KEPT_BYTES) -> None:
        """`output` takes the text as it comes; `kept` is of the beginning and of the end each."""
        self._output = output
        self._most = kept
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._head: list[str] = []
        self._tail: deque[str] = deque()
        self._head_size = self._tail_size = self._dropped = self._received = 0

    def take(self, chunk: bytes) -> None:
        """Bytes as they came; a character cut by the end of a chunk waits for the next one."""
        shown = self._received < SHOWN_BYTES
        self._received += len(chunk)
        self._keep(self._decoder.decode(chunk), shown)
        if shown and self._received >= SHOWN_BYTES:
            self._output("\n… more output follows, no longer shown\n")

    def finish(self) -> str:
        """No more follows; the text kept, with a line for what was left out."""
        self._keep(self._decoder.decode(b"", final=True), self._received < SHOWN_BYTES)
        tail = "".join(self._tail)
        over = max(0, len(tail) - self._most)
        left_out = self._dropped + over
        gap = f"\n… {left_out:,} characters left out …\n" if left_out else ""
        return "".join(self._head) + gap + tail[over:]

    def _keep(self, text: str, shown: bool) -> None:
        if not text:
            return
        if shown:
            self._output(text)
        if self._head_size < self._most:
            room = self._most - self._head_size
            self._head.append(text[:room])
            self._head_size += len(text[:room])
            text = text[room:]
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
        while self._tail and self._tail_size - len(self._tail[0]) >= self._most:
            self._tail_size -= len(self._tail[0])
            self._dropped += len(self._tail.popleft())
