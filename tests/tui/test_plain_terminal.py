"""On a real pseudo-terminal: plain sentences, the screen and back, and hostile text in both."""

from __future__ import annotations

import base64
import os
import re
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tui import test_terminal as terminals
from tui.test_terminal import LEAVE_SCREEN, Terminal, plan_of, start

ENTER_SCREEN = b"\x1b[?1049h"
ATTACK = r"\033]52;c;cGF3bmVk\007\033]0;pawned\007\033[2JX \302\2332J \342\200\256live\342\200\254 bad\n"


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    yield
    while terminals._started:
        process = terminals._started.pop()
        if process.poll() is None:
            process.kill()
            process.wait()


def plain(folder: Path, script: str, *more: str) -> Terminal:
    plan = plan_of(folder, script)
    return Terminal(sys.executable, "-m", "luna_tui", "run", plan, "--console", "plain", *more)


def works(terminal: Terminal, folder: Path) -> None:
    """Read until the command of `waiting` has begun."""
    end = time.monotonic() + 20
    while not (folder / "began").exists():
        assert time.monotonic() < end, f"nothing began; last: {terminal.seen[-300:]!r}"
        terminal._read(0.05)


def waiting(folder: Path) -> str:
    """A command that says when it begins and ends when it is told."""
    return f"echo began >> {folder}/began; while [ ! -e {folder}/go ]; do sleep 0.1; done"


def test_plain_lines_are_sentences_and_s_and_sigusr1_say_the_state(tmp_path: Path) -> None:
    terminal = plain(tmp_path, waiting(tmp_path))
    works(terminal, tmp_path)
    terminal.read_until(b"wave 1 of 1, w, begins; ")
    terminal.read_until(b"P: the screen again.")
    terminal.seen = b""
    terminal.send(b"s\n")
    terminal.read_until(b" wave 1 of 1, w. 0 of 1 ok, 1 in flight, 0 waiting.")
    terminal.seen = b""
    terminal.process.send_signal(signal.SIGUSR1)
    terminal.read_until(b" wave 1 of 1, w. 0 of 1 ok, 1 in flight, 0 waiting.")
    (tmp_path / "go").touch()
    terminal.read_until(b" succeeded 1.01 work after ")
    assert terminal.finish() == 0
    assert b"\x1b" not in terminal.seen
    assert b"run succeeded after" in terminal.seen


def test_q_asks_in_words_and_finish_lets_it_end(tmp_path: Path) -> None:
    terminal = plain(tmp_path, waiting(tmp_path))
    works(terminal, tmp_path)
    terminal.read_until(b"begins; ")
    terminal.send(b"q\n")
    terminal.read_until(b"now: end everything now")
    terminal.send(b"finish\n")
    terminal.read_until(b"user asked to stop the run: what is in flight ends by itself.")
    (tmp_path / "go").touch()
    terminal.read_until(b" succeeded 1.01 work after ")
    terminal.finish()


def test_an_interrupt_asks_and_a_second_one_ends_the_run_with_130(tmp_path: Path) -> None:
    terminal = plain(tmp_path, "sleep 100")
    terminal.read_until(b"begins; ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.read_until(b"Nothing has been stopped yet")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.finish() == 130
    assert b"cancelled 1.01 work" in terminal.seen


def test_capital_p_leaves_the_screen_and_comes_back_to_the_same_run(tmp_path: Path) -> None:
    terminal = start(tmp_path, waiting(tmp_path))
    works(terminal, tmp_path)
    terminal.send(b"T")
    terminal.read_until(b"theme ")
    terminal.send(b"P")
    terminal.read_until(LEAVE_SCREEN)
    terminal.read_until(b"0 of 1 ok, 1 in flight, 0 waiting.")
    plain_part = terminal.seen.rpartition(LEAVE_SCREEN)[2]
    assert b"\x1b[?1049h" not in plain_part
    terminal.seen = b""
    terminal.send(b"P\n")
    terminal.read_until(ENTER_SCREEN)
    terminal.read_until(b"RUNNING")
    terminal.send(b"P")
    terminal.read_until(b"P: the screen again.")
    (tmp_path / "go").touch()
    terminal.read_until(b" succeeded 1.01 work after ")
    assert terminal.finish() == 0
    assert (tmp_path / "began").read_text() == "began\n"


def test_a_run_that_was_in_plain_lines_can_be_left_from_the_screen(tmp_path: Path) -> None:
    terminal = plain(tmp_path, "sleep 100")
    terminal.read_until(b"begins; ")
    terminal.send(b"P\n")
    terminal.read_until(b"RUNNING")
    assert terminal.terminate() == 143
    assert LEAVE_SCREEN in terminal.seen


def test_a_terminal_that_vanishes_does_not_end_the_run(tmp_path: Path) -> None:
    terminal = plain(tmp_path, f"sleep 1; echo done > {tmp_path}/done")
    terminal.read_until(b"begins; ")
    os.close(terminal.master)
    assert terminal.process.wait(20) == 0
    assert (tmp_path / "done").exists()


def test_hostile_text_reaches_no_byte_of_the_plain_console(tmp_path: Path) -> None:
    terminal = plain(tmp_path, f"printf '{ATTACK}'; printf '{ATTACK}' >&2; sleep 0.5; exit 1")
    terminal.read_until(b"failed 1.01 work")
    assert terminal.finish() == 100
    assert b"bad" in terminal.seen
    assert not set(terminal.seen) & {0x1B, 0x07, 0x9B}
    assert "\u202e".encode() not in terminal.seen


def test_hostile_text_on_the_subtask_screen_and_in_what_is_copied(tmp_path: Path) -> None:
    terminal = start(tmp_path, f"printf '{ATTACK}'; printf '{ATTACK}' >&2; sleep 100")
    terminal.read_until(b"bad")
    terminal.send(b"\r")
    terminal.read_until(b"[1 stream]")
    terminal.read_until(b"bad")
    terminal.send(b"4")
    terminal.send(b"1")
    terminal.send(b"Y")
    terminal.read_until(b"\x1b]52;c;")
    terminal.read_until(b"001.txt")
    terminal.terminate()
    sent = re.findall(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07", terminal.seen)
    assert len(sent) == 1
    text = base64.b64decode(sent[0]).decode()
    assert "bad" in text
    assert not set(text) & set("\x1b\x07\x9b\u202e")
    assert b"cGF3bmVk" not in terminal.seen
    assert b"\x1b]0;pawned" not in terminal.seen
    assert "\u202e".encode() not in terminal.seen
    assert not re.search(rb"\x1b\[2JX", terminal.seen)


def test_what_is_asked_for_by_config_and_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCESSIBLE", "1")
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, "true"))
    terminal.read_until(b"Type a letter and enter.")
    assert terminal.finish() == 0
    monkeypatch.delenv("ACCESSIBLE")
    monkeypatch.setenv("LUNA_TUI_UI_CONSOLE", "plain")
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", plan_of(tmp_path, "true"))
    terminal.read_until(b"Type a letter and enter.")
    assert terminal.finish() == 0
