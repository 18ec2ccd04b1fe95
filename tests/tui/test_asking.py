"""The line to type on: editing, earlier answers, completion, what it says, and how it closes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.events import Paste
from textual.pilot import Pilot
from tui.scenes import busy
from tui.stage import RecordingControl, drive, shown

from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.filtering import ask_filter
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.views.asking import Said, Typed, asking_line
from luna_tui.tui.views.glyphs import ASCII, UNICODE
from luna_tui.tui.views.text import width_of

Given = list[str | None]


def typing(app: LunaApp) -> Asking:
    assert isinstance(app.screen, Asking)
    return app.screen


def ask(app: LunaApp, text: str = "", says: Said | None = None) -> Given:
    answers: Given = []
    question = Question("name", "name?", text, (lambda t: says) if says is not None else lambda t: Said(""))
    app.push_screen(Asking(question), answers.append)
    return answers


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (["a", "b", "left", "c"], "oldacb"),
        (["home", "x", "delete"], "xld"),
        (["backspace", "backspace"], "o"),
        (["space", "n", "e", "w", "ctrl+w"], "old "),
        (["ctrl+u", "z"], "z"),
        (["left", "end", "d"], "oldd"),
        (["left", "right", "right", "s"], "olds"),
        (["q", "x", "question_mark", "p"], "oldqx?p"),
        (["left"] * 9 + ["backspace", "n"], "nold"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_keys_edit_and_none_of_them_acts_on_the_run(keys: list[str], text: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        answers = ask(app, "old")
        await pilot.press(*keys, "enter")
        assert answers == [text.strip()]
        assert control.calls == []
        assert isinstance(app.screen, RunScreen)

    drive(steps)


def test_esc_gives_nothing_and_leaves_all_as_it_was() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        answers = ask(app, "old")
        await pilot.press("x", "escape")
        assert answers == [None]
        assert app.viewing.asked == {}

    drive(steps)


def test_clicking_beside_it_closes_nothing_and_ctrl_c_still_asks_what_to_stop() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        answers = ask(app, "old")
        await pilot.pause()
        await pilot.click(offset=(5, 5))
        assert typing(app).typed.text == "old"
        await pilot.press("ctrl+c")
        assert isinstance(app.screen, StopMenu)
        await pilot.press("escape")
        assert typing(app).typed.text == "old"
        assert answers == []

    drive(steps)


def test_up_brings_earlier_answers_and_down_the_one_being_typed() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        for text in ("one", "two", "one"):
            ask(app)
            await pilot.press(*text, "enter")
        assert app.viewing.asked == {"name": ["two", "one"]}
        answers = ask(app)
        await pilot.press("n", "up")
        assert typing(app).typed.text == "one"
        await pilot.press("up", "up")
        assert typing(app).typed.text == "two"
        await pilot.press("down", "down")
        assert typing(app).typed.text == "n"
        await pilot.press("up", "enter")
        assert answers == ["one"]

    drive(steps)


def test_what_is_wrong_is_not_taken() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        answers = ask(app, "old", Said("There is no such thing.", wrong=True))
        await pilot.press("enter")
        assert answers == []
        assert "There is no such thing." in shown(app)
        await pilot.press("escape")
        assert answers == [None]

    drive(steps)


def test_a_paste_is_one_clean_line() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        answers = ask(app)
        await pilot.pause()
        typing(app).post_message(Paste("two\nlines \x1b[31mred"))
        await pilot.pause()
        await pilot.press("enter")
        assert answers == ["two lines red"]

    drive(steps)


def test_a_filter_counts_while_it_is_typed_and_tab_completes() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        used: list[str] = []
        screen = app.screen
        assert isinstance(screen, RunScreen)
        ask_filter(screen, "", used.append)
        await pilot.press(*"s:fai")
        assert "3 of 59 match" in shown(app)
        await pilot.press("tab")
        assert typing(app).typed.text == "s:failed"
        await pilot.press("space", *"wa", "tab")
        assert typing(app).typed.text == "s:failed wave:"
        await pilot.press("tab", "tab")
        assert typing(app).typed.text == "s:failed wave:extract"
        assert "extract  merge" in shown(app)
        await pilot.press("tab")
        assert typing(app).typed.text == "s:failed wave:merge"
        await pilot.press("x")
        assert "wave:mergex is not known. Nearest: merge." in shown(app)
        await pilot.press("enter")
        assert used == []
        await pilot.press("backspace", "enter")
        assert used == ["s:failed wave:merge"]
        assert app.viewing.asked == {"filter": ["s:failed wave:merge"]}

    drive(steps, records=busy(40))


TYPED = st.builds(
    lambda text, at: Typed(text, min(at, len(text))),
    st.text(alphabet="ab c日é", max_size=60),
    st.integers(0, 60),
)


@given(TYPED, st.text(max_size=40), st.integers(12, 120), st.booleans(), st.sampled_from(["/", "write to"]))
def test_the_line_is_exactly_as_wide_as_told_and_shows_the_cursor(
    typed: Typed, said: str, width: int, ascii_only: bool, label: str
) -> None:
    g = ASCII if ascii_only else UNICODE
    line = asking_line(label, typed, Said(said.replace("\n", " ")), "keys", width, g)
    assert width_of(line) == width
    under = line[2].text
    assert under in (typed.text[typed.at : typed.at + 1] or g.cursor, g.cut)


@given(TYPED, st.text(alphabet="xy ", max_size=5))
def test_what_was_put_in_can_be_taken_out(typed: Typed, more: str) -> None:
    assert typed.insert(more).rub_out(len(more)) == typed
    assert typed.insert("x").move(-1).delete() == typed
    rest = typed.rub_out_word()
    assert typed.text.startswith(rest.text[: rest.at])
    assert rest.text.endswith(typed.text[typed.at :])
