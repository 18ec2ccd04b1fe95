"""A whole session on a clock that runs faster."""

from __future__ import annotations

import time
from pathlib import Path

import anthropic
import pytest

from luna_tui.core.limits import Limits
from luna_tui.core.words import RunStatus
from luna_tui.engine.clock import ScaledClock
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.storage.config import load_config
from luna_tui.storage.plans import load_plan

ROUNDS = """
[plan]
name = "rounds"
[defaults]
timeout = 600
[[wave]]
name = "all"
"""


def one(number: int) -> str:
    order = f"simulate: output=60 seconds=30 first=2\\nNumber {number}."
    return f'[[wave.subtask]]\nid = "s{number:02d}"\nprompt = "{order}"\n'


def test_limits_latencies_and_reports_are_in_one_time(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(ROUNDS + "".join(map(one, range(20))), encoding="utf-8")
    config = load_config(
        explicit=None,
        cwd=tmp_path,
        environ={},
        flags={"run.provider": "simulator", "run.workers": 10},
    )
    assert anthropic, "loaded before the clock runs"
    choice = SimulatorChoice(settings=SimulatorSettings(limits=Limits(40, 100_000, 50_000)))
    session = LiveSession(load_plan(path), config, simulator=choice, clock=ScaledClock(60.0))
    began = time.monotonic()
    assert session.run() is RunStatus.SUCCEEDED
    took_s = time.monotonic() - began
    state = session.state()
    assert state.finished is not None
    assert 1.0 <= took_s < 4.0, "two rounds of 30 s at speed 60, and what starting costs"
    assert state.finished.wall_s == pytest.approx(took_s * 60, rel=0.2)
    assert 60 <= state.finished.wall_s < 240
    assert all(30 <= s.duration_s < 100 for s in state.subtasks.values() if s.duration_s is not None)
