"""On a real terminal: the process that waits in front of the program, signals, job control, and --detach."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tui.test_lost_terminals import children_of, journal_of, of_type, wait_for_text
from tui.test_plain_terminal import plain, waiting, works
from tui.test_terminal import LEAVE_SCREEN, Terminal, plan_of, start

from luna_tui.core.events import CancelRequested, Detached, RunFinished, SubtaskFinished, TerminalLost
from luna_tui.core.words import Manner, RunStatus, Status

LUNA = (sys.executable, "-m", "luna_tui")
LEFT = b"The run goes on; come back with: luna-tui attach "


def gone(process: int, within_s: float = 10.0) -> bool:
    """Whether a process ends within a time; it need not be a child."""
    try:
        descriptor = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    ended = bool(select.select([descriptor], [], [], within_s)[0])
    os.close(descriptor)
    return ended


def shell(*, cwd: Path) -> Terminal:
    """A shell with job control on a terminal."""
    terminal = Terminal("env", "PS1=ready> ", "bash", "--norc", "--noprofile", "-i")
    terminal.read_until(b"ready>")
    terminal.send(f"cd {cwd}\n".encode())
    return terminal


def test_d_in_plain_lines_gives_the_terminal_back_and_the_run_goes_on(tmp_path: Path) -> None:
    terminal = plain(tmp_path, waiting(tmp_path))
    works(terminal, tmp_path)
    program = terminal.program
    terminal.send(b"d\n")
    terminal.read_until(LEFT)
    assert terminal.finish() == 75
    assert os.getsid(program) == program
    streams = [os.readlink(f"/proc/{program}/fd/{n}") for n in (0, 1, 2)]
    assert streams == [os.devnull] * 3
    assert not any("/pts/" in os.readlink(p) for p in Path(f"/proc/{program}/fd").iterdir() if p.exists())
    (tmp_path / "go").touch()
    assert gone(program)
    found = journal_of(tmp_path / "state")
    assert [type(r.event) for r in found.records if isinstance(r.event, Detached | RunFinished)] == [
        Detached, RunFinished,
    ]  # fmt: skip
    assert of_type(found, TerminalLost) == []


def test_who_left_comes_back_with_attach_leaves_again_and_comes_back(tmp_path: Path) -> None:
    terminal = start(tmp_path, waiting(tmp_path))
    works(terminal, tmp_path)
    program = terminal.program
    terminal.send(b"d")
    terminal.read_until(LEFT)
    assert terminal.finish() == 75
    again = Terminal(*LUNA, "attach", "last")
    again.read_until(b"RUNNING")
    again.send(b"d")
    again.read_until(LEFT)
    assert again.finish() == 0
    last = Terminal(*LUNA, "attach", "last")
    last.read_until(b"RUNNING")
    (tmp_path / "go").touch()
    last.read_until(b"REPORT")
    last.send(b"q")
    assert last.finish() == 0
    assert gone(program)
    found = journal_of(tmp_path / "state")
    assert of_type(found, TerminalLost) == []
    assert next(e.by for e in of_type(found, Detached) if isinstance(e, Detached)) == "user"
    assert len(of_type(found, Detached)) == 2


def test_a_run_that_was_left_is_untouched_by_the_end_of_its_terminal(tmp_path: Path) -> None:
    terminal = shell(cwd=tmp_path)
    terminal.send(f"{' '.join(LUNA)} run {plan_of(tmp_path, waiting(tmp_path))}\n".encode())
    works(terminal, tmp_path)
    terminal.read_until(b"RUNNING")
    (luna,) = children_of(terminal.process.pid)
    (program,) = children_of(luna)
    terminal.send(b"d")
    terminal.read_until(LEFT)
    terminal.send(b"exit\n")
    terminal.finish()
    os.kill(program, signal.SIGHUP)
    (tmp_path / "go").touch()
    assert gone(program)
    found = journal_of(tmp_path / "state")
    assert of_type(found, TerminalLost) == []
    assert len(of_type(found, RunFinished)) == 1


def test_the_program_dies_with_the_process_that_waits_for_it(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    program = terminal.program
    assert program != terminal.process.pid
    terminal.process.kill()
    assert gone(program)


def test_a_program_that_is_killed_leaves_the_terminal_in_order(tmp_path: Path) -> None:
    terminal = shell(cwd=tmp_path)
    terminal.send(f"{' '.join(LUNA)} run {plan_of(tmp_path, 'sleep 100')}; echo code $?; stty -a\n".encode())
    terminal.read_until(b"RUNNING")
    (luna,) = children_of(terminal.process.pid)
    (program,) = children_of(luna)
    os.kill(program, signal.SIGKILL)
    terminal.read_until(b"code 137")
    terminal.read_until(b"flusho")
    after = terminal.seen.rpartition(b"code 137")[2].replace(b"\r\n", b" ")
    assert b" icanon" in after
    assert b" echo " in after
    assert LEAVE_SCREEN in terminal.seen
    terminal.send(b"exit\n")
    terminal.finish()


def test_ctrl_z_stops_both_and_fg_goes_on_with_both(tmp_path: Path) -> None:
    terminal = shell(cwd=tmp_path)
    plan = plan_of(tmp_path, waiting(tmp_path))
    terminal.send(f"{' '.join(LUNA)} run {plan} --console plain\n".encode())
    terminal.read_until(b"begins; ")
    works(terminal, tmp_path)
    (luna,) = children_of(terminal.process.pid)
    (program,) = children_of(luna)
    terminal.send(b"\x1a")
    terminal.read_until(b"Stopped")
    assert [state_of(p) for p in (luna, program)] == ["T", "T"]
    terminal.seen = b""
    terminal.send(b"fg\n")
    terminal.read_until(b"run ")
    terminal.send(b"s\n")
    terminal.read_until(b"0 of 1 ok, 1 in flight")
    (tmp_path / "go").touch()
    terminal.read_until(b"run succeeded after")
    terminal.send(b"echo code $?\n")
    terminal.read_until(b"code 0")
    terminal.send(b"exit\n")
    terminal.finish()


def test_a_screen_that_is_stopped_gives_the_terminal_back_and_fg_draws_it_again(tmp_path: Path) -> None:
    terminal = shell(cwd=tmp_path)
    terminal.send(f"{' '.join(LUNA)} run {plan_of(tmp_path, waiting(tmp_path))}\n".encode())
    terminal.read_until(b"RUNNING")
    (luna,) = children_of(terminal.process.pid)
    (program,) = children_of(luna)
    terminal.seen = b""
    os.killpg(luna, signal.SIGTSTP)
    terminal.read_until(b"Stopped")
    assert LEAVE_SCREEN in terminal.seen
    assert [state_of(p) for p in (luna, program)] == ["T", "T"]
    terminal.seen = b""
    terminal.send(b"fg\n")
    terminal.read_until(b"\x1b[?1049h")
    terminal.read_until(b"RUNNING")
    terminal.send(b"d")
    terminal.read_until(LEFT)
    (tmp_path / "go").touch()
    assert gone(program)
    terminal.send(b"exit\n")
    terminal.finish()


def state_of(process: int) -> str:
    """One letter, as `ps` says it; waits a little for a stop to be complete."""
    end = time.monotonic() + 5
    while True:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        if state == "T" or time.monotonic() > end:
            return state


@pytest.mark.timeout(90)
def test_sigterm_gives_the_terminal_back_at_once_and_what_is_in_flight_ten_seconds(tmp_path: Path) -> None:
    deaf = f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 0.2; done"
    terminal = start(tmp_path, deaf)
    wait_for_file(tmp_path / "pid")
    began = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    terminal.read_until(b"SIGTERM: what is in flight has 10 seconds to end", 5)
    assert LEAVE_SCREEN in terminal.seen
    assert terminal.process.poll() is None
    assert terminal.finish(30) == 143
    assert 9.5 < time.monotonic() - began < 25
    assert gone(int((tmp_path / "pid").read_text()))
    found = journal_of(tmp_path / "state")
    asked = [(e.by, e.manner) for e in of_type(found, CancelRequested) if isinstance(e, CancelRequested)]
    assert asked == [("SIGTERM", Manner.FINISH), ("SIGTERM", Manner.NOW)]
    (finished,) = of_type(found, RunFinished)
    assert isinstance(finished, RunFinished)
    assert finished.status is RunStatus.CANCELLED


def test_what_ends_within_its_time_after_a_sigterm_is_kept_and_nothing_more_starts(tmp_path: Path) -> None:
    plan = Path(plan_of(tmp_path, waiting(tmp_path)))
    more = '[[wave.subtask]]\nid = "b"\nkind = "command"\ncommand = ["true"]\n'
    plan.write_text(plan.read_text().replace('name = "w"', 'name = "w"\nparallel = false') + more)
    with subprocess.Popen([*LUNA, "run", str(plan)], stderr=subprocess.PIPE) as process:
        wait_for_file(tmp_path / "began")
        process.send_signal(signal.SIGTERM)
        wait_for_text(tmp_path / "state", b'"cancel_requested"')
        (tmp_path / "go").touch()
        assert process.wait(20) == 143
    found = journal_of(tmp_path / "state")
    ends = {e.subtask: e.status for e in of_type(found, SubtaskFinished) if isinstance(e, SubtaskFinished)}
    assert ends == {"a": Status.SUCCEEDED, "b": Status.CANCELLED}
    on = detached("resume", "last", cwd=tmp_path)
    assert on.returncode == 0, on.stderr
    assert gone(json.loads(on.stdout)["pid"])
    found = journal_of(tmp_path / "state")
    ends = {e.subtask: e.status for e in of_type(found, SubtaskFinished) if isinstance(e, SubtaskFinished)}
    assert ends == {"a": Status.SUCCEEDED, "b": Status.SUCCEEDED}
    assert (tmp_path / "began").read_text() == "began\n"


def wait_for_file(path: Path) -> None:
    end = time.monotonic() + 20
    while not path.exists() or not path.read_text().strip():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def test_sigquit_and_sigusr1_on_the_screen_say_something_and_end_nothing(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.process.send_signal(signal.SIGQUIT)
    terminal.read_until(b"what every thread is doing:")
    (stacks,) = tmp_path.glob("state/luna-tui/runs/*/crash-1.txt")
    assert "Current thread" in stacks.read_text()
    assert "luna-run" in stacks.read_text() or "executor.py" in stacks.read_text()
    terminal.process.send_signal(signal.SIGUSR1)
    terminal.read_until(b"0 of 1 ok, 1 in flight")
    terminal.process.send_signal(signal.SIGPIPE)
    assert terminal.terminate() == 143


def test_a_plain_console_that_nobody_reads_holds_neither_the_run_nor_the_way_out(tmp_path: Path) -> None:
    lines = "".join(
        f'[[wave.subtask]]\nid = "s{n}"\ntitle = "{"long " * 30}"\nkind = "command"\ncommand = ["true"]\n'
        for n in range(120)
    )
    plan = tmp_path / "plan.toml"
    plan.write_text(f'[plan]\nname = "p"\n[[wave]]\nname = "w"\n{lines}')
    terminal = Terminal(*LUNA, "run", str(plan), "--console", "plain")
    wait_for_text(tmp_path / "state", b'"run_finished"')
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(10) in (0, 143)
    terminal.finish()


def detached(*argv: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*LUNA, *argv, "--detach"], stdin=subprocess.DEVNULL, capture_output=True, text=True, cwd=cwd,
        timeout=30, check=False,
    )  # fmt: skip


def test_detach_says_where_the_run_is_and_returns_while_it_goes_on(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, waiting(tmp_path))
    done = detached("run", plan, "--events", "events.ndjson", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (0, 1), done.stderr
    where = json.loads(done.stdout)
    run, folder, pid = where["run"], Path(where["dir"]), where["pid"]
    assert folder == tmp_path / "state" / "luna-tui" / "runs" / run
    assert where["attach"] == f"luna-tui attach {run}"
    assert (folder / "lock").exists()
    assert Path(where["socket"]).is_socket()
    assert b'"run_started"' in (folder / "journal.0001.ndjson").read_bytes()
    assert os.getsid(pid) == pid
    assert Path(f"/proc/{pid}/cwd").resolve() == tmp_path
    assert [os.readlink(f"/proc/{pid}/fd/{n}") for n in (0, 1, 2)] == [os.devnull] * 3
    os.kill(pid, signal.SIGHUP)
    (tmp_path / "go").touch()
    assert gone(pid)
    assert (folder / "report.json").exists()
    assert '"run_finished"' in (tmp_path / "events.ndjson").read_text().splitlines()[-1]


def test_what_is_wrong_before_a_detached_run_begins_is_told_as_ever(tmp_path: Path) -> None:
    nothing = detached("run", "none.toml", cwd=tmp_path)
    assert (nothing.returncode, nothing.stdout) == (78, "")
    assert "none.toml: no such file" in nothing.stderr
    plan = plan_of(tmp_path, "true")
    for flags, says in (
        (("--events", "-"), "--events - writes to this terminal"),
        (("--console", "plain"), "--detach shows nothing"),
    ):
        refused = detached("run", plan, *flags, cwd=tmp_path)
        assert (refused.returncode, refused.stdout) == (2, "")
        assert says in refused.stderr
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").write_text("")
    unsaved = detached("run", plan, cwd=tmp_path)
    assert (unsaved.returncode, unsaved.stdout) == (74, "")


def test_the_demo_can_be_detached(tmp_path: Path) -> None:
    done = detached("demo", "--speed", "20", cwd=tmp_path)
    where = json.loads(done.stdout)
    os.kill(where["pid"], signal.SIGTERM)
    assert gone(where["pid"], 30)
    assert len(of_type(journal_of(tmp_path / "state"), RunFinished)) == 1
