"""The pretended model: from a request and a seed, always the same answer at the same pace."""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
from dataclasses import dataclass, replace
from typing import Any

from luna_tui.simulator.planning import SLOW_S, wants_plan, write_plan
from luna_tui.simulator.script import PIECE_TOKENS, Script, filled, read_script

MODELS = ("claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5")
CHARS_PER_TOKEN = 4.0
_TOKEN = re.compile(r"^token: *(\S+)", re.MULTILINE)
_DEF = re.compile(r"^( *)(?:async )?def (\w+)", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|from) +([\w.]+)", re.MULTILINE)
_CODE_BEGINS = re.compile(
    r"^(?:r?(?:\"\"\"|''')|#|import \w|from [\w.]+ import |@\w|class \w+[(:]|(?:async )?def \w+\()",
    re.MULTILINE,
)
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_NESTING = 8
"""Depth of content blocks that is looked into."""
_BROAD = re.compile(r"^ *except(?: Exception| BaseException)?\s*(?:as \w+)?:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Answer:
    """What will be sent, and how fast."""

    pieces: tuple[str, ...]
    """Text deltas, in order."""
    input_tokens: int
    output_tokens: int
    stop_reason: str
    first_token_s: float
    piece_s: float
    """Seconds between two pieces."""
    cached_tokens: int = 0
    """Part of `input_tokens` that comes from the prompt cache."""

    def due_s(self, place: int) -> float:
        """Seconds from admission until piece `place` is sent; until the end for `place = len(pieces)`."""
        return self.first_token_s + place * self.piece_s


def request_text(body: dict[str, Any]) -> str:
    """All text of a request: system, prompts and documents."""
    parts: list[str] = []
    _collect(body.get("system"), parts)
    messages = body.get("messages")
    for message in messages if isinstance(messages, list) else ():
        _collect(message.get("content") if isinstance(message, dict) else None, parts)
    return "\n".join(parts)


def count_tokens(text: str) -> int:
    """Tokens of a text, as this model counts them."""
    return max(1, math.ceil(len(text) / CHARS_PER_TOKEN)) + 8


def piece_tokens(piece: str) -> int:
    """Tokens of one text delta."""
    return max(1, round(len(piece) / CHARS_PER_TOKEN))


def answer(body: dict[str, Any], seed: int) -> Answer:
    """The answer to a request; the same for the same request and seed, whatever else is going on.

    A line `simulate: output=900 seconds=14.5 first=1.2` orders it; ScriptError when that line is wrong.
    """
    text = request_text(body)
    script = read_script(text)
    asked = {key: value for key, value in body.items() if key != "stream"}
    digest = hashlib.sha256(f"{seed}:{json.dumps(asked, sort_keys=True)}".encode()).digest()
    rng = random.Random(digest)
    planned = wants_plan(body)
    ordered = script.output is not None and not planned
    if planned:
        pieces = _pieces(write_plan(text, script.plan), rng)
    else:
        pieces = filled(_echo(text), script.output or 1) if ordered else _pieces(_write(body, text, rng), rng)
    limit = int(body.get("max_tokens", 1024))
    if planned and script.plan == "cut":
        limit = min(limit, sum(map(piece_tokens, pieces)) // 2)
    sent = _within(pieces, limit)
    speed = min(110.0, max(30.0, rng.lognormvariate(math.log(60), 0.25)))
    usual_s = min(4.0, rng.lognormvariate(math.log(0.9), 0.45))
    if planned and script.plan == "slow":
        script = replace(script, seconds=SLOW_S)
    first_s, piece_s = script.pace(len(pieces), usual_s, (PIECE_TOKENS if ordered else 5.0) / speed)
    input_tokens = count_tokens(text)
    return Answer(
        pieces=sent,
        input_tokens=input_tokens,
        output_tokens=sum(map(piece_tokens, sent)),
        stop_reason=_stop_reason(script, cut=sent != tuple(pieces), planned=planned),
        first_token_s=first_s,
        piece_s=piece_s,
        cached_tokens=min(script.cached, input_tokens),
    )


def _stop_reason(script: Script, *, cut: bool, planned: bool) -> str:
    if planned and script.plan == "refuse":
        return "refusal"
    return "max_tokens" if cut else "end_turn"


def _within(pieces: list[str], limit: int) -> tuple[str, ...]:
    """The pieces that `limit` tokens allow; the last one is cut in the middle, as a real answer is."""
    left = limit
    sent: list[str] = []
    for piece in pieces:
        if piece_tokens(piece) > left:
            return (*sent, piece[: int(left * CHARS_PER_TOKEN)]) if left else tuple(sent)
        sent.append(piece)
        left -= piece_tokens(piece)
    return tuple(sent)


def _collect(value: Any, parts: list[str], nesting: int = 0) -> None:
    if nesting > _NESTING:
        return
    if isinstance(value, str):
        parts.append(value)
    elif isinstance(value, list):
        for item in value:
            _collect(item, parts, nesting + 1)
    elif isinstance(value, dict):
        _collect(value.get("text"), parts, nesting + 1)
        _collect(value.get("content"), parts, nesting + 1)
        source = value.get("source")
        if isinstance(source, dict):
            _collect(source.get("data"), parts, nesting + 1)
            _collect(source.get("content"), parts, nesting + 1)


def _pieces(text: str, rng: random.Random) -> list[str]:
    """Cut into deltas of a few words, as a real stream comes."""
    words = re.findall(r"\S+\s*|\s+", text)
    pieces: list[str] = []
    while words:
        count = rng.randint(2, 6)
        pieces.append("".join(words[:count]))
        words = words[count:]
    return pieces


def _sources(body: dict[str, Any], text: str) -> list[tuple[str, str]]:
    """(name, source) of the Python code in a request: attached, fenced, or from its first line to the end."""
    attached = [(name, code) for name, code in _documents(body) if _holds_code(code)]
    if attached:
        return attached[:3]
    fenced = _FENCE.search(text)
    begin = _CODE_BEGINS.search(text)
    code = fenced[1] if fenced else text[begin.start() :] if begin else ""
    name = re.search(r"[\w./-]+\.py", text)
    return [(name[0] if name else "the module", code)] if _holds_code(code) else []


def _documents(body: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for message in body["messages"]:
        content = message["content"]
        for block in content if isinstance(content, list) else ():
            source = block.get("source") if isinstance(block, dict) else None
            if isinstance(source, dict) and isinstance(source.get("data"), str):
                found.append((str(block.get("title") or "the document"), source["data"]))
    return found


def _holds_code(text: str) -> bool:
    return len(_DEF.findall(text)) + len(_CLASS.findall(text)) >= 2


def _echo(text: str) -> str:
    return "".join(f"token: {token}\n" for token in _TOKEN.findall(text))


def _write(body: dict[str, Any], text: str, rng: random.Random) -> str:
    echo = _echo(text)
    if text.count("## Analysis of") >= 2:
        return echo + _summary(text, rng)
    if sources := _sources(body, text):
        return echo + "\n".join(_analysis(title, code, rng) for title, code in sources)
    return echo + _remark(text, rng)


def _analysis(title: str, text: str, rng: random.Random) -> str:
    functions = _DEF.findall(text)
    classes = _CLASS.findall(text)
    imports = sorted(set(_IMPORT.findall(text)))
    lines = text.splitlines()
    longest, size = _longest_function(lines)
    public = [n for _, n in functions if not n.startswith("_")]
    broad = len(_BROAD.findall(text))
    found = [
        f"{len(lines):,} lines, {len(classes)} classes, {len(functions)} functions ({len(public)} public).",
    ]
    if imports:
        more = f" and {len(imports) - 6} more." if len(imports) > 6 else "."
        found.append(f"Imports {', '.join(imports[:6])}{more}")
    if longest:
        found.append(f"The longest function is `{longest}` with {size} lines; it is the first to split.")
    if classes:
        found.append(f"The central class is `{max(classes, key=text.count)}`.")
    if broad:
        found.append(f"{broad} broad `except` clauses hide the cause of an error.")
    if public:
        picked = rng.sample(public, min(4, len(public)))
        found.append("Worth a test of their own: " + ", ".join(f"`{n}`" for n in picked) + ".")
    found += _remarks(lines, rng)
    numbered = "\n".join(f"{n}. {line}" for n, line in enumerate(found, 1))
    return f"## Analysis of {title}\n\n{numbered}\n\nOverall: {_verdict(size, broad)}\n"


def _remarks(lines: list[str], rng: random.Random) -> list[str]:
    """A sentence for each of some functions, from what their text shows."""
    starts = [(n, m) for n, line in enumerate(lines) if (m := _DEF.match(line))]
    remarks = []
    for start, _ in sorted(rng.sample(starts, min(8, len(starts))), key=lambda pair: pair[0]):
        head = lines[start].strip().removeprefix("async ").removeprefix("def ").rstrip(":")
        first = next((n for n in range(start, len(lines)) if lines[n].rstrip().endswith(":")), start) + 1
        body = "\n".join(lines[first : first + 40])
        documented = body.lstrip().startswith(('"""', "'''", 'r"""'))
        words = ["is documented" if documented else "has no docstring"]
        if "raise " in body:
            words.append("raises on bad input")
        if body.count("    if ") > 4:
            words.append("branches a lot")
        remarks.append(f"`{head[:60]}` (line {start + 1}) {', '.join(words)}.")
    return remarks


def _longest_function(lines: list[str]) -> tuple[str, int]:
    best, best_size = "", 0
    for start, line in enumerate(lines):
        match = _DEF.match(line)
        if match is None:
            continue
        indent = len(match[1])
        after = range(start + 1, len(lines))
        ends = (n for n in after if lines[n].strip() and len(lines[n]) - len(lines[n].lstrip()) <= indent)
        size = next((n for n in ends if not lines[n].lstrip().startswith(")")), len(lines)) - start
        if size > best_size:
            best, best_size = match[2], size
    return best, best_size


def _verdict(size: int, broad: int) -> str:
    if size > 150:
        return "sound, but one function carries too much."
    return "readable; error handling deserves a look." if broad else "readable and well divided."


def _summary(text: str, rng: random.Random) -> str:
    titles = re.findall(r"## Analysis of (\S+)", text)
    sizes = {
        title: int(count.replace(",", ""))
        for title, count in re.findall(r"## Analysis of (\S+)\s+1\. ([\d,]+) lines", text)
    }
    largest = sorted(sizes, key=sizes.__getitem__, reverse=True)[:5]
    heavy = [t for t, v in zip(titles, re.findall(r"Overall: (.*)", text), strict=False) if "too much" in v]
    parts = [
        f"## Summary of {len(titles)} modules\n",
        f"Together {sum(sizes.values()):,} lines. The largest: "
        + ", ".join(f"{t} ({sizes[t]:,})" for t in largest)
        + ".",
        f"{len(heavy)} of them hold a function that carries too much: " + ", ".join(heavy[:8]) + "."
        if heavy
        else "None holds a function that is too long.",
        f"Start with {rng.choice(heavy or titles)}: it is the cheapest to improve.",
    ]
    return "\n".join(parts) + "\n"


def _remark(text: str, rng: random.Random) -> str:
    words = sorted(set(re.findall(r"[A-Za-z]{5,}", text)))
    picked = rng.sample(words, min(6, len(words)))
    return (
        f"The request has {len(text.split()):,} words"
        + (f" and turns on {', '.join(picked)}" if picked else "")
        + ". Nothing in it contradicts itself, and every step it asks for can be checked on its own.\n"
    )
