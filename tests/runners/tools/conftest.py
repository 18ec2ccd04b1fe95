"""The workspace of the tests of tools."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from runners.tools.tool_support import SECRET, place_at

from luna_tui.runners.tools.base import Place


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Files, links that stay inside, links that lead out, and things that are no files."""
    inside = tmp_path / "inside"
    (inside / "src" / "deep").mkdir(parents=True)
    (inside / "src" / "a.py").write_text("one\ntwo\nthree\n")
    (inside / "src" / "deep" / "b.py").write_text("two\n")
    (inside / "notes.txt").write_text("two\n")
    (inside / "binary").write_bytes(b"\0\1\2two\n")
    (inside / ".git").mkdir()
    (inside / ".git" / "config").write_text("two\n")
    (inside / "luna-tui.toml").write_text("")
    (tmp_path / "secret").write_text(SECRET)
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "up").symlink_to("..")
    (inside / "within").symlink_to("src")
    (inside / "absolute").symlink_to(inside / "src")
    (inside / "git").symlink_to(".git")
    os.mkfifo(inside / "fifo")
    return inside


@pytest.fixture
def place(workspace: Path) -> Place:
    return place_at(workspace)
