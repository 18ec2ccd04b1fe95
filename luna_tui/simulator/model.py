"""The pretended model: from a request and a seed, always the same answer at the same pace."""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from dataclasses import replace
from typing import Any

from luna_tui.simulator.answers import (
    CHARS_PER_TOKEN,
    PIECE_TOKENS,
    Answer,
    Block,
    piece_tokens,
    text_block,
    tool_block,
    within,
)
from luna_tui.simulator.calls import offered
from luna_tui.simulator.conversation import (
    Conversation,
    conversation_of,
    count_tokens,
    input_tokens,
    request_text,
    without_ids,
)
from luna_tui.simulator.orders import HOSTILE, Step, ordered_calls, summed_up
from luna_tui.simulator.planning import wants_plan, write_plan
from luna_tui.simulator.prose import echo, write
from luna_tui.simulator.script import Script, filled, read_script

__all__ = ["CHARS_PER_TOKEN", "MODELS", "Answer", "answer", "count_tokens", "piece_tokens", "request_text"]

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
_REFUSAL = {"type": "refusal", "category": None, "explanation": "This was refused because it was ordered."}


def answer(body: dict[str, Any], seed: int, secret: str = "") -> Answer:
    """The answer to a request; the same for the same request and seed, whatever else is going on.

    Lines such as `simulate: output=900 seconds=14.5 first=1.2` order it; ScriptError when one is wrong.
    `secret` makes the ids of tool uses, which are no part of what is the same.
    """
    talk = conversation_of(body)
    script = read_script(talk.asked)
    rng = _dice(body, seed)
    step = _step(body, talk, script, rng)
    ordered = script.output is not None and not step.calls and not wants_plan(body)
    pieces = filled(step.say, script.output or 1) if ordered else _pieces(step.say, rng)
    blocks = (text_block(tuple(pieces)), *_uses(step, secret))
    blocks, reason = _stopped(blocks, talk, script, calls=bool(step.calls))
    sent = within(blocks, int(body.get("max_tokens", 1024)))
    speed = min(110.0, max(30.0, rng.lognormvariate(math.log(60), 0.25)))
    usual_s = min(4.0, rng.lognormvariate(math.log(0.9), 0.45))
    count = sum(len(block.pieces) for block in blocks)
    first_s, piece_s = script.pace(count, usual_s, (PIECE_TOKENS if ordered else 5.0) / speed)
    tokens = input_tokens(body)
    return Answer(
        blocks=sent,
        input_tokens=tokens,
        output_tokens=sum(piece_tokens(piece) for block in sent for piece in block.pieces),
        stop_reason=reason if sent == blocks else "max_tokens",
        first_token_s=first_s,
        piece_s=piece_s,
        cached_tokens=min(script.cached, tokens),
        stop_details=_REFUSAL if reason == "refusal" else None,
    )


def _dice(body: dict[str, Any], seed: int) -> random.Random:
    asked = {key: value for key, value in body.items() if key != "stream"}
    digest = hashlib.sha256(f"{seed}:{without_ids(json.dumps(asked, sort_keys=True))}".encode()).digest()
    return random.Random(digest)


def _step(body: dict[str, Any], talk: Conversation, script: Script, rng: random.Random) -> Step:
    if wants_plan(body):
        return Step(write_plan(talk.asked, script.plan))
    tools = offered(body)
    calls = ordered_calls(script, tools, talk, rng)
    dirt = HOSTILE + "\n" if script.hostile else ""
    if calls:
        named = ", ".join(dict.fromkeys(call.tool for call in calls))
        return Step(f"{dirt}Turn {talk.turns + 1}: {named} will tell.\n", calls)
    if talk.brought:
        return Step(dirt + summed_up(talk))
    return Step(dirt + (echo(talk.asked) if script.output is not None else write(body, talk.asked, rng)))


def _uses(step: Step, secret: str) -> tuple[Block, ...]:
    return tuple(
        tool_block(f"toolu_{_id(secret, number)}", call.tool, call.given)
        for number, call in enumerate(step.calls)
    )


def _id(secret: str, number: int) -> str:
    return hashlib.sha256(f"{secret}:{number}".encode()).hexdigest()[:24]


def _stopped(
    blocks: tuple[Block, ...], talk: Conversation, script: Script, *, calls: bool
) -> tuple[tuple[Block, ...], str]:
    """The blocks as far as they come, and the stop reason, by what is ordered."""
    if calls:
        if talk.turns < script.cut_tool:
            return (*blocks[:-1], _half(blocks[-1])), "max_tokens"
        return blocks, "tool_use"
    match script.stop:
        case "refusal" | "max_tokens":
            return (_half(blocks[0]),), script.stop
        case "pause_turn" if not talk.paused:
            return blocks, script.stop
        case _:
            return blocks, "end_turn"


def _half(block: Block) -> Block:
    """The first half of a block's text; at least one character, less than all of it where there are two."""
    text = "".join(block.pieces)
    left = max(1, len(text) // 2)
    kept: list[str] = []
    for piece in block.pieces:
        kept += [piece[:left]] if left > 0 else []
        left -= len(piece)
    return replace(block, pieces=tuple(kept), closing=())


def _pieces(text: str, rng: random.Random) -> list[str]:
    """Cut into deltas of a few words, as a real stream comes."""
    words = re.findall(r"\S+\s*|\s+", text)
    pieces: list[str] = []
    while words:
        count = rng.randint(2, 6)
        pieces.append("".join(words[:count]))
        words = words[count:]
    return pieces
