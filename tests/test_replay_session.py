"""A replay is the fold of what happened up to its position, wherever it goes and whatever was lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui.scenes import DEMO, NIGHTLY, nightly

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record, RunStarted, SubtaskFinished, SubtaskOutput
from luna_tui.core.places import Place
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import GOOD, Watching
from luna_tui.session.replay import ReplaySession, open_replay
from luna_tui.session.replay_texts import ReplayTexts
from luna_tui.storage.run_files import RunFiles

RECORDS = nightly()
FOLDED: dict[int, RunState] = {}


def folded(count: int) -> RunState:
    """The fold of so many records, made once."""
    if count not in FOLDED:
        FOLDED[count] = fold(RECORDS[:count])
    return FOLDED[count]


@given(st.lists(st.integers(1, len(RECORDS)), min_size=1, max_size=6))
@settings(max_examples=40, deadline=None)
def test_any_way_to_a_position_gives_the_fold_of_what_happened_before(positions: list[int]) -> None:
    session = ReplaySession(RECORDS, checkpoint_every=100)
    for count in positions:
        session.player.step(count - session.player.count)
        assert session.state() == folded(count)


def test_a_state_from_a_checkpoint_takes_later_records_as_the_first_one_did() -> None:
    session = ReplaySession(RECORDS, checkpoint_every=200)
    session.player.step(450)
    session.state()
    session.player.step(-200)
    session.state()
    while not session.player.ended:
        session.player.step(37)
        session.state()
    assert session.state() == fold(RECORDS)


def test_playing_on_keeps_the_state_and_going_back_makes_another() -> None:
    session = ReplaySession(RECORDS, checkpoint_every=500)
    session.player.step(10)
    state, jumps = session.state(), session.jumps
    session.player.step(10)
    assert session.state() is state
    assert session.jumps == jumps
    session.player.step(-1)
    assert session.state() is not state
    assert session.jumps == jumps + 1


def test_the_clock_stands_at_the_position_and_nothing_can_be_asked_of_the_run() -> None:
    session = open_replay(DEMO)
    session.player.go_to(Place(5.0))
    assert session.clock.now() == session.now_s() == 5.0
    session.player.skip(-3.0)
    assert session.clock.now() == session.now_s() == 2.0
    assert session.watching is Watching.REPLAY
    assert session.control is None
    began = RECORDS[0].event
    assert isinstance(began, RunStarted)
    assert open_replay(NIGHTLY).clock.wall().isoformat()[:19] == began.started_at[:19]


def test_a_run_that_did_not_end_plays_as_far_as_its_journal_goes() -> None:
    session = ReplaySession(nightly(40.0))
    session.player.to_end()
    assert session.state().finished is None
    assert session.now_s() == nightly(40.0)[-1].at


def test_a_damaged_line_is_told_and_the_rest_plays(tmp_path: Path) -> None:
    lines = NIGHTLY.read_bytes().splitlines(keepends=True)
    lines[40] = lines[40].replace(b'"', b"'", 1)
    path = tmp_path / "journal.0001.ndjson"
    path.write_bytes(b"".join(lines))
    session = open_replay(path)
    assert [d.line for d in session.damaged] == [41]
    session.player.to_end()
    assert session.state().finished is not None
    assert session.player.last_number == len(lines)


def test_what_comes_before_a_lost_beginning_is_not_shown(tmp_path: Path) -> None:
    first, *rest = RECORDS
    late = [*rest[:5], first, *rest[5:]]
    moved = [Record(n, r.at, r.run, r.event) for n, r in enumerate(late, 1)]
    session = ReplaySession(moved)
    assert session.player.count == 6
    assert session.state().subtasks
    with pytest.raises(LunaError) as caught:
        ReplaySession(rest)
    assert caught.value.code is ExitCode.USAGE


def test_an_empty_folder_is_refused_in_words(tmp_path: Path) -> None:
    with pytest.raises(LunaError, match="no journal") as caught:
        open_replay(tmp_path)
    assert caught.value.code is ExitCode.USAGE


def _said(count: int, subtask: str, attempt: int) -> str:
    events = [r.event for r in RECORDS[:count]]
    return "".join(
        e.text
        for e in events
        if isinstance(e, SubtaskOutput) and (e.subtask, e.attempt) == (subtask, attempt)
    )


def _one_that_said_much() -> tuple[int, SubtaskFinished]:
    found = ((n, r.event) for n, r in enumerate(RECORDS, 1) if isinstance(r.event, SubtaskFinished))
    return next((n, e) for n, e in found if e.status in GOOD and len(_said(n, e.subtask, e.attempt)) > 200)


def test_text_beyond_the_position_is_never_told(tmp_path: Path) -> None:
    count, end = _one_that_said_much()
    session = ReplaySession(RECORDS)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / f"{end.subtask}.{end.attempt}.txt").write_text("all of it, too early")
    texts = ReplayTexts(session, RunFiles(tmp_path))
    whole = _said(count, end.subtask, end.attempt)
    for at in range(1, count + 1, max(1, count // 40)):
        session.player.step(at - session.player.count)
        said = _said(at, end.subtask, end.attempt)
        page = texts.text_before(end.subtask, end.attempt, before="", after=0, end=None)
        assert page is not None
        assert page.text == said
        assert whole.startswith(page.text)
        found = texts.text_from_start(end.subtask, end.attempt, most=20)
        assert found == (said[:20], len(said) <= 20)
    session.player.step(count - session.player.count)
    older = texts.text_before(end.subtask, end.attempt, before=whole[-50:], after=50, end=None)
    assert older is not None
    assert older.text + whole[-50:] == whole


def test_a_long_text_comes_page_by_page_to_its_beginning() -> None:
    line = "x" * 99 + "\n"
    events = [SubtaskOutput(wave="w", subtask="a", attempt=1, text=line * 1_500) for _ in range(2)]
    records = [RECORDS[0], *(Record(n, float(n), "r", e) for n, e in enumerate(events, 2))]
    session = ReplaySession(records)
    session.player.to_end()
    texts = ReplayTexts(session, RunFiles(None))
    pages: list[str] = []
    end: int | None = None
    while end != 0:
        page = texts.text_before("a", 1, before="", after=0, end=end)
        assert page is not None
        pages.append(page.text)
        end = page.start
    assert "".join(reversed(pages)) == line * 3_000
    assert len(pages) > 3
    assert all(page.startswith("x" * 99) for page in pages)


def test_a_result_taken_over_from_another_run_is_read_from_its_file_once_it_ended(tmp_path: Path) -> None:
    end = next(r.event for r in RECORDS if isinstance(r.event, SubtaskFinished))
    subtask = end.subtask
    records = [RECORDS[0], Record(2, 1.0, "r", end)]
    session = ReplaySession(records)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / f"{subtask}.{end.attempt}.txt").write_text("kept")
    texts = ReplayTexts(session, RunFiles(tmp_path))
    assert texts.text_from_start(subtask, 1, most=9) is None
    assert texts.text_before(subtask, 1, before="", after=0, end=None) is None
    session.player.to_end()
    assert texts.text_from_start(subtask, 1, most=9) == ("kept", True)
    page = texts.text_before(subtask, 1, before="", after=0, end=None)
    assert page is not None
    assert page.text == "kept"
