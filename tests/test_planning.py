"""A planning from goal to proposal: what the model may do wrong, and what becomes of it."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
from planning_support import Told, documents, ordered, planned, planning

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.planning import (
    Phase,
    PhaseFinished,
    PhaseStarted,
    PlanningCancelled,
    PlanningFailed,
    PlanningRecord,
    PlanningRequestFailed,
    PlanningStarted,
    PlanProposed,
    PlanRepaired,
    planning_line,
)
from luna_tui.core.prices import Price
from luna_tui.core.words import ErrorKind
from luna_tui.session.planning import Planning, PlanRequest
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.planning import PLANS
from luna_tui.storage.config import Config
from luna_tui.storage.paths import state_dir
from luna_tui.storage.plans import load_plan

PRICED = Config(provider="simulator", prices={"claude-haiku-5-5": Price(input=1.0, output=5.0)})
PHASES = list(Phase)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    return documents(tmp_path)


def kept() -> list[Path]:
    """Files that plannings left."""
    return sorted(p for p in (state_dir() / "plans").rglob("*") if p.is_file())


def failure(workspace: Path, word: str, code: ExitCode) -> tuple[LunaError, PlanningFailed, Told]:
    told = Told()
    with pytest.raises(LunaError) as caught:
        planning(workspace, ordered(word) if word in PLANS else word).run(told)
    assert caught.value.code is code
    (failed,) = told.all(PlanningFailed)
    assert told.records[-1].event is failed
    return caught.value, failed, told


def test_a_goal_becomes_a_plan_in_waves_that_passes_every_check(workspace: Path, tmp_path: Path) -> None:
    proposal, told = planned(workspace)
    assert [len(w.subtasks) for w in proposal.plan.waves] == [2, 2, 1]
    assert proposal.plan.goal == "Compare the documents"
    assert proposal.plan.waves[0].subtasks[0].files == ("docs/faq.md",)
    path = tmp_path / "written.toml"
    path.write_text(proposal.toml())
    assert replace(load_plan(path), source="") == replace(proposal.plan, source="")
    (started,), (proposed,) = told.all(PlanningStarted), told.all(PlanProposed)
    assert (started.workspace, started.model) == (str(workspace), "claude-haiku-5-5")
    assert (proposed.waves, proposed.subtasks, proposed.repairs) == (3, 5, 0)
    assert proposed.output_tokens > 100


def test_phases_are_told_in_their_order_and_each_ends_before_the_next(workspace: Path) -> None:
    _, told = planned(workspace)
    turns = [e for e in (r.event for r in told.records) if isinstance(e, PhaseStarted | PhaseFinished)]
    assert [(type(t), t.phase) for t in turns] == [
        (k, p) for p in PHASES for k in (PhaseStarted, PhaseFinished)
    ]
    tokens = {e.phase: e.tokens for e in told.all(PhaseFinished)}
    assert tokens[Phase.DECOMPOSITION] > tokens[Phase.STRATEGY] > 0 == tokens[Phase.VALIDATION]


def test_records_have_the_shape_of_those_of_a_run(workspace: Path) -> None:
    _, told = planned(workspace)
    lines = [json.loads(planning_line(r)) for r in told.records]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))
    assert {line["v"] for line in lines} == {1}
    assert len({line["run"] for line in lines}) == 1
    assert lines[0]["type"] == "planning_started"
    assert lines[-1]["type"] == "plan_proposed"
    assert [line["at"] for line in lines] == sorted(line["at"] for line in lines)


def test_a_proposal_that_is_discarded_leaves_nothing(workspace: Path) -> None:
    proposal, _ = planned(workspace)
    assert [p.name for p in kept()] == ["plan.toml"]
    proposal.discard()
    assert kept() == []


def test_the_file_names_its_workspace_only_where_it_is_another_folder(
    workspace: Path, tmp_path: Path
) -> None:
    proposal, _ = planned(workspace)
    assert "workspace" not in proposal.toml(workspace)
    assert f'workspace = "{workspace}"' in proposal.toml(tmp_path)


@pytest.mark.parametrize(("word", "repairs"), [("invalid_once", 1), ("invalid_twice", 2)])
def test_a_plan_with_mistakes_is_repaired(workspace: Path, word: str, repairs: int) -> None:
    proposal, told = planned(workspace, ordered(word))
    assert proposal.repairs == repairs
    found = told.all(PlanRepaired)
    assert [r.round for r in found] == list(range(1, repairs + 1))
    assert any("depends on nobody, which does not exist" in p for p in found[0].problems)
    assert all(p.startswith("line ") for p in found[0].problems)
    assert {e.round for e in told.all(PhaseStarted)} == set(range(repairs + 1))


def test_a_plan_that_never_becomes_valid_is_78_and_every_answer_is_kept_for_its_owner(
    workspace: Path,
) -> None:
    error, failed, told = failure(workspace, "never", ExitCode.INVALID)
    assert len(told.all(PlanRepaired)) == 2
    assert [p.name for p in kept()] == ["answer-1.json", "answer-2.json", "answer-3.json", "plan.toml"]
    assert {stat.S_IMODE(p.stat().st_mode) for p in kept()} == {0o600}
    assert failed.raw_file == str(kept()[2])
    assert str(kept()[0].parent) in error.hint
    assert "decomposition" in json.loads(kept()[0].read_text())
    assert "depends on nobody" in error.message
    assert failed.problems


def test_an_answer_that_is_cut_is_asked_for_again_and_then_given_up(workspace: Path) -> None:
    error, failed, told = failure(workspace, "cut", ExitCode.INVALID)
    assert "cut off" in error.message
    assert [e.error_kind for e in told.all(PlanningRequestFailed)] == [ErrorKind.MAX_TOKENS] * 3
    assert Path(failed.raw_file).read_text().startswith('{"analysis"')


def test_a_plan_without_subtasks_is_no_plan(workspace: Path) -> None:
    error, _, _ = failure(workspace, "empty", ExitCode.INVALID)
    assert "the plan has no subtasks" in error.message


def test_prose_instead_of_the_form_that_was_asked_for_is_no_plan(workspace: Path) -> None:
    error, failed, _ = failure(workspace, "prose", ExitCode.INVALID)
    assert "not the JSON object" in error.message
    assert "people who know the work" in Path(failed.raw_file).read_text()


def test_a_refusal_is_not_asked_again(workspace: Path) -> None:
    error, _, told = failure(workspace, "Compare\nsimulate: stop=refusal", ExitCode.INVALID)
    assert "refused" in error.message
    assert told.all(PlanRepaired) == []


def test_a_hostile_plan_gets_nowhere_and_is_told_without_what_a_terminal_obeys(workspace: Path) -> None:
    error, failed, _ = failure(workspace, "hostile", ExitCode.INVALID)
    said = error.message + "".join(failed.problems)
    assert "\x1b" not in said
    assert "tool 'run_command' cannot be granted" in said
    assert "kind 'command' is not allowed here" in said
    assert "kind 'python' is not allowed here" in said
    assert "'../../etc/cron.d/x' is no id" in said
    assert "lies outside the workspace" in said


def test_a_429_is_waited_for_and_told(workspace: Path) -> None:
    fault = Fault(kind=FaultKind.RATE_LIMIT, retry_after=0.05)
    proposal, told = planned(workspace, faults=(fault,))
    assert proposal.repairs == 0
    (failed,) = told.all(PlanningRequestFailed)
    assert (failed.error_kind, failed.will_retry) == (ErrorKind.RATE_LIMITED, True)


def test_phases_of_an_answer_that_broke_off_are_told_anew(workspace: Path) -> None:
    fault = Fault(kind=FaultKind.CUT, after=6)
    _, told = planned(workspace, faults=(fault,))
    assert [p.phase for p in told.all(PhaseStarted)].count(Phase.ANALYSIS) == 2
    assert [p.phase for p in told.all(PhaseFinished)][-4:] == PHASES


def test_a_key_that_is_refused_is_77(workspace: Path) -> None:
    told = Told()
    with pytest.raises(LunaError) as caught:
        planning(workspace, faults=(Fault(kind=FaultKind.AUTH),)).run(told)
    assert caught.value.code is ExitCode.CREDENTIALS
    assert kept() == []


def test_no_key_is_77_before_anything_is_asked(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(workspace))
    with pytest.raises(LunaError) as caught:
        Planning(PlanRequest(goal="x", workspace=workspace / "docs"), Config())
    assert caught.value.code is ExitCode.CREDENTIALS


def test_a_budget_that_one_request_would_exceed_holds_it_back(workspace: Path) -> None:
    told = Told()
    with pytest.raises(LunaError) as caught:
        planning(workspace, config=PRICED, budget_usd=0.001).run(told)
    assert caught.value.code is ExitCode.STOPPED_EARLY
    assert "0.0010 USD" in caught.value.message
    assert told.all(PhaseStarted) == []


def test_repairs_are_paid_from_the_same_budget(workspace: Path) -> None:
    proposal, told = planned(workspace, ordered("invalid_once"), config=PRICED, budget_usd=0.05)
    assert proposal.cost_usd is not None
    first, _ = planned(workspace, config=PRICED)
    assert first.cost_usd is not None
    assert proposal.cost_usd > 1.5 * first.cost_usd
    # One request is estimated at 0.016 USD and costs 0.003.
    with pytest.raises(LunaError) as caught:
        planning(workspace, ordered("never"), config=PRICED, budget_usd=0.018).run(told)
    assert caught.value.code is ExitCode.STOPPED_EARLY


def test_a_planning_that_is_cancelled_ends_at_once_and_leaves_nothing(workspace: Path) -> None:
    told = Told()
    slow = planning(workspace, ordered("slow"), speed=1.0)

    def cancel_soon(record: PlanningRecord) -> None:
        told(record)
        if isinstance(record.event, PhaseStarted):
            Thread(target=slow.cancel, daemon=True).start()

    with pytest.raises(LunaError) as caught:
        slow.run(cancel_soon)
    assert caught.value.code is ExitCode.INTERRUPTED
    assert told.all(PlanningCancelled) == [PlanningCancelled(by="user")]
    assert kept() == []


def test_a_planning_that_is_cancelled_before_it_runs_asks_nothing(workspace: Path) -> None:
    told = Told()
    early = planning(workspace)
    early.cancel()
    with pytest.raises(LunaError) as caught:
        early.run(told)
    assert caught.value.code is ExitCode.INTERRUPTED
    assert told.all(PhaseStarted) == []
