"""The subtask screen: tabs, head, scrolling, older text, finding, tries; looking changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from textual.pilot import Pilot
from tui.scenes import busy, demo
from tui.stage import StillSession, dashboard, shown
from tui.subtask_scenes import ANSWER, HERE, HOSTILE, SAID, keep, story

from luna_tui.core.clean import clean
from luna_tui.core.events import Event, Record, SubtaskFinished, SubtaskOutput, SubtaskStarted, TurnStarted
from luna_tui.core.state import RunState, fold
from luna_tui.core.words import Kind, Status
from luna_tui.storage.outputs import FileOutputs
from luna_tui.storage.paths import RunDir
from luna_tui.storage.run_files import RunFiles
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.spans import Line, Looks
from luna_tui.tui.views.subtask import Tab, peek, subtask_view
from luna_tui.tui.views.text import width_of

LONG = [f"line {n:05d} of what it said, with some words to wrap" for n in range(3_000)]


class GrowingSession(StillSession):
    """A run to which records come."""

    def tell(self, event: Event, after_s: float = 0.1) -> None:
        state = self._state
        state.apply(Record(state.seq + 1, state.at + after_s, state.run, event))

    def say(self, text: str, attempt: int = 3) -> None:
        self.tell(SubtaskOutput(wave="extract", subtask=HERE, attempt=attempt, text=text))


Steps = Callable[[Pilot[None], LunaApp, SubtaskScreen, GrowingSession], Awaitable[None]]


def on_subtask(
    steps: Steps, records: tuple[Record, ...], size: tuple[int, int] = (80, 24), **more: Any
) -> None:
    """Press keys on the subtask screen."""
    session = GrowingSession(records)
    app = dashboard(session, **more)

    async def body() -> None:
        async with app.run_test(size=size) as pilot:
            screen = SubtaskScreen(HERE)
            app.push_screen(screen)
            await pilot.pause()
            await steps(pilot, app, screen, session)

    asyncio.run(body())


async def until(pilot: Pilot[None], so: Callable[[], bool]) -> None:
    """Let what is done aside come in."""
    for _ in range(500):
        if so():
            return
        await pilot.pause(0.01)
    raise AssertionError(f"it never became so; shown:\n{shown(pilot.app)}")  # type: ignore[arg-type]


def lines_of(app: LunaApp) -> list[str]:
    return [line.rstrip() for line in shown(app).split("\n")]


def body_of(app: LunaApp) -> list[str]:
    return lines_of(app)[7:-3]


def test_the_head_says_how_it_stands_what_it_cost_and_what_it_is_for() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        assert lines_of(app)[:6] == [
            "luna 7f3a  2.01 idx_files  try 3 of 3  worker 11       extract  claude-haiku-5-5",
            "state  ! quiet 48 s (unusual from 20 s on)",
            "used   in 8,556  out ~66  $0.021",
            "spent  0:04 limit  0:03 1st token  0:50 stream  0:06 backoff  0:06 earlier",
            "needs  1.01 ✓  1.02 ✓   feeds  3.01 &  3.02 ·   on the critical path",
            "[1 stream]  2 prompt   3 result   4 tries 3   5 events                  1-6 of 6",
        ]
        assert lines_of(app)[-2] == "follow on · ~54 tok · 27 tok/s before the gap"
        assert body_of(app)[-1 - 8].endswith("and▌")

    on_subtask(steps, story())


@pytest.mark.parametrize(
    ("keys", "tab"),
    [
        (["2"], 1), (["3"], 2), (["4"], 3), (["5"], 4), (["5", "1"], 0), (["tab"], 1),
        (["right", "right"], 2),
        (["left"], 4), (["shift+tab", "left"], 3), (["tab"] * 5, 0),
    ],
)  # fmt: skip
def test_digits_tab_and_arrows_open_tabs(keys: list[str], tab: int) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press(*keys)
        assert screen.tab == tab
        assert f"[{tab + 1} " in lines_of(app)[5]
        assert session.control is not None
        assert session.control.calls == []

    on_subtask(steps, story())


def test_the_prompt_is_whole_and_says_when_it_is_cut(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("2")
        assert body_of(app)[0] == "prompt, 280 characters  at most 60 s  2 retries"
        assert "Cut here" not in shown(app)
        s = session.state().subtasks[HERE]
        s.planned = replace(s.planned, prompt="x" * 1_999 + "…")
        await pilot.press("2", "G")
        said = "Cut here after 1,999 characters; the whole of it is in runs/7f3a/plan.toml (or"
        assert said in shown(app)

    async def known(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        s = session.state().subtasks[HERE]
        s.planned = replace(s.planned, prompt="x" * 1_999 + "…")
        await pilot.press("2", "G")
        assert body_of(app)[-1].endswith("and the end")

    on_subtask(steps, story())
    on_subtask(known, story(), prompt_of={HERE: "x" * 3_000 + " and the end"}.get)


def test_the_result_shows_json_indented_and_says_why_there_is_none() -> None:
    async def ended(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("3")
        assert body_of(app)[:5] == [
            "answer of try 3  87 characters  JSON, shown indented", "", "{", '  "links": [', "    {",
        ]  # fmt: skip

    async def running(
        pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession
    ) -> None:
        await pilot.press("3")
        assert body_of(app)[0] == "There is no result yet; what it says so far is on tab 1."

    on_subtask(ended, story(ended=True))
    on_subtask(running, story())


def test_a_long_answer_is_read_from_its_file(tmp_path: Path) -> None:
    text = "\n".join(LONG)
    folder = keep(tmp_path / "run", {(HERE, 3): text})

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("3")
        await until(pilot, lambda: LONG[0] in shown(app))
        assert body_of(app)[0] == f"answer of try 3  {len(text):,} characters"
        await pilot.press("G")
        assert LONG[-1] in shown(app)

    on_subtask(steps, story(ended=True, answer=text), kept=RunFiles(folder))


def test_the_result_of_an_agent_is_what_it_came_to_and_not_all_that_it_said(tmp_path: Path) -> None:
    said = "I look into the files. " * 8 + "They are fine."
    folder = keep(tmp_path / "run", {(HERE, 3): said})
    end = SubtaskFinished(
        wave="extract", subtask=HERE, attempt=3, status=Status.SUCCEEDED, duration_s=1.0, attempts=3
    )
    run_dir = RunDir(folder)
    run_dir.results.mkdir()
    FileOutputs(run_dir).save_result(end, "They are fine.")
    records = list(story(ended=True, answer=said))
    place = max(n for n, r in enumerate(records) if isinstance(r.event, SubtaskOutput))
    turn = TurnStarted(wave="extract", subtask=HERE, attempt=3, turn=2)
    records[place] = replace(records[place], event=turn)

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("3")
        await until(pilot, lambda: "They are fine." in shown(app))
        assert "I look" not in shown(app)

    on_subtask(steps, tuple(records), kept=RunFiles(folder))


def test_json_in_an_answer_cannot_smuggle_what_a_terminal_obeys() -> None:
    answer = '{"a": "\\u001b]52;c;eA==\\u0007 \\u202e \\u009b2J"}'

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("3")
        assert '"a": ' in shown(app)
        assert clean(screen.reading.text) == screen.reading.text

    on_subtask(steps, story(ended=True, answer=answer))


def test_tries_tell_times_waits_tokens_errors_and_last_words(tmp_path: Path) -> None:
    folder = keep(tmp_path / "run", {(HERE, 1): "Let me look at the \nindex first\n"})

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("4")
        await until(pilot, lambda: "index first" in screen.reading.text)
        assert screen.reading.text.split("\n\n")[2].split("\n") == [
            "  try 1  failed  0:03",
            "    when   0:46 to 0:49  after waiting 0:04  first token after 0.8 s",
            "    used   in 8,556  out 12  $0.021",
            "    error  overloaded, status 529: overloaded (529): Overloaded",
            "    next   after 2.0 s",
            "    said   last: index first",
        ]
        assert "> try 3" in shown(app)
        await pilot.press("j", "j")
        assert "> try 1" in shown(app)
        await pilot.press("j")
        assert "> try 1" in shown(app)

    on_subtask(steps, story(), kept=RunFiles(folder))


def test_enter_reads_what_an_older_try_said_and_1_comes_back(tmp_path: Path) -> None:
    folder = keep(tmp_path / "run", {(HERE, 1): f"from the file {HOSTILE}\n"})

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("4", "j", "j", "enter")
        await until(pilot, lambda: "from the file" in shown(app))
        assert "[1 stream of try 1]" in lines_of(app)[5]
        assert clean(shown(app)) == shown(app)
        await pilot.press("1")
        assert SAID.split("\n")[0] in shown(app)

    on_subtask(steps, story(), kept=RunFiles(folder))


def test_a_try_that_was_not_kept_says_so() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("4", "j", "enter")
        assert "more text before this, no longer in memory" in shown(app)

    on_subtask(steps, story())


def test_events_are_those_of_this_subtask_in_words() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("5")
        assert body_of(app)[:3] == [
            "  0:42  ~ waits for input tokens per minute, about 4 s",
            "  0:46  ● try 1 on worker 11",
            "  0:49  ↻ tries again in 2.0 s: overloaded (529): Overloaded",
        ]
        assert "[5 events 8]" in lines_of(app)[5]
        assert "merge" not in "\n".join(body_of(app))

    on_subtask(steps, story())


def test_the_place_stays_on_its_words_while_new_text_comes_and_f_follows_again() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        session.say("\n" + "\n".join(LONG[:100]))
        screen.draw()
        assert LONG[99] in body_of(app)[-1]
        await pilot.press("k", "pageup")
        before = body_of(app)
        session.say("\n" + "\n".join(LONG[100:200]))
        screen.draw()
        assert body_of(app) == before
        assert "follow off" in shown(app)
        await pilot.press("f")
        assert LONG[199] in body_of(app)[-1]
        await pilot.press("k", "k")
        await pilot.press("j", "j")
        assert "follow on" in shown(app)
        await pilot.press("g")
        assert "## Findings" in shown(app)
        await pilot.press("G")
        assert "follow on" in shown(app)

    on_subtask(steps, story())


def test_the_place_stays_when_the_terminal_changes_its_size() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        session.say("\n" + "\n".join(LONG[:200]))
        screen.draw()
        await pilot.press("k", "pageup", "pageup")
        first = body_of(app)[0].strip()
        await pilot.resize_terminal(44, 24)
        await pilot.pause()
        assert body_of(app)[0].strip() in first

    on_subtask(steps, story())


def test_older_text_comes_from_the_file_in_pages_without_a_gap(tmp_path: Path) -> None:
    raw = "\n".join(f"{line} \x1b[31mred\x1b[0m" if n % 7 == 0 else line for n, line in enumerate(LONG))
    text = clean(raw)
    folder = keep(tmp_path / "run", {(HERE, 3): raw})

    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        assert len(text) > 140_000
        await pilot.press("g")
        await until(pilot, lambda: len(screen.reading.text) > 60_000)
        assert text.endswith(screen.reading.text)
        assert "more text before this" not in shown(app)
        for _ in range(4):
            size = len(screen.reading.text)
            await pilot.press("g")
            if size < len(text):
                await until(pilot, lambda size=size: len(screen.reading.text) > size)  # type: ignore[misc]
        await pilot.press("g")
        assert screen.reading.text == text
        assert body_of(app)[0] == clean(raw.split("\n")[0])

    on_subtask(steps, story(said=text), kept=RunFiles(folder))


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("g")
        assert "characters before this, no longer in memory" in body_of(app)[0]

    async def gone(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        assert "k reads" not in shown(app)
        await pilot.press("g")
        await until(pilot, lambda: "what came before is not in its file" in shown(app))

    long = story(said="\n".join(LONG))
    on_subtask(steps, long)
    on_subtask(gone, long, kept=RunFiles(tmp_path))


def test_a_new_try_begins_a_new_stream() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        session.tell(
            SubtaskStarted(wave="extract", subtask=HERE, attempt=4, worker=1, title=HERE, kind=Kind.CLAUDE)
        )
        session.say("again", attempt=4)
        screen.draw()
        assert body_of(app)[0] == "again▌"
        assert "try 4 of 4" in lines_of(app)[0]

    on_subtask(steps, story())


def test_find_highlights_counts_and_goes_round() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        session.say("\n" + "\n".join(LONG[:300]) + "\nAND the end")
        screen.draw()
        await pilot.press("g", "backslash", *"and", "enter")
        assert lines_of(app)[-2].endswith("1 of 3")
        await pilot.press("n")
        assert lines_of(app)[-2].endswith("2 of 3")
        await pilot.press("n")
        assert lines_of(app)[-2].endswith("3 of 3")
        assert "AND the end" in shown(app)
        await pilot.press("n")
        assert lines_of(app)[-2].endswith("1 of 3")
        await pilot.press("N")
        assert lines_of(app)[-2].endswith("3 of 3")
        await pilot.press("backslash", "ctrl+u", *"AND", "enter")
        assert lines_of(app)[-2].endswith("1 of 1")
        await pilot.press("backslash", "ctrl+u", *"nowhere", "enter")
        assert "nowhere is not in this text." in shown(app)

    on_subtask(steps, story())


def test_the_brackets_go_to_the_subtasks_in_trouble() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        seen = []
        for key in ("right_square_bracket", "right_square_bracket", "left_square_bracket"):
            await pilot.press(key)
            seen.append(screen.subtask)
        assert seen[0] != HERE
        assert seen[1] == HERE
        assert seen[2] == seen[0]
        assert session.state().subtasks[screen.subtask].label in lines_of(app)[0]

    on_subtask(steps, story())


def test_esc_goes_back_to_the_run() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, screen: SubtaskScreen, session: GrowingSession) -> None:
        await pilot.press("3", "escape")
        assert isinstance(app.screen, RunScreen)

    on_subtask(steps, story())


def text(line: Line) -> str:
    return "".join(s.text for s in line)


def test_the_peek_has_the_facts_the_end_of_the_stream_and_a_foot() -> None:
    state = fold(story())
    beside = peek(state, HERE, state.at, 60, 18, Looks(width=120, height=40))
    lines = [text(line).rstrip() for line in beside.lines]
    assert len(lines) == 18
    assert lines[:2] == [
        "! 2.01 idx_files  try 3 of 3  worker 11", "state  ! quiet 48 s (unusual from 20 s on)",
    ]  # fmt: skip
    assert lines[4].startswith("needs  1.01 ✓  1.02 ✓   feeds  3.01 &  3.02 ·")
    assert lines[-2:] == [
        "follow on · ~54 tok · 27 tok/s before the gap",
        "enter open  r retry  x stop…  y copy  e edit prompt",
    ]


MOMENTS: list[RunState] = [fold(story()), fold(story(ended=True)), fold(busy(20)), fold(demo(6.0))]


@settings(max_examples=150, deadline=None)
@given(
    st.integers(1, 220),
    st.integers(1, 70),
    st.integers(0, len(MOMENTS) - 1),
    st.integers(0, 60),
    st.booleans(),
    st.integers(0, 4),
)
def test_every_line_fits_and_there_are_as_many_as_asked_for(
    width: int, height: int, moment: int, which: int, ascii_only: bool, number: int
) -> None:
    state = MOMENTS[moment]
    subtask = list(state.subtasks)[which % len(state.subtasks)]
    looks = Looks(width=width, height=height, ascii=ascii_only)
    tab = Tab(number=number, place="1-2 of 2", found="1 of 2", events=3) if number else None
    panel = subtask_view(state, subtask, state.at, looks, tab)
    assert len(panel.lines) == height
    beside = peek(state, subtask, state.at, width, height, looks)
    assert len(beside.lines) in (0, height)
    assert all(width_of(line) <= width for line in (*panel.lines, *beside.lines))
    if ascii_only:
        assert all(text(line).isascii() for line in (*panel.lines, *beside.lines))


def test_the_answer_of_the_story_is_what_the_result_is_checked_with() -> None:
    assert len(ANSWER) == 87
