"""Put the content blocks of a streamed answer together again, as they have to be sent back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from luna_tui.runners.characters import sendable, whole_characters

Block = dict[str, Any]
"""One content block, as it goes over the line."""
_PIECES = {
    "text_delta": ("text", "text"),
    "input_json_delta": ("partial_json", "input"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
}
"""Delta -> its field with the piece, and the field of the block that the pieces come to."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a tool of ours to be used."""

    id: str
    name: str
    given: Mapping[str, Any] | None
    """None: what it wrote is no JSON object that could be sent back, or was cut off in its midst."""


class Blocks:
    """Lives as long as one answer; used by its thread only."""

    def __init__(self, finished: Callable[[Block], None]) -> None:
        """`finished` is called with each block that is whole; unknown kinds are kept as they came."""
        self._finished = finished
        self._blocks: dict[int, Block] = {}
        self._pieces: dict[tuple[int, str], list[str]] = {}
        self._open: set[int] = set()
        self._calls: list[ToolCall] = []

    def begin(self, index: int, block: Any) -> None:
        """A block of the SDK begins; ValueError when no request could take it back."""
        self._blocks[index] = sendable(block.to_dict())
        self._open.add(index)

    def add(self, index: int, delta: Any) -> int:
        """A piece of a block; its characters. Kinds that are not known add nothing."""
        if delta.type == "citations_delta":
            self._blocks[index].setdefault("citations", None)
            kept = self._blocks[index]["citations"] or []
            self._blocks[index]["citations"] = [*kept, sendable(delta.citation.to_dict())]
            return 0
        if delta.type not in _PIECES:
            return 0
        source, target = _PIECES[delta.type]
        piece = whole_characters(getattr(delta, source))
        self._pieces.setdefault((index, target), []).append(piece)
        return len(piece)

    def end(self, index: int) -> None:
        """The block is whole, or was cut off where the answer was."""
        block = self._blocks[index]
        self._open.discard(index)
        for (place, target), pieces in self._pieces.items():
            if place == index and target != "input":
                block[target] = (block.get(target) or "") + "".join(pieces)
        if isinstance(block.get("input"), dict):
            given = self._given(index, block)
            block["input"] = dict(given or {})
            if block["type"] == "tool_use":
                self._calls.append(ToolCall(str(block["id"]), str(block["name"]), given))
        self._finished(block)

    def close(self) -> None:
        """The answer is over; a block whose end was not told ends with it."""
        for index in sorted(self._open):
            self.end(index)

    def content(self) -> list[Block]:
        """Everything, in order, but for empty texts: the service takes none of those back."""
        ordered = [self._blocks[index] for index in sorted(self._blocks)]
        return [b for b in ordered if b.get("type") != "text" or b.get("text")]

    def calls(self, *, cut: bool) -> tuple[ToolCall, ...]:
        """What tools of ours are to do, in order; `cut` = the answer ended where it had no room left."""
        calls = list(self._calls)
        last = self.content()[-1:]
        if cut and calls and last and last[0].get("id") == calls[-1].id and not last[0]["input"]:
            calls[-1] = ToolCall(calls[-1].id, calls[-1].name, None)
        return tuple(calls)

    def _given(self, index: int, block: Block) -> Mapping[str, Any] | None:
        text = "".join(self._pieces.get((index, "input"), ()))
        if not text:
            return dict(block["input"])
        try:
            given = sendable(json.loads(text))
        except (ValueError, RecursionError):
            return None
        return given if isinstance(given, dict) else None
