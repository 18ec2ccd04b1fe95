"""What the pretended model writes about code, texts and results that it was given."""

from __future__ import annotations

import random
import re
from typing import Any

_TOKEN = re.compile(r"^token: *(\S+)", re.MULTILINE)
_DEF = re.compile(r"^( *)(?:async )?def (\w+)", re.MULTILINE)
_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_IMPORT = re.compile(r"^(?:import|from) +([\w.]+)", re.MULTILINE)
_CODE_BEGINS = re.compile(
    r"^(?:r?(?:\"\"\"|''')|#|import \w|from [\w.]+ import |@\w|class \w+[(:]|(?:async )?def \w+\()",
    re.MULTILINE,
)
_FENCE = re.compile(r"^```[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_BROAD = re.compile(r"^ *except(?: Exception| BaseException)?\s*(?:as \w+)?:", re.MULTILINE)


def _sources(body: dict[str, Any], text: str) -> list[tuple[str, str]]:
    """(name, source) of the Python code in a request: attached, fenced, or from its first line to the end."""
    attached = [(name, code) for name, code in _documents(body) if holds_code(code)]
    if attached:
        return attached[:3]
    fenced = _FENCE.search(text)
    begin = _CODE_BEGINS.search(text)
    code = fenced[1] if fenced else text[begin.start() :] if begin else ""
    name = re.search(r"[\w./-]+\.py", text)
    return [(name[0] if name else "the module", code)] if holds_code(code) else []


def _documents(body: dict[str, Any]) -> list[tuple[str, str]]:
    found = []
    for message in body["messages"]:
        content = message["content"]
        for block in content if isinstance(content, list) else ():
            source = block.get("source") if isinstance(block, dict) else None
            if isinstance(source, dict) and isinstance(source.get("data"), str):
                found.append((str(block.get("title") or "the document"), source["data"]))
    return found


def holds_code(text: str) -> bool:
    """Whether it is worth an analysis as Python source."""
    return len(_DEF.findall(text)) + len(_CLASS.findall(text)) >= 2


def echo(text: str) -> str:
    """Every line `token: X` of a text, as lines."""
    return "".join(f"token: {token}\n" for token in _TOKEN.findall(text))


def write(body: dict[str, Any], text: str, rng: random.Random) -> str:
    """The answer to a request without tools, whose words are `text`."""
    tokens = echo(text)
    if text.count("## Analysis of") >= 2:
        return tokens + _summary(text, rng)
    if sources := _sources(body, text):
        return tokens + "\n".join(analysis(title, code, rng) for title, code in sources)
    return tokens + remark(text, rng)


def analysis(title: str, text: str, rng: random.Random) -> str:
    """What there is to say about Python source."""
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


def remark(text: str, rng: random.Random) -> str:
    """A word on a text that is no source."""
    words = sorted(set(re.findall(r"[A-Za-z]{5,}", text)))
    picked = rng.sample(words, min(6, len(words)))
    return (
        f"The request has {len(text.split()):,} words"
        + (f" and turns on {', '.join(picked)}" if picked else "")
        + ". Nothing in it contradicts itself, and every step it asks for can be checked on its own.\n"
    )
