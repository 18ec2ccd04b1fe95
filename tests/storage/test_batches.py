"""Requests of the Message Batches API run as a plan, or are refused with the line and what to do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from luna_tui.core.errors import InvalidInput
from luna_tui.core.plan import Plan
from luna_tui.core.templates import render
from luna_tui.storage.plan_files import PlanShelf
from luna_tui.storage.plan_subtasks import PlanDefaults
from luna_tui.storage.plan_writing import plan_toml
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_meta import kept_name

ASKED = [{"role": "user", "content": "Hello"}]


def request(custom_id: str = "a", **params: Any) -> str:
    given = {"model": "claude-haiku-5-5", "max_tokens": 9, "messages": ASKED} | params
    return json.dumps({"custom_id": custom_id, "params": given})


def written(folder: Path, *lines: str) -> Path:
    path = folder / "requests.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def load(folder: Path, *lines: str) -> Plan:
    return load_plan(written(folder, *lines))


def test_each_request_is_a_subtask_of_one_wave(tmp_path: Path) -> None:
    system = [
        {"type": "text", "text": "Be short.", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "Be kind."},
    ]
    plan = load(tmp_path, request("my request/1", system=system), "", request("b", stream=False, model="m"))
    [wave] = plan.waves
    first, second = wave.subtasks
    assert (plan.name, wave.name, wave.parallel) == ("requests", "batch", True)
    assert (first.id, first.title, first.prompt) == ("my-request-1", "my request/1", "Hello")
    assert (first.system, first.max_tokens, first.model) == ("Be short.\n\nBe kind.", 9, "claude-haiku-5-5")
    assert (second.id, second.model, second.system) == ("b", "m", "")
    assert kept_name(plan.source) == "plan.jsonl"


def test_a_conversation_keeps_its_turns_and_texts_are_no_templates(tmp_path: Path) -> None:
    said = [
        {"role": "user", "content": "{{ results.x }}"},
        {"role": "assistant", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]},
        {"role": "user", "content": "{{ results.y }}"},
    ]
    [a] = load(tmp_path, request(messages=said)).subtasks()
    assert a.messages == (("user", "{{ results.x }}"), ("assistant", "one\n\ntwo"))
    assert render(a.prompt, {}) == "{{ results.y }}"
    assert a.depends_on == ()


def test_a_batch_can_be_written_as_a_plan_file(tmp_path: Path) -> None:
    said = [*ASKED, {"role": "assistant", "content": "x"}, {"role": "user", "content": "{{ run.dir }}"}]
    plan = load(tmp_path, request("a"), request("b", messages=said, system="s"))
    path = tmp_path / "plan.toml"
    path.write_text(plan_toml(plan), encoding="utf-8")
    assert load_plan(path).waves == plan.waves


REFUSED = [
    ("no JSON", "{", 1, "this line is no JSON", "one request on each line"),
    ("list", "[]", 1, "a request is an object, not a list", "custom_id"),
    ("nan", '{"custom_id": NaN}', 1, "this line is no JSON", ""),
    ("digits", '{"custom_id": ' + "9" * 5_000 + "}", 1, "this line is no JSON", ""),
    ("deep", '{"custom_id": ' + "[" * 100_000 + "}", 1, "this line is no JSON", ""),
    ("twice", '{"custom_id": "a", "custom_id": "b", "params": {}}', 1, "key custom_id stands", "remove"),
    ("no id", '{"params": {"messages": [{"role": "user", "content": "x"}]}}', 1, "needs a custom_id", "a-1"),
    ("odd id", request("///"), 1, "needs a custom_id", ""),
    ("no params", '{"custom_id": "a"}', 1, "a request needs params", "model"),
    ("another service", '{"custom_id": "a", "method": "POST", "url": "/v1/x", "body": {}}',
     1, "a request for another service", ""),
    ("unknown key", '{"custom_idd": 1, ' + request()[1:], 1, "unknown key custom_idd", "custom_id?"),
    ("temperature", request(temperature=0.5), 1, "params.temperature is nothing that a plan", "Batches API"),
    ("tools", request(tools=[]), 1, "params.tools is nothing", "remove"),
    ("stream", request(stream=True), 1, "params.stream is nothing", "remove"),
    ("max_tokens", request(max_tokens=0), 1, "max_tokens = 0", "between 1"),
    ("no messages", request(messages=[]), 1, "must be a list of messages", "role"),
    ("role", request(messages=[{"role": "system", "content": "x"}]), 1, "message 0 has no role", "user"),
    ("no message", request(messages=["x"]), 1, "message 0 has no role", ""),
    ("begun", request(messages=[*ASKED, {"role": "assistant", "content": "{"}]),
     1, "the last message must be the user's", "cannot be asked for"),
    ("picture", request(messages=[{"role": "user", "content": [{"type": "image", "source": {}}]}]),
     1, "message 0 holds a block of type image", "Batches API"),
    ("empty", request(messages=[{"role": "user", "content": " "}]), 1, "a message is empty", ""),
    ("content", request(messages=[{"role": "user", "content": 1}]), 1, "message 0 must be text or", ""),
    ("system", request(system=1), 1, "params.system must be text or a list of blocks", ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "at", "what", "fix"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED]
)
def test_one_mistake_gives_one_problem(tmp_path: Path, line: str, at: int, what: str, fix: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, line)
    assert len(caught.value.problems) == 1, [str(p) for p in caught.value.problems]
    [problem] = caught.value.problems
    assert (problem.line, what in problem.what, fix in problem.fix) == (at, True, True), str(problem)


def test_every_line_with_a_mistake_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(tmp_path, request("a/b"), "{", request("A-B"), request("c", top_k=1))
    assert [(p.line, p.what) for p in caught.value.problems] == [
        (2, "this line is no JSON: Expecting property name enclosed in double quotes"),
        (3, "custom_id A-B is already used in line 1"),
        (4, "params.top_k is nothing that a plan can say"),
    ]


def test_a_file_without_requests_is_no_plan(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no requests"):
        load(tmp_path, "", " ")


def test_the_wrong_name_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "requests.toml"
    path.write_text(request(), encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"name the file \.jsonl"):
        load_plan(path)


def test_batches_are_found_among_the_plans_of_a_folder_by_what_they_hold(tmp_path: Path) -> None:
    written(tmp_path, request("a"), request("b"))
    (tmp_path / "other.jsonl").write_text('{"x": 1}\n', encoding="utf-8")
    [found] = PlanShelf(tmp_path, PlanDefaults()).look()
    assert (found.name, found.subtasks) == ("requests", 2)
