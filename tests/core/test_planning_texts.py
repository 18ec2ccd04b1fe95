"""What a model is told and what is read of its answer: schema, prompt, phases, and answers of every kind."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import plan, subtask, wave

from luna_tui.core.errors import InvalidInput, Problem
from luna_tui.core.phases import PhaseReader, Turn
from luna_tui.core.plan import Expectation
from luna_tui.core.planning import Phase
from luna_tui.core.planning_answer import MOST_PLANNED, Allowed, read_answer, trespasses
from luna_tui.core.planning_prompt import (
    COMMANDS,
    RULES,
    Done,
    Rest,
    Surroundings,
    goal_text,
    repair_text,
    system_text,
)
from luna_tui.core.planning_schema import plan_schema
from luna_tui.core.tools import FILE_READERS, TOOLS
from luna_tui.core.words import Kind
from luna_tui.storage.planned_toml import planned_toml
from luna_tui.storage.plans import load_plan

SUPPORTED = {
    "title", "description", "type", "properties", "required", "additionalProperties", "items", "minItems",
    "enum", "pattern",
}  # fmt: skip
AROUND = Surroundings(
    tools=FILE_READERS, workers=15, tier="tier2", mode="balanced", rpm=850, itpm=382_500, otpm=76_500,
    timeout_s=60.0, wave_timeout_s=0.0, max_tokens=1024, files=(("docs/faq.md", 2_400),), files_more=7,
)  # fmt: skip


def schemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all in it."""
    yield schema
    for inner in schema.get("properties", {}).values():
        yield from schemas(inner)
    if "items" in schema:
        yield from schemas(schema["items"])


def plan_of(*subtasks: dict[str, Any], **wave: Any) -> str:
    plan = {"name": "p", "waves": [{"name": "w", "subtasks": list(subtasks), **wave}]}
    return json.dumps({"analysis": "a", "strategy": "s", "decomposition": plan})


@pytest.mark.parametrize("commands", [False, True])
@pytest.mark.parametrize("tools", [(), FILE_READERS, (*TOOLS, "mcp.wiki")])
def test_the_schema_uses_only_what_the_service_enforces(tools: tuple[str, ...], commands: bool) -> None:
    every = list(schemas(plan_schema(tools, commands=commands)))
    assert {key for schema in every for key in schema} <= SUPPORTED
    for schema in every:
        if schema["type"] == "object":
            assert schema["additionalProperties"] is False
            assert set(schema["required"]) <= set(schema["properties"])
        assert schema.get("minItems", 0) in (0, 1)
    optional = sum(len(s["properties"]) - len(s["required"]) for s in every if s["type"] == "object")
    assert optional <= 24


def subtask_properties(tools: tuple[str, ...], *, commands: bool = False) -> dict[str, Any]:
    plan = plan_schema(tools, commands=commands)["properties"]["decomposition"]
    subtask = plan["properties"]["waves"]["items"]["properties"]["subtasks"]["items"]
    properties: dict[str, Any] = subtask["properties"]
    return properties


def test_what_is_not_allowed_cannot_be_written() -> None:
    bare = subtask_properties(())
    assert not {"tools", "isolate", "kind", "command", "callable", "shell", "env", "model", "system"} & set(
        bare
    )
    assert subtask_properties(("read_file",))["tools"]["items"]["enum"] == ["read_file"]
    assert "isolate" in subtask_properties(("write_file",))
    assert subtask_properties((), commands=True)["kind"]["enum"] == ["claude", "command"]


def test_phases_stand_in_the_schema_in_their_order() -> None:
    assert list(plan_schema(())["properties"]) == ["analysis", "strategy", "decomposition"]


def test_the_example_of_the_rules_is_a_plan_that_passes() -> None:
    example = RULES[RULES.index('{"analysis"') :]
    draft = read_answer(example, Allowed())
    assert draft.problems == []
    assert [len(w["subtask"]) for w in draft.waves] == [2, 1]
    read = tomllib.loads(planned_toml({"name": "p"}, draft.waves, by="x"))
    assert read["wave"][1]["subtask"][0]["expect"] == {"contains": "Contradictions"}


def test_the_model_is_told_limits_tools_and_files_and_commands_only_where_allowed() -> None:
    told = system_text(AROUND)
    assert len(RULES) < 3_000
    assert "15 subtasks at once; 850 requests, 382,500 input and 76,500 output tokens a minute" in told
    assert "a subtask has 60 s;" in told
    assert "- read_file: reads files of the workspace" in told
    assert "docs/faq.md (2400 bytes)\nand 7 more\n" in told
    assert COMMANDS not in told
    assert "run_command" not in told


def test_of_a_run_it_is_told_what_is_done_what_failed_and_why() -> None:
    rest = Rest(
        done=(Done(id="a", title="First\n- fake (x): y", text="found\x1b[2J 3"),),
        failed=(Done(id="b", title="Second", text="exited with 1"),),
        open=(Done(id="c", title="Third", text=""),),
        waves=("one",),
    )
    told = goal_text("the goal", rest)
    assert told.startswith("<goal>\nthe goal\n</goal>\n")
    assert "\n- a (First - fake (x): y): found 3\n" in told
    assert "\n- b (Second): exited with 1\n" in told
    assert "Names of waves that are taken: one." in told


def test_a_repair_shows_the_plan_in_numbered_lines_with_what_is_wrong() -> None:
    told = repair_text(2, "[plan]\nname = 1", ["line 2: name must be text"])
    assert "Repair 2 of 2." in told
    assert "1: [plan]\n2: name = 1\n" in told
    assert "- line 2: name must be text\n" in told


ANSWER = plan_of(
    {"id": "a", "prompt": 'say "id": and {"id": 1}\\'}, {"id": "b", "title": "}]", "prompt": "x"}
)


@given(st.lists(st.integers(0, len(ANSWER)), max_size=12))
def test_phases_are_the_same_wherever_the_text_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(ANSWER)]
    reader = PhaseReader()
    turns: list[Turn] = []
    for begin, end in pairwise(places):
        turns += reader.feed(ANSWER[begin:end])
    whole = PhaseReader()
    assert turns == whole.feed(ANSWER)
    assert [(t.phase, t.began) for t in turns] == [
        (phase, began) for phase in list(Phase)[:3] for began in (True, False)
    ]
    assert reader.subtasks == 2


def test_prose_before_the_object_is_passed_over_and_prose_alone_has_no_phases() -> None:
    assert PhaseReader().feed("Here is a plan: nothing.") == []
    assert [t.phase for t in PhaseReader().feed('Sure!\n```json\n{"strategy": "x"')] == [Phase.STRATEGY]


@pytest.mark.parametrize(
    "text",
    ["```json\n{}\n```", "Sure, here it is:\n{}\nGood luck!"],
)
def test_a_plan_in_a_fence_or_in_prose_is_read(text: str) -> None:
    draft = read_answer(text.replace("{}", plan_of({"id": "a", "prompt": "x"})), Allowed())
    assert draft.problems == []
    assert draft.waves[0]["subtask"] == [{"id": "a", "prompt": "x"}]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not the JSON object"),
        ("[1, 2]", "not the JSON object"),
        ('{"a": NaN}', "not the JSON object"),
        ("[" * 100_000, "not the JSON object"),
        ('{"a":' * 100_000, "not the JSON object"),
        ('{"n": ' + "9" * 5_000 + "}", "not the JSON object"),
        ("{}", "not a list of waves"),
        ('{"decomposition": {"waves": [1]}}', "not a list of waves"),
        ('{"decomposition": {"waves": []}}', "no subtasks"),
        (plan_of(), "no subtasks"),
        (
            plan_of(*({"id": f"s{n}", "prompt": "x"} for n in range(10_000))),
            "10,000 subtasks, more than 1,000",
        ),
        (plan_of({"id": "a", "prompt": "x", "kind": "python"}), "kind 'python' is not allowed here"),
        (plan_of({"id": "a", "command": ["rm"], "kind": "command"}), "kind 'command' is not allowed here"),
        (plan_of({"id": "a", "prompt": "x", "tools": ["run_command"]}), "'run_command' cannot be granted"),
        (plan_of({"id": "a", "prompt": "x", "tools": [["read_file"]]}), "cannot be granted"),
        (plan_of({"id": "a", "prompt": "x", "env": {"A": "b"}}), "'env' is not allowed here"),
        (
            plan_of({"id": "a", "prompt": "x", "expect": {"command": ["rm"]}}),
            "expect: 'command' is not allowed",
        ),
        (plan_of({"id": "a", "prompt": "x", "map": {}}), "'map' is not allowed here"),
        (plan_of({"id": "a", "prompt": "x"}, map=[{}]), "'map' is not allowed here"),
        (plan_of({"id": "a", "prompt": "x", "role": "root"}), "'role' is not allowed here"),
        (plan_of({"id": "a", "prompt": "\ud800"}), "a plan file cannot"),
        (plan_of({"id": "a", "prompt": 2**70}), "a plan file cannot"),
    ],
    ids=range(22),
)
def test_what_is_no_plan_is_told(text: str, why: str) -> None:
    draft = read_answer(text, Allowed(tools=("read_file",)))
    assert why in draft.problems[0]
    assert len(draft.problems) <= 20
    assert all(len(p) <= 300 for p in draft.problems)


def test_a_plan_of_the_largest_size_is_read() -> None:
    draft = read_answer(plan_of(*({"id": f"s{n}", "prompt": "x"} for n in range(MOST_PLANNED))), Allowed())
    assert len(draft.waves[0]["subtask"]) == MOST_PLANNED


def test_a_command_may_say_nothing_where_the_form_asks_for_a_prompt() -> None:
    subtask = {"id": "a", "title": "t", "kind": "command", "command": ["ls"], "prompt": "", "files": []}
    draft = read_answer(plan_of(subtask), Allowed(commands=True))
    assert draft.problems == []
    assert draft.waves[0]["subtask"] == [{"id": "a", "title": "t", "kind": "command", "command": ["ls"]}]


def test_a_claude_subtask_may_say_its_kind_and_no_command() -> None:
    draft = read_answer(plan_of({"id": "a", "prompt": "x", "kind": "claude", "command": []}), Allowed())
    assert draft.problems == []
    assert draft.waves[0]["subtask"] == [{"id": "a", "prompt": "x"}]


def test_whatever_is_in_a_loaded_plan_only_what_was_allowed_may_run() -> None:
    checked = Expectation(command=("true",))
    made = plan(
        wave(
            "w",
            subtask("fine", tools=("read_file",)),
            subtask("tool", tools=("read_file", "run_command")),
            subtask("check", expect=checked),
            subtask("command", kind=Kind.COMMAND, command=("ls",)),
            subtask("python", kind=Kind.PYTHON),
            subtask("done", kind=Kind.PYTHON, expect=checked),
        )
    )
    allowed = Allowed(tools=("read_file",), commands=True)
    assert [t.split(":")[0] for t in trespasses(made, {"done"}, allowed)] == [
        "subtask 'tool'", "subtask 'check'", "subtask 'python'",
    ]  # fmt: skip
    assert "kind 'command'" in "".join(trespasses(made, (), Allowed()))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EXPECT = st.fixed_dictionaries({}, optional={"command": JSON, "contains": JSON, "schema": JSON})
SUBTASK = st.dictionaries(
    st.sampled_from(
        ["id", "title", "prompt", "kind", "tools", "files", "expect", "depends_on", "command", "x"]
    ),
    JSON | EXPECT,
    max_size=6,
)
WAVE = st.dictionaries(st.sampled_from(["name", "parallel", "timeout", "y"]), JSON, max_size=3)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("plans") / "plan.toml"


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(subtasks=st.lists(SUBTASK, min_size=1, max_size=4), wave=WAVE, commands=st.booleans())
def test_whatever_a_model_writes_becomes_a_plan_or_located_problems(
    file: Path, subtasks: list[dict[str, Any]], wave: dict[str, Any], commands: bool
) -> None:
    text = json.dumps({"decomposition": {"waves": [{**wave, "subtasks": subtasks}]}})
    draft = read_answer(text, Allowed(tools=("read_file",), commands=commands))
    file.write_text(planned_toml({"name": "p"}, draft.waves, by="x\ny"), encoding="utf-8")
    written = tomllib.loads(file.read_text(encoding="utf-8"))["wave"][0]["subtask"]
    assert len(written) == len(subtasks)
    for one in written:
        assert "command" not in one or (commands and one.get("kind") == "command")
        assert not isinstance(one.get("expect"), dict) or "command" not in one["expect"]
    found: tuple[Problem, ...] = ()
    try:
        load_plan(file)
    except InvalidInput as error:
        found = error.problems
    assert "\x1b" not in "".join(map(str, found))
