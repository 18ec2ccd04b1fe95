"""The pretended model as a planner: from the goal and the names of files, always the same plan."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from luna_tui.core.planning_schema import PLAN_TITLE

PLANS = (
    "good", "invalid_once", "invalid_twice", "never", "cut", "hostile", "empty", "prose", "slow",
    "commands", "failing",
)  # fmt: skip
"""What a line `simulate: plan=WORD` of a goal may order."""
SLOW_S = 30.0
"""Seconds that a slow plan takes."""
_GOAL = re.compile(r"<goal>\n(.*?)\n</goal>", re.DOTALL)
_FILES = re.compile(r"<files>\n(.*?)</files>", re.DOTALL)
_FILE = re.compile(r"^(.+) \((\d+) bytes\)$", re.MULTILINE)
_REPAIR = re.compile(r"^Repair (\d) of \d\.", re.MULTILINE)
_DONE = re.compile(r"^Done; .*?:\n((?:- .*\n)*)", re.MULTILINE)
_ID = re.compile(r"^- ([A-Za-z0-9._-]+) ", re.MULTILINE)
_ORDER = re.compile(r"^simulate:.*$", re.MULTILINE)
_TEXT = (".md", ".txt", ".rst", ".py", ".toml", ".json", ".csv", ".html")
_MOST_BYTES = 200_000
_MOST_FILES = 6
_ASPECTS = ("facts", "risks", "options")


def is_of_plan(schema: Mapping[str, Any]) -> bool:
    """Whether the schema of an answer is that of our plans."""
    return schema.get("title") == PLAN_TITLE


def write_plan(text: str, order: str) -> str:
    """The answer; `text` is all of the request, `order` one of `PLANS`."""
    found = _REPAIR.findall(text)
    repairs = int(found[-1]) if found else 0
    goal = _found(_GOAL, text)
    plain = " ".join(_ORDER.sub("", goal).split())
    waves = _waves(plain, _readable(text), _ID.findall(_found(_DONE, text)))
    match order:
        case "prose":
            return "A plan is best made by people who know the work, so here are some thoughts instead."
        case "empty":
            waves = []
        case "hostile":
            waves = _hostile()
        case "commands":
            waves = [_wave("act", [_command("greet", ["echo", "greetings from a command"])])]
        case "failing":
            waves[-1]["subtasks"][-1]["expect"] = {"contains": "what nobody says"}
        case "never":
            _spoil(waves)
        case "invalid_once" if repairs < 1:
            _spoil(waves)
        case "invalid_twice" if repairs < 2:
            _spoil(waves)
    plan = {
        "analysis": f"What is asked for: {plain}. Nothing in it needs what is not here.",
        "strategy": "Look at each part by itself, all at once, and draw the findings together at the end.",
        "decomposition": {"name": _name(plain), "waves": waves},
    }
    return json.dumps(plan)


def _found(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _readable(text: str) -> list[str]:
    listed = _FILE.findall(_found(_FILES, text))
    return [n for n, size in listed if n.endswith(_TEXT) and 0 < int(size) < _MOST_BYTES][:_MOST_FILES]


def _waves(goal: str, files: list[str], done: list[str]) -> list[dict[str, Any]]:
    if done:
        return [_wave("rest", [_report("rest-report", goal, done)])]
    looks = [_look(n, goal, name) for n, name in enumerate(files, 1)] or [
        _subtask(f"look-{aspect}", f"The {aspect}", f"What are the {aspect} in this: {goal}")
        for aspect in _ASPECTS
    ]
    ids = [look["id"] for look in looks]
    weigh = [
        _subtask(f"weigh-{word}", f"Weigh the {word}", _over(f"Weigh the {word} of these findings.", ids))
        for word in ("gaps", "contradictions")
    ]
    report = _report("report", goal, [s["id"] for s in weigh])
    return [_wave("look", looks), _wave("weigh", weigh), _wave("report", [report])]


def _look(number: int, goal: str, file: str) -> dict[str, Any]:
    stem = re.sub(r"[^A-Za-z0-9]+", "-", file).strip("-")[:40]
    prompt = f"What does the attached file say about this: {goal}"
    return _subtask(f"look-{number}-{stem}".rstrip("-"), f"Look at {file}", prompt) | {"files": [file]}


def _report(name: str, goal: str, ids: list[str]) -> dict[str, Any]:
    prompt = _over(f"Draw everything together towards this: {goal}", ids)
    return _subtask(name, "Report", prompt) | {"priority": "critical", "depends_on": ids}


def _over(what: str, ids: list[str]) -> str:
    return "\n".join([what, *(f"{{{{ results.{i} }}}}" for i in ids)])


def _subtask(name: str, title: str, prompt: str) -> dict[str, Any]:
    return {"id": name, "title": title, "prompt": prompt, "max_tokens": 400}


def _command(name: str, words: list[str]) -> dict[str, Any]:
    return {"id": name, "title": name, "kind": "command", "command": words, "prompt": ""}


def _wave(name: str, subtasks: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, "parallel": True, "subtasks": subtasks}


def _spoil(waves: list[dict[str, Any]]) -> None:
    """Two mistakes that no schema forbids: a dependency on nothing, and an id twice."""
    last = waves[-1]["subtasks"][-1]
    last["depends_on"] = ["nobody"]
    waves[-1]["subtasks"].append(dict(last))


def _hostile() -> list[dict[str, Any]]:
    bad = {"title": "\x1b]0;owned\x07\x1b[2J", "prompt": "\x1b[31mred\x00", "depends_on": []}
    return [
        _wave(
            "\x1b[2Jw",
            [
                {**bad, "id": "../../etc/cron.d/x", "tools": ["run_command", "sudo"]},
                {
                    **bad,
                    "id": "c",
                    "kind": "command",
                    "command": ["rm", "-rf", "/"],
                    "env": {"LD_PRELOAD": "x"},
                },
                {**bad, "id": "p", "kind": "python", "callable": "os:abort"},
                {**bad, "id": "f", "files": ["../../../etc/passwd", "/etc/shadow"]},
            ],
        )
    ]


def _name(goal: str) -> str:
    words = re.findall(r"[a-z0-9]+", goal.lower())[:4]
    return "-".join(words) or "planned"
