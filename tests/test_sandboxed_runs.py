"""Runs whose agents may run commands: held as the configuration says, and nothing where nothing can hold."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from needs import lacking

from luna_tui.cli import main
from luna_tui.core.sandbox import REFUSED, SandboxKind, SandboxSettings
from luna_tui.runners.sandbox import choice
from luna_tui.storage.paths import runs_dir

CANARY = "canary-c41d0be5529f"
SHOW_ALL = "env; cat /proc/*/environ; cat /proc/*/cmdline; ls -la / ~ 2>&1"


def needs_bubblewrap() -> None:
    found = choice.find_sandbox(SandboxSettings(kind=SandboxKind.BUBBLEWRAP), os.environ)
    if found.kind == REFUSED:
        lacking("bwrap", found.why)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    monkeypatch.setenv("SOME_TOKEN", CANARY)
    return tmp_path


def plan_with(folder: Path, *commands: Any) -> str:
    orders = "\n".join(f"simulate-call: run_command {json.dumps({'command': c})}" for c in commands)
    plan = folder / "plan.toml"
    plan.write_text(
        '[plan]\nname = "held"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nretries = 0\n'
        f'tools = ["run_command"]\nprompt = """\n{orders}\nGo on.\n"""\n'.replace("\\", "\\\\")
    )
    return str(plan)


def run(plan: str, *flags: str) -> int:
    return main(["run", plan, "--headless", "--provider", "simulator", *flags])


def records() -> list[dict[str, Any]]:
    (found,) = runs_dir().iterdir()
    lines = [
        line for path in sorted(found.glob("journal.*.ndjson")) for line in path.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def of_type(name: str) -> list[dict[str, Any]]:
    return [record for record in records() if record["type"] == name]


def test_a_command_that_rules_allow_runs_held(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    needs_bubblewrap()
    plan = plan_with(folder, ["cat", "plan.toml"], "cat /etc/shadow")
    allowed = '["run_command(cat *)"]'
    assert run(plan, "--set", f"sandbox.allow={allowed}", "--set", "sandbox.kind=bubblewrap") == 0
    assert [record["ok"] for record in of_type("tool_finished")] == [True, False]
    assert of_type("run_started")[0]["sandbox"] == "bubblewrap"
    assert "commands of agents: held by bubblewrap, no network" in capfd.readouterr().err


def test_without_a_rule_nobody_is_there_to_allow_it(folder: Path) -> None:
    needs_bubblewrap()
    run(plan_with(folder, ["touch", "made"]))
    assert not (folder / "made").exists()
    assert [record["ok"] for record in of_type("tool_finished")] == [False]


def test_a_denied_command_is_denied_also_with_yes(folder: Path) -> None:
    needs_bubblewrap()
    plan = plan_with(folder, "true; touch denied", ["sh", "-c", "$(echo touch) denied"], ["echo", "fine"])
    run(plan, "--yes", "--set", 'sandbox.deny=["run_command(touch *)"]')
    assert not (folder / "denied").exists()
    finished = of_type("tool_finished")
    assert [record["ok"] for record in finished] == [False, False, True]
    assert finished[0]["result"] == "denied by rule run_command(touch *)"
    assert "too involved" in finished[1]["result"]


def test_the_key_is_nowhere_that_a_command_looks_nor_in_what_is_kept(folder: Path) -> None:
    needs_bubblewrap()
    run(plan_with(folder, SHOW_ALL), "--yes")
    assert [record["ok"] for record in of_type("tool_finished")] == [True]
    (found,) = runs_dir().iterdir()
    kept = [path.read_bytes() for path in found.rglob("*") if path.is_file()]
    assert kept
    assert not any(CANARY.encode() in content for content in kept)


def test_where_nothing_can_hold_commands_the_subtask_fails_and_says_why(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(choice, "_why_no_bubblewrap", lambda path: "bubblewrap is not installed")
    monkeypatch.setattr(choice, "_why_no_landlock", lambda: "Landlock is too old")
    assert run(plan_with(folder, ["touch", "made"]), "--yes") == 100
    (failed,) = of_type("attempt_failed")
    assert failed["error_kind"] == "tools"
    assert "bubblewrap is not installed; Landlock is too old" in failed["message"]
    assert of_type("run_started")[0]["sandbox"] == "refused"
    assert not (folder / "made").exists()
    assert "none can be run" in capfd.readouterr().err


def test_commands_run_unheld_only_when_the_settings_say_none(folder: Path) -> None:
    run(plan_with(folder, ["touch", "made"]), "--yes", "--set", "sandbox.kind=none")
    assert (folder / "made").exists()
    assert of_type("run_started")[0]["sandbox"] == "none"


def test_check_says_what_will_hold_the_commands(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    needs_bubblewrap()
    plan = plan_with(folder, ["true"])
    main(["check", plan])
    assert "commands of agents: held by bubblewrap, no network\n" in capsys.readouterr().out
    main(["check", plan, "--json", "--set", "sandbox.kind=none"])
    assert json.loads(capsys.readouterr().out)["sandbox"] == "none"
    Path(plan).write_text(Path(plan).read_text().replace('tools = ["run_command"]', 'tools = ["read_file"]'))
    main(["check", plan])
    assert "commands of agents" not in capsys.readouterr().out
