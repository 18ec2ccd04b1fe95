"""Attention lines, the problems screen and the keys about problems."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.scenes import busy, demo, paused
from tui.stage import RecordingControl, drive, shown
from tui.trouble_scenes import NOW_S, limits, overloaded, quiet, sid, story

from luna_tui.core.events import ChangedFile, JournalFailed, WorkspaceChanged
from luna_tui.core.problem_facts import Cause
from luna_tui.core.problems import problems
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import ErrorKind, Status, WaitReason
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.boxes.retry import RetryBox
from luna_tui.tui.screens.problems import ProblemsScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.problems import ProblemsLook, problems_view, rows
from luna_tui.tui.views.spans import Line, Looks
from luna_tui.tui.views.text import width_of
from luna_tui.tui.views.trouble import attention


def text(line: Line) -> str:
    return "".join(s.text for s in line)


def everything() -> RunState:
    """Every cause at once."""
    told = limits(quiet(overloaded(story(timeout=90.0))), foreign=600_000)
    told.add(98.0, JournalFailed(message="disk full"))
    for place, reason in ((41, WaitReason.BUDGET), (42, WaitReason.APPROVAL)):
        told.wait(97.0, sid(2, place), reason)
    for place in (30, 31, 32):
        told.fail(97.0, sid(2, place), retry_s=5.0 + place / 10)
    told.finish(98.0, sid(2, 33), Status.TIMED_OUT, reason="timed out after 60 s")
    told.fail(98.0, sid(2, 34), kind=ErrorKind.EXPECTATION, message="must contain 'ok'", status=None)
    changed = ChangedFile(path="a.py", kind="changed", added=3, removed=1)
    told.add(98.0, WorkspaceChanged(wave="extract", subtask=sid(2, 36), attempt=1, files=(changed,),
                                    diff_file="diffs/x.1.diff"))  # fmt: skip
    state = fold(told.records())
    state.subtasks[sid(2, 35)].ghost = True
    state.troubled.ghosts[sid(2, 35)] = state.subtasks[sid(2, 35)]
    state.budget_usd = 9.9
    return state


EVERYTHING = everything()
MOMENTS = [
    fold(story().records()),
    fold(limits(quiet(overloaded(story(timeout=90.0))), foreign=600_000).records()),
    fold(busy(40)),
    fold(paused()),
    fold(demo()),
    EVERYTHING,
]


def lines(state: RunState, width: int, height: int, now_s: float = NOW_S) -> list[str]:
    return [text(line) for line in attention(state, now_s, width, height, UNICODE).lines]


def test_attention_lines_say_state_fact_comparison_effect_key_and_price() -> None:
    state = fold(quiet(overloaded(story())).records())
    assert lines(state, 80, 3) == [
        "! 2.19 no token for 48 s (p95 of this wave 32 s)    enter look  r retry  x stop…",
        "x 2.03 2.06 overloaded (529), 3/3 tries; block 3.02 3.07   r retry both ~$0.27",
    ]


def test_one_line_joins_all_and_says_which_key_opens_the_list() -> None:
    state = fold(quiet(overloaded(story())).records())
    (line,) = lines(state, 120, 1)
    assert line.startswith("! 2.19 quiet 48 s, blocks 3.07    x 2.03 2.06 overloaded (529), block 3.02 3.07")
    assert line.endswith("(! opens the list)")


def test_what_does_not_fit_on_the_shared_line_is_counted() -> None:
    assert "11 more" in lines(EVERYTHING, 44, 2)[-1]
    assert lines(EVERYTHING, 80, 1)[0].endswith(" more")


def test_every_cause_has_a_sentence_of_its_own() -> None:
    found = problems(EVERYTHING, NOW_S)
    assert {p.cause for p in found} == set(Cause)
    said = "\n".join(lines(EVERYTHING, 160, 20))
    for words in (
        "events are not saved: disk full",
        "held: 1.41 of 9.90 spent, the rest is reserved",
        "2.42 scan_docs  waits for approval",
        "2.36 fix_links  changed 1 file +3 -1",
        "its thread ignores the cancellation; its worker was replaced",
        "no token for 48 s (p95 of this wave 32 s)",
        "timed out after 60 s, 1/3 tries",
        "overloaded (529), 3/3 tries; block 3.02 3.07",
        "not as expected, 1/3 tries: must contain 'ok'",
        "wave 2 times out in 0:33 and needs at least 0:47",
        "passes the 9.90 cap near subtask",
        "overloaded (529), tries again in 0:06",
        "others use 30 % of ITPM (600k of 2.00M a minute)",
    ):
        assert words in said, f"{words!r} is not in\n{said}"


def test_cells_select_the_first_subtask_of_the_group() -> None:
    state = fold(limits(quiet(overloaded(story())), foreign=600_000).records())
    panel = attention(state, NOW_S, 120, 5, UNICODE)
    assert [(c.key, c.row) for c in panel.cells] == [(sid(2, 19), 0), (sid(2, 3), 1)]
    shared = attention(state, NOW_S, 120, 1, UNICODE)
    assert [c.key for c in shared.cells] == [sid(2, 19), sid(2, 3)]
    first, second = shared.cells
    assert first.column + first.width < second.column


def test_dismissed_problems_are_not_called_out() -> None:
    state = fold(quiet(overloaded(story())).records())
    (first, second) = problems(state, NOW_S)
    panel = attention(state, NOW_S, 80, 3, UNICODE, dismissed={first.key: first.fingerprint})
    assert len(panel.lines) == 1
    assert text(panel.lines[0]).startswith("x 2.03")
    both = {p.key: p.fingerprint for p in (first, second)}
    assert attention(state, NOW_S, 80, 3, UNICODE, dismissed=both).lines == ()


@settings(max_examples=150, deadline=None)
@given(
    st.integers(24, 220),
    st.integers(6, 70),
    st.integers(0, len(MOMENTS) - 1),
    st.booleans(),
    st.floats(0, 400),
    st.integers(0, 12),
    st.sets(st.integers(0, 11)),
)
def test_everything_fits_at_any_size(
    width: int, height: int, moment: int, ascii_only: bool, later: float, at: int, opened: set[int]
) -> None:
    state = MOMENTS[moment]
    now_s = state.at + later
    g = ASCII if ascii_only else UNICODE
    found = problems(state, now_s)
    for room in (1, 3, height):
        panel = attention(state, now_s, width, room, g)
        assert len(panel.lines) <= room
        assert all(width_of(line) <= width for line in panel.lines)
        assert all(c.column + c.width <= width for c in panel.cells)
        assert not ascii_only or all(text(line).isascii() for line in panel.lines)
    plain = Looks(width=width, height=height, ascii=ascii_only)
    listed = rows(found, {found[n].key for n in opened if n < len(found)}, plain)
    chosen = listed[at % len(listed)].key if listed else None
    looks = Looks(width=width, height=height, ascii=ascii_only, selected=chosen, scroll=min(at, len(listed)))
    view = problems_view(state, ProblemsLook(rows=listed), now_s, looks)
    assert len(view.lines) == height
    assert all(width_of(line) <= width for line in view.lines)
    assert not ascii_only or all(text(line).isascii() for line in view.lines)


@pytest.mark.parametrize("size", [(24, 6), (44, 16), (60, 14), (80, 24), (120, 40)], ids=str)
def test_the_cursor_reaches_every_row_and_is_always_in_sight(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "enter")
        screen = app.screen
        assert isinstance(screen, ProblemsScreen)
        seen = []
        for _ in range(len(screen.entries())):
            seen.append(screen.selected)
            assert screen.selected in {c.key for c in screen._body.panel.cells}
            await pilot.press("j")
        assert seen == list(screen.entries())
        for _ in range(len(seen)):
            await pilot.press("k")
            assert screen.selected in {c.key for c in screen._body.panel.cells}

    drive(steps, size=size, records=busy(40))


def test_enter_opens_the_only_subtask_or_shows_the_members() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "enter")
        assert isinstance(app.screen, SubtaskScreen)
        assert app.screen.subtask == sid(2, 19)
        await pilot.press("escape", "j", "enter")
        screen = app.screen
        assert isinstance(screen, ProblemsScreen)
        assert screen.under_cursor() == (sid(2, 3), sid(2, 6))
        await pilot.press("j")
        assert screen.under_cursor() == (sid(2, 3),)
        await pilot.press("enter")
        assert isinstance(app.screen, SubtaskScreen)
        await pilot.press("escape", "k", "enter")
        assert len(screen.entries()) == 2
        assert control.calls == []

    drive(steps, records=quiet(overloaded(story())).records())


@pytest.mark.parametrize(
    ("keys", "title"),
    [
        (["j", "r"], "Retry 2 subtasks"),
        (["j", "enter", "j", "r"], "Retry 1 subtask"),
        (["r"], "Retry 1 subtask"),
    ],
    ids=["group", "member", "quiet stream"],
)
def test_r_acts_on_the_group_or_on_the_one_member(keys: list[str], title: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", *keys)
        assert isinstance(app.screen, RetryBox)
        assert title in shown(app)
        assert control.calls == []
        await pilot.press("escape")
        assert isinstance(app.screen, ProblemsScreen)

    drive(steps, records=quiet(overloaded(story())).records())


def test_space_marks_the_whole_group_and_takes_all_marks_away() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "j", "space")
        assert app.viewing.marked == {sid(2, 3), sid(2, 6)}
        app.viewing.marked.discard(sid(2, 3))
        await pilot.press("space")
        assert app.viewing.marked == {sid(2, 3), sid(2, 6)}
        await pilot.press("space")
        assert app.viewing.marked == set()

    drive(steps, records=quiet(overloaded(story())).records())


def test_z_hides_a_group_c_shows_it_and_z_brings_it_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "z")
        assert "1 said to be none (c)" in shown(app)
        assert "quiet stream" not in shown(app)
        await pilot.press("c")
        assert "quiet stream" in shown(app)
        await pilot.press("g", "z", "c")
        assert "said to be none" not in shown(app)
        assert "quiet stream" in shown(app)
        assert control.calls == []

    drive(steps, records=quiet(overloaded(story())).records())


def test_brackets_go_from_problem_to_problem_on_the_run_screen() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        seen = []
        for _ in range(4):
            await pilot.press("right_square_bracket")
            seen.append(screen.selected)
        assert seen[0] == seen[2] == sid(2, 19)
        assert seen[1] == seen[3] == sid(2, 3)
        assert "2.03 2.06 overloaded (529)" in app.notice
        await pilot.press("left_square_bracket")
        assert screen.selected == sid(2, 19)
        await pilot.press("z")
        assert set(app.viewing.dismissed) == {"quiet:extract"}
        await pilot.press("right_square_bracket", "right_square_bracket")
        assert screen.selected == sid(2, 3)
        assert control.calls == []

    drive(steps, records=quiet(overloaded(story())).records(), size=(120, 40))


def test_brackets_move_by_group_on_the_problems_screen() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "right_square_bracket")
        screen = app.screen
        assert isinstance(screen, ProblemsScreen)
        assert screen.selected == "failed:overloaded:529"
        await pilot.press("right_square_bracket")
        assert screen.selected == "quiet:extract"
        await pilot.press("left_square_bracket")
        assert screen.selected == "failed:overloaded:529"

    drive(steps, records=quiet(overloaded(story())).records())


def test_without_problems_the_keys_say_so() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("right_square_bracket")
        assert app.notice == "No subtask has a problem."
        await pilot.press("z")
        assert app.notice == "There is no problem under the cursor."
        await pilot.press("exclamation_mark")
        assert "No problems. 30 in flight, the quietest stream spoke 0 s ago." in shown(app)
        await pilot.press("enter", "space", "z", "r", "s")
        assert app.viewing.marked == set()

    drive(steps, records=story().records())


def test_s_goes_through_the_orders() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark")
        assert "needs me first" in shown(app)
        await pilot.press("s")
        assert "newest first" in shown(app)
        await pilot.press("s")
        assert "largest first" in shown(app)

    drive(steps, records=quiet(overloaded(story())).records())


def test_a_filter_narrows_the_groups_to_what_keys_then_act_on() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("exclamation_mark", "slash", *"2.06", "enter")
        screen = app.screen
        assert isinstance(screen, ProblemsScreen)
        assert screen.under_cursor() == (sid(2, 6),)
        assert "1 in 1 group  of 2.06" in shown(app)
        await pilot.press("z")
        assert "No problem matches 2.06." in shown(app)
        await pilot.press("slash", "ctrl+u", "enter")
        assert screen.under_cursor() == (sid(2, 19),)

    drive(steps, records=quiet(overloaded(story())).records())


def test_a_run_that_ended_well_says_how_well() -> None:
    state = fold(demo())
    view = problems_view(state, ProblemsLook(rows=()), state.at, Looks(width=80, height=24))
    good = sum(s.status is Status.SUCCEEDED for s in state.subtasks.values())
    assert f"No problems. {good} of {len(state.subtasks)} ok." in "\n".join(text(line) for line in view.lines)
