"""A world of its own for every test: no colours, settings or state of the person who runs it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

_TERMINALS_OWN = ("NO_COLOR", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY")
for _name in [n for n in os.environ if n in _TERMINALS_OWN or n.startswith(("TEXTUAL", "LUNA_TUI_"))]:
    del os.environ[_name]
# Whoever starts tests in the background may have them ignored, and programs that tests start inherit that.
for _number, _handler in (
    (signal.SIGHUP, signal.SIG_DFL),
    (signal.SIGQUIT, signal.SIG_DFL),
    (signal.SIGINT, signal.default_int_handler),
):
    signal.signal(_number, _handler)


@pytest.fixture(autouse=True)
def _own_signals() -> Iterator[None]:
    """What a test leaves ignored, programs of later tests would ignore too."""
    before = {number: signal.getsignal(number) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGQUIT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
