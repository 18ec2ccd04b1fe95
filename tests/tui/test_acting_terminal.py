"""On a real terminal, engine and simulator: every acting key leaves one event that says who asked."""

from __future__ import annotations

import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from tui.test_terminal import LEAVE_SCREEN, Terminal

from luna_tui.core.events import (
    BudgetChanged,
    CancelRequested,
    Detached,
    Event,
    ModeChanged,
    RetryRequested,
    RunFinished,
    RunPaused,
    RunResumed,
    SkipRequested,
    SubtaskFinished,
    WorkersChanged,
)
from luna_tui.core.words import Manner, Mode, Scope, Status
from luna_tui.storage.journal import read_journal

PLAN = """
[plan]
name = "acting"
[[wave]]
name = "long"
{long}
[[wave.subtask]]
id = "bad"
title = "fails"
kind = "command"
shell = true
retries = 0
command = "exit 3"
[[wave]]
name = "after"
[[wave.subtask]]
id = "next"
title = "needs the first"
depends_on = ["s1", "bad"]
prompt = "Sum up."
"""
SUBTASK = """
[[wave.subtask]]
id = "s{n}"
title = "stream {n}"
prompt = '''Say something long.
simulate: output=400 seconds={seconds} first=0.2'''
"""


def started(folder: Path, *, seconds: float = 100.0) -> Terminal:
    """A run of three streams, a command that fails, and what needs it, on the screen."""
    plan = folder / "plan.toml"
    plan.write_text(PLAN.format(long="".join(SUBTASK.format(n=n, seconds=seconds) for n in (1, 2, 3))))
    terminal = Terminal(
        sys.executable, "-m", "luna_tui", "run", str(plan), "--provider", "simulator", "--workers", "4"
    )
    terminal.read_until(b"1 failed")
    terminal.read_until(b"stream 3")
    return terminal


def ended(terminal: Terminal, folder: Path) -> list[Event]:
    """All events, after the run was ended by a signal."""
    terminal.terminate()
    return events(folder)


def events(folder: Path) -> list[Event]:
    (journal,) = folder.glob("state/**/journal*.ndjson")
    return [record.event for record in read_journal(journal).records]


def of(found: list[Event], kind: type[Any]) -> list[Any]:
    return [e for e in found if isinstance(e, kind)]


def press(terminal: Terminal, *steps: tuple[bytes, bytes]) -> None:
    """Send keys, and wait for what has to appear after each."""
    for keys, wanted in steps:
        terminal.seen = b""
        terminal.send(keys)
        terminal.read_until(wanted)


def test_p_pauses_and_goes_on(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"p", b"u takes it back"), (b"p", b"Admission goes on"))
    found = ended(terminal, tmp_path)
    assert [e.by for e in of(found, RunPaused)] == ["user"]
    assert [e.by for e in of(found, RunResumed)] == ["user"]


def test_m_changes_the_mode_and_u_takes_it_back(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"m", b"how much of the limits"), (b"a", b"Mode aggressive"), (b"u", b"Taken back"))
    found = of(ended(terminal, tmp_path), ModeChanged)
    assert [(e.by, e.to) for e in found] == [("user", Mode.AGGRESSIVE), ("user", Mode.BALANCED)]


def test_w_changes_the_workers_to_a_number_the_table_and_what_the_limits_give(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"w", b"Workers"), (b"7\r", b"Workers 7."))
    press(terminal, (b"w", b"Workers"), (b"t\r", b"Workers table."))
    press(terminal, (b"w", b"Workers"), (b"a\r", b"Workers auto."))
    found = of(ended(terminal, tmp_path), WorkersChanged)
    assert [(e.by, e.from_, e.to, e.automatic) for e in found] == [
        ("user", 4, 7, False),
        ("user", 7, 15, False),
        ("user", 15, 256, True),
    ]


def test_b_changes_the_budget(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"b", b"Budget in USD"), (b"12.50\r", b"Budget $12.50"), (b"u", b"without a cap again"))
    found = of(ended(terminal, tmp_path), BudgetChanged)
    assert [(e.by, e.to) for e in found] == [("user", 12.5), ("user", None)]


def test_r_stops_what_runs_and_starts_it_again(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"r", b"starts again"), (b"r", b"1 is tried again"))
    (found,) = of(ended(terminal, tmp_path), RetryRequested)
    assert (found.by, found.subtasks, found.prompt) == ("user", ("s1",), None)


def test_a_failed_subtask_is_tried_again_with_what_was_skipped_for_want_of_it(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b":retry failed\r", b"Retry 1 subtask"), (b"\r", b"1 is tried again"))
    found = ended(terminal, tmp_path)
    (retried,) = of(found, RetryRequested)
    assert (retried.by, retried.subtasks, retried.requeued) == ("user", ("bad",), ("bad", "next"))


def test_i_skips_what_runs(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"i", b"Skip 1 subtask"), (b"i", b"1 skipped"))
    found = ended(terminal, tmp_path)
    assert [(e.by, e.subtasks) for e in of(found, SkipRequested)] == [("user", ("s1",))]
    assert Status.SKIPPED in [e.status for e in of(found, SubtaskFinished) if e.subtask == "s1"]


def test_e_sends_another_prompt_as_a_new_try(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"e", b"Edit the prompt"), (b"\rMore.", b"More."))
    press(terminal, (b"\x1b", b"send it: try 2"), (b"\r", b"Sent as a new try"))
    (found,) = of(ended(terminal, tmp_path), RetryRequested)
    assert (found.by, found.subtasks) == ("user", ("s1",))
    assert found.prompt == "Say something long.\nsimulate: output=400 seconds=100.0 first=0.2\nMore."


def test_x_ends_one_subtask_and_the_others_go_on(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    press(terminal, (b"x", b"nothing has been stopped yet"), (b"s", b"Ending it now"))
    found = ended(terminal, tmp_path)
    asked = of(found, CancelRequested)[0]
    assert (asked.by, asked.scope, asked.manner, asked.subtask) == ("user", Scope.SUBTASK, Manner.NOW, "s1")
    assert [e.status for e in of(found, SubtaskFinished) if e.subtask == "s1"] == [Status.CANCELLED]


@pytest.mark.parametrize("keys", [b"d", b"qd"], ids=["d", "q, d"])
def test_the_terminal_is_given_back_and_the_run_goes_on_to_its_end(tmp_path: Path, keys: bytes) -> None:
    terminal = started(tmp_path, seconds=5.0)
    program = os.pidfd_open(terminal.program)
    for key in keys:
        terminal.send(bytes([key]))
    terminal.read_until(b"The run goes on; come back with: luna-tui attach ")
    assert terminal.finish() == 75
    assert LEAVE_SCREEN in terminal.seen
    assert select.select([program], [], [], 20)[0], "the run did not end"
    os.close(program)
    found = events(tmp_path)
    assert of(found, CancelRequested) == []
    assert sorted(e.subtask for e in of(found, SubtaskFinished) if e.status is Status.SUCCEEDED) == [
        "s1", "s2", "s3",
    ]  # fmt: skip
    assert [e.by for e in of(found, Detached)] == ["user"]
    assert len(of(found, RunFinished)) == 1
    assert list(tmp_path.glob("state/**/report.json"))


def test_sigterm_ends_a_run_that_was_left(tmp_path: Path) -> None:
    terminal = started(tmp_path)
    pid = terminal.program
    program = os.pidfd_open(pid)
    terminal.send(b"d")
    assert terminal.finish() == 75
    os.kill(pid, signal.SIGTERM)
    while not of(events(tmp_path), CancelRequested):
        assert not select.select([program], [], [], 0.4)[0]
    os.kill(pid, signal.SIGTERM)
    assert select.select([program], [], [], 20)[0], "the run did not end"
    os.close(program)
    found = events(tmp_path)
    assert [(e.by, e.manner) for e in of(found, CancelRequested)] == [
        ("SIGTERM", Manner.FINISH), ("SIGTERM", Manner.NOW),
    ]  # fmt: skip
    assert len(of(found, RunFinished)) == 1
