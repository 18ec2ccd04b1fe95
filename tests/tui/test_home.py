"""The home screen: what is shown of runs and plans, what each key does with them, and that it all fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.events import Paste
from textual.pilot import Pilot
from tui.home_stage import ALL, NOW, PLANS, RUNS, StillSource, drive, home_app, pressed, run, shown

from luna_tui.commands.home import argv_of
from luna_tui.core.home import HomeContents, PlanningPrice, Verb, Wish
from luna_tui.core.run_summary import KeptStatus, RunSummary
from luna_tui.tui.home_app import HomeApp
from luna_tui.tui.screens.compare import ComparePage
from luna_tui.tui.screens.home import AskBox, HomeScreen
from luna_tui.tui.screens.kept_page import HomeHelp
from luna_tui.tui.screens.kept_report import KeptReport
from luna_tui.tui.views.home import (
    ORDERS,
    HomeLook,
    home_view,
    kept_in_order,
    passes,
    rooms,
    sorted_runs,
    usable,
)
from luna_tui.tui.views.home_detail import goal_said
from luna_tui.tui.views.keys import SCREEN_KEYS
from luna_tui.tui.views.spans import Looks
from luna_tui.tui.views.text import width_of

Compare = Callable[..., bool]
SIZES = [(44, 16), (80, 24), (120, 40)]
RUNNING, INTERRUPTED, FAILED = RUNS[1].run, RUNS[3].run, RUNS[2].run
TO: dict[str, list[str]] = {"9b2c": ["j"], "61c0": ["j"] * 2, "aa10": ["j"] * 3, "bad1": ["j"] * 6}
"""Keys that lead from the running run, which is first, to another one."""


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_home(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(home_app(), terminal_size=size, press=["j", "space"])


def test_home_light(snap_compare: Compare) -> None:
    assert snap_compare(home_app(theme="light"), terminal_size=(120, 40))


def test_home_ascii(snap_compare: Compare) -> None:
    assert snap_compare(home_app(ascii=True), terminal_size=(80, 24), press=TO["aa10"])


def test_home_empty(snap_compare: Compare) -> None:
    assert snap_compare(home_app(HomeContents((), ())), terminal_size=(80, 24))


def test_how_to_go_on(snap_compare: Compare) -> None:
    assert snap_compare(home_app(), terminal_size=(80, 24), press=[*TO["aa10"], "enter"])


def test_a_plan_under_the_cursor(snap_compare: Compare) -> None:
    assert snap_compare(home_app(), terminal_size=(120, 40), press=["tab"])


async def until(pilot: Pilot[Wish | None], true: Callable[[], bool]) -> None:
    """What is read aside comes when it comes."""
    for _ in range(500):
        if true():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not come")


def page_of(*keys: str, size: tuple[int, int] = (80, 24)) -> str:
    """What the page shows that these keys open."""
    texts: list[str] = []

    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: not isinstance(app.screen, HomeScreen | AskBox))
        await pilot.pause()
        texts.append(shown(app))

    drive(steps, size=size)
    return texts[0]


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (["enter"], Wish(Verb.ATTACH, RUNNING)),
        (["a"], Wish(Verb.ATTACH, RUNNING)),
        ([*TO["aa10"], "enter", "r"], Wish(Verb.RESUME, INTERRUPTED)),
        ([*TO["aa10"], "r", "enter"], Wish(Verb.RESUME, INTERRUPTED)),
        ([*TO["aa10"], "enter", "R"], Wish(Verb.REPLAY, INTERRUPTED)),
        ([*TO["61c0"], "r", "r"], Wish(Verb.RETRY, FAILED)),
        ([*TO["61c0"], "R"], Wish(Verb.REPLAY, FAILED)),
        (["tab", "j", "enter"], Wish(Verb.RUN, PLANS[1].path)),
        (["G", "enter"], Wish(Verb.DEMO)),
    ],
)
def test_keys_lead_to_commands(keys: list[str], wish: Wish) -> None:
    assert pressed(*keys).return_value == wish


@pytest.mark.parametrize("keys", [["q"], ["ctrl+c"], ["enter", "q"][1:]])
def test_leaving_asks_for_nothing(keys: list[str]) -> None:
    app = pressed(*keys)
    assert app.return_value is None
    assert not app.is_running


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([*TO["9b2c"], "a"], "Only a run that is on can be watched."),
        ([*TO["9b2c"], "x"], "Only a run that is on can be stopped."),
        ([*TO["9b2c"], "r"], "There is nothing left to do in this run."),
        (["r"], "It is running."),
        ([*TO["bad1"], "enter"], "run.json is missing; there is no journal"),
        (["tab", "enter"], "It cannot be run: 3: a wave needs a name"),
        (["space", "c"], "Mark two runs with space, then compare them."),
        (["G", "c"], "Mark two runs with space, then compare them."),
    ],
)
def test_what_is_not_possible_is_said(keys: list[str], said: str) -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        # With the cursor on a marked run there is no second one to compare.
        await pilot.press(*(keys if keys != ["space", "c"] else ["space", "k", "c"]))
        assert app.is_running
        assert app.notice == said
        await pilot.press("j")
        assert app.notice == ""

    drive(steps)


def test_what_this_program_lacks_is_not_offered() -> None:
    app = home_app(offered=frozenset({Verb.RUN, Verb.DEMO}))
    seen: list[str] = []

    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("a", "R", "x")
        await pilot.press(*TO["aa10"], "enter")
        assert isinstance(app.screen, AskBox)
        seen.append(shown(app))
        await pilot.press("escape")
        seen.append(shown(app))
        await pilot.press("question_mark")
        seen.append(shown(app))

    drive(steps, app, size=(120, 40))
    box, screen, keys = seen
    assert "read the report" in box
    assert not any(word in box for word in ("go on with", "replay"))
    assert not any(word in screen for word in ("R replay", "a watch", "go on with it"))
    assert not any(word in keys for word in ("Replay:", "Watch a run", "Stop a run"))


def test_a_finished_run_opens_its_report_and_comes_back() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, KeptReport))
        await pilot.pause()
        assert "REPORT  stdlib-review" in shown(app)
        await pilot.press("question_mark")
        assert isinstance(app.screen, HomeHelp)
        await pilot.press("question_mark", "q")
        assert isinstance(app.screen, HomeScreen)
        assert app.is_running

    drive(steps)


def test_a_run_that_nobody_works_on_is_no_run_that_is_on() -> None:
    page = page_of(*TO["aa10"], "enter", "o")
    assert page.splitlines()[1].startswith("INTERRUPTED  ")
    assert "the run is on" not in page
    assert "luna-tui resume aa10" in page


def test_the_report_leads_to_the_replay() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, KeptReport))
        await pilot.press("R")

    assert drive(steps).return_value == Wish(Verb.REPLAY, RUNS[0].run)


def test_what_cannot_be_read_is_said() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press(*["j"] * 5, "enter", "o")
        await until(pilot, lambda: bool(app.notice))
        assert "nothing to show: the journal of" in app.notice
        assert isinstance(app.screen, HomeScreen)

    drive(steps)


def test_two_marked_runs_are_compared_the_older_one_first() -> None:
    page = page_of("space", *TO["61c0"][1:], "space", "c")
    assert "COMPARE  61c0 → 7f3a" in page
    assert "failed anew  1" in page
    assert "timed out: timed out after 60 s" in page
    assert "slower  1" in page


def test_a_comparison_as_it_looks(snap_compare: Compare) -> None:
    app = home_app()

    async def before(pilot: Pilot[Wish | None]) -> None:
        await pilot.press("space", "j", "c")
        await until(pilot, lambda: isinstance(app.screen, ComparePage))

    assert snap_compare(app, terminal_size=(80, 30), run_before=before)


def test_stopping_asks_first_and_the_safe_choice_is_under_the_cursor() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        source = app.source
        assert isinstance(source, StillSource)
        await pilot.press("x", "enter")
        assert source.stopped == []
        assert isinstance(app.screen, HomeScreen)
        await pilot.press("x", "x")
        await until(pilot, lambda: app.notice == "what is in flight ends")
        await pilot.press("x", "X")
        await until(pilot, lambda: len(source.stopped) == 2)
        assert source.stopped == [(RUNNING, False), (RUNNING, True)]

    drive(steps)


def test_a_filter_narrows_the_list_and_esc_takes_it_away() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("slash", *"s:canc", "enter")
        await pilot.pause()
        text = shown(app)
        assert "c3d4" in text
        assert "9b2c" not in text
        assert "1 shown" in text
        await pilot.press("slash", "ctrl+u", *"zzz", "enter")
        await pilot.pause()
        assert "No run matches /zzz" in shown(app)
        await pilot.press("escape")
        assert "9b2c" in shown(app)

    drive(steps)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", 7), ("s:running", 1), ("s:r", 1), ("nightly", 4), ("!nightly", 3), ("site !s:failed", 6),
        ("7f3a", 1), ("SITE", 7), ("!", 7),
    ],
)  # fmt: skip
def test_every_word_of_a_filter_must_hold(text: str, ends: int) -> None:
    assert sum(passes(r, text) for r in RUNS) == ends


def test_each_order_puts_its_own_first() -> None:
    firsts = {name: sorted_runs(RUNS, n)[0].run[-4:] for n, name in enumerate(ORDERS)}
    assert firsts["running first"] == "7f3a"
    assert firsts["newest"] == "9b2c"
    assert firsts["dearest"] == "h3ld"
    assert firsts["longest"] == "9b2c"


def test_news_come_on_top_and_all_else_keeps_its_place() -> None:
    before = kept_in_order([], HomeContents(RUNS, ()), 0)
    ended = tuple(replace(r, status=KeptStatus.SUCCEEDED) for r in RUNS if r.run != FAILED)
    new = run("n3w1", KeptStatus.RUNNING, 0)
    after = kept_in_order(before, HomeContents((new, *ended), ()), 0)
    assert after == [new.run, *(r for r in before if r != FAILED)]


def test_the_cursor_stays_on_its_run_when_another_one_begins() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press(*TO["61c0"])
        source = app.source
        assert isinstance(source, StillSource)
        source.contents = HomeContents((run("n3w1", KeptStatus.RUNNING, 0), *RUNS), PLANS)
        app.look()
        await until(pilot, lambda: "n3w1" in shown(app))
        (line,) = [line for line in shown(app).splitlines() if line.startswith(">")]
        assert "61c0" in line

    drive(steps)


def test_nothing_is_drawn_anew_when_nothing_changed() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        source = app.source
        assert isinstance(source, StillSource)
        contents, before = app.place.contents, source.looks
        app.look()
        await until(pilot, lambda: source.looks == before + 1 and not app._looking)
        assert app.place.contents is contents

    drive(steps)


def test_help_lists_the_keys_of_this_screen() -> None:
    assert "Watch a run that is on, and act on it." in page_of("question_mark")


def test_plans_stay_in_sight_however_many_runs_there_are() -> None:
    many = tuple(run(f"a{n:03d}", KeptStatus.SUCCEEDED, n) for n in range(300))
    app = pressed("j", app=home_app(HomeContents(many, PLANS)))
    look = HomeLook(
        contents=app.place.contents, runs=many, now=NOW, folder="/", home="", offered=ALL
    )  # fmt: skip
    upper, lower = rooms(look, Looks(width=80, height=24))
    assert lower == 3
    assert upper + lower + 3 == 20


RUN_SETS = st.lists(st.sampled_from(RUNS), max_size=30).map(
    lambda found: tuple(replace(r, run=f"r{n}-{r.run}") for n, r in enumerate(found))
)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(20, 220), st.integers(4, 60), RUN_SETS, st.integers(0, 12), st.integers(0, 40), st.booleans()
)
def test_every_line_fits_at_every_size(
    width: int, height: int, runs: tuple[RunSummary, ...], plans: int, at: int, ascii_only: bool
) -> None:
    found = tuple(replace(PLANS[n % 2], path=f"/p/{n}.toml") for n in range(plans))
    look = HomeLook(
        contents=HomeContents(runs, found), runs=runs, now=NOW, folder="/home/ada/site", home="/home/ada",
        offered=ALL,
    )  # fmt: skip
    keys = look.keys()
    at = min(at, len(keys) - 1)
    looks = Looks(width=width, height=height, selected=keys[at], ascii=ascii_only)
    upper, lower = rooms(look, looks)
    on_runs = at < len(runs)
    firsts = (
        max(0, at - upper + 1) if on_runs else 0,
        0 if on_runs else max(0, at - len(runs) - lower + 1),
    )
    panel = home_view(look, looks, firsts, usable(SCREEN_KEYS["home"], ALL))
    assert len(panel.lines) == height
    assert all(width_of(line) <= width for line in panel.lines)
    if height >= 10:
        assert any(c.key == keys[at] for c in panel.cells)
    if ascii_only:
        assert all(span.text.isascii() for line in panel.lines for span in line)


def test_a_goal_is_typed_with_the_price_of_planning_it_in_sight() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("n")
        await until(pilot, lambda: "goal" in shown(app))
        await pilot.press(*"fix", "space", *"it")
        assert "claude-opus-5-5 plans: about $0.07, at most $1.19" in shown(app)
        await pilot.press("enter")

    assert drive(steps).return_value == Wish(Verb.PLAN, "fix it")


def test_lines_that_are_pasted_are_one_goal() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("n")
        await until(pilot, lambda: "goal" in shown(app))
        app.screen.post_message(Paste("compare\nthe docs\n"))
        await pilot.pause()
        assert app.is_running
        await pilot.press("enter")

    found = drive(steps).return_value
    assert found is not None
    assert found.what.split() == ["compare", "the", "docs"]


def test_without_the_command_there_is_no_goal() -> None:
    async def steps(pilot: Pilot[Wish | None], app: HomeApp) -> None:
        await pilot.press("n")
        await pilot.pause(0.1)
        assert "goal" not in shown(app)

    drive(steps, home_app(offered=ALL - {Verb.PLAN}))


def test_the_price_is_said_as_far_as_it_is_known() -> None:
    assert "not known" in goal_said(PlanningPrice("m", None, None), "x").text
    assert "nothing is spent" in goal_said(PlanningPrice("m", 0.0, 0.0), "x").text
    assert goal_said(PlanningPrice("m", 0.1, 0.2), "-").wrong


def test_the_command_line_of_a_goal_takes_it_as_it_is() -> None:
    assert argv_of(Wish(Verb.PLAN, "--help me")) == ["plan", "--run", "--", "--help me"]
