"""Where a request is marked, so that the service keeps what comes before for the requests after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from luna_tui.runners.blocks import Block

_LEAST_TOKENS = {"haiku": 2_048}
_LEAST_OTHERWISE = 1_024


@dataclass(frozen=True, slots=True)
class Shared:
    """What other requests of the run begin with as well."""

    system: bool = False
    files: bool = False
    """The system text and all attached files."""


def least_tokens(model: str) -> int:
    """The shortest beginning of a request that the service keeps for a model."""
    return next((least for word, least in _LEAST_TOKENS.items() if word in model), _LEAST_OTHERWISE)


def marked(block: Mapping[str, Any]) -> Block:
    """The block, as the end of something worth keeping."""
    return {**block, "cache_control": {"type": "ephemeral"}}


def with_marks(content: list[Block], *places: int) -> list[Block]:
    """The content with those of its blocks marked."""
    wanted = {place % len(content) for place in places}
    return [marked(block) if n in wanted else block for n, block in enumerate(content)]


def system_text(text: str, *, mark: bool) -> str | list[Block]:
    """A system text, as it goes into a request."""
    return [marked({"type": "text", "text": text})] if mark else text
