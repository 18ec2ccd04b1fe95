"""On a real pseudo-terminal: it is left clean, whatever happens, and hostile text never reaches it raw."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.glass import Glass

LEAVE_SCREEN = b"\x1b[?1049l"
AGAIN_S = 0.4
"""After this a second SIGTERM is another one."""
SHOW_CURSOR = b"\x1b[?25h"
CRASHING = """
import sys
from luna_tui.commands import runs
from luna_tui.tui.screens.run_screen import RunScreen
def explode(self):
    secret = "canary" + "-value"
    raise RuntimeError("the view failed")
RunScreen.action_help = explode
sys.argv = ["luna-tui", "run", {plan!r}]
from luna_tui.cli import entry
entry()
"""


_started: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Terminal:
    """A program on a pseudo-terminal of 80x24."""

    def __init__(self, *argv: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environ = {k: v for k, v in os.environ.items() if k != "CI"} | {
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
        }
        self.process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=environ, start_new_session=True
        )
        os.close(slave)
        _started.append(self.process)
        self.seen = b""
        self.glass = Glass(80, 24, answers=False)

    @property
    def program(self) -> int:
        """Process id of the program behind the one that waits for it; of itself where none waits."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return int(children[0]) if children else pid

    def read_until(self, wanted: bytes, timeout_s: float = 20.0) -> None:
        """Read until these bytes came, or this text can be seen: what was there is not sent again."""
        end = time.monotonic() + timeout_s
        while wanted not in self.seen and not self.glass.shows(wanted.decode("utf-8", "replace")):
            assert time.monotonic() < end, f"{wanted!r} did not come; last: {self.seen[-300:]!r}"
            self._read(0.2)

    def finish(self, timeout_s: float = 20.0) -> int:
        """Read to the end; the exit code."""
        end = time.monotonic() + timeout_s
        while self.process.poll() is None:
            assert time.monotonic() < end, "it did not end"
            self._read(0.1)
        while self._read(0.1):
            pass
        os.close(self.master)
        return self.process.returncode

    def terminate(self) -> int:
        """End it without the time that a first SIGTERM gives; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + AGAIN_S
        while time.monotonic() < end:
            self._read(0.05)
        self.process.send_signal(signal.SIGTERM)
        return self.finish()

    def send(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def _read(self, wait_s: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], wait_s)
        if not ready:
            return False
        try:
            raw = os.read(self.master, 65_536)
        except OSError:
            return False
        self.seen += raw
        self.glass.feed(raw)
        return bool(raw)


def plan_of(folder: Path, script: str, title: str = "work") -> str:
    path = folder / "plan.toml"
    path.write_text(
        f'[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\ntitle = "{title}"\n'
        f"kind = \"command\"\nshell = true\nretries = 0\ncommand = '''{script}'''\n"
    )
    return str(path)


def start(folder: Path, script: str = "sleep 100", title: str = "work") -> Terminal:
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", plan_of(folder, script, title))
    terminal.read_until(b"RUNNING")
    return terminal


def test_a_crash_restores_the_terminal_hides_values_and_is_not_0(tmp_path: Path) -> None:
    terminal = Terminal(sys.executable, "-c", CRASHING.format(plan=plan_of(tmp_path, "sleep 60")))
    terminal.read_until(b"RUNNING")
    terminal.send(b"?")
    terminal.read_until(b"ctrl+c ends it")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 1
    assert LEAVE_SCREEN in terminal.seen
    assert SHOW_CURSOR in terminal.seen
    assert b"RuntimeError: the view failed" in terminal.seen
    assert b"canary-value" not in terminal.seen


def test_sigterm_leaves_a_clean_terminal_and_143(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    assert terminal.terminate() == 143
    assert LEAVE_SCREEN in terminal.seen
    assert SHOW_CURSOR in terminal.seen


def test_ctrl_c_asks_and_pressing_on_leaves_with_130(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.send(b"\x03")
    terminal.read_until(b"nothing has been stopped yet")
    terminal.send(b"\x03")
    terminal.send(b"\x03")
    terminal.send(b"\x03")
    assert terminal.finish() == 130
    assert LEAVE_SCREEN in terminal.seen


def test_stop_all_now_ends_the_run_and_q_leaves_with_75(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.send(b"x")
    terminal.read_until(b"nothing has been stopped yet")
    terminal.send(b"A")
    terminal.read_until(b"STOPPED")
    terminal.send(b"q")
    assert terminal.finish() == 75


def test_bytes_that_are_no_text_do_not_end_it(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.send(b"\xff\xe7\xff")
    terminal.send(b"x")
    terminal.read_until(b"nothing has been stopped yet")
    assert terminal.terminate() == 143


@pytest.mark.parametrize("keys", [b"", b"\r"], ids=["run", "subtask"])
def test_hostile_text_never_reaches_the_terminal_raw(tmp_path: Path, keys: bytes) -> None:
    attack = (
        r"\033]52;c;cGF3bmVk\007\033]0;pawned\007\033[2JX\302\2332J [@click=app.quit]link[/] [/red] bad\n"
    )
    script = f"printf '{attack}'; printf '{attack}' >&2; sleep 2; exit 1"
    terminal = start(tmp_path, script, title="[/b] [@click=app.bell]t[/]")
    terminal.read_until(b"[@click=app.bell]t")
    terminal.send(keys)
    terminal.read_until(b"bad")
    terminal.terminate()
    assert b"\x1b]52" not in terminal.seen
    assert b"\x1b]0;pawned" not in terminal.seen
    assert b"\xc2\x9b" not in terminal.seen
    assert not re.search(rb"\x1b\[2JX", terminal.seen)


def test_a_secret_reaches_neither_the_terminal_nor_the_scrollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    canary = "sk-ant-api03-CANARY-" + "k3y_" * 20
    monkeypatch.setenv("ANTHROPIC_API_KEY", canary)
    (tmp_path / "key").write_text(canary)
    halves = f"head -c 30 {tmp_path}/key; sleep 0.3; tail -c +31 {tmp_path}/key"
    script = f"echo the key is; {halves}; echo; echo shown; sleep 1; cat {tmp_path}/key >&2; exit 1"
    terminal = start(tmp_path, script, title=f"with {canary}")
    terminal.send(b"\r")
    terminal.read_until(b"[redacted ANTHROPIC_API_KEY]")
    terminal.send(b"2")
    terminal.read_until(b"exited with 1")
    terminal.send(b"q")
    terminal.finish()
    assert b"CANARY" not in terminal.seen
    assert b"k3y_k3y_" not in terminal.seen


def test_it_goes_headless_where_no_screen_can_be_drawn(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, "true")
    environ = {k: v for k, v in os.environ.items() if k != "CI"}
    done = subprocess.run(
        [sys.executable, "-m", "luna_tui", "run", plan],
        capture_output=True,
        stdin=subprocess.DEVNULL,
        env=environ,
        check=False,
    )
    assert done.returncode == 0
    assert b"\x1b" not in done.stdout + done.stderr
    master, slave = pty.openpty()
    dumb = subprocess.run(
        [sys.executable, "-m", "luna_tui", "run", plan], stdin=slave, stderr=slave, stdout=subprocess.PIPE,
        env=environ | {"TERM": "dumb"}, check=False,
    )  # fmt: skip
    os.close(slave)
    said = os.read(master, 65_536)
    os.close(master)
    assert dumb.returncode == 0
    assert b"\x1b" not in said


def test_a_terminal_that_takes_nothing_cannot_hold_up_sigterm(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    size = struct.pack("HHHH", 60, 200, 0, 0)
    fcntl.ioctl(terminal.master, termios.TIOCSWINSZ, size)
    program = terminal.program
    os.kill(program, signal.SIGWINCH)
    end = time.monotonic() + 30
    while time.monotonic() < end and not blocked(program):
        terminal.send(b"T")
        time.sleep(0.05)
    terminal.process.send_signal(signal.SIGTERM)
    time.sleep(AGAIN_S)
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.process.wait(8) == 143
    terminal.finish()


def blocked(pid: int) -> bool:
    """Whether the program's screen waits for the terminal, so that keys are no longer taken in."""
    first = cpu_ticks(pid)
    time.sleep(0.4)
    return cpu_ticks(pid) - first <= 1


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_stray_sigcont_leaves_one_reader_of_keys(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    os.kill(terminal.program, signal.SIGCONT)
    terminal.read_until(LEAVE_SCREEN)
    terminal.send(b"x")
    terminal.read_until(b"nothing has been stopped yet")
    assert terminal.terminate() == 143


def test_a_terminal_that_vanishes_does_not_change_how_the_run_ends(tmp_path: Path) -> None:
    terminal = start(tmp_path, f"sleep 1; echo done > {tmp_path}/done")
    os.close(terminal.master)
    assert terminal.process.wait(20) == 0
    assert (tmp_path / "done").exists()


def test_the_mouse_reports_clicks_but_no_motion(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.terminate()
    assert b"\x1b[?1000h" in terminal.seen
    assert b"\x1b[?1003h" not in terminal.seen


STUCK = """
import signal, sys, threading
from luna_tui.tui.signals import Signals
class Stuck(Signals):
    def _restore(self):
        threading.Event().wait()
Stuck(terminate=lambda: None, interrupt=lambda: None, hang_up=lambda: None).listen()
print("up", flush=True)
threading.Event().wait()
"""


def test_a_restore_that_never_returns_cannot_hold_up_sigterm() -> None:
    with subprocess.Popen([sys.executable, "-c", STUCK], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 143
