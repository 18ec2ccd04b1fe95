"""On a real pseudo-terminal: what is paid for starts by enter only, and leaving leaves nothing behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tui.test_terminal import LEAVE_SCREEN, Terminal
from tui.test_terminal import _nothing_is_left as _nothing_is_left

from luna_tui.core.events import RunStarted
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import find_run, runs_dir
from luna_tui.storage.plans import load_plan

BEFORE = b"nothing spent yet"
ASK = (
    '[plan]\nname = "p"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\n'
    'prompt = "simulate: output=30 seconds=1"\nretries = 0\n'
)


@pytest.fixture
def _nobody_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A key, and an address at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("ANTHROPIC_API_KEY", "k")
        monkeypatch.setenv("ANTHROPIC_BASE_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        yield


def start(folder: Path, *flags: str) -> Terminal:
    path = folder / "plan.toml"
    path.write_text(ASK)
    return Terminal(sys.executable, "-m", "luna_tui", "run", str(path), *flags)


def runs() -> list[Path]:
    root = runs_dir()
    return sorted(root.iterdir()) if root.is_dir() else []


def provider_of_the_run() -> str:
    event = read_journal(find_run("last").path).records[0].event
    assert isinstance(event, RunStarted)
    return event.provider


@pytest.mark.usefixtures("_nobody_answers")
@pytest.mark.parametrize("key", [b"q", b"\x03"], ids=["q", "ctrl+c"])
def test_leaving_creates_nothing_and_is_0(tmp_path: Path, key: bytes) -> None:
    terminal = start(tmp_path)
    terminal.read_until(BEFORE)
    assert runs() == []
    terminal.send(key)
    assert terminal.finish() == 0
    assert b"nothing was started" in terminal.seen
    assert LEAVE_SCREEN in terminal.seen
    assert runs() == []


@pytest.mark.usefixtures("_nobody_answers")
def test_esc_creates_nothing_and_is_0(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.read_until(BEFORE)
    terminal.send(b"\x1b")
    assert terminal.finish() == 0
    assert b"nothing was started" in terminal.seen
    assert runs() == []


@pytest.mark.usefixtures("_nobody_answers")
def test_enter_starts_the_run(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.read_until(BEFORE)
    terminal.send(b"\r")
    terminal.read_until(b"FAILED", 40.0)
    terminal.send(b"q")
    terminal.finish()
    assert len(runs()) == 1
    assert provider_of_the_run() == "anthropic"


@pytest.mark.usefixtures("_nobody_answers")
def test_a_dry_run_is_answered_by_the_simulator(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.read_until(BEFORE)
    terminal.send(b"D")
    terminal.read_until(b"DONE", 40.0)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert provider_of_the_run() == "simulator"


def test_without_a_key_the_plan_can_be_looked_at_and_run_dry_but_not_started(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.read_until(b"no API key was found")
    terminal.send(b"\r")
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert runs() == []


@pytest.mark.parametrize(
    "flags", [("--provider", "simulator"), ("--yes", "--provider", "simulator")], ids=["simulator", "yes"]
)
def test_what_costs_nothing_starts_at_once(tmp_path: Path, flags: tuple[str, ...]) -> None:
    terminal = start(tmp_path, *flags)
    terminal.read_until(b"DONE", 40.0)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert BEFORE not in terminal.seen


@pytest.mark.usefixtures("_nobody_answers")
def test_yes_starts_at_once_what_costs_money(tmp_path: Path) -> None:
    terminal = start(tmp_path, "--yes")
    terminal.read_until(b"FAILED", 40.0)
    terminal.send(b"q")
    terminal.finish()
    assert BEFORE not in terminal.seen


def test_the_configuration_can_ask_for_a_look_at_everything(tmp_path: Path) -> None:
    terminal = start(tmp_path, "--provider", "simulator", "--set", "ui.preflight=always")
    terminal.read_until(b"simulated: nothing is spent")
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert runs() == []


@pytest.mark.usefixtures("_nobody_answers")
def test_sigterm_leaves_a_clean_terminal_and_143(tmp_path: Path) -> None:
    terminal = start(tmp_path)
    terminal.read_until(BEFORE)
    terminal.process.terminate()
    assert terminal.finish() == 143
    assert LEAVE_SCREEN in terminal.seen
    assert runs() == []


def test_what_was_changed_starts_is_kept_and_can_be_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "plan.toml"
    text = ASK + '[[wave.subtask]]\nid = "b"\nprompt = "simulate: output=30 seconds=1"\n'
    path.write_text(text)
    flags = ("--provider", "simulator", "--set", "ui.preflight=always")
    terminal = Terminal(sys.executable, "-m", "luna_tui", "run", str(path), *flags)
    terminal.read_until(b"nothing is spent")
    terminal.send(b" jji")
    terminal.read_until(b"changed")
    terminal.send(b"g\r")
    terminal.read_until(b"DONE", 40.0)
    terminal.send(b"q")
    assert terminal.finish() == 0
    assert path.read_text() == text
    run_dir = find_run("last")
    kept = load_plan(run_dir.path / "plan.toml")
    assert [s.id for s in kept.subtasks()] == ["a"]
    argv = [sys.executable, "-m", "luna_tui", "resume", run_dir.run, "--headless"]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, "nothing to resume" in done.stderr) == (0, True)
