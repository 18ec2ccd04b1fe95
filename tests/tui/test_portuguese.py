"""Every screen in Portuguese: as it looks, and that the longer words fit; re-record with `make snapshots`."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from tui import (
    test_box_views,
    test_events_screen,
    test_home,
    test_limits_and_report,
    test_plan,
    test_preflight,
    test_subtask,
    test_timeline,
    test_trouble,
    test_views,
)
from tui.home_stage import home_app
from tui.plan_scene import nightly_run
from tui.preflight_stage import preflight_app
from tui.scenes import busy, demo, paused
from tui.stage import StillSession, dashboard
from tui.subtask_scenes import story
from tui.test_box_pictures import KEYS, picture
from tui.test_limits_and_report import ended, measured
from tui.test_problem_pictures import troubled
from tui.test_subtask_snapshots import TABS, opened

from luna_tui.core.insight import Stand
from luna_tui.core.state import fold
from luna_tui.core.tongue import speaking
from luna_tui.storage.translations import translations
from luna_tui.tui.views.entries import entries
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks
from luna_tui.tui.views.text import cell_len

Compare = Callable[..., bool]
SMALL = (80, 24)
SIZES = [SMALL, (120, 40), (200, 60)]
FITTING: tuple[Callable[[], None], ...] = (
    test_views.test_every_line_fits_and_the_heights_add_up,
    test_views.test_the_other_screens_fit_too,
    test_subtask.test_every_line_fits_and_there_are_as_many_as_asked_for,
    test_trouble.test_everything_fits_at_any_size,
    test_timeline.test_the_timeline_fits_every_size,
    test_limits_and_report.test_limits_and_report_fit_every_size,
    test_plan.test_every_line_fits_at_every_size,
    test_preflight.test_every_line_fits_at_every_size,
    test_events_screen.test_events_fit_at_any_size,
    test_home.test_every_line_fits_at_every_size,
    test_box_views.test_a_box_fits_every_terminal_and_the_cursor_is_in_sight,
    test_box_views.test_the_help_fits_every_width_and_is_ascii_where_that_is_asked_for,
    test_box_views.test_the_frame_of_the_text_area_fits,
)
"""What is asked of the views in any language."""


@pytest.fixture(autouse=True)
def portuguese() -> Iterator[None]:
    with speaking(translations("pt_BR")):
        yield


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_run(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(dashboard(StillSession(busy(40))), terminal_size=size)


def test_run_with_few_workers(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(demo(10.0))), terminal_size=SMALL)


def test_run_paused(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(paused())), terminal_size=SMALL)


def test_run_ended(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(demo())), terminal_size=SMALL)


@pytest.mark.parametrize("tab", TABS)
def test_subtask_tab(snap_compare: Compare, tab: str) -> None:
    app = opened(story(ended=tab == "result"))
    assert snap_compare(app, terminal_size=SMALL, press=[str(TABS.index(tab) + 1)])


def test_problems(snap_compare: Compare) -> None:
    keys = ["exclamation_mark", "j", "enter", "j", "space"]
    assert snap_compare(dashboard(troubled()), terminal_size=SMALL, press=keys)


def test_filter(snap_compare: Compare) -> None:
    keys = ["exclamation_mark", "slash", "s", "colon", *"falu"]
    assert snap_compare(dashboard(troubled()), terminal_size=SMALL, press=keys)


def test_events(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(demo(10.0))), terminal_size=SMALL, press=["v"])


def test_timeline_of_workers(snap_compare: Compare) -> None:
    app = dashboard(StillSession(demo(19.0)))
    assert snap_compare(app, terminal_size=SMALL, press=["t", "j", "j", "left"])


@pytest.mark.parametrize("size", [SMALL, (120, 40)], ids=lambda s: f"{s[0]}x{s[1]}")
def test_home_screen(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(home_app(), terminal_size=size, press=["j"])


def test_how_to_go_on(snap_compare: Compare) -> None:
    assert snap_compare(home_app(), terminal_size=SMALL, press=["j", "j", "j", "enter"])


def test_limits(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(measured().records())), terminal_size=SMALL, press=["l"])


@pytest.mark.parametrize("so_far", [True, False], ids=["so far", "ended"])
def test_report(snap_compare: Compare, so_far: bool) -> None:
    past = measured() if so_far else ended()
    assert snap_compare(dashboard(StillSession(past.records())), terminal_size=SMALL, press=["R"])


def test_plan_as_a_tree(snap_compare: Compare) -> None:
    assert snap_compare(dashboard(StillSession(nightly_run())), terminal_size=SMALL, press=["L", "j", "j"])


def test_before(snap_compare: Compare) -> None:
    assert snap_compare(preflight_app(), terminal_size=SMALL, press=["j"])


@pytest.mark.parametrize("name", KEYS)
def test_box(snap_compare: Compare, name: str) -> None:
    assert picture(snap_compare, name, SMALL)


@pytest.mark.parametrize("holds", FITTING, ids=lambda f: f"{f.__module__[9:]} {f.__name__}")
def test_what_fits_in_english_fits_in_portuguese(holds: Callable[[], None]) -> None:
    # As wide as with accents, and ASCII where that is asked for.
    with speaking(translations("pt_BR", ascii=True)):
        holds()


@pytest.mark.parametrize("name", SCREEN_KEYS)
@pytest.mark.parametrize("width", [80, 120])
def test_no_line_of_the_help_is_cut(name: str, width: int) -> None:
    test_box_views.test_no_line_of_the_help_is_cut(name, width)


def test_no_sentence_of_help_or_stop_menu_is_cut_at_80_columns() -> None:
    test_views.test_no_sentence_of_help_or_stop_menu_is_cut_at_80_columns()


def test_no_state_word_of_a_worker_is_cut() -> None:
    state = fold(busy(40))
    assert {e.stand for e in entries(state, 58.0)} > {Stand.GHOST, Stand.QUIET, Stand.FAILED, Stand.SENT}
    assert [e.tail for e in entries(state, 58.0) if cell_len(e.tail) > 4] == []


def test_the_keys_that_stop_and_leave_are_on_the_key_line_of_80_columns() -> None:
    for records in (busy(40), paused()):
        line = run_view(fold(records), 58.0, Looks(width=80, height=24)).keys.lines[-1]
        shown = "".join(span.text for span in line)
        assert "x parar…" in shown
        assert shown.endswith("q")
