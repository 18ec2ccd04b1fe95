"""`plan` and `replan` as commands: where a plan goes, what starts, what is refused, and the exit codes."""

from __future__ import annotations

import errno
import io
import json
import os
import re
import signal
import stat
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from gettext import NullTranslations
from pathlib import Path
from typing import cast

import pytest
from planning_support import FAST, documents, ordered

from luna_tui import cli
from luna_tui.cli import main
from luna_tui.commands import plan as plan_command
from luna_tui.commands import runs as runs_command
from luna_tui.commands.replan import _rest_of
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import speaking
from luna_tui.core.words import Status
from luna_tui.session import SimulatorChoice
from luna_tui.session.planning import Proposal
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir, runs_dir, state_dir
from luna_tui.storage.plans import load_plan
from luna_tui.storage.run_meta import read_meta

GOAL = "Compare the documents"
BROKEN = """
[plan]
name = "trial"
goal = "{goal}"
on_failure = "{on_failure}"
[defaults]
retries = 0
[[wave]]
name = "one"
[[wave.subtask]]
id = "good"
kind = "command"
command = ["echo", "well done"]
[[wave.subtask]]
id = "bad"
kind = "command"
command = ["false"]
[[wave]]
name = "two"
[[wave.subtask]]
id = "later"
prompt = "Use {{{{ results.good }}}}"
"""
Plan = Callable[..., int]


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands work in; the simulator answers fast."""
    fast = partial(SimulatorChoice, speed=FAST)
    for module in (plan_command, runs_command):
        monkeypatch.setattr(module, "SimulatorChoice", fast)
    monkeypatch.setattr(SimulatorChoice, "from_kept", lambda kept: fast())
    folder = documents(tmp_path)
    monkeypatch.chdir(folder)
    return folder


def plan(*argv: str) -> int:
    return main(["plan", *argv, "--set", "run.provider=simulator"])


def run_broken(workspace: Path, *argv: str, on_failure: str = "stop", goal: str = GOAL) -> int:
    path = workspace / "trial.toml"
    path.write_text(BROKEN.format(goal=goal, on_failure=on_failure))
    return main(["run", str(path), "--headless", "--provider", "simulator", *argv])


def leftovers() -> list[Path]:
    return list((state_dir() / "plans").glob("*"))


def runs() -> list[RunDir]:
    found = runs_dir().iterdir() if runs_dir().is_dir() else ()
    return [RunDir(p) for p in sorted(found, key=lambda p: (p / "run.json").stat().st_mtime_ns)]


def state_of(run: RunDir) -> RunState:
    return fold(read_journal(run.path).records)


def ends(run: RunDir) -> dict[str, Status | None]:
    return {s.id: s.status for s in state_of(run).subtasks.values()}


def test_the_plan_goes_to_standard_output_and_all_else_to_the_other(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(GOAL) == 0
    said = capsys.readouterr()
    path = tmp_path / "plan.toml"
    path.write_text(said.out)
    assert len(load_plan(path).waves) == 3
    assert "compare-the-documents: 5 subtasks in 3 waves" in said.err
    assert "longest subtask" in said.err
    assert leftovers() == []
    assert runs() == []


def test_a_plan_that_cannot_be_told_is_kept(
    workspace: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was paid for."""

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        patched.setattr(cli, "_unsaid", lambda error: int(error.errno == errno.ENOSPC))
        assert plan(GOAL) == 1
    (kept,) = leftovers()
    assert f"the plan is kept in {kept}/plan.toml" in capsys.readouterr().err
    assert len(load_plan(kept / "plan.toml").waves) == 3


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_a_plan_replaces_nothing_but_a_file(
    workspace: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """A pipe that nobody reads would hold it up for ever, and after the plan was paid for."""
    path = tmp_path / "there"
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    assert plan(GOAL, "-o", str(path), "--force") == 2
    assert "there is no file that could be replaced" in capsys.readouterr().err


def test_a_plan_that_is_written_belongs_to_its_owner_and_is_not_written_over_silently(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(GOAL, "-o", "p.toml") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "luna-tui run p.toml" in said.err
    assert stat.S_IMODE(Path("p.toml").stat().st_mode) == 0o600
    assert "workspace" not in Path("p.toml").read_text()
    Path("p.toml").write_text("mine")
    assert plan(GOAL, "-o", "p.toml") == 2
    assert "is there already" in capsys.readouterr().err
    assert Path("p.toml").read_text() == "mine"
    assert plan(GOAL, "-o", "p.toml", "--force") == 0
    assert load_plan(Path("p.toml")).goal == GOAL


def test_as_data_it_tells_the_plan_and_what_it_will_take(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(GOAL, "--json", "-o", "p.toml") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["toml"] == Path("p.toml").read_text()
    assert told["file"] == str(workspace / "p.toml")
    assert told["planning"]["repairs"] == 0
    assert len(told["waves"]) == 3


def test_a_goal_is_planned_and_run_to_its_end(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(GOAL, "--run", "--yes", "--headless", "--events", "ev.ndjson", "--run-id", "mine") == 0
    assert capsys.readouterr().out == ""
    (run,) = runs()
    assert run.run == "mine"
    assert set(ends(run).values()) == {Status.SUCCEEDED}
    assert load_plan(run.path / "plan.toml").goal == GOAL
    records = [json.loads(line) for line in Path("ev.ndjson").read_text().splitlines()]
    begins = [n for n, r in enumerate(records) if r["seq"] == 1]
    assert [records[n]["type"] for n in begins] == ["planning_started", "run_started"]
    for part in (records[: begins[1]], records[begins[1] :]):
        assert [r["seq"] for r in part] == list(range(1, len(part) + 1))
        assert len({r["run"] for r in part}) == 1
    assert records[-1]["type"] == "run_finished"
    assert leftovers() == []


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--run", "--headless"), "nobody can be asked"),
        (("--events", "-"), "both go to standard output"),
        (("--events", "-", "--json", "-o", "p.toml"), "both go to standard output"),
        (("--tools", "read_fil"), "did you mean read_file?"),
        (("--detach",), "none was asked for"),
        (("--max-usd", "1", "--model", "claude-of-nobody"), "no price is known"),
    ],
)
def test_flags_that_cannot_be_followed_are_refused_before_anything_is_asked(
    workspace: Path, capsys: pytest.CaptureFixture[str], flags: tuple[str, ...], why: str
) -> None:
    assert plan(GOAL, *flags) == 2
    said = capsys.readouterr()
    assert why in said.err
    assert "Planning with" not in said.err
    assert said.out == ""


def test_events_go_to_standard_output_where_the_plan_does_not(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(GOAL, "--events", "-", "-o", "p.toml", "--tools", "web_fetch,read_file") == 0
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert records[0]["tools"] == ["web_fetch", "read_file"]
    assert records[-1]["type"] == "plan_proposed"


def test_a_goal_is_read_from_standard_input(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("Compare\nthe documents\n"))
    assert plan("-", "-o", "p.toml") == 0
    assert load_plan(Path("p.toml")).goal == "Compare\nthe documents"


def test_a_planning_is_told_in_the_language_that_was_chosen(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with speaking(NullTranslations()):
        assert plan(GOAL, "--lang", "pt_BR", "-o", "p.toml") == 0
    said = capsys.readouterr().err
    assert "Ele escreve ondas e subtarefas." in said
    assert "5 subtarefas em 3 ondas. O planejamento usou" in said


def test_an_empty_goal_is_refused(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan("  ") == 2
    assert "the goal is empty" in capsys.readouterr().err


def test_no_key_is_77(
    workspace: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOME", str(workspace / "docs"))
    assert main(["plan", GOAL]) == 77
    assert "ANTHROPIC_API_KEY" in capsys.readouterr().err


def test_no_valid_plan_is_78_with_the_place_of_the_answers_and_starts_nothing(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(ordered("never"), "--run", "--yes", "--headless", "-o", "p.toml") == 78
    said = capsys.readouterr().err
    assert "asked to repair them, 2 of 2" in said
    (folder,) = leftovers()
    assert f"kept in {folder}" in said
    assert not Path("p.toml").exists()
    assert runs() == []


def test_what_a_hostile_model_wrote_reaches_no_terminal(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(ordered("hostile"), "--allow-commands") == 78
    assert "\x1b" not in capsys.readouterr().err


def test_commands_are_only_written_where_that_is_allowed_and_then_shown_in_full(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(ordered("commands")) == 78
    assert "kind 'command' is not allowed" in capsys.readouterr().err
    assert plan(ordered("commands"), "--allow-commands", "--run", "--yes", "--headless") == 0
    said = capsys.readouterr().err
    assert "greet: echo 'greetings from a command'" in said
    assert said.index("greetings") < said.index("begins")


def test_what_failed_is_planned_anew_and_what_is_done_is_taken_over(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_broken(workspace) == 100
    assert main(["replan", "last", "--run", "--yes", "--headless"]) == 0
    first, second = runs()
    assert ends(second) == {"good": Status.CACHED, "rest-report": Status.SUCCEEDED}
    assert read_meta(second).resumed_from == first.run
    said = capsys.readouterr().err
    assert "new: 1 (rest-report)" in said
    assert "gone: 2 (bad, later)" in said
    assert '-id = "bad"' in said
    assert load_plan(second.path / "plan.toml").name == "trial"
    assert leftovers() == []


def test_a_new_plan_of_the_rest_can_be_written_and_resumed_with(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_broken(workspace)
    assert main(["replan", "last", "-o", "rest.toml"]) == 0
    (run,) = runs()
    assert f"luna-tui resume {run.run} --plan rest.toml" in capsys.readouterr().err
    assert main(["resume", run.run, "--plan", "rest.toml", "--headless", "--yes"]) == 0
    assert ends(runs()[-1])["good"] is Status.CACHED


def test_a_run_that_is_done_has_nothing_to_plan_anew(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(GOAL, "--run", "--yes", "--headless") == 0
    capsys.readouterr()
    assert main(["replan", "last"]) == 0
    said = capsys.readouterr()
    assert "everything is done" in said.err
    assert said.out == ""


def test_a_plan_that_says_replan_is_planned_anew_by_itself(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_broken(workspace, "--events", "ev.ndjson", on_failure="replan") == 0
    assert [list(ends(run)) for run in runs()] == [["good", "bad", "later"], ["good", "rest-report"]]
    types = [json.loads(line)["type"] for line in Path("ev.ndjson").read_text().splitlines()]
    assert [t for t in types if t in ("run_started", "planning_started", "run_finished")] == [
        "run_started", "run_finished", "planning_started", "run_started", "run_finished",
    ]  # fmt: skip
    said = capsys.readouterr().err
    assert "wave one did not succeed and the plan says replan" in said
    assert "planned anew, 1 of 2" in said


def test_it_is_planned_anew_twice_at_most(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    goal = GOAL + "\\nsimulate: plan=failing"
    assert run_broken(workspace, "--set", "run.retries=0", on_failure="replan", goal=goal) == 100
    assert len(runs()) == 3
    assert re.findall(r"planned anew, (\d) of 2", capsys.readouterr().err) == ["1", "2"]


def test_without_a_new_plan_the_run_ends_as_it_ended(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    goal = GOAL + "\\nsimulate: plan=never"
    assert run_broken(workspace, on_failure="replan", goal=goal) == 100
    assert len(runs()) == 1
    assert "no plan: the model wrote no valid plan" in capsys.readouterr().err


def test_a_run_that_says_stop_is_never_planned_anew_by_itself(workspace: Path) -> None:
    assert run_broken(workspace, on_failure="stop") == 100
    assert len(runs()) == 1


def test_all_runs_of_a_goal_share_one_budget(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("luna-tui.toml").write_text('[prices."claude-haiku-5-5"]\ninput = 1.0\noutput = 5.0\n')
    assert run_broken(workspace, "--budget", "0.010", on_failure="replan") == 100
    said = capsys.readouterr().err
    assert "planned anew, 1 of 2" in said
    assert "would exceed the budget of" in said
    assert len(runs()) == 1


def test_a_planning_that_took_what_was_left_of_the_budget_is_run_by_nobody(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dear:
        cost_usd = 0.5
        discarded = False

        def discard(self) -> None:
            self.discarded = True

    assert run_broken(workspace) == 100
    config = replace(
        load_config(explicit=None, cwd=workspace, environ={}, flags={"run.provider": "simulator"}),
        budget_usd=0.4,
    )
    dear = Dear()
    found = _rest_of(Namespace(workspace=None), config, runs()[-1], lambda request: cast(Proposal, dear))
    assert found is None
    assert dear.discarded
    assert "nothing is left of the budget" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_ends_a_planning_and_leaves_nothing(
    workspace: Path, number: signal.Signals, code: int
) -> None:
    argv = ["plan", ordered("slow"), "--provider", "simulator", "--events", "-", "-o", "p.toml"]
    child = subprocess.Popen(
        [sys.executable, "-m", "luna_tui", *argv],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    for line in child.stdout:
        if json.loads(line)["type"] == "phase_started":
            break
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    assert child.returncode == code, err
    assert json.loads(out.splitlines()[-1])["type"] == "planning_cancelled"
    assert "nothing was started" in err
    assert leftovers() == []
    assert not Path("p.toml").exists()
