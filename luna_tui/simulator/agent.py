"""A sensible agent: what it would use next, from what it was asked and what it has seen so far."""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Mapping
from typing import Any

from luna_tui.simulator.calls import PATH, known_paths, paths_in
from luna_tui.simulator.conversation import Brought, Conversation
from luna_tui.simulator.prose import analysis, echo, holds_code, remark
from luna_tui.simulator.script import Call
from luna_tui.simulator.structured import instance

Tools = Mapping[str, Mapping[str, Any]]
_ASK = re.compile(r"\bask (?:me|us|the user|a person|somebody)\b[ ,:]*([^.,?\n]*)", re.IGNORECASE)
_RUN = re.compile(r"\brun `([^`\n]+)`", re.IGNORECASE)
_WRITE = re.compile(rf"\bwrite\b[^.\n]*?\b(?:to|into|in|as) `?({PATH})", re.IGNORECASE)
_EDIT = re.compile(
    rf"\b(?:replace|change) `([^`\n]+)` (?:by|with|to) `([^`\n]*)` in `?({PATH})", re.IGNORECASE
)
_SEARCH = re.compile(r"\bsearch(?: the files| the workspace)? for [`'\"]?([^`'\"\n.,;]+)", re.IGNORECASE)
_NUMBERED = re.compile(r"^ *\d+\t", re.MULTILINE)
_MOST_READ = 3


def next_calls(tools: Tools, talk: Conversation, rng: random.Random) -> tuple[Call, ...]:
    """What it uses now, all at once; nothing = it knows enough to answer.

    Every kind of step is taken once: it asks, lists, reads, searches, edits, writes, runs commands,
    and uses tools that the prompt names. What failed or was denied is not tried again.
    """
    used = {one.tool for one in talk.brought}
    for name, step in _STEPS.items():
        if name in tools and name not in used:
            fields = (tools[name]["input_schema"].get("properties") or {}).keys()
            calls = [Call(name, given) for given in step(tools[name], talk, rng) if given.keys() <= fields]
            if calls:
                return tuple(calls)
    return tuple(
        Call(name, instance(tool["input_schema"], rng))
        for name, tool in tools.items()
        if name not in used and name not in _STEPS and re.search(rf"\b{re.escape(name)}\b", talk.asked)
    )


def report(talk: Conversation, rng: random.Random) -> str:
    """The answer, made from what was seen."""
    return echo(talk.asked) + "\n".join(_told(one, rng).rstrip() for one in talk.brought) + "\n"


def _ask(_: Any, talk: Conversation, __: random.Random) -> list[dict[str, Any]]:
    found = _ASK.search(talk.asked)
    return [{"question": f"{found[1].strip().capitalize() or 'How shall I go on'}?"}] if found else []


def _list(tool: Mapping[str, Any], _: Conversation, __: random.Random) -> list[dict[str, Any]]:
    schema = tool["input_schema"]
    deep = {"glob": "**/*"} if "glob" in (schema.get("properties") or {}) else {}
    return [deep | {name: "." for name in schema.get("required") or () if name not in deep}]


def _read(_: Any, talk: Conversation, rng: random.Random) -> list[dict[str, Any]]:
    written = {found[1] for found in _WRITE.finditer(talk.asked)}
    named = [path for path in paths_in(talk.asked) if path not in written]
    if not named:
        listed = known_paths(talk)
        liked = [p for p in listed if p.endswith((".py", ".md", ".toml", ".txt"))] or listed
        named = rng.sample(liked, min(rng.randint(1, _MOST_READ), len(liked)))
    return [{"path": path} for path in named[:_MOST_READ]]


def _search(_: Any, talk: Conversation, __: random.Random) -> list[dict[str, Any]]:
    found = _SEARCH.search(talk.asked)
    return [{"pattern": re.escape(found[1].strip()) if found else "TODO|FIXME"}]


def _edit(_: Any, talk: Conversation, __: random.Random) -> list[dict[str, Any]]:
    return [{"path": path, "old": old, "new": new} for old, new, path in _EDIT.findall(talk.asked)]


def _write(_: Any, talk: Conversation, rng: random.Random) -> list[dict[str, Any]]:
    text = report(talk, rng) if talk.brought else remark(talk.asked, rng)
    return [{"path": path, "content": text} for path in dict.fromkeys(_WRITE.findall(talk.asked))]


def _run(tool: Mapping[str, Any], talk: Conversation, _: random.Random) -> list[dict[str, Any]]:
    schema = (tool["input_schema"].get("properties") or {}).get("command") or {}
    kinds = [schema, *(schema.get("anyOf") or ()), *(schema.get("oneOf") or ())]
    listed = any(kind.get("type") == "array" or "array" in (kind.get("type") or ()) for kind in kinds)
    return [{"command": _words(line) if listed else line} for line in _RUN.findall(talk.asked)]


_STEPS = {
    "ask_user": _ask,
    "list_files": _list,
    "read_file": _read,
    "search_files": _search,
    "edit_file": _edit,
    "write_file": _write,
    "run_command": _run,
}


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _told(one: Brought, rng: random.Random) -> str:
    subject = str(next(iter(one.given.values()), "")) if one.given else ""
    lines = [line for line in one.text.splitlines() if line.strip()]
    first = lines[0].strip()[:100] if lines else "nothing"
    if not one.ok:
        return f"- {one.tool} {subject} did not work: {first}"
    if one.tool == "read_file":
        return _looked_at(subject, one.text, rng)
    if one.tool == "list_files":
        return f"{len(paths_in(one.text))} files were there to look at.\n"
    if one.tool == "ask_user":
        return f"The answer to my question was: {first}\n"
    last = f" ... {lines[-1].strip()[:100]}" if len(lines) > 1 else ""
    return f"- {one.tool} {subject}: {first}{last} ({len(lines)} lines)"


def _looked_at(path: str, text: str, rng: random.Random) -> str:
    source = _NUMBERED.sub("", text)
    if holds_code(source):
        return analysis(path, source, rng)
    first = next((line for line in source.splitlines() if line.strip()), "nothing")
    return f"- {path} has {len(source.splitlines()):,} lines and begins with: {first.strip()[:100]}"
