"""The pretended model: from a request and a seed, always the same answer at the same pace."""

from __future__ import annotations

import hashlib
import json
import math
import random
from typing import Any

from luna_tui.simulator.answers import CHARS_PER_TOKEN, PIECE_TOKENS, Answer, piece_tokens, within
from luna_tui.simulator.composing import compose
from luna_tui.simulator.conversation import (
    conversation_of,
    count_tokens,
    input_tokens,
    request_text,
    without_ids,
)
from luna_tui.simulator.script import read_script

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
    draft = compose(body, talk, script, rng, secret)
    sent = within(draft.blocks, int(body.get("max_tokens", 1024)))
    speed = min(110.0, max(30.0, rng.lognormvariate(math.log(60), 0.25)))
    usual_s = min(4.0, rng.lognormvariate(math.log(0.9), 0.45))
    count = sum(len(block.pieces) for block in draft.blocks)
    first_s, piece_s = script.pace(count, usual_s, (PIECE_TOKENS if draft.ordered else 5.0) / speed)
    tokens = input_tokens(body)
    return Answer(
        blocks=sent,
        input_tokens=tokens,
        output_tokens=sum(piece_tokens(piece) for block in sent for piece in block.pieces),
        stop_reason=draft.stop_reason if sent == draft.blocks else "max_tokens",
        first_token_s=first_s,
        piece_s=piece_s,
        cached_tokens=min(script.cached, tokens),
        server_uses=draft.server_uses,
        stop_details=_REFUSAL if draft.stop_reason == "refusal" else None,
    )


def _dice(body: dict[str, Any], seed: int) -> random.Random:
    asked = {key: value for key, value in body.items() if key != "stream"}
    digest = hashlib.sha256(f"{seed}:{without_ids(json.dumps(asked, sort_keys=True))}".encode()).digest()
    return random.Random(digest)
