"""`report` makes the report afresh, `--junit` is for collectors of tests, leaving says how it went."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from tui.test_terminal import Terminal

from luna_tui.storage.disk import Disk
from luna_tui.storage.paths import RunDir, find_run

PROGRAM = [sys.executable, "-m", "luna_tui"]
PLAN = """
[plan]
name = "p"
[defaults]
kind = "command"
retries = 0
[[wave]]
name = "w"
[[wave.subtask]]
id = "good"
command = ["true"]
[[wave.subtask]]
id = "bad"
command = ["false"]
[[wave]]
name = "x"
[[wave.subtask]]
id = "after"
command = ["true"]
depends_on = ["bad"]
"""


def run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *argv], capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=50, check=False
    )


@pytest.fixture
def ended(tmp_path: Path) -> RunDir:
    (tmp_path / "plan.toml").write_text(PLAN)
    done = run("run", str(tmp_path / "plan.toml"), "--run-id", "r", "--junit", str(tmp_path / "junit.xml"))
    assert done.returncode == 100, done.stderr
    assert done.stderr.splitlines()[-1].startswith(
        "luna-tui retry r: tries 2 subtasks again (1 of them skipped)"
    )
    return find_run("r")


def test_the_report_is_made_afresh_as_text_and_as_data(ended: RunDir) -> None:
    assert run("report", "r").stdout == run("report", "r", "--md").stdout == run("show", "r").stdout
    data = json.loads(run("report", "r", "--json").stdout)
    assert data["counts"] == {"failed": 1, "skipped": 1, "succeeded": 1}
    assert data["exit_code"] == 100
    assert [f["subtasks"] for f in data["failures"]] == [["bad"]]
    assert data["offers"][0]["command"] == "luna-tui retry r"


def test_it_goes_to_a_file_as_its_name_says(ended: RunDir, tmp_path: Path) -> None:
    done = run("report", "r", "-o", str(tmp_path / "r.json"))
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads((tmp_path / "r.json").read_text())["run"] == "r"
    run("report", "r", "-o", str(tmp_path / "r.md"))
    assert (tmp_path / "r.md").read_text().startswith("# p: ")
    nowhere = run("report", "r", "-o", str(tmp_path / "no" / "r.md"))
    assert nowhere.returncode == 74
    assert "the folder above it does not exist" in nowhere.stderr


def test_the_files_of_the_run_are_brought_up_to_date_when_nobody_writes_it(ended: RunDir) -> None:
    kept = ended.path / "report.json"
    whole = kept.read_text()
    kept.write_text("torn")
    held = Disk().lock(ended.lock)
    assert run("report", "r").returncode == 0
    assert kept.read_text() == "torn", "another process holds the run"
    os.close(held)
    assert run("report", "r").returncode == 0
    assert json.loads(kept.read_text()) == json.loads(whole)
    assert kept.stat().st_mode & 0o777 == 0o600


def test_a_run_that_was_killed_has_a_report_and_no_file_of_it(ended: RunDir) -> None:
    journal = ended.journal(1)
    journal.write_text("".join(line + "\n" for line in journal.read_text().splitlines()[:-1]))
    (ended.path / "report.json").unlink()
    done = run("report", "r", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["status"] is None
    assert not (ended.path / "report.json").exists()


def test_what_cannot_be_reported_is_told_in_words(tmp_path: Path) -> None:
    assert run("report", "nothing").returncode == 2
    assert run("report", "r", "--json", "--md").returncode == 2


def test_junit_is_written_at_the_end(ended: RunDir, tmp_path: Path) -> None:
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert [(case.get("name"), [child.tag for child in case]) for case in root.iter("testcase")] == [
        ("good", []),
        ("bad", ["failure"]),
        ("after", ["skipped"]),
    ]
    done = run("run", str(tmp_path / "plan.toml"), "--junit", str(tmp_path / "no" / "junit.xml"))
    assert done.returncode == 74
    assert "cannot save: " in done.stderr
    assert "Traceback" not in done.stderr


def test_leaving_the_dashboard_leaves_one_screenful_in_the_scrollback(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN)
    terminal = Terminal(*PROGRAM, "run", str(tmp_path / "plan.toml"), "--run-id", "r")
    terminal.read_until(b"REPORT")
    terminal.send(b"q")
    assert terminal.finish() == 100
    after = terminal.seen.partition(b"\x1b[?1049l")[2].decode()
    assert "p: failed after 0:00, exit code 100" in after
    assert "exit code 1: bad" in after
    assert "luna-tui retry r" in after
    assert str(find_run("r").path) in after
    assert after.count("\n") <= 20
    assert "\x1b[2m" in after


def test_a_stop_leaves_the_command_that_goes_on(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(PLAN.replace('["true"]', '["sleep", "60"]'))
    terminal = Terminal(*PROGRAM, "run", str(tmp_path / "plan.toml"), "--run-id", "r")
    terminal.read_until(b"RUNNING")
    terminal.send(b"x")
    terminal.read_until(b"nothing has been stopped yet")
    terminal.send(b"A")
    terminal.read_until(b"STOPPED")
    terminal.send(b"q")
    assert terminal.finish() == 75
    after = terminal.seen.partition(b"\x1b[?1049l")[2].decode()
    assert "luna-tui resume r" in after
    assert "goes on with" in after
    assert "cancelled by user" in after
