"""`check` says what a plan will take, in words or as data, and starts nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from luna_tui.cli import main
from luna_tui.storage.paths import runs_dir

PLAN = """
[plan]
name = "nightly"
[[wave]]
name = "scan"
timeout = 5
[[wave.subtask]]
id = "a"
prompt = "hello"
max_tokens = 1000
[[wave.subtask]]
id = "b"
prompt = "hello"
estimate = { seconds = 9.0, output_tokens = 200, input_tokens = 1000 }
[[wave]]
name = "test"
[[wave.subtask]]
id = "c"
kind = "command"
command = ["true"]
"""
PRICED = """
[prices."claude-haiku-5-5"]
input = 1.0
output = 5.0
"""


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.toml").write_text(PLAN)
    (tmp_path / "luna-tui.toml").write_text(PRICED)
    return tmp_path / "plan.toml"


def test_in_words(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(plan)]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "tier2 balanced, 85 % of the limits   15 workers   no budget",
        "",
        "wave    subtasks  workers  tokens in    out  $ low  likely   high   time    between  at least  "
        "bound by",
        "1 scan         2        2       1.0k    800  <0.01    0.01   0.01   0:11  0:07-0:18      0:11  "
        "longest subtask",
        "2 test         1        1          -      -      -       -      -   0:05       0:05      0:05  "
        "longest subtask",
        "all            3                1.0k    800  <0.01    0.01   0.01   0:16  0:12-0:23      0:16  "
        "longest subtask",
        "",
        "0:16 (0:12 to 0:23), bound by the longest subtasks of its waves: "
        "more than 2 workers would not be faster",
        "wave 1 scan may need 0:11; its own limit is 0:05, and what runs then is timed out",
        "1 command runs on this computer, in a dry run too",
        "lengths of answers: 1 as the plan says (80 to 150 %), 1 guessed at 30, 60 and 100 % of max_tokens; "
        "retries",
        "are not in the figures",
    ]
    assert runs_dir().exists() is False


def test_as_data(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(plan), "--json", "--mode", "aggressive", "--workers", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["plan"], found["mode"], found["workers"]) == ("nightly", "aggressive", 1)
    assert found["caps"] == {"rpm": 950, "itpm": 427_500, "otpm": 85_500}
    assert [w["name"] for w in found["waves"]] == ["scan", "test"]
    assert found["waves"][0]["output_tokens"] == {"low": 460, "likely": 800, "high": 1300}
    assert found["waves"][0]["bound_by"] == "workers"
    assert found["total"]["ask_claude"] == 2
    assert (found["output_estimated"], found["output_guessed"]) == (1, 1)


def test_without_prices_costs_are_question_marks(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.with_name("luna-tui.toml").write_text("")
    assert main(["check", str(plan), "--model", "claude-next-9"]) == 0
    out = capsys.readouterr().out
    assert "      ?       ?      ?   0:11" in out
    assert "the price of claude-next-9 is not known" in out
    assert "0.00" not in out


def test_where_only_ascii_can_be_written_a_cut_is_ascii_too(plan: Path) -> None:
    plan.write_text(PLAN.replace('"scan"', '"' + "long " * 30 + '"'))
    done = subprocess.run(
        [sys.executable, "-m", "luna_tui", "check", str(plan)],
        capture_output=True,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        check=True,
    )
    assert b"long~" in done.stdout


def test_a_command_that_judges_an_answer_is_a_command_too(
    plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = PLAN + '[[wave.subtask]]\nid = "d"\nprompt = "x"\nexpect = { command = ["true"] }\n'
    plan.write_text(text)
    assert main(["check", str(plan)]) == 0
    assert "2 commands run on this computer, in a dry run too" in capsys.readouterr().out
