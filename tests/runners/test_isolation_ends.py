"""Workspaces of their own are removed whatever became of them, and keep no run from ending or going on."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from isolation_support import Ground
from support import subtask

from luna_tui.core.words import Isolation
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.clock import SystemClock
from luna_tui.runners.isolation.workspaces import OwnWorkspaces


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


def nest(folder: Path, depth: int) -> None:
    """Deeper than any path can name, and closed to its owner at the end."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d" * 20, dir_fd=here)
        inner = os.open("d" * 20, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.fchmod(here, 0)
    os.close(here)


@pytest.mark.parametrize("ok", [True, False])
def test_folders_in_folders_without_end_are_no_hindrance(ground: Ground, ok: bool) -> None:
    def change(tree: Path) -> None:
        nest(tree, 1_500)
        (tree / "notes.txt").write_text("changed\n")

    changed = ground.attempt(change, ok=ok)
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()
    assert "changed" in ground.diff()
    if ok:
        assert changed is not None
        assert [f.path for f in changed.files] == ["notes.txt"]


def test_such_folders_of_a_killed_process_do_not_keep_the_next_one_from_starting(ground: Ground) -> None:
    entered = ground.own.enter(subtask("s", isolate=Isolation.COPY), 1, CancelToken(SystemClock()))
    nest(Path(entered.path), 1_500)
    OwnWorkspaces(ground.plan, str(ground.run_dir), dict(os.environ))
    assert not (ground.run_dir / "workspaces").exists()


def test_a_workspace_that_is_a_link_in_the_end_is_removed_and_not_followed(
    ground: Ground, tmp_path: Path
) -> None:
    (tmp_path / "kept").mkdir(mode=0o755)
    (tmp_path / "kept/file").touch()

    def change(tree: Path) -> None:
        shutil.rmtree(tree)
        tree.symlink_to(tmp_path / "kept")

    ground.attempt(change, ok=False)
    ground.own.close()
    assert not (ground.run_dir / "workspaces").exists()
    assert (tmp_path / "kept/file").exists()
    assert (tmp_path / "kept").stat().st_mode & 0o777 == 0o755
