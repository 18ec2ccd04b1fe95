"""What the turns of an agent will take together, before any of them was sent."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.expectations import SAID_SHARE_OF_MAX
from luna_tui.core.prices import Price, cost_usd

TURN_SHARES = (0.5, 1.0, 2.0)
"""Low, likely and high number of turns, as shares of what is expected."""
SAID_SHARES = (0.03, SAID_SHARE_OF_MAX, 0.4)
"""Output of a turn that uses tools, as shares of `max_tokens`; the last one answers at length."""
RESULT_CHARS = 2_000
"""Length of what the tools of a turn bring."""
TOOL_TOKENS = 200
"""Definition of a tool in a request."""
_KEPT_FROM = 2_048
"""Tokens of a conversation from which on the service keeps it for the next turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a conversation is thought to go."""

    turns: int
    first_tokens: float
    """Input of the first request."""
    said_tokens: float
    """Output of each turn but the last."""
    answer_tokens: float
    """Output of the last one."""
    result_tokens: float
    """What the tools of a turn bring."""
    searches: int = 0
    """Searches of the web in each turn but the last."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What the conversation takes."""

    input_tokens: float
    """As the limits count: without what is read from the cache."""
    output_tokens: float
    cost_usd: float | None
    """None = the price is not known."""


def conversation_cost(course: Course, price: Price | None) -> Taken:
    """All turns together: each sends the whole conversation again, most of it read from the cache."""
    prompt, kept, sent_in_all, said_in_all, usd = course.first_tokens, 0.0, 0.0, 0.0, 0.0
    for turn in range(1, course.turns + 1):
        last = turn == course.turns
        said = course.answer_tokens if last else course.said_tokens
        sent, keeps = prompt - kept, prompt >= _KEPT_FROM
        sent_in_all += sent
        said_in_all += said
        if price is not None:
            usd += cost_usd(
                price,
                0 if keeps else round(sent),
                round(said),
                round(kept),
                round(sent) if keeps else 0,
                0 if last else course.searches,
            )
        kept = prompt if keeps else 0.0
        prompt += said + course.result_tokens
    return Taken(sent_in_all, said_in_all, None if price is None else usd)
