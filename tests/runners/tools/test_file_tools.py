"""File tools: what they bring, what they change, and that neither leaves the workspace."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from rules import parse_rules
from runners.tools.tool_support import SECRET, place_at, token, use

from luna_tui.engine.cancel import Cancelled
from luna_tui.runners.tools import files, reading
from luna_tui.runners.tools.base import Place, Tool, ToolError
from luna_tui.runners.tools.reading import MOST_BYTES, MOST_NAMES, ListFiles, ReadFile
from luna_tui.runners.tools.searching import MOST_HITS, SearchFiles
from luna_tui.runners.tools.writing import EditFile, WriteFile

OUTSIDE = [
    "../secret",
    "out",
    "up/secret",
    "up",
    "/etc/passwd",
    "src/../../secret",
    "/proc/self/root/etc/passwd",
]
TOOLS: tuple[Tool, ...] = (ReadFile(), ListFiles(), SearchFiles(), WriteFile(), EditFile())


def refused(tool: Tool, place: Place, **given: Any) -> str:
    with pytest.raises(ToolError) as caught:
        use(tool, place, **given)
    return str(caught.value)


def test_lines_are_numbered_as_in_the_file(place: Place) -> None:
    result = use(ReadFile(), place, path="src/a.py")
    assert result.text == "     1\tone\n     2\ttwo\n     3\tthree"
    assert use(ReadFile(), place, path="within/a.py").text == result.text
    assert use(ReadFile(), place, path="absolute/a.py").text == result.text
    part = use(ReadFile(), place, path="src/a.py", offset=2, limit=1)
    assert part.text == "     2\ttwo\n… 1 more lines; read on with offset 3"


def test_a_long_file_comes_in_parts_that_join(workspace: Path, place: Place) -> None:
    lines = [f"{n} {'x' * 90}" for n in range(6_000)]
    (workspace / "long").write_text("\n".join(lines) + "\n")
    read: list[str] = []
    offset = 1
    while offset <= len(lines):
        text = use(ReadFile(), place, path="long", offset=offset).text
        shown = [line.partition("\t")[2] for line in text.split("\n") if "\t" in line]
        assert len(text.encode()) < MOST_BYTES + 200
        read += shown
        offset += len(shown)
    assert read == lines


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"path": "binary"}, "binary"),
        ({"path": "fifo"}, "regular file"),
        ({"path": "src"}, "regular file"),
        ({"path": "gone"}, "no such file"),
        ({"path": "src/a.py", "offset": 9}, "3 lines"),
        ({"path": "a\0b"}, "not a path"),
        ({"path": "\ud800"}, "half a character"),
        ({}, "needs path"),
        ({"path": 3}, "must be text"),
        ({"path": "a", "offset": "1"}, "whole number"),
        ({"path": "a", "lines": 1}, "takes path, offset, limit"),
    ],
)
def test_what_cannot_be_read_is_said(place: Place, given: dict[str, Any], why: str) -> None:
    assert why in refused(ReadFile(), place, **given)


@pytest.mark.parametrize("path", OUTSIDE)
@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_nothing_outside_is_reached(workspace: Path, place: Place, tool: Tool, path: str) -> None:
    given: dict[str, Any] = {"path": path}
    given |= {"content": "x"} if tool.name == "write_file" else {}
    given |= {"old": "the", "new": "x"} if tool.name == "edit_file" else {}
    given |= {"pattern": "."} if tool.name == "search_files" else {}
    assert "outside" in refused(tool, place, **given)
    assert (workspace.parent / "secret").read_text() == SECRET


def test_a_folder_is_listed_without_following_links(place: Place) -> None:
    assert use(ListFiles(), place).text.split("\n") == [
        *("absolute", "binary", "fifo", "git", "luna-tui.toml", "notes.txt", "out", "src/", "up", "within"),
    ]
    assert use(ListFiles(), place, glob="*.py").text.split("\n") == ["src/a.py", "src/deep/b.py"]
    assert use(ListFiles(), place, path="src", glob="deep/*.py").text == "deep/b.py"
    assert use(ListFiles(), place, glob="src/*.py").text == "src/a.py"
    assert use(ListFiles(), place, glob="**").text.count(".git") == 0


def test_a_long_list_says_how_many_more(workspace: Path, place: Place) -> None:
    (workspace / "many").mkdir()
    for n in range(MOST_NAMES + 5):
        (workspace / "many" / f"{n:05}").touch()
    lines = use(ListFiles(), place, path="many").text.split("\n")
    assert lines[:MOST_NAMES] == [f"{n:05}" for n in range(MOST_NAMES)]
    assert "5 more" in lines[MOST_NAMES]


@pytest.mark.parametrize(
    ("tool", "given"),
    [(ListFiles(), {"glob": "*.txt"}), (SearchFiles(), {"pattern": "zzz"})],
    ids=["list", "search"],
)
def test_a_walk_that_has_to_end_early_says_so(
    workspace: Path, place: Place, monkeypatch: pytest.MonkeyPatch, tool: Tool, given: dict[str, Any]
) -> None:
    monkeypatch.setattr(reading, "MOST_VISITED", 3)
    for number in range(5):
        (workspace / f"many{number}").mkdir()
        (workspace / f"many{number}" / "a.txt").write_text("a")
    assert "entries were looked at, and folders are left" in use(tool, place, **given).text


def test_folders_of_any_depth_said_often_mean_no_more_than_once(place: Place) -> None:
    once = use(ListFiles(), place, glob="**/a.py").text
    assert once
    assert use(ListFiles(), place, glob="**/" * 300 + "a.py").text == once


def test_a_long_listing_ends_when_it_is_cancelled(
    workspace: Path, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the midst of one large folder."""
    for number in range(50):
        (workspace / f"f{number}").touch()
    cancelled = token()
    looked: list[str] = []

    def matches(pattern: str, path: str) -> bool:
        looked.append(path)
        cancelled.cancel("enough")
        return True

    monkeypatch.setattr(reading, "glob_matches", matches)
    with pytest.raises(Cancelled):
        ListFiles().use(ListFiles().describe({"glob": "f*"}, place), place, cancelled)
    assert len(looked) == 1


def test_lines_are_found_in_text_files_only(place: Place) -> None:
    assert use(SearchFiles(), place, pattern="^tw.$").text.split("\n") == [
        *("notes.txt:1: two", "src/a.py:2: two", "src/deep/b.py:1: two")
    ]
    assert use(SearchFiles(), place, pattern="two", path="src/a.py").text == "src/a.py:2: two"
    assert use(SearchFiles(), place, pattern="two", glob="*.txt").summary == "1 lines in 1 files"
    assert use(SearchFiles(), place, pattern=SECRET).text == "(no line matches)"
    assert "no regular expression" in refused(SearchFiles(), place, pattern="(")


def test_a_search_brings_so_many_lines(workspace: Path, place: Place) -> None:
    (workspace / "many").write_text("hit\n" * (MOST_HITS + 1))
    lines = use(SearchFiles(), place, pattern="hit").text.split("\n")
    assert len(lines) == MOST_HITS + 1
    assert "only the first 200" in lines[-1]


def test_a_search_leaves_out_what_rules_keep_from_being_read(place: Place) -> None:
    rules = parse_rules(deny=["read_file(src/deep/**)"])
    tool = SearchFiles(lambda path: rules.keeps_from(("read_file", "search_files"), path))
    text = use(tool, place, pattern="two").text
    assert "src/deep" not in text
    assert "1 files were left out" in text


def test_a_pattern_that_never_ends_ends(workspace: Path, place: Place) -> None:
    (workspace / "trap").write_text("a" * 60 + "!")
    tool = SearchFiles(limit_s=0.3)
    assert "more than 0.3 s" in refused(tool, place, pattern="(a+)+$")


def test_a_search_that_is_cancelled_ends_at_once(workspace: Path, place: Place) -> None:
    (workspace / "trap").write_text("a" * 60 + "!")
    tool, stop = SearchFiles(), token()
    threading.Timer(0.2, stop.cancel, ["enough"]).start()
    with pytest.raises(Cancelled):
        tool.use(tool.describe({"pattern": "(a+)+$"}, place), place, stop)


def test_a_file_is_written_with_the_folders_above_it(workspace: Path, place: Place) -> None:
    described = WriteFile().describe({"path": "new/er/c.py", "content": "x\n"}, place)
    assert (described.subject, described.pattern) == ("new/er/c.py", "write_file(new/er/c.py)")
    assert described.detail == "--- /dev/null\n+++ b/new/er/c.py\n@@ -0,0 +1 @@\n+x\n"
    assert described.summary == "make new/er/c.py: +1 −0 lines"
    assert not (workspace / "new").exists()
    use(WriteFile(), place, path="new/er/c.py", content="x\n")
    assert (workspace / "new/er/c.py").read_text() == "x\n"
    assert sorted(p.name for p in (workspace / "new/er").iterdir()) == ["c.py"]


def test_a_file_keeps_its_mode_and_gains_no_right(workspace: Path, place: Place) -> None:
    script = workspace / "src" / "a.py"
    script.chmod(0o4755)
    use(WriteFile(), place, path="src/a.py", content="new")
    assert stat.S_IMODE(script.stat().st_mode) == 0o755
    workspace.chmod(0o750)
    use(WriteFile(), place, path="fresh", content="new")
    assert stat.S_IMODE((workspace / "fresh").stat().st_mode) == 0o640


def test_a_hard_link_to_a_file_outside_is_replaced_not_written_through(workspace: Path, place: Place) -> None:
    os.link(workspace.parent / "secret", workspace / "twin")
    use(WriteFile(), place, path="twin", content="x")
    assert (workspace / "twin").read_text() == "x"
    assert (workspace.parent / "secret").read_text() == SECRET


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".git/hooks/pre-commit",
        "git/config",
        "src/.git/config",
        ".GIT/config",
        "luna-tui.toml",
        "src/luna-tui.toml",
        ".luna/x",
        ".claude/settings.json",
        "kept/plan.toml",
        "state/run/journal.0001.ndjson",
        ".",
    ],
)
def test_what_steers_other_programs_is_protected(workspace: Path, path: str) -> None:
    place = place_at(workspace, own=True, run_dir=str(workspace / "state/run"))
    protected = (str(workspace / "kept/plan.toml"),)
    said = refused(WriteFile(protected), place, path=path, content="x")
    assert "protected" in said or "workspace itself" in said
    assert not (workspace / path).is_file() or (workspace / path).read_text() in ("two\n", "")
    assert refused(EditFile(protected), place, path=path, old="t", new="x")


def test_a_file_that_changed_since_it_was_shown_is_not_overwritten(workspace: Path, place: Place) -> None:
    tool = WriteFile()
    described = tool.describe({"path": "notes.txt", "content": "mine\n"}, place)
    (workspace / "notes.txt").write_text("theirs\n")
    with pytest.raises(ToolError, match="changed meanwhile"):
        tool.use(described, place, token())
    assert (workspace / "notes.txt").read_text() == "theirs\n"


def test_text_is_exchanged_where_it_is_there_once(workspace: Path, place: Place) -> None:
    result = use(EditFile(), place, path="src/a.py", old="two", new="2")
    assert (workspace / "src/a.py").read_text() == "one\n2\nthree\n"
    assert result.summary == "+1 −1 lines"
    (workspace / "twice").write_text("x x x")
    assert "3 times" in refused(EditFile(), place, path="twice", old="x", new="y")
    use(EditFile(), place, path="twice", old="x", new="y", all=True)
    assert (workspace / "twice").read_text() == "y y y"
    assert "not in" in refused(EditFile(), place, path="twice", old="z", new="y")
    assert "does not exist" in refused(EditFile(), place, path="gone", old="z", new="y")
    assert "binary" in refused(EditFile(), place, path="binary", old="two", new="y")


def test_an_exchange_that_makes_a_file_too_large_is_not_made(workspace: Path, place: Place) -> None:
    """One of a megabyte for each of a million characters would take all of the memory first."""
    (workspace / "many").write_text("x" * 1_000_000)
    why = refused(EditFile(), place, path="many", old="x", new="y" * 1_000_000, all=True)
    assert "would have 1,000,000,000,000 characters" in why
    assert (workspace / "many").read_text() == "x" * 1_000_000


def test_line_ends_stay_as_the_file_has_them(workspace: Path, place: Place) -> None:
    (workspace / "dos").write_bytes(b"a\r\nb\r\nc\r\n")
    use(EditFile(), place, path="dos", old="a\nb\n", new="x\ny\n")
    assert (workspace / "dos").read_bytes() == b"x\r\ny\r\nc\r\n"


def test_a_difference_counts_from_the_beginning_of_the_file(workspace: Path, place: Place) -> None:
    lines = [f"{n}\n" for n in range(100)]
    (workspace / "long").write_text("".join(lines))
    detail = EditFile().describe({"path": "long", "old": "50\n", "new": "fifty"}, place).detail
    assert detail.startswith(
        "--- a/long\n+++ b/long\n@@ -48,8 +48,7 @@\n 47\n 48\n 49\n-50\n-51\n+fifty51\n 52\n"
    )


def test_writing_is_harmless_only_in_a_workspace_of_its_own(workspace: Path) -> None:
    given = {"path": "x", "content": "y"}
    assert WriteFile().describe(given, place_at(workspace, own=True)).harmless
    assert not WriteFile().describe(given, place_at(workspace)).harmless


def test_without_the_kernels_help_file_tools_are_refused(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "can_open_beneath", lambda: False)
    assert "openat2" in refused(ReadFile(), place, path="src/a.py")
