"""Ask a simulated server through the real SDK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic

from luna_tui.simulator.server import SimulatorServer

MODEL = "claude-haiku-5-5"
Serve = Callable[..., SimulatorServer]
Connect = Callable[..., anthropic.Anthropic]


def ask(client: anthropic.Anthropic, prompt: str = "token: T-1\nHow is it going?", **more: Any) -> Any:
    given: Any = {"model": MODEL, "max_tokens": 500, "messages": [{"role": "user", "content": prompt}]}
    return client.messages.create(**(given | more))


def events(
    client: anthropic.Anthropic, prompt: str = "token: T-1\nHow is it going?", **more: Any
) -> list[Any]:
    return list(ask(client, prompt, stream=True, **more))
