"""On a real pseudo-terminal: frames are paced, answers are no keys, and a stalled terminal holds nothing."""

from __future__ import annotations

import fcntl
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
import tty
from pathlib import Path

import pytest
from tui.test_terminal import AGAIN_S, LEAVE_SCREEN, Terminal, plan_of

from benchmarks.glass import Glass

ASK = b"\x1b[6n"
_NUMBER_OF_SLAVE = 0x80045430
"""TIOCGPTN of Linux, which the standard library does not name."""


class Speaking(Terminal):
    """A terminal that answers when asked where the cursor is, or what it can do."""

    def __init__(self, *argv: str, answers: bool = True, **environ: str) -> None:
        before = dict(os.environ)
        os.environ.update(environ)
        try:
            super().__init__(*argv)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.answers = answers
        self._told = 0
        number = struct.unpack("I", fcntl.ioctl(self.master, _NUMBER_OF_SLAVE, bytes(4)))[0]
        self.slave = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)

    def _read(self, wait_s: float) -> bool:
        more = super()._read(wait_s)
        for found in re.finditer(rb"\x1b\[2;(\d+)H\x1b\[6n", self.seen[self._told :]):
            if self.answers:
                self.send(b"\x1b[2;" + found[1] + b"R")
        self._told = max(self._told, self.seen.rfind(ASK) + len(ASK))
        return more

    def watch(self, seconds: float) -> None:
        """Read for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self._read(left)

    def settle(self, quiet_s: float = 0.5, timeout_s: float = 10.0) -> None:
        """Read until nothing has come for a while."""
        end = time.monotonic() + timeout_s
        while self._read(quiet_s):
            assert time.monotonic() < end, "it never falls silent"


def begin(folder: Path, script: str = "sleep 100", *more: str, **environ: str) -> Speaking:
    argv = [sys.executable, "-m", "luna_tui", "run", plan_of(folder, script), *more]
    terminal = Speaking(*argv, answers=True, **environ)
    terminal.read_until(b"RUNNING")
    return terminal


def leave(terminal: Speaking) -> None:
    assert terminal.terminate() == 143


def events(folder: Path) -> list[str]:
    found = []
    for path in (folder / "state").rglob("journal.*.ndjson"):
        whole = path.read_text().rpartition("\n")[0]
        found += [json.loads(line)["type"] for line in whole.splitlines()]
    return found


def test_a_question_goes_after_each_frame_and_never_two_at_once(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    terminal.send(b"?")
    terminal.read_until(b"Move the cursor")
    terminal.watch(1.5)
    asked = len(re.findall(rb"\x1b\[2;\d+H\x1b\[6n", terminal.seen))
    assert asked >= 3
    leave(terminal)
    assert ASK not in terminal.seen[terminal.seen.index(LEAVE_SCREEN) :]


def test_without_an_answer_nothing_is_asked_twice_and_all_is_drawn(tmp_path: Path) -> None:
    terminal = Speaking(
        sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, "sleep 100"), answers=False
    )
    terminal.read_until(b"RUNNING")
    terminal.watch(2.2)
    terminal.send(b"?")
    terminal.read_until(b"Move the cursor")
    leave(terminal)
    assert terminal.seen.count(ASK) == 1


def test_under_a_multiplexer_nothing_is_asked(tmp_path: Path) -> None:
    terminal = begin(tmp_path, TMUX="/tmp/none,1,0")
    leave(terminal)
    assert ASK not in terminal.seen


def test_an_answer_is_no_key_and_f3_with_a_modifier_is_one(tmp_path: Path) -> None:
    config = tmp_path / "keys.toml"
    config.write_text('[keys]\nrun.stop = "shift+f3"\n')
    terminal = begin(tmp_path, "sleep 100", "--config", str(config))
    for unasked in (b"\x1b[2;9R", b"\x1b[24;80R", b"\x1b[1;1R"):
        terminal.send(unasked)
    terminal.watch(0.5)
    assert b"nothing has been stopped yet" not in terminal.seen
    terminal.send(b"\x1b[1;2R")
    terminal.read_until(b"nothing has been stopped yet")
    leave(terminal)


def test_no_answer_is_left_for_the_shell(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    leave_at = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    again = False
    while terminal.process.poll() is None:
        terminal._read(0.05)
        if not again and time.monotonic() - leave_at > AGAIN_S:
            again = True
            terminal.process.send_signal(signal.SIGTERM)
        assert time.monotonic() - leave_at < 5
    tty.setraw(terminal.slave)
    assert not select.select([terminal.slave], [], [], 0.2)[0]


@pytest.mark.parametrize(("environ", "pushed"), [({}, b"\x1b[>1u"), ({"SSH_TTY": "/dev/pts/9"}, None)])
def test_keys_are_never_reported_as_numbers(
    tmp_path: Path, environ: dict[str, str], pushed: bytes | None
) -> None:
    terminal = begin(tmp_path, **environ)
    leave(terminal)
    found = set(re.findall(rb"\x1b\[>\d*u", terminal.seen))
    assert found == ({pushed} if pushed else set())


def test_a_frame_is_drawn_at_once_where_the_terminal_can(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    terminal.send(b"\x1b[?2026;2$y")
    terminal.watch(0.2)
    terminal.send(b"?")
    terminal.read_until(b"Move the cursor")
    leave(terminal)
    frame = terminal.seen[terminal.seen.rindex(b"\x1b[?2026h", 0, terminal.seen.index(b"Move the cursor")) :]
    assert frame.index(b"Move the cursor") < frame.index(b"\x1b[?2026l")


@pytest.mark.parametrize("disturbance", ["focus", "size"])
def test_all_is_sent_again_when_the_terminal_may_have_been_disturbed(
    tmp_path: Path, disturbance: str
) -> None:
    terminal = begin(tmp_path)
    terminal.send(b"\x1b[O")
    terminal.settle(1.2)
    before = len(terminal.seen)
    if disturbance == "focus":
        terminal.send(b"\x1b[I")
    else:
        fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        terminal.process.send_signal(signal.SIGWINCH)
    end = time.monotonic() + 10
    while b"RUNNING" not in terminal.seen[before:]:
        assert time.monotonic() < end
        terminal._read(0.2)
    leave(terminal)


def test_nothing_at_all_is_sent_while_nobody_looks_and_nothing_happens(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    terminal.send(b"\x1b[O")
    terminal.settle(1.2)
    before = len(terminal.seen)
    terminal.watch(3.0)
    assert terminal.seen[before:] == b""
    leave(terminal)


def test_a_terminal_that_is_never_read_holds_neither_the_run_nor_the_way_out(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "for i in $(seq 300); do echo line $i of a lot of output; sleep 0.003; done")
    began = time.monotonic()
    headless = [sys.executable, "-m", "luna_tui", "run", plan, "--headless"]
    subprocess.run(headless, check=True, capture_output=True)
    unstalled_s = time.monotonic() - began
    alone = set(events(tmp_path))
    terminal = Speaking(sys.executable, "-m", "luna_tui", "run", plan)
    size = struct.pack("HHHH", 200, 500, 0, 0)
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, size)
    began = time.monotonic()
    while events(tmp_path).count("run_finished") < 2:
        assert time.monotonic() - began < unstalled_s + 3, "the terminal holds the run"
        time.sleep(0.05)
        terminal.send(b"\x1b[I")
    assert set(events(tmp_path)) == alone
    outputs = [p.read_text().splitlines() for p in (tmp_path / "state").rglob("outputs/a.1.txt")]
    assert [len(lines) for lines in outputs] == [300, 300]
    asked_at = time.monotonic()
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(10) == 143
    assert time.monotonic() - asked_at < 3
    terminal.finish()


def test_q_leaves_within_two_seconds_though_the_terminal_takes_nothing(tmp_path: Path) -> None:
    terminal = Speaking(sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, "true"))
    terminal.read_until(b"luna-tui show")
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", 200, 500, 0, 0))
    terminal.process.send_signal(signal.SIGWINCH)
    for _ in range(40):
        terminal.send(b"\x1b[I")
        time.sleep(0.01)
    terminal.send(b"q")
    began = time.monotonic()
    assert terminal.process.wait(10) == 0
    assert time.monotonic() - began < 2.5
    terminal.finish()
    assert LEAVE_SCREEN in terminal.seen


MOUSE = """
import sys
from luna_tui.tui.screens.run_screen import RunScreen
def turn(self):
    self.app.set_mouse(not self.app._driver._mouse)
RunScreen.action_help = turn
sys.argv = ["luna-tui", "run", {plan!r}]
from luna_tui.cli import entry
entry()
"""


def test_the_mouse_is_given_back_and_taken_while_it_runs(tmp_path: Path) -> None:
    terminal = Speaking(sys.executable, "-c", MOUSE.format(plan=plan_of(tmp_path, "sleep 100")))
    terminal.read_until(b"RUNNING")
    before = len(terminal.seen)
    terminal.send(b"?")
    terminal.read_until(b"\x1b[?1000l")
    assert b"\x1b[?1000h" not in terminal.seen[before:]
    before = len(terminal.seen)
    terminal.send(b"?")
    end = time.monotonic() + 10
    while b"\x1b[?1000h\x1b[?1006h" not in terminal.seen[before:]:
        assert time.monotonic() < end
        terminal._read(0.2)
    leave(terminal)


def test_what_is_seen_is_what_a_whole_repaint_shows(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    for keys in (b"?", b"\x1b", b"v", b"x", b"\x1b", b"T", b"\r", b"\x1b", b"v", b"T"):
        terminal.send(keys)
        terminal.watch(0.3)
    terminal.send(b"\x1b[O")
    terminal.settle(1.2)
    seen = terminal.glass.lines()
    terminal.glass = Glass(80, 24, answers=False)
    terminal.send(b"\x1b[I")
    terminal.watch(0.8)
    assert [re.sub(r"\d", "0", line) for line in terminal.glass.lines()] == [
        re.sub(r"\d", "0", line) for line in seen
    ]
    leave(terminal)


def test_reset_restores_what_a_killed_dashboard_left(tmp_path: Path) -> None:
    terminal = begin(tmp_path)
    sane = termios.tcgetattr(terminal.slave)
    terminal.process.kill()
    terminal.process.wait()
    broken = termios.tcgetattr(terminal.slave)
    assert not broken[3] & termios.ECHO
    assert sane[3] == broken[3]
    terminal.settle(0.2)
    before = len(terminal.seen)
    terminal.send(b"\x1b[<0;5;5M\x1b[<0;5;5m")
    done = subprocess.Popen(
        [sys.executable, "-m", "luna_tui", "reset"], stdin=terminal.slave, stdout=terminal.slave,
        stderr=terminal.slave, start_new_session=True,
    )  # fmt: skip
    assert done.wait(20) == 0
    terminal.settle(0.2)
    said = terminal.seen[before:]
    for sequence in (b"?1000l", b"?1006l", b"?1049l", b"?2004l", b"?1004l", b"<u", b"?25h", b"?7h", b"0m"):
        assert b"\x1b[" + sequence in said
    assert b"\x1b]" not in said
    cooked = termios.tcgetattr(terminal.slave)
    wanted = termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN
    assert cooked[3] & wanted == wanted
    assert cooked[0] & termios.ICRNL
    assert cooked[1] & termios.OPOST
    assert not select.select([terminal.slave], [], [], 0)[0]


def test_reset_says_where_it_cannot_help(tmp_path: Path) -> None:
    argv = [sys.executable, "-m", "luna_tui", "reset"]
    piped = subprocess.run(
        argv, stdin=subprocess.DEVNULL, capture_output=True, start_new_session=True, check=False
    )
    assert piped.returncode == 2
    assert b"type it in the terminal that is broken" in piped.stderr
    plain = tmp_path / "plain"
    plain.touch()
    wrong = subprocess.run([*argv, str(plain)], capture_output=True, check=False)
    assert wrong.returncode == 2
    assert b"is something else" in wrong.stderr
