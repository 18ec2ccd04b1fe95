"""Pages of what was said, copies and new files: exact, private, never over something else."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from luna_tui.core.clean import clean
from luna_tui.core.errors import LunaError
from luna_tui.core.events import SubtaskFinished
from luna_tui.core.words import Status
from luna_tui.storage.disk import Disk
from luna_tui.storage.outputs import FileOutputs
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_files import PAGE_CHARS, RunFiles


def kept(folder: Path, raw: str) -> RunFiles:
    (folder / "outputs").mkdir(exist_ok=True, parents=True)
    (folder / "outputs" / "a.1.txt").write_bytes(raw.encode())
    return RunFiles(folder)


def back(files: RunFiles, known: str) -> tuple[str, int | None]:
    """Everything before `known`, page by page, and where the last page began."""
    end: int | None = None
    text = ""
    while True:
        page = files.text_before("a", 1, before=known[:512], after=len(known), end=end)
        assert page is not None
        text = page.text + text
        end = page.start
        if not end:
            return text, end


LINE = st.text(alphabet="ab日é \x1b[m", max_size=30)


@pytest.mark.parametrize(
    "line",
    ["a plain line {n}\n", "日本 {n}\n", "\x1b[31mred {n}\x1b[0m\r\n", "{n} no line end ", "\x9b1m{n}\x07\n"],
    ids=["plain", "wide", "escapes", "one line", "c1"],
)
def test_pages_join_what_is_known_without_a_gap(tmp_path: Path, line: str) -> None:
    raw = "".join(line.format(n=n) for n in range(30_000))
    text = clean(raw)
    files = kept(tmp_path, raw)
    for known in (text[-16_384:], text[-400_000:], text[-100:]):
        assert back(files, known) == (text[: len(text) - len(known)], 0)


@given(st.lists(LINE, max_size=20), st.integers(1, 200))
def test_any_text_joins(tmp_path_factory: pytest.TempPathFactory, lines: list[str], tail: int) -> None:
    raw = "\n".join(lines)
    text = clean(raw)
    if not text:
        return
    files = kept(tmp_path_factory.mktemp("run"), raw)
    known = text[-tail:]
    found, start = back(files, known)
    assert start == 0
    # Where the text repeats itself, any place that fits is as good.
    assert text.startswith(found + known[:512])


def test_a_page_is_bounded(tmp_path: Path) -> None:
    files = kept(tmp_path, "some words\n" * 400_000)
    page = files.text_before("a", 1, before="", after=0, end=None)
    assert page is not None
    assert len(page.text) <= PAGE_CHARS * 1.5
    assert page.start


def test_what_is_not_there_is_none(tmp_path: Path) -> None:
    files = kept(tmp_path, "text")
    assert files.text_before("b", 1, before="", after=0, end=None) is None
    assert files.text_before("a", 1, before="other", after=5, end=None) is None
    assert files.text_before("../a", 1, before="", after=0, end=None) is None
    assert RunFiles(None).text_before("a", 1, before="", after=0, end=None) is None
    assert files.text_from_start("a", 1, most=2) == ("te", False)
    assert files.text_from_start("a", 1, most=4) == ("text", True)
    assert files.text_from_start("b", 1, most=4) is None
    assert files.result("a", most=4) is None
    assert RunFiles(None).result("a", most=4) is None


def test_a_result_is_what_the_subtask_came_to_and_not_all_that_it_said(tmp_path: Path) -> None:
    files = kept(tmp_path, "I look. And on. Fine\x1b[31m.")
    run_dir = RunDir(tmp_path)
    run_dir.results.mkdir()
    event = SubtaskFinished(
        wave="w", subtask="a", attempt=1, status=Status.SUCCEEDED, duration_s=1.0, attempts=1
    )
    FileOutputs(run_dir).save_result(event, "Fine\x1b[31m.")
    assert files.result("a", most=100) == ("Fine.", True)
    assert files.result("a", most=2) == ("Fi", False)


def test_copies_are_numbered_and_private(tmp_path: Path) -> None:
    files = RunFiles(tmp_path)
    paths = [Path(files.keep_copy(f"copy {n}")) for n in range(3)]
    assert [p.relative_to(tmp_path).as_posix() for p in paths] == [
        "copies/001.txt", "copies/002.txt", "copies/003.txt",
    ]  # fmt: skip
    assert paths[1].read_text() == "copy 1"
    assert {stat.S_IMODE(p.stat().st_mode) for p in paths} == {0o600}
    assert stat.S_IMODE(paths[0].parent.stat().st_mode) == 0o700
    assert sorted(p.name for p in paths[0].parent.iterdir()) == ["001.txt", "002.txt", "003.txt"]


def test_without_a_run_directory_copies_go_to_the_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert RunFiles(None).keep_copy("x") == str(tmp_path / "luna-tui" / "copies" / "001.txt")


def test_a_new_file_is_written_whole_and_never_over_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = RunFiles(tmp_path / "run")
    assert files.suggest("luna 7f3a/2.19-stream") == "luna-7f3a-2.19-stream.txt"
    path = files.write_new("out.txt", "text")
    assert path == str(tmp_path / "out.txt")
    assert files.suggest("out") == "out-2.txt"
    for name in ("out.txt", str(tmp_path / "link")):
        if name != "out.txt":
            os.symlink(tmp_path / "nowhere", name)
        with pytest.raises(LunaError, match="is there already; nothing was overwritten"):
            files.write_new(name, "other")
    assert (tmp_path / "out.txt").read_text() == "text"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "out.txt"]


class FullDisk(Disk):
    """Takes nothing."""

    def write(self, descriptor: int, content: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_refusals_are_words_and_leave_nothing_behind(tmp_path: Path) -> None:
    files = RunFiles(tmp_path, FullDisk())
    with pytest.raises(LunaError, match=r"out\.txt: the disk is full"):
        files.write_new(str(tmp_path / "out.txt"), "text")
    with pytest.raises(LunaError, match="the disk is full"):
        files.keep_copy("text")
    files = RunFiles(tmp_path)
    with pytest.raises(LunaError, match="is a folder"):
        files.write_new(str(tmp_path), "text")
    with pytest.raises(LunaError, match="the folder above it does not exist"):
        files.write_new(str(tmp_path / "no" / "out.txt"), "text")
    (tmp_path / "file").write_text("")
    with pytest.raises(LunaError, match="a file stands where a folder is needed"):
        files.write_new(str(tmp_path / "file" / "out.txt"), "text")
    with pytest.raises(LunaError, match="that is no path"):
        files.write_new("a\0b", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copies", "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_no_permission_is_said(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(LunaError, match="permission denied"):
            RunFiles(tmp_path).write_new(str(tmp_path / "out.txt"), "text")
    finally:
        tmp_path.chmod(0o700)
