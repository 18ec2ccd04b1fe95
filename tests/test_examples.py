"""Every example does what its header says, on the simulated API."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import anthropic
import pytest

from luna_tui.core.plan import Plan
from luna_tui.core.state import fold
from luna_tui.core.words import Kind, RunStatus, Status
from luna_tui.engine.clock import SystemClock
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.simulator.server import SimulatorServer, SimulatorSettings
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import find_run
from luna_tui.storage.plans import load_plan
from luna_tui.storage.resources import resource
from luna_tui.storage.results import output_of

EXAMPLES = resource("examples")
PLANS = sorted(path.name for path in (EXAMPLES / "plans").glob("*.toml") if path.name != "demo.toml")
SIZES = {
    "batch-50.toml": 50,
    "review.toml": 1,
    "stdlib-analysis.toml": 21,
    "test-suite.toml": 10,
    "validations.toml": 15,
    "web-searches.toml": 21,
}


@pytest.fixture
def examples(tmp_path: Path) -> Path:
    """The examples in a folder where runs may leave what they like."""
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path / "examples"


@pytest.fixture
def server() -> Iterator[SimulatorServer]:
    """The simulated API, in a hurry."""
    with SimulatorServer(SimulatorSettings(speed=100.0), SystemClock()) as running:
        yield running


def contents(folder: Path) -> dict[Path, bytes]:
    """All files of a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def ran(path: Path) -> tuple[Plan, LiveSession]:
    """A run of an example that went well."""
    flags = {"run.provider": "simulator", "run.tier": "tier4", "run.workers": 30}
    config = load_config(explicit=None, cwd=path.parent, environ={}, flags=flags)
    assert anthropic, "loaded before the run begins"
    plan = load_plan(path)
    session = LiveSession(plan, config, simulator=SimulatorChoice(speed=100.0))
    assert session.run() is RunStatus.SUCCEEDED
    return plan, session


def answers(session: LiveSession) -> dict[str, str]:
    """What every subtask said, by its id."""
    return {name: output_of(session.run_dir, None, name) or "" for name in session.state().subtasks}


def test_there_is_an_example_for_each_kind_of_work() -> None:
    assert set(PLANS) == SIZES.keys()


@pytest.mark.parametrize("name", PLANS)
def test_an_example_has_the_size_and_the_header_that_it_promises(name: str) -> None:
    path = EXAMPLES / "plans" / name
    plan = load_plan(path)
    assert len(list(plan.subtasks())) == SIZES[name]
    head = path.read_text(encoding="utf-8").partition("[plan]")[0]
    assert f"luna-tui run {name}" in head
    asks = any(subtask.kind is Kind.CLAUDE for subtask in plan.subtasks())
    assert ("--provider simulator" in head) == asks
    assert ("On the API: about " in head) == asks
    assert re.search(r"nothing costs anything|costs nothing", head, re.IGNORECASE)


def test_modules_are_analysed_and_summed_up(examples: Path) -> None:
    _, session = ran(examples / "plans" / "stdlib-analysis.toml")
    told = answers(session)
    assert "## Analysis of csv.py" in told["module-csv.py"]
    assert told["summary"].startswith("## Summary of 20 modules")


def test_validations_find_nothing_wrong(examples: Path) -> None:
    _, session = ran(examples / "plans" / "validations.toml")
    assert {s.status for s in session.state().subtasks.values()} == {Status.SUCCEEDED}


def test_every_test_file_runs_in_a_process_of_its_own(examples: Path) -> None:
    plan, session = ran(examples / "plans" / "test-suite.toml")
    files = sorted(path.name for path in (EXAMPLES / "library" / "tests").glob("test_*.py"))
    assert sorted(subtask.command[-1].removeprefix("tests/") for subtask in plan.subtasks()) == files
    assert all(text.rstrip().endswith("OK") for text in answers(session).values())
    assert not list(examples.rglob("__pycache__"))


def test_a_batch_answers_every_line_for_itself(examples: Path) -> None:
    _, session = ran(examples / "plans" / "batch-50.toml")
    told = answers(session)
    assert sorted(told) == [f"M-{number:03}" for number in range(1, 51)]
    assert all(text.startswith(f"token: {name}\n") for name, text in told.items())


def test_questions_are_answered_from_the_web(examples: Path) -> None:
    _, session = ran(examples / "plans" / "web-searches.toml")
    told = answers(session)
    assert all("https://" in told[f"festival-{number}"] for number in range(20))
    calls = [call for s in session.state().subtasks.values() for t in s.tries for call in t.calls]
    assert [call.tool for call in calls] == ["web_search"] * 20


def test_a_review_is_written_in_a_copy_and_changes_nothing_by_itself(examples: Path) -> None:
    before = contents(examples / "library")
    _, session = ran(examples / "plans" / "review.toml")
    attempt = session.state().subtasks["review"].tries[-1]
    assert {call.tool for call in attempt.calls} == {"list_files", "read_file", "search_files", "write_file"}
    assert all(call.ok for call in attempt.calls)
    assert "## Analysis of lending/books.py" in answers(session)["review"]
    assert contents(examples / "library") == before
    assert [change.path for change in session.state().changes["review"].files] == ["REVIEW.md"]


def test_a_goal_becomes_a_plan_and_a_run(examples: Path, server: SimulatorServer) -> None:
    goal = (examples / "goal.md").read_text(encoding="utf-8")
    words = ["plan", "-", "--workspace", "library", "-o", "coverage.toml", "--run", "--yes", "--headless"]
    done = subprocess.run(
        [sys.executable, "-m", "luna_tui", *words],
        input=goal,
        capture_output=True,
        text=True,
        cwd=examples,
        env=os.environ | {"ANTHROPIC_API_KEY": "k", "ANTHROPIC_BASE_URL": server.base_url},
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    plan = load_plan(examples / "coverage.toml", workspace=examples / "library")
    assert " ".join(plan.goal.split()) == " ".join(goal.split())
    assert len(plan.waves) >= 2
    state = fold(read_journal(find_run("last").path).records)
    assert state.subtasks.keys() == {subtask.id for subtask in plan.subtasks()}
    assert {s.status for s in state.subtasks.values()} == {Status.SUCCEEDED}
