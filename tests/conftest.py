"""A world of its own for every test: no colours, settings or state of the person who runs it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_TERMINALS_OWN = ("NO_COLOR", "TMUX", "STY", "SSH_CONNECTION", "SSH_TTY")
for _name in [n for n in os.environ if n in _TERMINALS_OWN or n.startswith(("TEXTUAL", "LUNA_TUI_"))]:
    del os.environ[_name]


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    monkeypatch.delenv("ANTHROPIC_BASE_URL", raising=False)
