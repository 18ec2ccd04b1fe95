"""On a real pseudo-terminal: the program without a command shows the home screen, and comes back to it."""

from __future__ import annotations

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from kept import keep, records
from tui.test_terminal import LEAVE_SCREEN, Terminal, plan_of
from tui.test_terminal import _nothing_is_left as _nothing_is_left

from luna_tui.commands import home as home_command
from luna_tui.core.errors import ExitCode
from luna_tui.core.home import Verb, Wish
from luna_tui.core.run_summary import KeptStatus
from luna_tui.storage.paths import runs_dir
from luna_tui.storage.summaries import RunShelf


def start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.chdir(folder)
    (folder / "json.py").write_text("raise RuntimeError('a file of the folder was imported')\n")
    return Terminal(sys.executable, "-P", "-m", "luna_tui")


def back(terminal: Terminal) -> None:
    """Until the list is on the screen, and nothing else."""
    end = time.monotonic() + 20.0
    while not terminal.glass.shows("plans in ") or terminal.glass.shows("luna-tui show"):
        assert time.monotonic() < end, "the list did not come back"
        terminal._read(0.2)


def statuses() -> list[KeptStatus]:
    from luna_tui.engine.clock import SystemClock

    return [r.status for r in RunShelf(runs_dir()).look(SystemClock().wall())]


def test_q_leaves_a_clean_terminal_and_is_0(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep("mine")
    terminal = start(tmp_path, monkeypatch)
    terminal.read_until(b"mine")
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert LEAVE_SCREEN in terminal.seen


def test_a_plan_is_looked_at_first_and_the_list_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(tmp_path, "true")
    terminal = start(tmp_path, monkeypatch)
    terminal.read_until(b"plan.toml")
    terminal.send(b"\r")
    terminal.read_until(b"nothing spent yet")
    terminal.send(b"q")
    back(terminal)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert statuses() == []


def test_a_run_that_was_started_is_in_the_list_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(tmp_path, "true")
    terminal = start(tmp_path, monkeypatch)
    terminal.read_until(b"plan.toml")
    terminal.send(b"\r")
    terminal.read_until(b"nothing spent yet")
    terminal.send(b"\r")
    terminal.read_until(b"DONE", 40.0)
    terminal.send(b"q")
    back(terminal)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert statuses() == [KeptStatus.SUCCEEDED]


def test_sigterm_ends_the_run_that_was_started_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(tmp_path, "sleep 1000")
    terminal = start(tmp_path, monkeypatch)
    terminal.read_until(b"plan.toml")
    terminal.send(b"\r")
    terminal.read_until(b"nothing spent yet")
    terminal.send(b"\r")
    terminal.read_until(b"RUNNING", 40.0)
    os.kill(terminal.process.pid, signal.SIGTERM)
    assert terminal.finish() == 143
    assert statuses() == [KeptStatus.CANCELLED]


def test_a_run_that_was_killed_is_under_the_cursor_and_the_terminal_is_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep("before", began=datetime(2026, 1, 1, tzinfo=UTC))
    plan_of(tmp_path, "sleep 1000")
    terminal = start(tmp_path, monkeypatch)
    terminal.read_until(b"plan.toml")
    terminal.send(b"\t\r")
    terminal.read_until(b"nothing spent yet")
    terminal.send(b"\r")
    terminal.read_until(b"RUNNING", 40.0)
    (child,) = _children(terminal.process.pid)
    os.kill(child, signal.SIGKILL)
    back(terminal)
    terminal.read_until(b"! interrupted")
    (row,) = [line for line in terminal.glass.lines() if line.startswith(">")]
    assert "interrupted" in row
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert terminal.seen.count(LEAVE_SCREEN) >= 3


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_a_broken_configuration_is_told_before_anything_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "luna-tui.toml").write_text("[ui]\nfsp = 3\n")
    terminal = start(tmp_path, monkeypatch)
    assert terminal.finish() == 78
    assert b"did you mean fps?" in terminal.seen


@pytest.mark.parametrize(
    ("wish", "argv"),
    [
        (Wish(Verb.DEMO), ["demo"]),
        (Wish(Verb.RUN, "/p/a.toml"), ["run", "/p/a.toml", "--set", "ui.preflight=always"]),
        (Wish(Verb.RESUME, "7f3a"), ["resume", "7f3a"]),
    ],
)
def test_a_wish_is_a_command_line(wish: Wish, argv: list[str]) -> None:
    assert home_command.argv_of(wish) == argv


def test_a_program_that_says_why_it_did_nothing_is_read_first(tmp_path: Path) -> None:
    assert home_command.run_program(["show", "nothing"]) == ExitCode.USAGE
    assert ExitCode.USAGE in home_command._TOLD


def test_whoever_leaves_a_run_that_goes_on_gets_the_terminal() -> None:
    on, over = KeptStatus.RUNNING, KeptStatus.CANCELLED
    goes_on, early = home_command._goes_on_without_us, ExitCode.STOPPED_EARLY
    assert goes_on(early, {}, {"a": on})
    assert goes_on(early, {"a": over}, {"a": on})
    assert not goes_on(early, {"a": on}, {"a": on}), "it was only watched"
    assert not goes_on(early, {}, {"a": over})
    assert not goes_on(early, {"b": on}, {"a": over, "b": on})
    assert not goes_on(ExitCode.OK, {}, {"a": on})


def test_the_shelf_tells_only_news(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from luna_tui.storage.config import Config

    monkeypatch.chdir(tmp_path)
    keep("a")
    plan_of(tmp_path, "true")
    shelf = home_command.Shelf(Config(), frozenset({"run", "demo", "check"}))
    assert shelf.offered == {Verb.RUN, Verb.DEMO}
    first = shelf.look()
    assert first is not None
    assert ([r.run for r in first.runs], [p.name for p in first.plans]) == (["a"], ["p"])
    assert shelf.look() is None
    keep("b", records("b", until=300))
    news = shelf.look()
    assert news is not None
    assert len(news.runs) == 2
    assert shelf.compare("a", "b").after.run == "b"
    assert shelf.state("a").finished is not None
