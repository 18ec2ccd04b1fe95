"""The next answer of a conversation whose tools are used on order."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from luna_tui.simulator.calls import some_calls
from luna_tui.simulator.conversation import Conversation
from luna_tui.simulator.prose import echo
from luna_tui.simulator.script import Call, Script

HOSTILE = "\x1b[31mred\x1b[2J \x1b]0;title\x07 [bold]markup[/] \u202egnp.exe\u202c \x00\x9b1m\u200b\r"
"""What a terminal or a renderer might obey, were it let through."""
Tools = Mapping[str, Mapping[str, Any]]


def ordered_calls(
    script: Script, tools: Tools, served: Set[str], talk: Conversation, rng: random.Random
) -> tuple[Call, ...]:
    """The uses of the client's tools that the orders still want at this point of the conversation.

    `tools` is what the client offers, `served` what the service does itself.
    """
    if not tools:
        return ()
    answers = [[call for call in calls if call.tool not in served] for calls in script.calls]
    answers = [calls for calls in answers if calls]
    place = max(0, talk.turns - script.cut_tool)
    if place < len(answers):
        return _hostile(script, answers[place])
    if place < len(answers) + (script.turns or 0) or talk.turns < script.cut_tool:
        return _hostile(script, some_calls(tools, talk, script.tools, rng))
    return ()


def summed_up(talk: Conversation) -> str:
    """What every tool brought: its first line, and a digest that tells its text from any other."""
    lines = [f"{talk.turns} turns with {len(talk.brought)} uses of tools."]
    for number, one in enumerate(talk.brought, 1):
        first = next((line for line in one.text.splitlines() if line.strip()), "")
        told = "" if one.ok else " failed"
        lines.append(f"{number}. {one.tool}{told}: {first.strip()[:80]!r}, sha256 {one.digest}")
    return echo(talk.asked) + "\n".join(lines) + "\n"


def _hostile(script: Script, calls: Sequence[Call]) -> tuple[Call, ...]:
    if not script.hostile:
        return tuple(calls)
    return tuple(
        replace(c, given={k: v + HOSTILE if isinstance(v, str) else v for k, v in c.given.items()})
        for c in calls
    )
