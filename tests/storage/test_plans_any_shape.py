"""Whatever the structure of a plan, it loads as the engine needs it or is refused in clean words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from luna_tui.core.errors import InvalidInput
from luna_tui.core.plan import Plan
from luna_tui.core.words import Kind
from luna_tui.storage.plans import load_plan

IDS = st.sampled_from(["a", "b", "B", "c-1", "..", "", "é", "x" * 70])
TEXTS = st.sampled_from(
    ["", "x", "{{ results.a }}", "{{ files.0 }}", "{{ zz }}", "{{ files[1] }}", "\x00", "\x1b[2J"]
)
ODD = st.one_of(
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(),
    TEXTS,
    st.lists(TEXTS | st.integers(0, 3), max_size=2),
    st.dictionaries(st.sampled_from(["json", "contains", "A", "seconds"]), TEXTS | st.integers(), max_size=2),
)
SUBTASKS = st.fixed_dictionaries(
    {"id": IDS | ODD},
    optional={
        "prompt": TEXTS | ODD,
        "kind": st.sampled_from(["claude", "command", "python", "bash"]) | ODD,
        "command": st.lists(TEXTS, max_size=2) | ODD,
        "shell": ODD,
        "env": ODD,
        "cwd": TEXTS | ODD,
        "ok_codes": ODD,
        "depends_on": st.lists(IDS, max_size=3) | ODD,
        "files": st.lists(st.sampled_from(["any.toml", "..", "/", "\x00", "no/no"]), max_size=2) | ODD,
        "expect": ODD,
        "estimate": ODD,
        "timeout": ODD,
        "retries": ODD,
        "priority": ODD,
        "title": ODD,
        "model": ODD,
        "max_tokens": ODD,
        "system": TEXTS | ODD,
        "tools": ODD,
        "callable": st.sampled_from(["m:f", "m", ""]) | ODD,
        "args": ODD,
        "kwargs": ODD,
        "messages": ODD,
        "role": TEXTS | ODD,
        "max_turns": ODD,
        "isolate": ODD,
        "surprise": ODD,
    },
)
ITEMS = st.dictionaries(
    st.sampled_from(["glob", "csv", "jsonl", "lines", "list"]),
    st.lists(TEXTS | st.integers(), max_size=2) | st.sampled_from(["*", "any.toml", "../*", "no"]) | ODD,
    max_size=2,
)
MAPS = st.builds(
    lambda subtask, items, id: {**subtask, "items": items, "id": id},
    SUBTASKS,
    ITEMS | ODD,
    st.sampled_from(["{{ item }}", "m-{{ index }}", "{{ item.a }}", "m"]),
)
WAVES = st.fixed_dictionaries(
    {"name": TEXTS},
    optional={
        "subtask": st.lists(SUBTASKS, max_size=3) | ODD,
        "map": st.lists(MAPS, max_size=2) | ODD,
        "parallel": ODD,
        "timeout": ODD,
        "max_workers": ODD,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        "plan": st.dictionaries(st.sampled_from(["name", "goal", "workspace", "on_failure", "x"]), ODD) | ODD,
        "defaults": SUBTASKS | ODD,
        "wave": st.lists(WAVES, max_size=2) | ODD,
        "subtask": st.lists(SUBTASKS, max_size=3) | ODD,
        "map": st.lists(MAPS, max_size=2) | ODD,
    },
)


def toml(value: Any) -> str:
    """Any JSON-like value as an inline TOML value."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, float):
        return repr(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(DOCUMENTS)
def test_any_structure_loads_or_is_refused_in_clean_words(tmp_path: Path, document: dict[str, Any]) -> None:
    path = tmp_path / "any.toml"
    path.write_text("".join(f"{k} = {toml(v)}\n" for k, v in document.items()), encoding="utf-8")
    loaded = plan_or_refusal(path)
    if isinstance(loaded, Plan):
        assert_checked(loaded)
    else:
        assert 1 <= len(loaded.problems) <= 20
        assert not set(str(loaded)) & set("\x00\x1b")


def plan_or_refusal(path: Path) -> Plan | InvalidInput:
    try:
        return load_plan(path)
    except InvalidInput as error:
        return error


def assert_checked(plan: Plan) -> None:
    """What the engine relies on."""
    order = [s.id for s in plan.subtasks()]
    assert order
    assert len({i.casefold() for i in order}) == len(order)
    wave_of = {s.id: n for n, wave in enumerate(plan.waves) for s in wave.subtasks}
    for subtask in plan.subtasks():
        assert all(wave_of[d] <= wave_of[subtask.id] and d != subtask.id for d in subtask.depends_on)
        needed = {Kind.CLAUDE: subtask.prompt, Kind.COMMAND: subtask.command, Kind.PYTHON: subtask.callable}
        assert needed[subtask.kind]
