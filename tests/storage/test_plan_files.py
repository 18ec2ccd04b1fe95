"""Plans of a folder: what looks like one is listed, broken ones with what is wrong, all else is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from luna_tui.core.run_summary import PlanSummary
from luna_tui.storage import plan_files
from luna_tui.storage.plan_files import PlanShelf
from luna_tui.storage.plan_subtasks import PlanDefaults

GOOD = '[plan]\nname = "nightly"\n[[wave]]\nname = "w"\n[[wave.subtask]]\nid = "a"\nprompt = "hello"\n'


def look(folder: Path) -> dict[str, PlanSummary]:
    found = PlanShelf(folder, PlanDefaults()).look()
    return {p.path.rpartition("/")[2]: p for p in found}


def test_only_what_looks_like_a_plan_is_listed(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(GOOD)
    (tmp_path / "a.toml").write_text(GOOD.replace("nightly", "early"))
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "x"\n[tool.plan]\n')
    (tmp_path / "luna-tui.toml").write_text("[run]\nretries = 1\n")
    (tmp_path / "package.json").write_text('{"name": "x"}')
    (tmp_path / "readme.md").write_text(GOOD)
    (tmp_path / "folder.toml").mkdir()
    found = look(tmp_path)
    assert list(found) == ["a.toml", "b.toml"]
    assert found["b.toml"] == PlanSummary(str(tmp_path / "b.toml"), "nightly", subtasks=1, waves=1)


def test_a_broken_one_says_where_and_what(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(GOOD + "tymeout = 3\n[[wave.subtask]]\n")
    (tmp_path / "q.toml").write_text("[plan]\nname = \n")
    (tmp_path / "r.json").write_text('{"ondas": [')
    found = look(tmp_path)
    assert found["p.toml"].problems[0] == "8: unknown key tymeout in a subtask"
    assert found["q.toml"].problems[0].startswith("2: ")
    assert found["r.json"].problems
    assert all(not p.subtasks for p in found.values())


def test_nothing_is_read_again_that_did_not_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "p.toml").write_text(GOOD)
    (tmp_path / "other.toml").write_text("[x]\n")
    shelf = PlanShelf(tmp_path, PlanDefaults())
    first = shelf.look()
    with monkeypatch.context() as patch:
        patch.setattr(shelf, "_plan", None)
        assert shelf.look() == first
    (tmp_path / "p.toml").write_text(GOOD.replace("nightly", "weekly"))
    assert shelf.look()[0].name == "weekly"
    (tmp_path / "p.toml").unlink()
    assert shelf.look() == ()


def test_a_very_large_one_is_listed_by_its_name_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan_files, "_LOADED", 10)
    (tmp_path / "p.toml").write_text(GOOD)
    assert look(tmp_path)["p.toml"] == PlanSummary(str(tmp_path / "p.toml"), "p.toml")


def test_a_folder_that_cannot_be_read_has_no_plans(tmp_path: Path) -> None:
    assert look(tmp_path / "gone") == {}


def test_a_link_to_nowhere_is_no_plan(tmp_path: Path) -> None:
    (tmp_path / "p.toml").symlink_to(tmp_path / "gone.toml")
    assert look(tmp_path) == {}
