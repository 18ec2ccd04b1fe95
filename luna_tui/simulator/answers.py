"""The shape of an answer: content blocks, in the pieces in which a stream brings them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

CHARS_PER_TOKEN = 4.0
PIECE_TOKENS = 20
"""Tokens of one delta of an ordered answer or of a tool's input; the last one may be smaller."""
_CHARS = 4 * PIECE_TOKENS
_DELTAS = {"text": "text_delta", "partial_json": "input_json_delta", "thinking": "thinking_delta"}


@dataclass(frozen=True, slots=True)
class Block:
    """One content block; `begun` is how its start event tells it."""

    begun: Mapping[str, Any]
    grows: str = ""
    """What its deltas bring: text, partial_json or thinking; empty = it comes whole at its start."""
    pieces: tuple[str, ...] = ()
    closing: tuple[Mapping[str, Any], ...] = ()
    """Further deltas right before its end: citations, a signature."""

    def delta(self, piece: str) -> dict[str, Any]:
        """One piece as a stream brings it."""
        return {"type": _DELTAS[self.grows], self.grows: piece}

    def whole(self) -> dict[str, Any]:
        """The block as an answer in one piece has it; a cut input becomes an empty one."""
        text = "".join(self.pieces)
        block = dict(self.begun)
        if self.grows == "partial_json":
            block["input"] = _parsed(text)
        elif self.grows:
            block[self.grows] = text
        for delta in self.closing:
            if delta["type"] == "citations_delta":
                block["citations"] = [*(block.get("citations") or ()), delta["citation"]]
            elif delta["type"] == "signature_delta":
                block["signature"] = delta["signature"]
        return block


@dataclass(frozen=True, slots=True)
class Answer:
    """What will be sent, and how fast."""

    blocks: tuple[Block, ...]
    input_tokens: int
    output_tokens: int
    stop_reason: str
    first_token_s: float
    piece_s: float
    """Seconds between two pieces."""
    cached_tokens: int = 0
    """Part of `input_tokens` that comes from the prompt cache."""
    written_tokens: int = 0
    """Part of `input_tokens` that goes into the prompt cache."""
    written_1h_tokens: int = 0
    """Part of `written_tokens` that stays there for an hour."""
    server_uses: Mapping[str, int] = field(default_factory=dict)
    """Requests of server tools, by their name in the usage."""
    stop_details: Mapping[str, Any] | None = None

    @property
    def pieces(self) -> tuple[str, ...]:
        """What all deltas bring, in order."""
        return tuple(piece for block in self.blocks for piece in block.pieces)

    def due_s(self, place: int) -> float:
        """Seconds from admission until piece `place` is sent; until the end for `place = len(pieces)`."""
        return self.first_token_s + place * self.piece_s

    def content(self) -> list[dict[str, Any]]:
        """All blocks, whole."""
        return [block.whole() for block in self.blocks]


def piece_tokens(piece: str) -> int:
    """Tokens of one delta."""
    return max(1, round(len(piece) / CHARS_PER_TOKEN))


def text_block(pieces: tuple[str, ...], citations: tuple[Mapping[str, Any], ...] = ()) -> Block:
    """Text that comes in these pieces."""
    closing = tuple({"type": "citations_delta", "citation": one} for one in citations)
    return Block({"type": "text", "text": ""}, "text", pieces, closing)


def thinking_block(pieces: tuple[str, ...], signature: str) -> Block:
    """What was thought before anything was said; it must come back as it is."""
    closing = ({"type": "signature_delta", "signature": signature},)
    return Block({"type": "thinking", "thinking": "", "signature": ""}, "thinking", pieces, closing)


def tool_block(number: str, name: str, given: Mapping[str, Any], kind: str = "tool_use") -> Block:
    """A use of a tool with id `number`."""
    text = json.dumps(given, ensure_ascii=False)
    begun = {"type": kind, "id": number, "name": name, "input": {}}
    return Block(begun, "partial_json", tuple(cut(text)))


def cut(text: str) -> list[str]:
    """A text in even pieces."""
    return [text[begin : begin + _CHARS] for begin in range(0, len(text), _CHARS)]


def within(blocks: tuple[Block, ...], limit: int) -> tuple[Block, ...]:
    """What `limit` tokens allow; the last piece is cut in the middle, as a real answer is."""
    left = limit
    kept: list[Block] = []
    for block in blocks:
        sent: list[str] = []
        for piece in block.pieces:
            tokens = piece_tokens(piece)
            if tokens > left:
                sent += [piece[: int(left * CHARS_PER_TOKEN)]] if left else []
                return (*kept, replace(block, pieces=tuple(sent), closing=())) if sent else tuple(kept)
            sent.append(piece)
            left -= tokens
        kept.append(block)
    return tuple(kept)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}
