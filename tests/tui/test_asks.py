"""What agents ask for: shown whole, answered by one key each, and never by a key that was typed ahead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.agent_scenes import COMMAND, DIFF, EDITS, RUNS, WAVE, WONDERS, agents, ask, asks
from tui.stage import RecordingControl, StillSession, dashboard, shown

from luna_tui.core.agents import Ask
from luna_tui.core.events import ApprovalDecided, Record
from luna_tui.core.state import fold
from luna_tui.core.words import Decision, GrantScope, Watching
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.asking import Asking
from luna_tui.tui.screens.asks import AsksScreen
from luna_tui.tui.views.asks import AsksLook, ask_document, asks_view
from luna_tui.tui.views.reading import Reading
from luna_tui.tui.views.run import run_view
from luna_tui.tui.views.spans import Looks, Role
from luna_tui.tui.views.text import cell_len, plain, width_of

ALLOW, DENY = Decision.ALLOW, Decision.DENY
ONCE, SUBTASK, FOR_RUN = GrantScope.ONCE, GrantScope.SUBTASK, GrantScope.RUN
SIZES = [(24, 6), (44, 16), (80, 24), (120, 40), (200, 60)]
Steps = Callable[[Pilot[None], LunaApp, StillSession], Awaitable[None]]


def stage(
    steps: Steps,
    records: tuple[Record, ...] | None = None,
    *,
    watching: Watching = Watching.OWN,
    size: tuple[int, int] = (80, 24),
) -> list[tuple[Any, ...]]:
    """What was asked of the run by a person at its dashboard."""
    live = watching in (Watching.OWN, Watching.ATTACHED)
    session = StillSession(records or agents(), live=live, watching=watching)
    app = dashboard(session)

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(pilot, app, session)

    asyncio.run(body())
    control = session.control
    return control.calls if isinstance(control, RecordingControl) else []


def pressed(*keys: str) -> Steps:
    """Each key after a look."""

    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        for key in keys:
            await pilot.press(key)
            session.clock.advance(0.6)
            app.draw_screens()
            await pilot.pause()

    return steps


def decide(name: str, decision: Decision, scope: GrantScope = ONCE, reason: str = "") -> tuple[Any, ...]:
    return ("decide", name, decision, scope, reason, "user")


@pytest.mark.parametrize(
    ("keys", "call"),
    [
        (["y"], decide("a1", ALLOW)),
        (["s"], decide("a1", ALLOW, SUBTASK)),
        (["r"], decide("a1", ALLOW, FOR_RUN)),
        (["n", "enter"], decide("a1", DENY)),
        (["n", *"use make", "enter"], decide("a1", DENY, reason="use make")),
        (["j", "y"], decide("a2", ALLOW)),
        (["j", "j", "2"], decide("a3", ALLOW, reason="help.md, which is newer")),
        (["j", "j", "y", *"both", "enter"], decide("a3", ALLOW, reason="both")),
        (["j", "j", "n", "enter"], decide("a3", DENY)),
    ],
)
def test_each_key_sends_its_own_answer(keys: list[str], call: tuple[Any, ...]) -> None:
    keys = ["space" if key == " " else key for key in keys]
    assert stage(pressed("a", *keys)) == [call]


@pytest.mark.parametrize(
    "keys",
    [["enter"], ["n", "escape"], ["n", *"no", "escape"], ["escape"], ["j", "j", "y", "enter"],
     ["j", "j", "9"], ["j", "j", "s"], ["j", "j", "r"], ["1"], ["question_mark"], ["space"]],
)  # fmt: skip
def test_no_other_key_decides_anything(keys: list[str]) -> None:
    assert stage(pressed("a", *keys)) == []


def test_a_key_typed_before_the_request_could_be_read_does_nothing_and_says_so() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a", "y", "r", "s", "n")
        assert isinstance(app.screen, AsksScreen)
        assert "before it could be read" in app.notice
        session.clock.advance(0.49)
        await pilot.press("y")
        assert session.control is not None
        assert session.control.calls == []
        session.clock.advance(0.02)
        await pilot.press("y")
        assert session.control.calls == [decide("a1", ALLOW)]
        await pilot.press("y")
        assert len(session.control.calls) == 1, "the next request has just been shown"
        session.clock.advance(0.6)
        await pilot.press("y")

    assert stage(steps) == [decide("a1", ALLOW), decide("a2", ALLOW)]


def test_a_request_counts_as_just_shown_when_one_comes_back_to_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        session.clock.advance(5.0)
        await pilot.press("escape", "a", "y")

    assert stage(steps) == []


def test_the_next_open_request_is_shown_after_a_decision_and_the_last_leaves_an_empty_queue() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        for name in ("a1", "a2", "a3"):
            session.clock.advance(0.6)
            assert isinstance(app.screen, AsksScreen)
            assert app.screen.selected == name
            await pilot.press("1" if name == "a3" else "y")
        assert "No agent asks for anything." in shown(app)
        session.clock.advance(0.6)
        await pilot.press("y", "n", "r")

    assert [call[1] for call in stage(steps)] == ["a1", "a2", "a3"]


def test_an_answer_that_never_becomes_an_event_is_asked_for_again() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("a", "y")(pilot, app, session)
        assert isinstance(app.screen, AsksScreen)
        assert "a1" not in app.screen.entries()
        session.clock.advance(5.0)
        assert "a1" in app.screen.entries()

    stage(steps)


def test_a_request_that_is_settled_elsewhere_is_not_silently_replaced_under_the_cursor() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        session.clock.advance(3.0)
        state = session.state()
        gone = ApprovalDecided(
            wave=WAVE, subtask=RUNS, approval="a1", tool="run_command", decision=DENY, by="ana"
        )
        state.apply(Record(state.seq + 1, state.at, state.run, gone))
        app.draw_screens()
        await pilot.pause()
        assert "no longer open" in shown(app)
        await pilot.press("y")

    assert stage(steps) == [], "what is shown now has just come"


def test_a_reason_typed_for_a_request_that_is_gone_decides_nothing() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        session.clock.advance(1.0)
        await pilot.press("n", "x")
        assert isinstance(app.screen, Asking)
        del session.state().asks["a1"]
        await pilot.press("enter")
        await pilot.pause()
        assert "no longer asked" in app.notice

    assert stage(steps) == []


def test_marked_requests_are_answered_at_once_and_a_question_is_not_among_them() -> None:
    calls = stage(pressed("a", "space", "space", "space", "y"))
    assert calls == [decide("a1", ALLOW), decide("a2", ALLOW)]
    denied = stage(pressed("a", "space", "space", "n", "x", "enter"))
    assert denied == [decide("a1", DENY, reason="x"), decide("a2", DENY, reason="x")]


def test_what_can_only_be_allowed_once_is_not_allowed_for_more() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("a", "r")(pilot, app, session)
        assert "only be allowed once" in app.notice
        assert "this can only be allowed once" in shown(app)

    assert stage(steps, asks(ask(pattern=""))) == []


@pytest.mark.parametrize("watching", [Watching.READ_ONLY, Watching.REPLAY, Watching.LOST])
def test_who_may_not_change_the_run_is_told_so_and_nothing_is_sent(watching: Watching) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pressed("a", "y", "n")(pilot, app, session)
        assert not isinstance(app.screen, Asking)
        assert "allow once" not in shown(app)

    assert stage(steps, watching=watching) == []


def test_an_attached_viewer_answers_as_well() -> None:
    assert stage(pressed("a", "y"), watching=Watching.ATTACHED) == [decide("a1", ALLOW)]


def test_a_opens_the_request_of_the_subtask_under_the_cursor() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("j", "a")
        assert isinstance(app.screen, AsksScreen)
        assert app.screen.under_cursor() == (EDITS,)
        await pilot.press("enter")
        await pilot.pause()
        assert "1.02 fix_i18n" in shown(app)
        await pilot.press("colon", *"show asks", "enter")
        await pilot.pause()
        assert isinstance(app.screen, AsksScreen)

    stage(steps)


def test_the_queue_comes_first_among_what_needs_a_person() -> None:
    state = fold(agents())
    view = run_view(state, state.at, Looks(width=80, height=24))
    lines = [plain(line) for line in view.attention.lines]
    assert "1.01 1.02 1.03 3 ask; first: run  python -m pytest -q" in lines[1]
    assert lines[1].startswith("?")
    assert lines[1].rstrip().endswith("a answer")
    assert "3 ask" in plain(view.header.lines[0])
    assert plain(view.keys.lines[-1]).startswith("a answer 3")


def test_one_request_says_what_is_asked_with_the_keys() -> None:
    state = fold(asks(ask(summary="pytest -q")))
    view = run_view(state, state.at, Looks(width=80, height=24))
    line = plain(view.attention.lines[1])
    assert line.startswith("? 1.01 idx_files  asks to run  pytest -q")
    assert "enter look  a answer" in line


def test_a_difference_is_coloured_and_a_command_is_not() -> None:
    edit = ask_document(_asked(detail=DIFF))
    roles = {edit.text[m.start : m.end][:1]: m.role for m in edit.marks}
    assert roles["+"] in (Role.GOOD, Role.STRONG)
    assert {m.role for m in edit.marks} == {Role.GOOD, Role.BAD, Role.ACCENT, Role.STRONG}
    assert ask_document(_asked(detail=COMMAND)).marks == []
    assert ask_document(_asked(detail="rm -r x\n-rf /\n+ y")).marks == []


def test_choices_are_the_numbered_lines_at_the_end_of_a_question() -> None:
    assert _asked(detail="Which?\n1. this\n2) that\n", question=True).choices == ("this", "that")
    assert _asked(detail="1. one thing\nWhich?\n\n 1. a\n 2. b", question=True).choices == ("a", "b")
    assert _asked(detail="Which?\n2. this\n3. that", question=True).choices == ()
    assert _asked(detail="Which?\n1. this\n3. that", question=True).choices == ()
    assert _asked(detail="Which?", question=True).choices == ()
    assert _asked(detail="ls\n1. a\n2. b").choices == ()


def test_a_long_command_is_there_whole_and_what_is_out_of_sight_is_said() -> None:
    command = "".join(f"word{n} " for n in range(1_500)) + "last"
    assert len(command) > 10_000

    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        assert "more lines below" in shown(app)
        seen = ""
        screen = app.screen
        assert isinstance(screen, AsksScreen)
        for _page in range(60):
            seen += shown(app)
            await pilot.press("pagedown")
        assert all(f"word{n} " in seen.replace("\n", " ") for n in range(1_500))
        assert "last" in shown(app)
        assert "more lines below" not in shown(app)

    stage(steps, asks(ask(detail=command)))


NASTY = st.text(
    alphabet=st.one_of(
        st.characters(),
        st.sampled_from("\x1b\x07\x9b\x9d\u202e\u200d[]漢字é́\n\t@+- 1.)"),
    ),
    max_size=200,
)


@settings(max_examples=60, deadline=None)
@given(
    tool=NASTY, summary=NASTY, detail=NASTY, pattern=NASTY, question=st.booleans(),
    size=st.sampled_from(SIZES), ascii_only=st.booleans(),
)  # fmt: skip
def test_hostile_texts_fit_and_nothing_of_them_reaches_the_terminal(
    tool: str, summary: str, detail: str, pattern: str, question: bool, size: tuple[int, int],
    ascii_only: bool,
) -> None:  # fmt: skip
    told = ask("a1", tool=tool, summary=summary, detail=detail, pattern=pattern, question=question)
    state = fold(asks(told, replace(told, approval="a2", subtask=WONDERS)))
    reading = Reading()
    reading.resize(size[0])
    page = ask_document(state.asks["a1"])
    reading.set_text(page.text, page.marks, page.hangs)
    looks = Looks(width=size[0], height=size[1], selected="a1", ascii=ascii_only)
    look = AsksLook(asks=list(state.asks.values()), read=tuple(reading.shown(5)), below=3)
    run = run_view(state, state.at, looks)
    lines = [*asks_view(state, look, state.at, looks).lines, *run.attention.lines, *run.grid.lines]
    assert len(asks_view(state, look, state.at, looks).lines) == size[1]
    for line in lines:
        assert width_of(line) <= size[0]
        assert not any(c in plain(line) for c in "\x1b\x07\x9b\x9d\u202e\n")


def test_markup_and_escapes_in_a_request_are_only_text() -> None:
    hostile = "[@click=app.leave_hard]x[/] \x1b]52;c;eA==\x07\x1b[2J[bold red]"

    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a")
        text = shown(app)
        assert "[@click=app.leave_hard]x[/]" in text
        assert "\x1b" not in text
        for y in range(24):
            await pilot.click(offset=(8, y))
        assert isinstance(app.screen, AsksScreen)

    told = ask(summary=hostile, detail=hostile * 20, pattern=hostile, tool="run_command")
    assert stage(steps, asks(told)) == []


@pytest.mark.parametrize("size", SIZES)
def test_the_queue_fits_every_size(size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, session: StillSession) -> None:
        await pilot.press("a", "j")
        lines = shown(app).split("\n")
        assert len(lines) == size[1]
        assert all(cell_len(line) <= size[0] for line in lines)

    stage(steps, size=size)


def _asked(detail: str, *, question: bool = False) -> Ask:
    return Ask("a1", RUNS, "edit_file", "", detail, "", question, 0.0)
