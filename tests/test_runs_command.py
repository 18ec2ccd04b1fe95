"""`runs`, `runs prune` and `runs compare` as a script sees them, and what the end of a run removes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from kept import keep, records, written

from luna_tui.commands import runs_prune
from luna_tui.commands.runs_prune import prune_after
from luna_tui.core.retention import KeepLimits
from luna_tui.core.words import RunStatus
from luna_tui.engine.clock import SystemClock
from luna_tui.storage.paths import runs_dir

PROGRAM = [sys.executable, "-m", "luna_tui"]
NOW = SystemClock().wall()


def run(*argv: str, cwd: Path | None = None, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *argv],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=cwd,
        env=os.environ | {"LANG": "C.UTF-8"} | env,
        timeout=50,
        check=False,
    )


def kept() -> list[str]:
    return sorted(p.name for p in runs_dir().iterdir())


def four() -> None:
    keep("old", began=NOW - timedelta(days=9))
    keep("cut", records("cut", until=400), began=NOW - timedelta(days=40))
    keep("bad", records("bad", status=RunStatus.FAILED), began=NOW - timedelta(hours=3))
    keep("20260102-150405-7f3a", began=NOW - timedelta(minutes=5))


def test_runs_are_a_table_for_people() -> None:
    four()
    done = run("runs")
    assert done.returncode == 0
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["run", "age", "status", "ok", "time", "cost", "size", "plan", "where"]
    assert [row.split()[0] for row in rows] == ["7f3a", "bad", "old", "cut"]
    assert rows[0].split()[2:6] == ["min", "✓", "succeeded", "40/40"]
    assert "! interrupted" in rows[3]
    assert done.stderr == ""


def test_runs_are_data_for_scripts() -> None:
    four()
    done = run("runs", "--json", "--status", "interrupted")
    (found,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert (found["run"], found["status"], found["resumable"]) == ("cut", "interrupted", True)
    assert 0 < found["counts"]["succeeded"] < found["subtasks"] == 40


def test_the_last_twenty_are_shown_and_the_others_counted() -> None:
    for n in range(23):
        keep(f"r{n:02d}", [], began=NOW - timedelta(hours=n))
    done = run("runs", "--json")
    assert [json.loads(line)["run"] for line in done.stdout.splitlines()] == [f"r{n:02d}" for n in range(20)]
    assert done.stderr == "3 older ones: luna-tui runs --all\n"
    assert len(run("runs", "--json", "--all").stdout.splitlines()) == 23


def test_no_runs_are_told_on_stderr_only() -> None:
    done = run("runs")
    assert (done.returncode, done.stdout) == (0, "")
    assert "start one: luna-tui demo" in done.stderr
    keep("a")
    assert run("runs", "--status", "held").stderr == "no run is held\n"


def test_broken_runs_are_said_beside_the_table_and_nothing_is_raised() -> None:
    keep("good")
    (runs_dir() / "empty").mkdir()
    done = run("runs")
    assert "? unreadable" in done.stdout
    assert done.stderr == "empty: run.json is missing\nempty: there is no journal\n"


def test_hostile_names_reach_no_terminal() -> None:
    folder = keep("r", workspace="/tmp/\x1b]0;owned\x07x")
    text = (folder / "journal.0001.ndjson").read_bytes()
    assert b"stdlib" in text
    done = run("runs")
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout


def test_prune_says_what_it_would_do_and_does_the_same() -> None:
    four()
    asked = run("runs", "prune", "--dry-run", "--keep-runs", "1")
    assert [line.split()[0] for line in asked.stdout.splitlines()] == ["old", "bad"]
    assert "would free" in asked.stderr
    assert kept() == ["20260102-150405-7f3a", "bad", "cut", "old"]
    done = run("runs", "prune", "--keep-runs", "1")
    assert (done.returncode, done.stdout) == (0, asked.stdout)
    assert "kept 2 runs, 1 of which can go on" in done.stderr
    assert kept() == ["20260102-150405-7f3a", "cut"]


def test_prune_takes_its_limits_from_the_configuration(tmp_path: Path) -> None:
    four()
    (tmp_path / "luna-tui.toml").write_text("[storage]\nkeep_days = 5\n")
    done = run("runs", "prune", "--dry-run", cwd=tmp_path)
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["old"]
    none = run("runs", "prune", "--dry-run", cwd=tmp_path, LUNA_TUI_STORAGE_KEEP_DAYS="0")
    assert none.stdout == ""
    wrong = run("runs", "prune", "--keep-days", "-1")
    assert wrong.returncode == 78
    assert "command line: keep_days is out of range — days between 0 (no limit)" in wrong.stderr


def test_the_end_of_a_run_prunes_and_says_so(tmp_path: Path) -> None:
    four()
    plan = tmp_path / "p.toml"
    plan.write_text(
        '[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nkind = "command"\n'
        'command = ["true"]\n'
    )
    done = run("run", str(plan), "--run-id", "mine", "--set", "storage.keep_runs=1")
    assert done.returncode == 0, done.stderr
    assert kept() == ["cut", "mine"]
    assert "3 old runs were removed, " in done.stderr


def test_the_end_of_a_run_never_takes_itself_or_one_that_is_written() -> None:
    keep("mine", began=NOW - timedelta(days=400))
    other = keep("other", began=NOW - timedelta(days=300))
    keep("old", began=NOW - timedelta(days=200))
    said: list[str] = []
    with written(other):
        prune_after("mine", KeepLimits(runs=1), said.append)
    assert kept() == ["mine", "other"]
    assert len(said) == 1
    assert said[0].startswith("1 old run was removed, ")


def test_what_takes_too_long_at_the_end_of_a_run_goes_on_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    four()
    over = threading.Event()
    monkeypatch.setattr(runs_prune, "_prune_quietly", lambda run, limits, done: over.wait(20))
    monkeypatch.setattr(runs_prune, "PATIENCE_S", 0.01)
    started: list[list[str]] = []
    monkeypatch.setattr(runs_prune, "start_aside", started.append)
    said: list[str] = []
    prune_after("20260102-150405-7f3a", KeepLimits(runs=1, gigabytes=0.5), said.append)
    over.set()
    assert said == []
    (argv,) = started
    done = run(*argv)
    assert done.returncode == 0, done.stderr
    assert kept() == ["20260102-150405-7f3a", "cut"]


def test_without_limits_nothing_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_prune, "_prune_quietly", None)
    prune_after("r", KeepLimits(runs=0, gigabytes=0.0, days=0.0), print)


def test_two_runs_are_compared() -> None:
    keep("a")
    keep("b", records("b", until=-1), digest="d2")
    done = run("runs", "compare", "a", "b")
    assert done.returncode == 0
    assert "COMPARE  a → b" in done.stdout
    assert "Another plan" in done.stdout
    assert "b: not over, figures so far." in done.stdout
    data = json.loads(run("runs", "compare", "a", "b", "--json").stdout)
    assert data["same_plan"] is False
    assert (data["before"]["run"], data["after"]["over"]) == ("a", False)


@pytest.mark.parametrize("word", ["nothing", "empty"])
def test_what_cannot_be_compared_is_a_usage_error(word: str) -> None:
    keep("a")
    keep("empty", [])
    done = run("runs", "compare", "a", word)
    assert done.returncode == 2
    assert done.stdout == ""
