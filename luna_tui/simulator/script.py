"""Work on order: lines of the prompt say what the pretended model answers, and how long that takes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, isfinite
from typing import Any

from luna_tui.simulator.answers import cut

_LINE = re.compile(r"^simulate:((?:[ \t]+\w+=\S*)+)[ \t]*\r?$", re.MULTILINE)
_CALL = re.compile(r"^simulate-(call|also):[ \t]*([\w.-]+)[ \t]*(.*?)[ \t]*\r?$", re.MULTILINE)
_MOST = {
    "output": 1_000_000,
    "seconds": 86_400,
    "first": 86_400,
    "cached": 10_000_000,
    "turns": 1_000,
    "tools": 64,
    "cut_tool": 1_000,
    "searches": 1_000,
    "fetches": 1_000,
    "hostile": 1,
}
_WORDS = {
    "stop": ("refusal", "pause_turn", "max_tokens"),
    "web_error": ("unavailable", "max_uses_exceeded", "too_many_requests", "url_not_accessible"),
}
_FILLER = "Every step of this was looked at on its own, and nothing in it contradicts the rest of the text. "


class ScriptError(ValueError):
    """A `simulate:` line that cannot be followed; the text says why."""


@dataclass(frozen=True, slots=True)
class Call:
    """A use of a tool that a line orders."""

    tool: str
    given: Mapping[str, Any]


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
    turns: int | None = None
    """Answers that use tools before the one that sums up."""
    tools: int = 1
    """Tools at once in each of them."""
    calls: tuple[tuple[Call, ...], ...] = ()
    """The uses of each answer, word for word; they come before those that `turns` counts."""
    cut_tool: int = 0
    """Answers that max_tokens ends in the midst of a tool's input, before anything else."""
    stop: str = ""
    """Stop reason of the answer that would have summed up."""
    searches: int | None = None
    """Searches of the web, where the service may do them."""
    fetches: int | None = None
    """Pages fetched from the web, where the service may do that."""
    web_error: str = ""
    """What all of these fail with."""
    hostile: bool = False
    """Escape codes, markup and marks that turn the writing, in text and in what tools are given."""

    @property
    def by_itself(self) -> bool:
        """Nothing says what is used or how much is answered."""
        return self.turns is None and self.output is None and not (self.calls or self.cut_tool)

    def pace(self, pieces: int, first_s: float, piece_s: float) -> tuple[float, float]:
        """Seconds until the first piece, and from each piece to the next; given: what the model would do."""
        if self.first is not None:
            first_s = self.first
        if self.seconds is None:
            return first_s, piece_s
        first_s = min(first_s, self.seconds)
        return first_s, (self.seconds - first_s) / max(1, pieces)


def read_script(text: str) -> Script:
    """The first line `simulate: key=value ...` and all lines `simulate-call: tool {json}` of a text.

    ScriptError for an unknown key, a value that does not fit it, or an input that is no JSON object.
    """
    found = _LINE.search(text)
    pairs = [pair.partition("=") for pair in found[1].split()] if found else []
    given = {key: _word(key, value) if key in _WORDS else _number(key, value) for key, _, value in pairs}
    numbers = {key: value for key, value in given.items() if isinstance(value, float)}
    return Script(
        output=None if "output" not in numbers else max(1, round(numbers["output"])),
        seconds=numbers.get("seconds"),
        first=numbers.get("first"),
        cached=round(numbers.get("cached", 0)),
        turns=None if "turns" not in numbers else round(numbers["turns"]),
        tools=max(1, round(numbers.get("tools", 1))),
        calls=_calls(text),
        cut_tool=round(numbers.get("cut_tool", 0)),
        searches=None if "searches" not in numbers else round(numbers["searches"]),
        fetches=None if "fetches" not in numbers else round(numbers["fetches"]),
        web_error=str(given.get("web_error", "")),
        stop=str(given.get("stop", "")),
        hostile=bool(numbers.get("hostile", 0)),
    )


def filled(begin: str, tokens: int) -> list[str]:
    """A text of exactly that many tokens that begins with `begin`, in pieces."""
    size = 4 * tokens
    return cut((begin + _FILLER * ceil(max(1, size - len(begin)) / len(_FILLER)))[:size])


def _calls(text: str) -> tuple[tuple[Call, ...], ...]:
    """`simulate-call:` begins an answer, `simulate-also:` adds a use to the same one."""
    answers: list[tuple[Call, ...]] = []
    for word, tool, given in _CALL.findall(text):
        call = Call(tool, _object(tool, given))
        if word == "also" and answers:
            answers[-1] = (*answers[-1], call)
        else:
            answers.append((call,))
    return tuple(answers)


def _object(tool: str, text: str) -> dict[str, Any]:
    try:
        given = json.loads(text or "{}")
    except ValueError as error:
        raise ScriptError(f"simulate-call: {tool}: the input is not JSON: {error}") from None
    if not isinstance(given, dict):
        raise ScriptError(f"simulate-call: {tool}: the input must be a JSON object")
    return given


def _word(key: str, text: str) -> str:
    if text not in _WORDS[key]:
        raise ScriptError(f"simulate: {key}={text!r} is unknown; one of: {', '.join(_WORDS[key])}")
    return text


def _number(key: str, text: str) -> float:
    most = _MOST.get(key)
    if most is None:
        raise ScriptError(f"simulate: unknown key {key!r}; one of: {', '.join([*_MOST, *_WORDS])}")
    try:
        value = float(text)
    except ValueError:
        raise ScriptError(f"simulate: {key}={text!r} is not a number") from None
    if not isfinite(value) or not 0 <= value <= most:
        raise ScriptError(f"simulate: {key}={text!r} must lie in 0 to {most:,}")
    return value
