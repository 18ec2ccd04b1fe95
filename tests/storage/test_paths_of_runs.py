"""Where runs are kept and how they are found; every refusal is one sentence with a path."""

from __future__ import annotations

import errno
import os
import random
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.storage.paths import create_run, find_run, new_run_id, not_saved, runs_dir, state_dir
from luna_tui.storage.resources import resource


def test_an_id_sorts_by_time_and_can_name_a_folder() -> None:
    first = new_run_id(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), random.Random(1))
    later = new_run_id(datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC), random.Random(1))
    assert first < later
    assert re.fullmatch(r"20260102-030405-[a-z0-9]{4}", first)
    assert create_run(first).run == first


@pytest.mark.parametrize(
    "run", ["", ".", "..", "../x", "a/b", "/etc", "-x", ".x", "a\n", "a b", "é", "x" * 65, "last"]
)
def test_an_id_that_could_leave_the_folder_or_mislead_is_refused(run: str) -> None:
    with pytest.raises(LunaError, match="cannot name a run") as caught:
        create_run(run)
    assert caught.value.code is ExitCode.USAGE
    assert not state_dir().exists()


def test_an_id_is_used_once() -> None:
    create_run("one")
    with pytest.raises(LunaError, match="exists already"):
        create_run("one")


def test_the_last_run_is_the_one_begun_last_whatever_its_name() -> None:
    for seconds, run in ((30, "aaa"), (10, "zzz"), (20, "mmm")):
        meta = create_run(run).path / "run.json"
        meta.write_text("{}")
        os.utime(meta, (seconds, seconds))
    assert find_run("last").run == "aaa"


def test_an_unknown_run_names_near_ones() -> None:
    create_run("nightly-docs")
    with pytest.raises(LunaError) as caught:
        find_run("nigthly-docs")
    assert caught.value.hint == "did you mean nightly-docs?"


def test_a_whole_id_wins_over_longer_ones() -> None:
    create_run("a")
    create_run("ab")
    assert find_run("a").run == "a"


def test_no_runs_say_how_to_begin() -> None:
    with pytest.raises(LunaError, match="no runs") as caught:
        find_run("last")
    assert "demo" in caught.value.hint


def test_a_file_in_the_way_is_a_sentence() -> None:
    state_dir().parent.mkdir(parents=True)
    state_dir().write_text("")
    with pytest.raises(LunaError, match=re.escape(str(state_dir()))) as caught:
        create_run("r")
    assert caught.value.code is ExitCode.NOT_SAVED


def test_a_runs_folder_that_others_can_write_is_refused() -> None:
    create_run("r")
    runs_dir().chmod(0o770)
    with pytest.raises(LunaError, match="others can write") as caught:
        create_run("s")
    assert f"chmod 700 {runs_dir()}" == caught.value.hint


def test_a_link_to_nowhere_is_refused(tmp_path: Path) -> None:
    state_dir().parent.mkdir(parents=True)
    state_dir().symlink_to(tmp_path / "nowhere")
    with pytest.raises(LunaError):
        create_run("r")
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "the disk is read-only"),
        (errno.ENOSPC, "the disk is full"),
        (errno.ENOTDIR, "a file stands where"),
        (errno.ENAMETOOLONG, "the path is too long"),
        (errno.EIO, "input/output error"),
        (errno.EXDEV, "invalid cross-device link"),
    ],
)
def test_every_refusal_of_a_disk_has_words_and_a_way_out(code: int, words: str) -> None:
    error = not_saved(Path("/x/y"), OSError(code, os.strerror(code)))
    assert error.message.startswith("/x/y: ")
    assert words in error.message
    assert error.hint
    assert error.code is ExitCode.NOT_SAVED


def test_a_path_beyond_all_bounds_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", f"{tmp_path}/{'x' * 300}")
    with pytest.raises(LunaError, match="too long"):
        create_run("r")


def test_bundled_files_are_found_and_others_are_not() -> None:
    for name in ("themes/dark.toml", "config.example.toml", "examples/plans/demo.toml"):
        assert resource(name).is_file()
    with pytest.raises(LunaError, match="missing is missing"):
        resource("missing")
