"""A whole run through a storm of 529 answers, in compressed time, saved by a person who retries."""

from __future__ import annotations

import threading
from pathlib import Path

import anthropic
from engine.commands_support import same

from luna_tui.core.errors import ExitCode
from luna_tui.core.events import RetryRequested, SubtaskFinished
from luna_tui.core.limits import Limits
from luna_tui.core.outcome import exit_code
from luna_tui.core.state import fold
from luna_tui.core.words import Status
from luna_tui.engine.clock import ScaledClock
from luna_tui.session import LiveSession, SimulatorChoice
from luna_tui.simulator.faults import Fault, FaultKind
from luna_tui.simulator.settings import SimulatorSettings
from luna_tui.storage.config import load_config
from luna_tui.storage.journal import read_journal
from luna_tui.storage.plans import load_plan

HEAD = """
[plan]
name = "storm"
[defaults]
timeout = 60
[[wave]]
name = "all"
timeout = 0
[[wave.subtask]]
id = "long"
timeout = 0
prompt = "simulate: output=100 seconds=450 first=2\\nThis one began before the storm."
"""
AFTER = """
[[wave]]
name = "sum"
[[wave.subtask]]
id = "sum"
depends_on = ["s0", "s1", "s2", "s3", "s4", "s5"]
prompt = "simulate: output=5 seconds=1 first=1"
"""
STORM = Fault(kind=FaultKind.OVERLOADED, match="caught by the storm", lasts=200.0, times=0)
LOST = (Status.FAILED, Status.TIMED_OUT)


def caught(number: int) -> str:
    order = f"simulate: output=20 seconds=5 first=1\\nNumber {number}, caught by the storm."
    return f'[[wave.subtask]]\nid = "s{number}"\nprompt = "{order}"\n'


def test_what_a_storm_made_fail_is_tried_again_by_command_and_the_run_ends_well(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    path.write_text(HEAD + "".join(map(caught, range(6))) + AFTER, encoding="utf-8")
    config = load_config(explicit=None, cwd=tmp_path, environ={}, flags={"run.provider": "simulator"})
    assert anthropic, "loaded before the clock runs"
    service = SimulatorSettings(limits=Limits(1_000, 1_000_000, 200_000), faults=(STORM,))
    session = LiveSession(
        load_plan(path), config, simulator=SimulatorChoice(settings=service), clock=ScaledClock(90.0)
    )
    session.warm()
    run = threading.Thread(target=session.run, daemon=True)
    run.start()
    while not session.ended.wait(0.02):
        failed = [s.id for s in session.state().subtasks.values() if s.status in LOST]
        if failed:
            session.control.retry(failed, by="user")
    run.join(10)
    state = session.state()
    assert exit_code(state) is ExitCode.OK
    assert {s.status for s in state.subtasks.values()} == {Status.SUCCEEDED}
    records = read_journal(session.run_dir.path).records
    ends = [r.event for r in records if isinstance(r.event, SubtaskFinished)]
    assert [e.subtask for e in ends if e.status in LOST], "the storm lasted longer than their time"
    assert [e.subtask for e in ends if e.status is Status.SKIPPED].count("sum") >= 1
    asked = [r.event for r in records if isinstance(r.event, RetryRequested)]
    assert asked
    assert all(set(e.requeued) >= set(e.subtasks) for e in asked)
    same(state, fold(records))
    session.save_report()
    kept = sorted(p.name for p in session.run_dir.outputs.iterdir())
    last = {s.id: s.tries[-1].number for s in state.subtasks.values()}
    assert {f"{i}.{number}.txt" for i, number in last.items()} <= set(kept)
