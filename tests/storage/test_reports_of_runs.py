"""What stays of a run: its start, its plan, its report."""

from __future__ import annotations

import errno
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Status
from luna_tui.storage.disk import Disk
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import create_run
from luna_tui.storage.reports import write_report, write_start

DEMO = Path(__file__).parents[1] / "journals" / "demo.ndjson"


def demo() -> RunState:
    return fold(read_journal(DEMO).records)


def plan_in(folder: Path, text: str = "[plan]\n") -> Plan:
    source = folder / "p.toml"
    source.write_text(text)
    waves = (Wave(name="w", subtasks=(Subtask(id="a", title="a"),)),)
    return Plan(name="p", waves=waves, workspace=str(folder), source=str(source))


def test_the_start_is_kept_with_the_plan_as_it_ran(tmp_path: Path) -> None:
    run_dir, plan = create_run("r"), plan_in(tmp_path, "[plan]\n# é\n")
    write_start(run_dir, plan, version="1.2", started_at="2026-01-02T03:04:05Z")
    meta = json.loads((run_dir.path / "run.json").read_text())
    kept = (run_dir.path / "plan.toml").read_bytes()
    assert kept == Path(plan.source).read_bytes()
    assert meta["plan_sha256"] == hashlib.sha256(kept).hexdigest()
    assert (meta["run"], meta["version"], meta["started_at"]) == ("r", "1.2", "2026-01-02T03:04:05Z")
    for name in ("run.json", "plan.toml"):
        assert (run_dir.path / name).stat().st_mode & 0o777 == 0o600


def test_a_plan_that_vanished_is_a_sentence(tmp_path: Path) -> None:
    plan = plan_in(tmp_path)
    Path(plan.source).unlink()
    with pytest.raises(LunaError, match="no such file") as caught:
        write_start(create_run("r"), plan, version="1", started_at="")
    assert caught.value.code is ExitCode.INVALID


class FullDisk(Disk):
    """Takes nothing."""

    def write(self, descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_is_full_is_a_sentence_and_an_exit_code(tmp_path: Path) -> None:
    run_dir = create_run("r")
    with pytest.raises(LunaError, match="the disk is full") as caught:
        write_start(run_dir, plan_in(tmp_path), version="1", started_at="", disk=FullDisk())
    assert caught.value.code is ExitCode.NOT_SAVED
    with pytest.raises(LunaError, match="the disk is full"):
        write_report(run_dir, demo(), FullDisk())
    assert not (run_dir.path / "report.json").exists()


def test_the_report_is_written_twice_over_itself_and_is_json() -> None:
    run_dir = create_run("r")
    write_report(run_dir, demo())
    write_report(run_dir, demo())
    assert json.loads((run_dir.path / "report.json").read_text()) == report_data(demo())
    assert (run_dir.path / "report.md").read_text() == report_markdown(demo())
    assert not list(run_dir.path.glob(".*"))


def test_the_figures_of_the_report_agree_with_each_other() -> None:
    data = report_data(demo())
    assert sum(data["counts"].values()) == len(data["subtasks"]) == sum(w["subtasks"] for w in data["waves"])
    assert data["sum_s"] == pytest.approx(sum(s["duration_s"] for s in data["subtasks"]), abs=0.01)
    assert data["speedup"] == pytest.approx(data["sum_s"] / data["wall_s"], rel=1e-4)
    assert 0 < data["critical"]["seconds"] <= data["bound_s"] + 1e-6
    assert data["bound_s"] <= data["wall_s"]
    assert set(data["critical"]["path"]) <= {s["id"] for s in data["subtasks"]}


def test_a_run_that_did_not_end_has_a_report_too() -> None:
    records = read_journal(DEMO).records
    for count in (0, 1, 2, len(records) // 2):
        state = fold(records[:count])
        assert json.dumps(report_data(state))
        assert "Measured" not in report_markdown(state)


def test_failures_stand_with_their_reason_and_no_text_breaks_the_table() -> None:
    state = demo()
    wave, subtask = next(iter(state.waves.values())), next(iter(state.subtasks.values()))
    wave.name, wave.end_reason = "a|b", "timed out after 120 s"
    subtask.status, subtask.reason = Status.TIMED_OUT, "over 60 s"
    text = report_markdown(state)
    assert f"- `{subtask.id}` timed out: over 60 s" in text
    assert "a\\|b" in text
    assert "timed out after 120 s" in text
    rows = [r for r in text.splitlines() if r.startswith("|")]
    assert {r.replace("\\|", "").count("|") for r in rows} == {6}


def test_an_unknown_price_is_said_and_not_counted_as_nothing() -> None:
    state = demo()
    assert state.finished is not None
    state.finished = replace(state.finished, cost_usd=None)
    assert "cost unknown" in report_markdown(state)
    state.finished = replace(state.finished, cost_usd=1.5)
    state.provider = "anthropic"
    assert "; cost 1.50 USD" in report_markdown(state)
    state.provider = "simulator"
    assert "; would have cost 1.50 USD" in report_markdown(state)
