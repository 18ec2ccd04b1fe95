"""`bench`: what it measures, prints, draws and leaves behind."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from luna_tui.commands.bench_cases import BenchOptions, local_plan, make_case, simulated_rows
from luna_tui.commands.bench_runs import Laboratory, Stopped, passing_folder
from luna_tui.core.workloads import WORKLOADS
from luna_tui.storage.config import Config
from luna_tui.storage.paths import runs_dir

CONFIG = replace(Config(), provider="simulator")
TINY = replace(WORKLOADS[0], count=4, mean_s=2.0, output_tokens=40, first_s=0.2, title="four")
FAST = BenchOptions(speed=40.0, workers=4)


@pytest.fixture(autouse=True)
def own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "state" / "luna-tui"


def test_a_workload_is_run_on_one_worker_and_in_parallel_through_the_whole_program() -> None:
    said: list[str] = []
    with passing_folder():
        [row] = simulated_rows([TINY], replace(FAST, repeat=2), CONFIG, Laboratory(CONFIG), said.append)
    longest_s = max(item.seconds for item in make_case(TINY, FAST).items)
    assert (row.count, row.workers, row.failed, row.throttled) == (4, 4, 0, 0)
    assert len(row.sequential_s) == len(row.parallel_s) == 2
    assert row.bound.name == "longest subtask"
    assert min(row.parallel_s) >= longest_s - 0.01
    assert min(row.sequential_s) >= 8.0 - 0.01
    assert sum("one worker" in line for line in said) == 2


def test_runs_of_a_benchmark_are_not_kept(own_state: Path) -> None:
    with passing_folder():
        simulated_rows([TINY], FAST, CONFIG, Laboratory(CONFIG), lambda _: None)
        assert list(runs_dir().iterdir())
    assert runs_dir() == own_state / "runs"
    assert list(own_state.iterdir()) == []


def test_a_stopped_laboratory_starts_nothing() -> None:
    laboratory = Laboratory(CONFIG)
    laboratory.stop()
    with passing_folder(), pytest.raises(Stopped):
        simulated_rows([TINY], FAST, CONFIG, laboratory, lambda _: None)


def test_estimates_are_exact_rough_or_none() -> None:
    exact = make_case(TINY, FAST)
    assert exact.guesses_s == tuple(item.seconds for item in exact.items)
    rough = make_case(TINY, replace(FAST, estimates="rough"))
    assert rough.items == exact.items
    assert rough.guesses_s is not None
    assert rough.guesses_s != exact.guesses_s
    assert make_case(TINY, replace(FAST, estimates="none")).guesses_s is None


def test_local_work_is_cpu_time_in_commands() -> None:
    plan = local_plan([0.01, 0.02])
    assert [s.command[0] for s in plan.subtasks()] == [sys.executable] * 2
    assert ["0.020" in s.command[-1] for s in plan.subtasks()] == [False, True]


def test_the_command_prints_data_and_draws(tmp_path: Path) -> None:
    done = _bench("--only", "local", "--quick", "--json", "--svg", str(tmp_path / "b.svg"))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [row["name"] for row in told["rows"]] == ["local"]
    assert "CPU-bound" in told["rows"][0]["title"]
    assert told["rows"][0]["claimed"] is None
    ElementTree.parse(tmp_path / "b.svg")


def test_a_folder_that_is_missing_is_told_before_anything_runs(tmp_path: Path) -> None:
    done = _bench("--svg", str(tmp_path / "no" / "b.svg"))
    assert (done.returncode, done.stdout) == (2, "")


def test_ctrl_c_ends_quietly_and_leaves_nothing_behind(own_state: Path) -> None:
    command = [sys.executable, "-m", "luna_tui", "bench", "--only", "batch"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert process.stdout is not None
        while "one worker" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert list(own_state.iterdir()) == []


def _bench(*argv: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "luna_tui", "bench", *argv]
    return subprocess.run(command, capture_output=True, text=True, check=False)
