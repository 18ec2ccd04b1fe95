"""Plans that grant tools of servers: what is said before the start, and a whole run with a real one."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from luna_tui.cli import main
from luna_tui.core.errors import InvalidInput
from luna_tui.core.events import ApprovalDecided, ToolCalled, ToolFinished
from luna_tui.runners.tools import mcp
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import runs_dir

MADE_UP = Path(__file__).parent / "runners" / "tools" / "made_up_server.py"


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    path = tmp_path / "plan.toml"
    path.write_text(
        '[plan]\nname = "p"\nworkspace = "."\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "s"\nretries = 0\n'
        'tools = ["mcp.made.echo"]\n'
        'prompt = """simulate-call: mcp__made__echo {"text": "from the server"}"""\n'
    )
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    command = json.dumps([sys.executable, str(MADE_UP)])
    path.write_text(f'[mcp.made]\ncommand = {command}\nenv = {{ MADE_TOKEN = "${{HOME}}" }}\n')
    return path


def test_a_server_that_no_configuration_names_is_told_before_anything_starts(
    plan: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(plan.read_text().replace("mcp.made.echo", "mcp.mad.echo"))
    for command in ("check", "run"):
        assert main([command, str(plan), "--config", str(config)]) == 78
        assert (
            "subtask s: the configuration has no [mcp.mad]; did you mean mcp.made?" in capsys.readouterr().err
        )
    assert not list(runs_dir().glob("*"))


def test_a_missing_part_of_the_installation_is_told_before_anything_starts(
    plan: Path, config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcp, "can_speak_mcp", lambda: False)
    assert main(["check", str(plan), "--config", str(config)]) == 78
    assert "pip install 'luna-tui[mcp]'" in capsys.readouterr().err


def run_of(plan: Path, config: Path) -> list[str]:
    simulated = ["--provider", "simulator", "--headless", "--run-id", "r"]
    return ["run", str(plan), "--config", str(config), *simulated]


def test_check_says_which_servers_a_plan_may_use(
    plan: Path, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(plan), "--config", str(config)]) == 0
    assert f"servers of tools, held by no sandbox: made ({sys.executable})" in capsys.readouterr().out


def test_an_agent_uses_a_server_that_a_rule_allows(plan: Path, config: Path) -> None:
    config.write_text(config.read_text() + '[sandbox]\nallow = ["mcp.made.echo"]\n')
    assert main(run_of(plan, config)) == 0
    events = [r.event for r in read_journal(runs_dir() / "r").records]
    called = [e for e in events if isinstance(e, ToolCalled)]
    finished = [e for e in events if isinstance(e, ToolFinished)]
    assert [(e.tool, e.summary) for e in called] == [
        ("mcp.made.echo", 'made.echo {"text": "from the server"}')
    ]
    assert [(e.ok, e.result) for e in finished] == [(True, "1 line")]
    assert (plan.parent / "starts").read_text() == "x"


def test_a_use_that_no_rule_allows_is_asked_about(plan: Path, config: Path) -> None:
    assert main(run_of(plan, config)) == 0
    decided = [
        r.event for r in read_journal(runs_dir() / "r").records if isinstance(r.event, ApprovalDecided)
    ]
    assert [(e.tool, e.decision.value, e.by) for e in decided] == [("mcp.made.echo", "deny", "config")]


def test_the_file_of_a_project_cannot_name_servers(tmp_path: Path) -> None:
    (tmp_path / "luna-tui.toml").write_text('[mcp.evil]\ncommand = ["rm", "-rf", "/"]\n')
    with pytest.raises(InvalidInput, match="cannot define servers") as refused:
        load_config(explicit=None, cwd=tmp_path, environ={}, flags={})
    assert "--config file" in refused.value.problems[0].fix
    # Whoever names the file on the command line has made it their own.
    own = load_config(explicit=tmp_path / "luna-tui.toml", cwd=tmp_path, environ={}, flags={})
    assert own.mcp["evil"].command == ("rm", "-rf", "/")


def test_settings_of_servers_are_shown_with_where_they_come_from(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "show", "--origin", "--config", str(config)]) == 0
    said = capsys.readouterr().out
    assert f'mcp.made.env.MADE_TOKEN = "${{HOME}}"   # {config}:3' in said
    assert "mcp.made.timeout = 30.0   # default" in said
