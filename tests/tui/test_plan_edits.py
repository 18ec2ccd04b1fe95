"""The plan is changed before it starts: what the keys do, and that exactly this starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from tui.preflight_stage import MODEL, PRICES, Keeper, Steps, ask, local, plan_of, preflight_app, text_of
from tui.preflight_stage import drive as driven

from luna_tui.core.plan import Estimate, Expectation, Plan, Wave
from luna_tui.core.prices import Price
from luna_tui.core.words import Isolation
from luna_tui.tui.preflight_app import Choice, PreflightApp
from luna_tui.tui.screens.subtask_text import SubtaskText

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]
DEAR = "claude-opus-5-5"
BOTH = {**PRICES, DEAR: Price(input=4.0, output=20.0)}
OPEN = ("space", "j", "j", "j", "j", "space", "g")


def reviewed() -> Plan:
    """Two waves: three that read, then a check, a command and what draws them together."""
    told = Estimate(input_tokens=306, output_tokens=600, seconds=11.0)
    read = tuple(
        ask(f"read-{n}", title=f"read chapter {n}", tools=("read_file",), estimate=told) for n in (1, 2, 3)
    )
    check = ask(
        "check",
        title="check the claims",
        depends_on=("read-1",),
        tools=("read_file", "run_command"),
        isolate=Isolation.COPY,
        estimate=told,
        expect=Expectation(contains="OK"),
    )
    lint = local("lint", title="lint it", command=("ruff", "check", "a b\x1b[2J"), cwd="src")
    whole = ask("whole", title="draw together", depends_on=("read-1", "read-2", "read-3"))
    return plan_of(
        Wave(name="read", subtasks=read), Wave(name="judge", subtasks=(check, lint, whole)), name="review"
    )


def edited_app(keeper: Keeper | None = None, **more: Any) -> PreflightApp:
    return preflight_app(reviewed(), prices=BOTH, budget_usd=None, keeper=keeper, **more)


def drive(steps: Steps, app: PreflightApp | None = None) -> PreflightApp:
    """With all waves open."""
    return driven(steps, app or edited_app(), size=(100, 30), first=OPEN)


def pressed(*keys: str, app: PreflightApp | None = None) -> PreflightApp:
    """The app after all waves were opened, and these keys."""

    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press(*keys)

    return drive(steps, app)


def started(app: PreflightApp) -> list[list[str]]:
    """Ids of what is started, wave by wave."""
    assert app.return_value is not None
    assert app.return_value.plan is not None
    return [[s.id for s in w.subtasks] for w in app.return_value.plan.waves]


def line_with(app: PreflightApp, text: str) -> str:
    return next(line for line in text_of(app).splitlines() if text in line)


def all_row(app: PreflightApp) -> str:
    return line_with(app, "    all ")


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_edited(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(edited_app(), terminal_size=size, press=[*OPEN, "j", "j", "i", "k", "c", "j"])


def test_edited_in_ascii(snap_compare: Compare) -> None:
    keys = [*OPEN, "j", "j", "i", "k", "c", "j"]
    assert snap_compare(edited_app(ascii=True), terminal_size=(80, 24), press=keys)


def test_edited_without_colours(snap_compare: Compare) -> None:
    keys = [*OPEN, "j", "j", "i", "k", "c", "j"]
    assert snap_compare(edited_app(theme="mono"), terminal_size=(80, 24), press=keys)


def test_the_whole_text(snap_compare: Compare) -> None:
    assert snap_compare(edited_app(), terminal_size=(80, 24), press=[*OPEN, *"jjjjj", "enter"])


def test_what_is_left_out_does_not_start_and_costs_nothing() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        before = all_row(app)
        await pilot.press("j", "i")
        assert "left out with it, since they need it: check, whole" in text_of(app)
        assert "off" in line_with(app, "/ read chapter 1")
        assert "2/3" in line_with(app, "1 read")
        assert all_row(app) != before
        assert "changed" in text_of(app).splitlines()[0]
        await pilot.press("g", "enter")

    assert started(drive(steps)) == [["read-2", "read-3"], ["lint"]]


def test_it_is_taken_in_again_with_what_went_with_it() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        before = text_of(app)
        await pilot.press("j", "i", "i")
        assert "taken in again with it: check, whole" in text_of(app)
        await pilot.press("g")
        assert text_of(app) == before
        await pilot.press("enter")

    app = drive(steps)
    assert app.return_value is not None
    assert app.return_value.plan is None


def test_a_wave_is_left_out_as_a_whole_but_never_everything() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("j", "j", "j", "j", "i")
        assert "0/3" in line_with(app, "/ judge")
        await pilot.press("g", "i")
        assert "Something has to be left to do." in text_of(app)
        await pilot.press("enter")

    assert started(drive(steps)) == [["read-1", "read-2", "read-3"]]


def test_another_model_costs_something_else_at_once() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        row, total = line_with(app, "read chapter 1"), all_row(app)
        await pilot.press("j", "c")
        assert f"{DEAR}: $4 in, $20 out, a million tokens" in text_of(app)
        assert line_with(app, "read chapter 1")[4:] != row[4:]
        assert all_row(app) != total
        await pilot.press("g", "enter")

    app = drive(steps)
    assert app.return_value is not None
    assert app.return_value.plan is not None
    assert [s.model for s in app.return_value.plan.waves[0].subtasks] == [DEAR, MODEL, MODEL]


@pytest.mark.parametrize(("keys", "dear"), [(("c",), 3), (("C",), 5)], ids=["wave", "all"])
def test_the_model_of_a_wave_or_of_all(keys: tuple[str, ...], dear: int) -> None:
    app = pressed(*keys, "enter")
    assert app.return_value is not None
    assert app.return_value.plan is not None
    assert [s.model for s in app.return_value.plan.subtasks()].count(DEAR) == dear


def test_a_command_asks_no_model() -> None:
    app = edited_app()

    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press(*"jjjjjj", "c")
        assert "It asks no model." in text_of(app)
        assert not app.editing.changed

    drive(steps, app)


def test_the_workers_of_a_wave_are_typed_and_taken_away() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("W", "0", "enter")
        assert "a number from 1 to 10,000" in text_of(app)
        await pilot.press("backspace", "1", "enter")
        await pilot.pause()
        assert "1 worker at most" in text_of(app)
        assert app.editing.now.plan.waves[0].max_workers == 1
        assert app.survey.plan.waves[0].max_workers == 1
        await pilot.press("W", "ctrl+u", "enter")
        await pilot.pause()
        assert not app.editing.changed

    drive(steps)


def test_subtasks_and_waves_change_places_where_nothing_needs_the_order() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("j", "J")
        assert "> " in line_with(app, "1.02 read chapter 1")
        await pilot.press("J", "J")
        assert "> " in line_with(app, "2.01 read chapter 1")
        await pilot.press("J", "J", "J", "J")
        assert "It is the last already." in text_of(app)
        await pilot.press("K", "K", "K", "K", "g", "J")
        assert "check needs read-1, so its wave stays behind." in text_of(app)
        await pilot.press("G", "k", "K", "K")
        assert "1.04 lint it" in text_of(app)
        await pilot.press("g", "enter")

    assert started(drive(steps)) == [["read-2", "read-3", "read-1", "lint"], ["check", "whole"]]


def test_a_subtask_that_moves_into_a_closed_wave_opens_it() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("g", "left", "j", "j", "j", "K", "K")
        assert "> " in line_with(app, "1.04 lint it")

    drive(steps)


def test_changes_are_taken_back_one_by_one() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        before = text_of(app)
        await pilot.press("i", "C", "u", "u")
        assert not app.editing.changed
        assert text_of(app) == before
        await pilot.press("u")
        assert "There is nothing to take back." in text_of(app)

    drive(steps)


def test_the_plan_is_written_to_a_new_file_as_it_is_now() -> None:
    keeper = Keeper()

    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press("j", "i", "o")
        await pilot.pause()
        await app.workers.wait_for_complete()
        await pilot.pause()
        await pilot.press("ctrl+u", *"taken", "full_stop", *"toml", "enter")
        await pilot.pause(0.2)
        assert "Not written. it is there already; give another name." in text_of(app)
        await pilot.press("o")
        await pilot.pause(0.2)
        await pilot.press("enter")
        await pilot.pause(0.2)
        assert "The plan is in /plans/review.toml." in text_of(app)
        await pilot.press("q")
        assert not app.is_running

    drive(steps, edited_app(keeper))
    assert [s.id for s in keeper.written["review.toml"].subtasks()] == ["read-2", "read-3", "lint"]


@pytest.mark.parametrize("only_here", [True, False], ids=["written by a model", "changed"])
def test_a_plan_that_is_in_no_file_is_not_left_by_one_key(only_here: bool) -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press(*([] if only_here else ["C"]), "escape")
        assert app.is_running
        assert "The plan as it is now is in no file" in text_of(app)
        await pilot.press("escape")
        assert not app.is_running

    assert drive(steps, edited_app(only_here=only_here)).return_value is None


def test_enter_on_a_subtask_reads_it_and_starts_nothing() -> None:
    async def steps(pilot: Pilot[Choice | None], app: PreflightApp) -> None:
        await pilot.press(*"jjjjjj")
        assert "enter read it" in text_of(app).splitlines()[-1]
        await pilot.press("enter")
        assert isinstance(app.screen, SubtaskText)
        assert "ruff check 'a b" in text_of(app)
        assert "\x1b" not in text_of(app)
        await pilot.press("escape", "k", "enter")
        text = text_of(app)
        assert "tools: read_file, run_command; at most 15 requests an attempt" in text
        assert "own workspace (copy)" in text
        assert "contains: OK" in text
        await pilot.press("q")
        assert app.is_running

    drive(steps)
