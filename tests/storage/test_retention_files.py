"""Removing runs: whole or not at all, whatever kills it; nothing of anybody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kept import NOW, keep, records, written

from luna_tui.core.run_summary import RunSummary
from luna_tui.storage.paths import find_run, runs_dir
from luna_tui.storage.retention import links_in, remove_runs
from luna_tui.storage.summaries import RunShelf


def look() -> dict[str, RunSummary]:
    return {r.run: r for r in RunShelf(runs_dir()).look(NOW)}


def test_a_removed_run_is_gone_and_what_it_took_is_told() -> None:
    keep("a")
    keep("b")
    runs = look()
    told: list[str] = []
    done = remove_runs(runs_dir(), [runs["a"]], lambda r: told.append(r.run))
    assert (list(look()), told) == (["b"], ["a"])
    assert done.size_bytes == runs["a"].size_bytes > 0
    assert sorted(p.name for p in runs_dir().iterdir()) == ["b"]


def test_a_run_that_began_to_be_written_meanwhile_stays_whole() -> None:
    folder = keep("a", records("a", until=300))
    runs = look()
    with written(folder):
        done = remove_runs(runs_dir(), runs.values())
    assert done.runs == ()
    assert done.refused == (("a", "another process is writing this run"),)
    assert look() == runs


def test_a_kill_in_the_middle_leaves_no_half_run(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("a")
    keep("b")
    runs = look()

    def killed(path: Path, ignore_errors: bool = False) -> None:
        (path / "run.json").unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_runs(runs_dir(), [runs["a"]])
    assert list(look()) == ["b"]
    assert find_run("last").run == "b"
    assert (runs_dir() / ".gone-a").is_dir()
    remove_runs(runs_dir(), [])
    assert sorted(p.name for p in runs_dir().iterdir()) == ["b"]


def test_links_are_never_followed(tmp_path: Path) -> None:
    folder = keep("a")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("x")
    (folder / "outputs" / "out").symlink_to(outside)
    (runs_dir() / "linked").symlink_to(outside)
    (runs_dir() / ".gone-linked").symlink_to(outside)
    assert links_in(runs_dir()) == {"linked", ".gone-linked"}
    done = remove_runs(runs_dir(), look().values())
    assert [r.run for r in done.runs] == ["a"]
    assert done.refused == (("linked", "it is a symbolic link"),)
    assert (outside / "precious").read_text() == "x"


def test_what_cannot_be_removed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    keep("a")
    runs = look()
    monkeypatch.setattr(shutil, "rmtree", lambda path, ignore_errors=False: None)
    done = remove_runs(runs_dir(), runs.values())
    assert done.refused == (("a", "part of it could not be removed; the next time may"),)
    monkeypatch.undo()
    assert look() == {}


def test_a_run_that_went_away_by_itself_is_said() -> None:
    folder = keep("a")
    runs = look()
    shutil.rmtree(folder)
    assert remove_runs(runs_dir(), runs.values()).refused[0][0] == "a"
