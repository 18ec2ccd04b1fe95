"""The plan as a tree during the run: what it shows, its keys, and that its size does not matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.plan_scene import AT_S, nightly_run, very_many
from tui.stage import RecordingControl, StillSession, dashboard, drive, shown

import luna_tui.tui.views.plan as plan_module
from luna_tui.core.filter import Filter, parse_filter
from luna_tui.core.spending import wave_costs
from luna_tui.core.stand import Stand, stand
from luna_tui.core.state import RunState, SubtaskState, fold
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.asking import Asking
from luna_tui.tui.screens.plan import PlanScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.plan import PlanLook, plan_room, plan_view
from luna_tui.tui.views.plan_rows import ORDERS, Asked, PlanRows
from luna_tui.tui.views.spans import Looks
from luna_tui.tui.views.text import width_of

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_plan(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(nightly_run())), terminal_size=size, press=["L", "j", "j"])


def test_plan_in_ascii(snap_compare: Compare) -> None:
    app = dashboard(StillSession(nightly_run()), ascii=True)
    assert snap_compare(app, terminal_size=(80, 24), press=["L"])


def test_plan_by_need_with_marks(snap_compare: Compare) -> None:
    app = dashboard(StillSession(nightly_run()))
    assert snap_compare(app, terminal_size=(120, 40), press=["L", "s", "j", "space", "space", "j"])


STATE = fold(nightly_run())


class Ticks:
    """A clock that stands until it is told to go on."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def asked(text: str = "", order: str = "plan", state: RunState = STATE) -> Asked:
    found = parse_filter(text, tuple(state.waves))
    assert isinstance(found, Filter)
    return Asked(found, text, ORDERS.index(order))


def on_plan(*keys: str, size: tuple[int, int] = (80, 24)) -> list[str]:
    """The lines of the plan screen after these keys."""
    lines: list[str] = []

    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L", *keys)
        await pilot.pause()
        assert control.calls == []
        lines.extend(shown(app).splitlines())

    drive(steps, records=nightly_run(), size=size)
    return lines


def row(lines: list[str], text: str) -> str:
    return next(line for line in lines if text in line)


def test_the_rows_say_exactly_this() -> None:
    lines = [line.rstrip() for line in on_plan(size=(80, 24))]
    assert lines[:9] == [
        "luna 61c0  PLAN  nightly-docs  5 waves  96 subtasks                  order: plan",
        "",
        "    wave                           state                     time    out       $",
        "  ▸ 1 scan                         ▕██████████████▏ ✓12      0:42           0.37",
        "> ▾ 2 extract                      ▕██▒▒··▏ ✓16 x2 ●20 ·26   0:54           0.85",
        "    ✓ 2.01 parse_css               ok                        0:24    912    0.05",
        "    ✓ 2.02 merge_ids               ok                        0:25    912    0.05",
        "    x 2.03 scan_docs               failed                    0:31",
        "    ✓ 2.04 fix_links               ok                        0:26    912    0.05",
    ]


def test_what_has_not_begun_says_what_it_needs_and_what_it_may_cost() -> None:
    lines = [line.rstrip() for line in on_plan("G", "k", "k", "right", size=(120, 40))]
    assert row(lines, "3 merge").endswith("~0.39")
    assert row(lines, "3.01").endswith("needs 2.03 2.06")
    assert row(lines, "3.02").endswith("needs 2.03")
    assert row(lines, "3.03").endswith("queued")


def test_it_opens_on_the_wave_that_runs_and_shows_its_subtasks() -> None:
    lines = on_plan()
    assert row(lines, "2 extract").startswith("> ▾")
    assert row(lines, "1 scan").startswith("  ▸")
    assert any("2.01 parse_css" in line for line in lines)
    assert not any("1.01" in line for line in lines)


def test_left_and_right_close_and_open_waves_and_walk_between_levels() -> None:
    assert not any("2.01" in line for line in on_plan("left"))
    assert row(on_plan("left", "right"), "2.01")
    assert row(on_plan("right"), "2.01 parse_css").startswith(">")
    assert row(on_plan("right", "j", "left"), "2 extract").startswith("> ▾")
    assert row(on_plan("k", "right"), "1.01 parse_css")
    assert row(on_plan("k", "enter"), "1.01 parse_css")
    assert not any("2.01" in line for line in on_plan("enter"))


def test_enter_opens_the_subtask_and_esc_comes_back_to_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L", "j", "j", "j", "enter")
        assert isinstance(app.screen, SubtaskScreen)
        assert app.screen.subtask == "x02"
        await pilot.press("escape")
        assert isinstance(app.screen, PlanScreen)
        assert app.screen.selected == "x02"
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)

    drive(steps, records=nightly_run())


def test_moving_goes_to_the_ends_and_by_pages() -> None:
    lines = on_plan("G")
    assert row(lines, "5 report").startswith(">")
    assert row(on_plan("G", "g"), "1 scan").startswith(">")
    assert row(on_plan("pagedown"), "2.18").startswith(">")
    assert row(on_plan("pagedown", "pageup"), "2 extract").startswith(">")


def test_marks_are_what_keys_act_on() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L", "j", "space", "space", "j")
        screen = app.screen
        assert isinstance(screen, PlanScreen)
        assert screen.selection() == ("x00", "x01")
        assert row(shown(app).splitlines(), "2.02").startswith(" *")
        await pilot.press("g", "j", "j", "space")
        assert screen.selection() == ("x01",)

    drive(steps, records=nightly_run())


def test_on_a_wave_keys_act_on_all_of_it_that_the_filter_lets_through() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L")
        screen = app.screen
        assert isinstance(screen, PlanScreen)
        assert len(screen.selection()) == 64
        app.viewing.filter = "s:failed"
        await pilot.press("g")
        assert screen.selection() == ("x02", "x05")

    drive(steps, records=nightly_run())


def test_a_filter_is_typed_and_shows_only_what_matches() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L", "slash")
        assert isinstance(app.screen, Asking)
        await pilot.press(*"s:failed", "enter")
        await pilot.pause()
        lines = shown(app).splitlines()
        assert "s:failed  2 of 96 match" in lines[0]
        assert [line.split()[1] for line in lines if "scan_docs" in line or "typ_check" in line] == [
            "2.03",
            "2.06",
        ]
        assert not any("1 scan" in line for line in lines)
        assert app.viewing.filter == "s:failed"
        await pilot.press("slash", "ctrl+u", *"s:held", "enter")
        await pilot.pause()
        assert "Nothing matches" in shown(app)
        await pilot.press("slash", "ctrl+u", "enter")
        await pilot.pause()
        assert "96 subtasks" in shown(app)

    drive(steps, records=nightly_run())


@pytest.mark.parametrize(
    ("presses", "first"), [(1, "2.03 scan_docs"), (2, "2.18 merge_ids"), (3, "2.01 parse_css")]
)
def test_orders_hold_inside_a_wave(presses: int, first: str) -> None:
    lines = on_plan(*["s"] * presses)
    at = next(n for n, line in enumerate(lines) if "2 extract" in line)
    assert first in lines[at + 1]
    assert lines[0].rstrip().endswith(f"order: {ORDERS[presses]}")


def test_the_cursor_stays_on_its_subtask_when_the_order_changes() -> None:
    lines = on_plan("j", "j", "j", "s")
    assert row(lines, "2.03").startswith(">")


def test_clicking_only_selects() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("L")
        lines = shown(app).splitlines()
        at = next(n for n, line in enumerate(lines) if "2.05" in line)
        await pilot.click("#list", offset=(12, at))
        screen = app.screen
        assert isinstance(screen, PlanScreen)
        assert screen.selected == "x04"
        assert control.calls == []

    drive(steps, records=nightly_run())


def test_a_wave_costs_what_its_subtasks_cost_and_is_forecast_from_them() -> None:
    costs = wave_costs(STATE)
    assert costs["scan"].spent == pytest.approx(12 * 0.031)
    assert costs["scan"].forecast == pytest.approx(12 * 0.031)
    assert costs["extract"].spent == pytest.approx(16 * 0.053)
    assert costs["extract"].forecast == pytest.approx((16 + 46) * 0.053)
    assert costs["merge"].forecast is not None
    assert costs["merge"].spent == 0.0


def test_the_same_tree_is_kept_while_nothing_changes_what_is_in_it() -> None:
    state, rows = fold(nightly_run()), PlanRows(Ticks())
    first = rows.tree(state, AT_S, asked(), 20)
    state.seq += 1
    assert rows.tree(state, AT_S + 5, asked(), 20) is first
    rows.open("scan", True)
    assert rows.tree(state, AT_S + 5, asked(), 20) is not first


def test_an_order_is_worked_out_again_at_most_once_a_second() -> None:
    state, clock = fold(nightly_run()), Ticks()
    rows = PlanRows(clock)
    first = list(rows.tree(state, AT_S, asked(order="slowest"), 20))
    state.subtasks["x63"].started_at = 0.0
    state.seq += 1
    clock.at = 0.9
    assert list(rows.tree(state, AT_S, asked(order="slowest"), 20)) == first
    clock.at = 1.0
    assert list(rows.tree(state, AT_S, asked(order="slowest"), 20)) != first


def test_a_small_plan_is_open_as_a_whole() -> None:
    rows = PlanRows(Ticks())
    assert len(rows.tree(STATE, AT_S, asked(), 101)) == 101
    assert len(rows.tree(STATE, AT_S, asked(), 100)) == 5 + 64


def test_of_a_hundred_thousand_only_the_rows_in_sight_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    state = very_many(100_000)
    made: list[object] = []

    def counted(s: SubtaskState, now_s: float, **how: Any) -> Stand:
        made.append(s)
        return stand(s, now_s, **how)

    monkeypatch.setattr(plan_module, "stand", counted)
    rows = PlanRows(Ticks())
    tree = rows.tree(state, state.at, asked(state=state), 36)
    looks = Looks(width=120, height=40, scroll=70_000, selected=tree[70_010])
    panel = plan_view(state, state.at, PlanLook(tree=tree, costs={}), looks)
    assert len(panel.cells) == plan_room(looks) == 35
    assert "page 69999" in "".join(s.text for s in panel.lines[3])
    assert len(made) == 35


@settings(max_examples=150, deadline=None)
@given(
    st.integers(24, 220),
    st.integers(6, 70),
    st.integers(0, 70),
    st.sampled_from(["", "s:failed", "wave:1", "!s:ok", "zzz"]),
    st.sampled_from(ORDERS),
    st.booleans(),
)
def test_every_line_fits_at_every_size(
    width: int, height: int, at: int, text: str, order: str, ascii_only: bool
) -> None:
    rows = PlanRows(Ticks())
    looks = Looks(width=width, height=height, ascii=ascii_only, filter=text, order=ORDERS.index(order))
    tree = rows.tree(STATE, AT_S, asked(text, order), plan_room(looks))
    at = min(at, len(tree) - 1)
    selected = tree[at] if at >= 0 else None
    first = max(0, at - plan_room(looks) + 1)
    looks = Looks(
        width=width,
        height=height,
        ascii=ascii_only,
        filter=text,
        order=ORDERS.index(order),
        selected=selected,
        scroll=first,
        marked=frozenset({"x03"}),
    )
    panel = plan_view(STATE, AT_S, PlanLook(tree=tree, costs=rows.costs(STATE)), looks)
    assert len(panel.lines) == height
    assert all(width_of(line) <= width for line in panel.lines)
    if selected is not None:
        assert any(c.key == selected for c in panel.cells)
    if ascii_only:
        assert all(span.text.isascii() for line in panel.lines for span in line)
