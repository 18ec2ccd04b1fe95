"""A terminal that is taken away at any moment: the run goes on to its end, and the journal tells both."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from tui.test_terminal import Terminal, plan_of

from luna_tui.core.events import Event, RunFinished, SubtaskFinished, TerminalLost
from luna_tui.core.words import RunStatus, Status
from luna_tui.storage.journal import JournalRead, read_journal

SEED = 20_261_129
CLOSINGS = 50
AT_ONCE = 6
SUBTASKS = 8
LAST = 9
"""The terminal goes at the latest after this event, with subtasks left to run."""
WAYS = ("screen closed", "plain closed", "screen HUP", "plain HUP")
SUBTASK = (
    '[[wave.subtask]]\nid = "s{n}"\nkind = "command"\nshell = true\ncommand = "sleep 0.{n}5; echo {n}"\n'
)


@dataclass(frozen=True, slots=True)
class Loss:
    """How the terminal of one run goes, and after which event."""

    number: int
    way: str
    after: int


def losses() -> list[Loss]:
    rng = random.Random(SEED)
    return [Loss(n, WAYS[n % len(WAYS)], rng.randint(1, LAST)) for n in range(CLOSINGS)]


def wait_for_event(folder: Path, number: int) -> None:
    """Return when so many events are in the journal."""
    end = time.monotonic() + 40
    while sum(p.read_bytes().count(b"\n") for p in folder.glob("luna-tui/runs/*/journal*")) < number:
        assert time.monotonic() < end, f"event {number} did not come"
        time.sleep(0.01)


def journal_of(folder: Path) -> JournalRead:
    (run,) = folder.glob("luna-tui/runs/*")
    return read_journal(run)


def of_type(found: JournalRead, kind: type[Event]) -> list[Event]:
    return [r.event for r in found.records if isinstance(r.event, kind)]


def lose(loss: Loss, plan: Path, state: Path) -> tuple[int, JournalRead]:
    """Run the plan on a terminal that goes; exit code and journal."""
    console, _, how = loss.way.partition(" ")
    argv = ["env", f"XDG_STATE_HOME={state}", sys.executable, "-m", "luna_tui", "run", str(plan)]
    terminal = Terminal(*argv, "--console", console)
    terminal.read_until(b"wave 1", 40)
    wait_for_event(state, loss.after)
    if how == "HUP":
        os.kill(terminal.program, signal.SIGHUP)
        code = terminal.finish(40)
        assert b"Traceback" not in terminal.seen
    else:
        os.close(terminal.master)
        code = terminal.process.wait(40)
    return code, journal_of(state)


@pytest.mark.timeout(240)
def test_runs_survive_the_loss_of_their_terminal_at_any_event(tmp_path: Path) -> None:
    plan = tmp_path / "plan.toml"
    subtasks = "".join(SUBTASK.format(n=n) for n in range(SUBTASKS))
    plan.write_text(f'[plan]\nname = "p"\n[[wave]]\nname = "w"\nmax_workers = 2\n{subtasks}')

    def one(loss: Loss) -> str:
        code, found = lose(loss, plan, tmp_path / f"{loss.number}")
        (finished,) = of_type(found, RunFinished)
        assert isinstance(finished, RunFinished)
        assert (code, finished.status, found.damaged) == (0, RunStatus.SUCCEEDED, ())
        ends = [e for e in of_type(found, SubtaskFinished) if isinstance(e, SubtaskFinished)]
        assert sorted((e.subtask, e.status) for e in ends) == [
            (f"s{n}", Status.SUCCEEDED) for n in range(SUBTASKS)
        ]
        (lost,) = of_type(found, TerminalLost)
        assert isinstance(lost, TerminalLost)
        assert [r.seq for r in found.records] == list(range(1, len(found.records) + 1))
        assert len(list(tmp_path.glob(f"{loss.number}/luna-tui/runs/*/report.json"))) == 1
        return lost.how

    with ThreadPoolExecutor(AT_ONCE) as pool:
        hows = list(pool.map(one, losses()))
    assert {how for loss, how in zip(losses(), hows, strict=True) if loss.way.endswith("HUP")} == {"SIGHUP"}


def test_a_hang_up_with_the_terminal_still_there_leaves_it_in_order(tmp_path: Path) -> None:
    terminal = Terminal("stty", "-a")
    terminal.finish()
    plan = plan_of(tmp_path, "sleep 2")
    shell = f"{sys.executable} -m luna_tui run {plan}; stty -a"
    used = Terminal("bash", "-c", shell)
    used.read_until(b"RUNNING")
    (luna,) = children_of(used.process.pid)
    (program,) = children_of(luna)
    os.kill(program, signal.SIGHUP)
    assert used.finish() == 0
    after = used.seen.rpartition(b"\x1b[?25h")[2]
    for flag in (b" icanon", b" echo ", b" isig", b" icrnl"):
        assert flag in terminal.seen.replace(b"\r\n", b" ")
        assert flag in after.replace(b"\r\n", b" ")


def children_of(pid: int) -> list[int]:
    return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_with_nothing_started_a_hang_up_just_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUNA_TUI_UI_PREFLIGHT", "always")
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, "true"))
    terminal.read_until(b"enter start")
    os.close(terminal.master)
    assert terminal.process.wait(20) == 129
    assert not list(tmp_path.glob("state/luna-tui/runs/*"))


@pytest.mark.parametrize("flags", [("--headless",), ("--console", "plain")], ids=["headless", "plain"])
def test_a_hang_up_of_a_run_without_a_screen_is_not_its_end(tmp_path: Path, flags: tuple[str, ...]) -> None:
    go = tmp_path / "go"
    script = f"while [ ! -e {go} ]; do sleep 0.05; done"
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, script), *flags)
    terminal.read_until(b"begins; ")
    os.close(terminal.master)
    for number in (signal.SIGHUP, signal.SIGHUP):
        os.kill(terminal.program, number)
    wait_for_text(tmp_path / "state", b'"terminal_lost"')
    go.touch()
    assert terminal.process.wait(20) == 0
    found = journal_of(tmp_path / "state")
    assert len(of_type(found, TerminalLost)) == 1
    assert len(of_type(found, RunFinished)) == 1


def wait_for_text(folder: Path, wanted: bytes) -> None:
    end = time.monotonic() + 20
    while not any(wanted in p.read_bytes() for p in folder.glob("luna-tui/runs/*/journal*")):
        assert time.monotonic() < end, f"{wanted!r} did not come"
        time.sleep(0.02)
