"""What makes a subtask another one, and what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support import subtask, wave

from luna_tui.core.plan import Estimate, Expectation, Plan, Subtask
from luna_tui.core.words import Isolation, Kind, Priority
from luna_tui.storage.plan_digests import digests
from luna_tui.storage.run_meta import file_digests

ASKED = subtask("it", prompt="do it", model="m", files=("notes.md",), system="be short")
RUN = subtask("it", kind=Kind.COMMAND, command=("true",), env=(("A", "1"),))


def plan(*subtasks: Subtask, workspace: Path) -> Plan:
    return Plan(name="p", waves=(wave("w", *subtasks),), workspace=str(workspace))


@pytest.fixture(autouse=True)
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.md"
    path.write_text("one", encoding="utf-8")
    return path


def digest(given: Subtask, folder: Path) -> str:
    return digests(plan(given, workspace=folder))["it"]


@pytest.mark.parametrize(
    "change",
    [{"prompt": "do it well"}, {"system": ""}, {"model": "n"}, {"max_tokens": 7}, {"files": ()},
     {"expect": Expectation(json=True)}, {"tools": ("read_file",)}, {"isolate": Isolation.COPY}],
)  # fmt: skip
def test_what_decides_an_answer_makes_it_another_subtask(change: dict[str, Any], tmp_path: Path) -> None:
    assert digest(replace(ASKED, **change), tmp_path) != digest(ASKED, tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"command": ("false",)}, {"shell": True}, {"env": ()}, {"cwd": "x"}, {"ok_codes": (0, 1)}],
)
def test_what_decides_a_command_makes_it_another_subtask(change: dict[str, Any], tmp_path: Path) -> None:
    assert digest(replace(RUN, **change), tmp_path) != digest(RUN, tmp_path)


@pytest.mark.parametrize(
    "change",
    [{"title": "other"}, {"timeout": 9.0}, {"retries": 9}, {"priority": Priority.CRITICAL},
     {"estimate": Estimate(seconds=3.0)}],
)  # fmt: skip
def test_what_only_decides_when_and_how_often_leaves_it_the_same(
    change: dict[str, Any], tmp_path: Path
) -> None:
    for given in (ASKED, RUN):
        assert digest(replace(given, **change), tmp_path) == digest(given, tmp_path)


def test_the_content_of_a_file_counts_and_what_it_was_when_the_run_began(tmp_path: Path, notes: Path) -> None:
    given = plan(ASKED, workspace=tmp_path)
    then, before = file_digests(given), digests(given)
    notes.write_text("two", encoding="utf-8")
    assert digests(given) != before
    assert digests(given, then) == before


def test_a_file_that_cannot_be_read_is_never_the_same(tmp_path: Path, notes: Path) -> None:
    notes.unlink()
    assert digest(ASKED, tmp_path) == ""
    assert file_digests(plan(ASKED, workspace=tmp_path)) == {"notes.md": ""}


def test_whoever_needs_another_subtask_is_another_one_too(tmp_path: Path) -> None:
    def all_of(prompt: str) -> dict[str, str]:
        first = subtask("a", prompt=prompt)
        return digests(
            plan(
                first, subtask("b", depends_on=("a",)), subtask("c", depends_on=("b",)), subtask("d"),
                workspace=tmp_path,
            )
        )  # fmt: skip

    one, two = all_of("x"), all_of("y")
    assert {i for i in one if one[i] != two[i]} == {"a", "b", "c"}
