"""Put an answer together: thinking, what the service searched for, words, and uses of tools."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from luna_tui.simulator.agent import next_calls, report
from luna_tui.simulator.answers import Block, text_block, thinking_block, tool_block
from luna_tui.simulator.calls import offered, some_calls
from luna_tui.simulator.conversation import Conversation
from luna_tui.simulator.orders import HOSTILE, ordered_calls, summed_up
from luna_tui.simulator.prose import echo, write
from luna_tui.simulator.schema_checks import wanted_schema
from luna_tui.simulator.script import Call, Script, filled
from luna_tui.simulator.structured import instance
from luna_tui.simulator.web import USES_AT_ONCE, Surfed, found_earlier, server_calls, server_tools, surf


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer before its length is limited."""

    blocks: tuple[Block, ...]
    stop_reason: str
    server_uses: Mapping[str, int] = field(default_factory=dict)
    ordered: bool = False
    """Its text has the size that was ordered."""


def compose(
    body: dict[str, Any], talk: Conversation, script: Script, rng: random.Random, secret: str
) -> Draft:
    """The next answer of a conversation."""
    client, web = _calls(body, talk, script, rng)
    ids = [hashlib.sha256(f"{secret}:{n}".encode()).hexdigest()[:24] for n in range(len(client) + len(web))]
    head = _thinking(body, secret, rng)
    surfed = surf(web[:USES_AT_ONCE], body, script, [f"srvtoolu_{i}" for i in ids[len(client) :]])
    if web:
        head += (text_block(tuple(_pieces("Let me look on the web.\n", rng))), *surfed.blocks)
        if len(web) > USES_AT_ONCE or (script.stop == "pause_turn" and not talk.paused):
            return Draft(head, "pause_turn", surfed.uses or {})
    if client:
        uses = tuple(tool_block(f"toolu_{i}", c.tool, c.given) for i, c in zip(ids, client, strict=False))
        named = ", ".join(dict.fromkeys(call.tool for call in client))
        said = f"{_dirt(script)}Turn {talk.turns + 1}: {named} will tell.\n"
        blocks = (*head, text_block(tuple(_pieces(said, rng))), *uses)
        if talk.turns < script.cut_tool:
            return Draft((*blocks[:-1], _half(blocks[-1])), "max_tokens", surfed.uses or {})
        return Draft(blocks, "tool_use", surfed.uses or {})
    return _last(body, talk, script, rng, head, surfed)


def _calls(
    body: dict[str, Any], talk: Conversation, script: Script, rng: random.Random
) -> tuple[tuple[Call, ...], tuple[Call, ...]]:
    """Uses of the client's tools and of the service's, of this answer."""
    tools = offered(body)
    client = ordered_calls(script, tools, server_tools(body).keys(), talk, rng)
    if script.by_itself:
        client = next_calls(tools, talk, rng)
    choice = body.get("tool_choice") or {}
    if not client and tools and choice.get("type") in ("any", "tool"):
        named = choice.get("name")
        client = some_calls({named: tools[named]} if named in tools else tools, talk, 1, rng)
    if choice.get("disable_parallel_tool_use"):
        client = client[:1]
    return client, server_calls(body, talk.asked, script)


def _last(
    body: dict[str, Any],
    talk: Conversation,
    script: Script,
    rng: random.Random,
    head: tuple[Block, ...],
    surfed: Surfed,
) -> Draft:
    schema = wanted_schema(body)
    uses = surfed.uses or {}
    ordered = script.output is not None and schema is None
    if schema is not None:
        said = json.dumps(instance(schema, rng))
    else:
        said = (
            _dirt(script)
            + _words(body, talk, script, rng)
            + "".join(f"{one}\n" for one in (*found_earlier(body), *surfed.findings))
        )
    pieces = filled(said, script.output or 1) if ordered else _pieces(said, rng)
    blocks = (*head, text_block(tuple(pieces), surfed.citations))
    match script.stop:
        case "refusal" | "max_tokens":
            return Draft((*blocks[:-1], _half(blocks[-1])), script.stop, uses)
        case "pause_turn" if not talk.paused:
            return Draft(blocks, script.stop, uses)
        case _:
            return Draft(blocks, "end_turn", uses, ordered)


def _words(body: dict[str, Any], talk: Conversation, script: Script, rng: random.Random) -> str:
    if talk.brought:
        return report(talk, rng) if script.by_itself else summed_up(talk)
    return echo(talk.asked) if script.output is not None else write(body, talk.asked, rng)


def _thinking(body: dict[str, Any], secret: str, rng: random.Random) -> tuple[Block, ...]:
    if (body.get("thinking") or {}).get("type") not in ("enabled", "adaptive"):
        return ()
    thought = "What is asked for, what is known, and what is missing? One thing after the other. "
    signature = hashlib.sha256(f"{secret}:thinking".encode()).hexdigest()
    return (thinking_block(tuple(_pieces(thought * rng.randint(1, 3), rng)), signature),)


def _dirt(script: Script) -> str:
    return HOSTILE + "\n" if script.hostile else ""


def _half(block: Block) -> Block:
    """The first half of a block's text; at least one character, less than all of it where there are two."""
    left = max(1, len("".join(block.pieces)) // 2)
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
