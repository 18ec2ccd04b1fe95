"""A role gives a subtask its system text and its model, and no tool."""

from __future__ import annotations

from pathlib import Path

import pytest

from luna_tui.cli import main
from luna_tui.core.errors import InvalidInput
from luna_tui.core.plan import Plan
from luna_tui.storage.plan_roles import parsed_role
from luna_tui.storage.plans import load_plan

REVIEWER = """---
name: code-reviewer
description: Reviews code: strictly
tools: Read, Grep, Bash(git log:*), mcp__git__blame, Task
model: opus
color: red
---

You review code. {{ this }} stays.
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    return home


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


def role(root: Path, file: str, text: str) -> None:
    path = root / ".claude/agents" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def loaded(folder: Path, *lines: str, head: str = "") -> Plan:
    path = folder / "plan.toml"
    keys = "\n".join(lines)
    path.write_text(
        f'[plan]\nname = "p"\n{head}[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "x"\n{keys}\n',
        encoding="utf-8",
    )
    return load_plan(path)


def test_its_text_comes_before_that_of_the_plan_and_its_model_counts(home: Path, work: Path) -> None:
    role(work, "code-reviewer.md", REVIEWER)
    [a] = loaded(work, 'role = "code-reviewer"', 'system = "In Portuguese."').subtasks()
    assert a.system == "You review code. {{ this }} stays.\n\nIn Portuguese."
    assert a.model == "claude-opus-5-5"
    assert a.tools == ()


def test_the_subtasks_own_model_counts_more_and_that_of_the_defaults_less(home: Path, work: Path) -> None:
    role(work, "r.md", REVIEWER)
    head = '[defaults]\nmodel = "m"\n'
    [own] = loaded(work, 'role = "r"', 'model = "mine"', head=head).subtasks()
    [other] = loaded(work, 'role = "r"', head=head).subtasks()
    role(work, "r.md", REVIEWER.replace("opus", "inherit"))
    [inherits] = loaded(work, 'role = "r"', head=head).subtasks()
    assert (own.model, other.model, inherits.model) == ("mine", "claude-opus-5-5", "m")


def test_roles_of_the_workspace_come_before_those_of_the_user(home: Path, work: Path) -> None:
    role(home, "r.md", "of the user")
    assert next(iter(loaded(work, 'role = "r"').subtasks())).system == "of the user"
    role(work, "deep/r.md", "of the workspace")
    assert next(iter(loaded(work, 'role = "r"').subtasks())).system == "of the workspace"


def test_a_role_may_be_named_by_its_field(home: Path, work: Path) -> None:
    role(work, "01.md", REVIEWER)
    assert next(iter(loaded(work, 'role = "code-reviewer"').subtasks())).system.startswith("You review")


def test_an_unknown_role_is_told_with_the_nearest(home: Path, work: Path) -> None:
    role(work, "01.md", REVIEWER)
    with pytest.raises(InvalidInput) as caught:
        loaded(work, 'role = "code-reviewr"')
    [problem] = caught.value.problems
    assert (problem.line, problem.fix) == (8, "did you mean code-reviewer?")
    assert problem.what == "there is no role code-reviewr in .claude/agents"


def test_what_it_would_use_and_is_not_granted_is_a_note_and_no_mistake(
    home: Path, work: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    role(work, "r.md", REVIEWER)
    notes = loaded(work, 'role = "r"', 'tools = ["read_file", "mcp.git"]').notes
    assert [(n.line, n.what, n.fix) for n in notes] == [
        (8, "role r would use search_files, run_command, which this plan does not grant",
         'tools = ["read_file", "mcp.git", "search_files", "run_command"]'),
        (8, "role r would use Task, which is not to be had here", ""),
    ]  # fmt: skip
    config = tmp_path / "own.toml"
    config.write_text('[mcp.git]\ncommand = ["true"]\n', encoding="utf-8")
    assert main(["check", str(work / "plan.toml"), "--config", str(config)]) == 0
    assert "would use search_files, run_command" in capsys.readouterr().out


def test_a_run_keeps_the_role_it_began_with(home: Path, work: Path) -> None:
    role(work, "r.md", REVIEWER)
    before = loaded(work, 'role = "r"')
    role(work, "r.md", "another")
    assert load_plan(work / "plan.toml", inputs=dict(before.inputs)) == before


@pytest.mark.parametrize(
    ("text", "system", "tools", "model"),
    [
        ("just text", "just text", (), ""),
        ("---\nno end", "---\nno end", (), ""),
        ("---\nmodel: claude-x\ntools:\n  - Read\n  - 'Edit'\n---\nbody",
         "body", ("read_file", "edit_file"), "claude-x"),
        ("---\ntools: [WebSearch, \"WebFetch\"]\nmodel: 'Haiku'\n---\n",
         "", ("web_search", "web_fetch"), "claude-haiku-5-5"),
        ("---\ndescription: >\n  tools: Read\n---\nb", "b", (), ""),
        ("", "", (), ""),
    ],
)  # fmt: skip
def test_heads_of_every_shape(text: str, system: str, tools: tuple[str, ...], model: str) -> None:
    found = parsed_role(text)
    assert (found.system, found.tools, found.model) == (system, tools, model)
