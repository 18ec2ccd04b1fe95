"""What agents changed: the difference whole, accepted or dropped by a key that was pressed after a look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from tui.agent_scenes import CHANGED, DIFF, DIFF_FILE, DONE, agents
from tui.stage import RecordingControl, StillSession, dashboard, shown

from luna_tui.core.agents import Changes
from luna_tui.core.events import Record, RunFinished, Tokens
from luna_tui.core.report import report_data, report_markdown
from luna_tui.core.state import fold
from luna_tui.core.words import RunStatus, Watching
from luna_tui.storage.run_files import RunFiles
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.boxes.drop import DropBox
from luna_tui.tui.screens.changes import ChangesScreen
from luna_tui.tui.views.changes import ChangesLook, changes_document, changes_view
from luna_tui.tui.views.differences import difference_marks
from luna_tui.tui.views.report import report_lines
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks, Role
from luna_tui.tui.views.text import plain, width_of

END = RunFinished(
    status=RunStatus.SUCCEEDED, counts={"succeeded": 1}, wall_s=95.0, sum_s=95.0, speedup=1.0, bound_s=95.0,
    efficiency=1.0, tokens=Tokens(), cost_usd=None, throttled=0,
)  # fmt: skip
SIZES = [(24, 6), (44, 16), (80, 24), (120, 40), (200, 60)]
Steps = Callable[[Pilot[None], LunaApp, StillSession], Awaitable[None]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "diffs").mkdir()
    (tmp_path / DIFF_FILE).write_text(DIFF)
    return tmp_path


def stage(
    steps: Steps,
    folder: Path | None = None,
    *,
    settled: str = "",
    watching: Watching = Watching.OWN,
    over: bool = False,
) -> list[tuple[Any, ...]]:
    """What was asked of the run by a person at its dashboard."""
    live = watching in (Watching.OWN, Watching.ATTACHED)
    records = agents(settled=settled)
    if over:
        last = records[-1]
        records = (*records, Record(last.seq + 1, last.at + 1.0, last.run, END))
    session = StillSession(records, live=live, watching=watching)
    app = dashboard(session, kept=None if folder is None else RunFiles(folder))

    async def body() -> None:
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.pause()
            await steps(pilot, app, session)

    asyncio.run(body())
    control = session.control
    return control.calls if isinstance(control, RecordingControl) else []


async def until(pilot: Pilot[None], app: LunaApp, text: str) -> None:
    """Wait until the difference was read aside."""
    for _ in range(500):
        if text in shown(app):
            return
        await asyncio.sleep(0.01)
        await pilot.pause()
    raise AssertionError(shown(app))


def pressed(*keys: str) -> Steps:
    """Each key after a look."""

    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        for key in keys:
            await pilot.press(key)
            session.clock.advance(0.6)
            await pilot.pause()

    return steps


@pytest.mark.parametrize(
    ("keys", "calls"),
    [
        (["A", "A"], [("changes", DONE, True, "user")]),
        (["A", "D", "D"], [("changes", DONE, False, "user")]),
        (["A", "D", "enter"], []),
        (["A", "D", "escape"], []),
        (["A", "enter"], []),
        (["A"], []),
    ],
)
def test_only_its_own_key_accepts_and_only_the_letter_in_the_box_drops(
    keys: list[str], calls: list[tuple[Any, ...]]
) -> None:
    assert stage(pressed(*keys)) == calls
    assert stage(pressed(*keys), watching=Watching.ATTACHED) == calls


def test_a_key_that_came_before_the_look_neither_accepts_nor_asks() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("A", "A", "D")
        assert isinstance(app.screen, ChangesScreen)
        assert "before it could be read" in app.notice

    assert stage(steps) == []


def test_the_files_and_the_whole_difference_are_shown(folder: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("A")
        await until(pilot, app, "+++ b/src/i18n.py")
        text = shown(app)
        assert "changed  src/theme.css  +9 -4" in text
        assert "removed  src/old.css" in text
        assert "more lines below" in text
        await pilot.press("G")
        assert "+    return tuple(sorted(TEXTS))" in shown(app)
        await pilot.press("enter")
        assert "1.07 parse_css" in shown(app)

    stage(steps, folder)


def test_without_the_file_the_path_is_said(tmp_path: Path) -> None:
    async def away(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("A")
        assert DIFF_FILE in shown(app)

    async def gone(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("A")
        await until(pilot, app, "is not there any more")

    stage(away)
    stage(gone, tmp_path)


@pytest.mark.parametrize("settled", ["accepted", "dropped"])
def test_what_was_decided_is_not_decided_again(settled: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("A", "A", "D")(pilot, app, session)
        assert not isinstance(app.screen, DropBox)
        assert "decided already" in app.notice
        assert settled in shown(app)

    assert stage(steps, settled=settled) == []


def test_why_it_was_not_taken_over_is_said_in_words_and_can_be_tried_again() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("A")(pilot, app, session)
        assert "not taken over: src/theme.css was changed since" in shown(app)
        await pilot.press("A")

    assert stage(steps, settled="refused") == [("changes", DONE, True, "user")]
    view = run_view(fold(agents(settled="refused")), 95.0, Looks(width=120, height=40))
    said = " ".join(plain(line) for line in view.attention.lines)
    assert "not taken over: src/theme.css was changed since" in said


@pytest.mark.parametrize("watching", [Watching.READ_ONLY, Watching.REPLAY, Watching.LOST])
def test_who_may_not_change_the_run_only_looks(watching: Watching) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("A", "A", "D")(pilot, app, session)
        assert isinstance(app.screen, ChangesScreen)
        assert "accept into" not in shown(app)

    assert stage(steps, watching=watching) == []


def test_after_the_end_they_are_settled_where_the_run_was() -> None:
    keys = pressed("j", "A", "A")
    assert stage(keys, over=True) == [("changes", DONE, True, "user")]
    assert stage(pressed("j", "A", "D", "D"), over=True) == [("changes", DONE, False, "user")]
    assert stage(keys, over=True, watching=Watching.ATTACHED) == []


def test_changes_are_an_attention_line_until_somebody_decided() -> None:
    def line(settled: str) -> list[str]:
        state = fold(agents(settled=settled))
        return [plain(x) for x in run_view(state, state.at, Looks(width=80, height=24)).attention.lines]

    assert line("")[2].startswith("Δ 1.07 parse_css  changed 3 files +12 -4")
    assert line("")[2].rstrip().endswith("A look, accept or drop")
    assert not any("changed" in text for text in line("accepted") + line("dropped"))


def test_the_reports_tell_them() -> None:
    state = fold(agents())
    told = report_data(state)
    assert told["sandbox"] == "bubblewrap"
    assert told["changes"][0]["settled"] is None
    assert [f["kind"] for f in told["changes"][0]["files"]] == ["changed", "added", "removed"]
    assert f"- `parse_css`: 3 files +12 -4 in `{DIFF_FILE}`; nobody has decided" in report_markdown(state)
    lines = [
        plain(x) for x in report_lines(state, state.at, Looks(width=80, height=40), folder="", found=None)
    ]
    assert any(line.startswith("changes   Δ to look at: 1.07   A") for line in lines)
    assert any(line.startswith("commands  sandbox bubblewrap") for line in lines)
    refused = report_markdown(fold(agents(settled="refused")))
    assert "not taken over: src/theme.css was changed since" in refused
    assert "3 files +12 -4" in report_markdown(fold(agents(settled="accepted")))


def test_only_files_with_changes_are_read(folder: Path) -> None:
    files = RunFiles(folder)
    (folder / "secret").write_text("no")
    assert files.difference(DIFF_FILE, most=10) == (DIFF[:10], False)
    for name in ("secret", "diffs/../secret", "/etc/passwd", "diffs/", "diffs/a/b", "..", "", "diffs/\0"):
        assert files.difference(name, most=10) is None


def test_lines_of_a_difference_have_the_meaning_of_their_first_character() -> None:
    text = "--- a\n+++ b\n@@ -1,3 +1,2 @@\n-old\n+new\n same\n--- not a header\n"
    found = [(text[m.start : m.end], m.role) for m in difference_marks(text)]
    assert found == [
        ("--- a", Role.STRONG), ("+++ b", Role.STRONG), ("@@ -1,3 +1,2 @@", Role.ACCENT), ("-old", Role.BAD),
        ("+new", Role.GOOD), ("--- not a header", Role.BAD),
    ]  # fmt: skip
    assert difference_marks("- a list\n+ of things") == []


def test_hostile_names_fit_and_are_clean() -> None:
    nasty = "\x1b[2Jsrc/漢字\u202e.css" * 30
    files = tuple(replace(f, path=nasty, kind=nasty[:20]) for f in CHANGED)
    state = fold(agents())
    state.changes[DONE] = Changes(DONE, 1, files, nasty, conflicts=(nasty,))
    page = changes_document(state.changes[DONE], None, "")
    assert "\x1b" not in page.text
    assert "\u202e" not in page.text
    for width, height in SIZES:
        looks = Looks(width=width, height=height, selected=DONE)
        view = changes_view(state, ChangesLook(changes=list(state.changes.values())), looks)
        assert len(view.lines) == height
        assert all(width_of(line) <= width for line in view.lines)
        assert not any("\x1b" in plain(line) for line in view.lines)


def test_the_head_of_a_further_file_is_no_line_of_the_one_before() -> None:
    hunk = "@@ -1,2 +1,2 @@\n same\n--- gone\n+++ new\n\\ No newline at end of file\n"
    text = f"--- a/x\n+++ b/x\n{hunk}--- a/y\n+++ b/y\n@@ -0,0 +1 @@\n+y\n"
    found = [(text[m.start : m.end], m.role) for m in difference_marks(text)]
    assert found == [
        ("--- a/x", Role.STRONG), ("+++ b/x", Role.STRONG), ("@@ -1,2 +1,2 @@", Role.ACCENT),
        ("--- gone", Role.BAD), ("+++ new", Role.GOOD), ("\\ No newline at end of file", Role.DIM),
        ("--- a/y", Role.STRONG), ("+++ b/y", Role.STRONG), ("@@ -0,0 +1 @@", Role.ACCENT), ("+y", Role.GOOD),
    ]  # fmt: skip
