"""Before any money is spent: what the preflight shows, and that nothing starts but by enter or D."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.preflight_stage import PRICES, drive, nightly, preflight_app, terms_of, text_of

from luna_tui.core.plan_editing import Edition
from luna_tui.core.preflight import preflight
from luna_tui.core.survey import Survey
from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.preflight_app import Choice, PreflightApp
from luna_tui.tui.screens.preflight import PreflightHelp, PreflightScreen
from luna_tui.tui.views.plan_edition import waves_tree
from luna_tui.tui.views.preflight import Scene, preflight_view, room
from luna_tui.tui.views.spans import Looks, Role
from luna_tui.tui.views.text import width_of

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


def pressed(*keys: str, app: PreflightApp | None = None) -> PreflightApp:
    """The app after these keys."""

    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press(*keys)

    return drive(steps, app)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_before(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(preflight_app(), terminal_size=size, press=["j"])


def test_before_with_subtasks(snap_compare: Compare) -> None:
    assert snap_compare(preflight_app(), terminal_size=(120, 40), press=["j", "space"])


def test_before_in_ascii(snap_compare: Compare) -> None:
    assert snap_compare(preflight_app(ascii=True), terminal_size=(80, 24), press=["j"])


def test_before_without_key_or_prices(snap_compare: Compare) -> None:
    missing = "the plan asks Claude, and no API key was found: set ANTHROPIC_API_KEY, or D for a dry run"
    assert snap_compare(preflight_app(missing=missing, prices={}), terminal_size=(80, 24), press=["enter"])


def test_enter_starts_on_the_terms_that_are_shown() -> None:
    app = pressed("m", "w", "enter")
    assert app.return_value == Choice(mode=Mode.CONSERVATIVE, workers=Staffing.AUTO, budget_usd=4.75)


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
def test_leaving_starts_nothing(key: str) -> None:
    app = pressed(key)
    assert app.return_value is None
    assert not app.is_running


def test_d_asks_for_a_dry_run_on_the_same_terms() -> None:
    app = pressed("+", "D")
    assert app.return_value == Choice(mode=Mode.AGGRESSIVE, workers=21, budget_usd=4.75, dry_run=True)


def test_without_a_key_enter_says_so_and_a_dry_run_is_possible() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("enter")
        assert app.is_running
        assert text_of(app).splitlines()[-1] == "no key"
        await pilot.press("D")

    app = drive(steps, preflight_app(missing="no key"))
    assert app.return_value is not None
    assert app.return_value.dry_run


def test_plus_and_minus_count_workers_from_what_is_in_force() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("minus", "minus")
        assert "18 workers" in text_of(app)
        await pilot.press("w")
        assert "20 workers" in text_of(app)
        await pilot.press("w")
        assert "as many workers as the limits can use" in text_of(app)
        await pilot.press("plus")
        assert app.choice.workers == 23

    drive(steps)


def test_fewer_workers_take_longer_and_the_screen_says_so() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        assert "4:24" in text_of(app)
        await pilot.press(*["minus"] * 10)
        assert "4:24" not in text_of(app)
        assert "bound by its 10 workers" in text_of(app)

    drive(steps)


def test_a_budget_is_typed_and_taken_away() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("b", "ctrl+u", "2", "full_stop", "5", "enter")
        await pilot.pause()
        assert app.choice.budget_usd == 2.5
        assert "budget $2.50" in text_of(app)
        assert "would be held" in text_of(app)
        await pilot.press("b", "ctrl+u", "x", "enter")
        assert "a number of USD above 0" in text_of(app)
        await pilot.press("escape")
        assert app.choice.budget_usd == 2.5
        await pilot.press("b", "ctrl+u", "enter")
        await pilot.pause()
        assert app.choice.budget_usd is None
        assert "no budget" in text_of(app)

    drive(steps)


def test_a_wave_opens_and_closes_and_the_cursor_walks_through() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("j", "space")
        assert "2.01 parse_css" in text_of(app)
        await pilot.press("j", "j")
        assert "> " in next(line for line in text_of(app).splitlines() if "2.02" in line)
        await pilot.press("left")
        assert "2.01" not in text_of(app)
        assert "> " in next(line for line in text_of(app).splitlines() if "extract" in line)
        await pilot.press("right", "G")
        assert "5 report" in text_of(app)
        await pilot.press("k", "pageup", "pagedown", "g")
        assert "1 scan" in text_of(app)

    drive(steps)


def test_a_click_selects_and_starts_nothing() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        row = next(n for n, line in enumerate(text_of(app).splitlines()) if "3 merge" in line)
        await pilot.click("#preflight", offset=(10, row))
        assert "> ▸ 3 merge" in text_of(app)
        assert app.is_running

    drive(steps)


def test_help_lists_the_keys_and_comes_back() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("question_mark")
        assert isinstance(app.screen, PreflightHelp)
        assert "Start the run on these terms;" in text_of(app)
        await pilot.press("q")
        assert isinstance(app.screen, PreflightScreen)
        await pilot.press("T")
        assert "theme" in text_of(app)

    drive(steps)


SURVEY = Survey(nightly(), PRICES)
EDITION = Edition(SURVEY.plan)
FOUND = [
    preflight(SURVEY, terms_of(budget_usd=budget, workers=workers))
    for budget, workers in ((None, 3), (4.75, Staffing.TABLE), (1.0, Staffing.AUTO))
]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(24, 220),
    st.integers(6, 70),
    st.integers(0, len(FOUND) - 1),
    st.frozensets(st.sampled_from([w.name for w in SURVEY.plan.waves])),
    st.integers(0, 120),
    st.booleans(),
)
def test_every_line_fits_at_every_size(
    width: int, height: int, case: int, opened: frozenset[str], at: int, ascii_only: bool
) -> None:
    tree = waves_tree(SURVEY.plan, opened)
    scene = Scene(edition=EDITION, survey=SURVEY, found=FOUND[case], tree=tree, missing="no key was found")
    looks = Looks(width=width, height=height, ascii=ascii_only)
    at = min(at, len(tree) - 1)
    first = max(0, at - room(scene, looks) + 1)
    looks = Looks(width=width, height=height, ascii=ascii_only, selected=tree[at], scroll=first)
    panel = preflight_view(scene, looks)
    assert len(panel.lines) == height
    assert all(width_of(line) <= width for line in panel.lines)
    assert any(c.key == tree[at] for c in panel.cells)
    if ascii_only:
        assert all(span.text.isascii() for line in panel.lines for span in line)


@pytest.mark.parametrize(("holds", "role"), [(True, Role.TEXT), (False, Role.WARN)])
def test_what_holds_commands_of_agents_is_said_before_the_start(holds: bool, role: Role) -> None:
    tree = waves_tree(SURVEY.plan, frozenset())
    words = "commands of agents: held by something"
    scene = Scene(edition=EDITION, survey=SURVEY, found=FOUND[1], tree=tree, sandbox=(words, holds))
    spans = [s for line in preflight_view(scene, Looks(width=100, height=30)).lines for s in line]
    assert [s.role for s in spans if s.text == words] == [role]


def test_the_table_says_exactly_this() -> None:
    scene = Scene(edition=EDITION, survey=SURVEY, found=FOUND[1], tree=waves_tree(SURVEY.plan, frozenset()))
    panel = preflight_view(scene, Looks(width=80, height=24))
    lines = ["".join(span.text for span in line).rstrip() for line in panel.lines]
    assert lines[2:] == [
        "tier2 aggressive, 95 % of the limits   20 workers   budget $4.75",
        "",
        "    wave       subtasks  workers  tokens in    out  $ low  likely   high   time",
        "  ▸ 1 scan           12       12        93k   9.5k   0.33    0.35   0.41   0:38",
        "  ▸ 2 extract        64       20      1.09M    57k   3.29    3.44   3.80   2:15",
        "  ▸ 3 merge           9        9       121k    11k   0.42    0.44   0.51   0:30",
        "  ▸ 4 check          10        8        54k   4.9k   0.18    0.19   0.23   0:19",
        "  ▸ 5 report          1        1        20k   2.4k   0.07    0.08   0.10   0:41",
        "    all              96               1.38M    86k   4.28    4.51   5.05   4:24",
        "",
        "4:24 (3:28 to 6:43), bound by its 20 workers: up to 22 workers would be of use",
        "wave 2 extract may need 2:15; its own limit is 2:00, and what runs then is",
        "timed out",
        "budget $4.75 covers the likely case; in the high case about 7 would be held",
        "4 commands run on this computer, in a dry run too",
        "lengths of answers: 91 as the plan says (80 to 150 %), 1 guessed at 30, 60 and",
        "100 % of max_tokens; retries are not in the figures",
        "",
        "",
        "",
        "─" * 80,
        "enter start  m mode  w workers  b budget  i off/on  D dry run  esc back  ? keys",
    ]
