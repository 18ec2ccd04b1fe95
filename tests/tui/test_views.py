"""Views are text: they say what is so, and they always fit."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tui.scenes import busy, demo, paused

from luna_tui.core.insight import Stand, flow, forecast
from luna_tui.core.state import RunState, fold
from luna_tui.tui.views.boxes.frame import box_view, box_width
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.help import help_lines
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.pages import page
from luna_tui.tui.views.report import report_lines
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Line, Looks, RunView
from luna_tui.tui.views.stop_menu import choices, stop_box
from luna_tui.tui.views.subtask import subtask_view
from luna_tui.tui.views.text import cell_len, clock, fit, tokens, width_of, wrap
from luna_tui.tui.views.trouble import attention

PARTS = ("header", "gauges", "waiting", "strip", "grid", "timeline", "attention", "keys")
MOMENTS: list[RunState] = [fold(demo(t)) for t in (0.2, 2.0, 6.0, 15.0, 24.0, None)] + [
    fold(busy()),
    fold(paused()),
]


def text(line: Line) -> str:
    return "".join(s.text for s in line)


def rows(view: RunView) -> list[str]:
    return [text(line) for part in PARTS for line in getattr(view, part).lines]


def test_forty_workers_are_all_in_sight_at_80x24() -> None:
    state = fold(busy(40))
    view = run_view(state, 58.0, Looks(width=80, height=24))
    assert len({c.key for c in view.grid.cells}) == 40
    shown = "\n".join(rows(view))
    assert all(state.subtasks[c.key].label in shown for c in view.grid.cells)


@pytest.mark.parametrize("size", [(120, 40), (200, 60), (60, 20), (100, 30), (44, 16), (40, 12), (30, 8)])
def test_forty_workers_are_all_in_sight_elsewhere_too(size: tuple[int, int]) -> None:
    view = run_view(fold(busy(40)), 58.0, Looks(width=size[0], height=size[1], selected="s00"))
    assert len({c.key for c in view.grid.cells}) == 40


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 220),
    st.integers(1, 70),
    st.integers(0, len(MOMENTS) - 1),
    st.booleans(),
    st.floats(0, 90),
)
def test_every_line_fits_and_the_heights_add_up(
    width: int, height: int, moment: int, ascii_only: bool, later: float
) -> None:
    state = MOMENTS[moment]
    looks = Looks(width=width, height=height, selected=next(iter(state.subtasks)), ascii=ascii_only)
    now_s = state.at if state.finished else state.at + later
    view = run_view(state, now_s, looks)
    lines = [line for part in PARTS for line in getattr(view, part).lines]
    assert len(lines) == height
    grid_width = width - view.peek_width
    for part in PARTS:
        most = grid_width if part == "grid" else width
        assert all(width_of(line) <= most for line in getattr(view, part).lines), part
    assert all(width_of(line) <= view.peek_width for line in view.peek.lines)
    if ascii_only:
        assert all(text(line).isascii() or "±" in text(line) for line in lines + list(view.peek.lines))


@settings(max_examples=60, deadline=None)
@given(st.integers(24, 220), st.integers(6, 70), st.integers(0, len(MOMENTS) - 1), st.integers(0, 50))
def test_the_other_screens_fit_too(width: int, height: int, moment: int, scroll: int) -> None:
    state = MOMENTS[moment]
    looks = Looks(width=width, height=height, scroll=scroll)
    panels = [
        subtask_view(state, next(iter(state.subtasks)), state.at, looks),
        page(help_lines(SCREEN_KEYS["run"], looks), looks, ()),
        page(report_lines(state, state.at, looks, folder="runs/x", found=None), looks, ()),
    ]
    for panel in panels:
        assert len(panel.lines) <= height
        assert all(width_of(line) <= width for line in panel.lines)
    menu = box_view(stop_box(choices(state, (), state.at), state), 0, looks, UNICODE)
    assert {width_of(line) for line in menu.lines} == {box_width(looks)}
    assert len(menu.lines) <= height


@pytest.mark.parametrize("width", [24, 30, 44, 60, 80, 200])
def test_the_keys_for_help_and_leaving_are_never_lost(width: int) -> None:
    line = text(run_view(fold(busy(40)), 58.0, Looks(width=width, height=24)).keys.lines[-1])
    assert "?" in line
    assert "q" in line


def test_a_narrow_header_keeps_what_failed() -> None:
    line = text(run_view(fold(busy(40)), 58.0, Looks(width=44, height=16)).header.lines[0])
    assert "3/59" in line
    assert "3 failed" in line


def test_no_sentence_of_help_or_stop_menu_is_cut_at_80_columns() -> None:
    looks = Looks(width=80, height=200)
    assert not any("…" in text(line) for line in page(help_lines(SCREEN_KEYS["run"], looks), looks, ()).lines)
    menu = box_view(stop_box(choices(fold(busy(40)), ("s00",), 58.0), fold(busy(40))), 0, looks, UNICODE)
    assert not any("…" in text(line) for line in menu.lines)


def test_every_state_has_a_shape_of_its_own() -> None:
    for glyphs in (UNICODE, ASCII):
        marks = [glyphs.states[s] for s in Stand]
        assert len(set(marks)) == len(marks)
        assert all(cell_len(m) == 1 for m in marks)
    assert all(m.isascii() for m in ASCII.states.values())


def test_the_numbers_of_the_waiting_line_add_up() -> None:
    for state in MOMENTS:
        f = flow(state, state.at)
        live = sum(s.status is None for s in state.subtasks.values())
        assert f.on == f.in_flight + sum(n for _, n, _ in f.waits)
        assert f.on + f.queued + f.later == live


def test_trouble_is_told_in_words() -> None:
    state = fold(busy())
    shown = "\n".join(text(line) for line in attention(state, 58.0, 120, 40, UNICODE).lines)
    assert "their threads ignore the cancellation" in shown
    assert "no token for" in shown
    assert "overloaded (529), 1/3 tries; block 2.01 2.02 +1" in shown
    assert "ITPM 3" in text(run_view(state, 58.0, Looks(width=120, height=40)).waiting.lines[0])
    assert "Paused: nothing more starts" in "\n".join(
        rows(run_view(fold(paused()), 58.0, Looks(width=80, height=24)))
    )


def test_there_is_no_forecast_before_three_ends() -> None:
    assert forecast(fold(demo(2.0)), 2.0) is None
    assert "ETA ?" in text(run_view(fold(demo(2.0)), 2.0, Looks(width=80, height=24)).header.lines[0])
    assert forecast(fold(demo(15.0)), 15.0) is not None


def test_the_stop_menu_names_what_each_stop_costs() -> None:
    state = fold(busy(40))
    offered = {c.key: c for c in choices(state, ("s00",), 58.0)}
    assert next(iter(offered)) == "esc"
    assert set(offered) == {"esc", "s", "w", "W", "a", "A", "d"}
    on = flow(state, 58.0).in_flight
    assert offered["A"].does == f"all now: keeps 6, drops {on} in flight"
    assert offered["A"].price == "$? used"
    assert offered["a"].price == "about 0:07"


@given(st.text(max_size=60), st.integers(0, 40))
def test_cut_text_says_so(raw: str, width: int) -> None:
    cut = fit(raw.replace("\n", " "), width)
    assert cell_len(cut) <= max(0, width)
    assert cut == raw.replace("\n", " ") or cut.endswith("…") or width == 0


@given(st.text(alphabet="ab 日é\n", max_size=200), st.integers(4, 40))
def test_wrapping_loses_no_letter(raw: str, width: int) -> None:
    lines = wrap(raw, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == raw.replace("\n", "").replace(" ", "")


def test_figures_are_short() -> None:
    assert [tokens(n) for n in (0, 612, 1_349, 24_400, 1_400_000)] == ["0", "612", "1.3k", "24k", "1.40M"]
    assert [clock(s) for s in (9.9, 760, 3_723)] == ["0:09", "12:40", "1:02:03"]
