"""What is told of a workspace: names and sizes, and nothing that was not meant to be seen."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from luna_tui.storage import planning_files
from luna_tui.storage.planning_files import PlanningFiles
from luna_tui.storage.workspace_listing import MOST_CHARS, MOST_FILES, list_workspace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.md", "docs/b.md", "docs/deep/c.md", ".env", ".hidden/key", "build/out.bin"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x" * len(name))
    return tmp_path


def git(folder: Path, *argv: str) -> None:
    subprocess.run(["git", "-C", str(folder), *argv], check=True, capture_output=True)


def names(folder: Path) -> list[str]:
    return [name for name, _ in list_workspace(folder).files]


def test_without_git_all_but_hidden_files_are_listed_the_nearest_first(folder: Path) -> None:
    listing = list_workspace(folder)
    assert listing.files == (("a.md", 4), ("build/out.bin", 13), ("docs/b.md", 9), ("docs/deep/c.md", 14))
    assert listing.more == 0


def test_in_a_repository_what_git_ignores_is_left_out_and_what_is_new_is_not(folder: Path) -> None:
    git(folder, "init", "-q")
    (folder / ".gitignore").write_text("build/\n")
    git(folder, "add", "a.md")
    assert names(folder) == ["a.md", "docs/b.md", "docs/deep/c.md"]
    assert names(folder / "docs") == ["b.md", "deep/c.md"]


def test_no_program_that_a_repository_names_is_started(folder: Path) -> None:
    git(folder, "init", "-q")
    trap = folder / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {folder}/sprung\n")
    trap.chmod(0o700)
    git(folder, "config", "core.fsmonitor", str(trap))
    assert "a.md" in names(folder)
    assert not (folder / "sprung").exists()


def test_links_and_names_that_cannot_be_shown_are_left_out(folder: Path) -> None:
    (folder / "link.md").symlink_to("/etc/passwd")
    (folder / "folder").symlink_to("/etc")
    (folder / "red\x1b[31m.md").write_text("x")
    (folder / "two\nlines.md").write_text("x")
    (folder / os.fsdecode(b"half\xff.md")).write_text("x")
    os.mkfifo(folder / "pipe")
    assert names(folder) == ["a.md", "build/out.bin", "docs/b.md", "docs/deep/c.md"]


def test_of_many_files_some_are_told_and_the_others_counted(tmp_path: Path) -> None:
    for n in range(MOST_FILES + 40):
        (tmp_path / f"{n:04d}").write_text("")
    listing = list_workspace(tmp_path)
    assert (len(listing.files), listing.more) == (MOST_FILES, 40)


def test_long_names_are_bounded_together(tmp_path: Path) -> None:
    for n in range(100):
        (tmp_path / f"{n:03d}{'x' * 197}").write_text("")
    listing = list_workspace(tmp_path)
    assert (len(listing.files), listing.more) == (MOST_CHARS // 200, 100 - MOST_CHARS // 200)


def test_only_the_last_plannings_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning_files, "_KEPT", 3)
    for n in range(5):
        PlanningFiles(f"2026010{n}").write("answer-1.json", "{}")
    assert sorted(p.name for p in PlanningFiles("x").folder.parent.iterdir()) == [
        "20260102", "20260103", "20260104",
    ]  # fmt: skip
