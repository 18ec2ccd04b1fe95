"""Work on order: a line of the prompt says how much the pretended model answers, and how long that takes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import ceil, isfinite

from luna_tui.simulator.planning import PLANS

PIECE_TOKENS = 20
"""Tokens of one text delta of an ordered answer; the last one may be smaller."""
_CHARS = 4 * PIECE_TOKENS
_LINE = re.compile(r"^simulate:((?:[ \t]+\w+=\S*)+)[ \t]*\r?$", re.MULTILINE)
_MOST = {"output": 1_000_000, "seconds": 86_400, "first": 86_400, "cached": 10_000_000}
_FILLER = "Every step of this was looked at on its own, and nothing in it contradicts the rest of the text. "


class ScriptError(ValueError):
    """A `simulate:` line that cannot be followed; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What a request orders; None = as the model would do by itself."""

    output: int | None = None
    """Output tokens, at least 1; `max_tokens` still cuts."""
    seconds: float | None = None
    """From admission to the end of the whole answer; an answer that is cut ends earlier at the same pace."""
    first: float | None = None
    """Seconds from admission to the first token."""
    cached: int = 0
    """Input tokens that come from the prompt cache."""
    plan: str = "good"
    """What becomes of a plan that is asked for, one of `planning.PLANS`."""

    def pace(self, pieces: int, first_s: float, piece_s: float) -> tuple[float, float]:
        """Seconds until the first piece, and from each piece to the next; given: what the model would do."""
        if self.first is not None:
            first_s = self.first
        if self.seconds is None:
            return first_s, piece_s
        first_s = min(first_s, self.seconds)
        return first_s, (self.seconds - first_s) / max(1, pieces)


def read_script(text: str) -> Script:
    """The first line `simulate: key=number ...` of a text; ScriptError for an unknown key or no number."""
    found = _LINE.search(text)
    if found is None:
        return Script()
    pairs = [pair.partition("=") for pair in found[1].split()]
    plan = [_plan(value) for key, _, value in pairs if key == "plan"]
    given = {key: _number(key, value) for key, _, value in pairs if key != "plan"}
    output = given.get("output")
    return Script(
        output=None if output is None else max(1, round(output)),
        seconds=given.get("seconds"),
        first=given.get("first"),
        cached=round(given.get("cached", 0)),
        plan=plan[0] if plan else "good",
    )


def filled(begin: str, tokens: int) -> list[str]:
    """A text of exactly that many tokens that begins with `begin`, in pieces."""
    size = 4 * tokens
    text = (begin + _FILLER * (max(0, size - len(begin)) // len(_FILLER) + 1))[:size]
    return [text[place * _CHARS : (place + 1) * _CHARS] for place in range(ceil(size / _CHARS))]


def _plan(word: str) -> str:
    if word not in PLANS:
        raise ScriptError(f"simulate: plan={word!r} must be one of: {', '.join(PLANS)}")
    return word


def _number(key: str, text: str) -> float:
    most = _MOST.get(key)
    if most is None:
        raise ScriptError(f"simulate: unknown key {key!r}; one of: {', '.join((*_MOST, 'plan'))}")
    try:
        value = float(text)
    except ValueError:
        raise ScriptError(f"simulate: {key}={text!r} is not a number") from None
    if not isfinite(value) or not 0 <= value <= most:
        raise ScriptError(f"simulate: {key}={text!r} must lie in 0 to {most:,}")
    return value
