"""Keys that change the run open a box first; esc changes nothing, enter takes the line under the cursor."""

from __future__ import annotations

from typing import Any

import pytest
from textual.events import Key, Paste
from textual.pilot import Pilot
from tui.box_scenes import ended, scene
from tui.stage import RecordingControl, StillSession, drive, shown

from luna_tui.core.events import CancelRequested, Record, RunPaused
from luna_tui.core.state import fold
from luna_tui.core.words import Manner, Mode, Scope, Staffing
from luna_tui.session.parting import Parting
from luna_tui.tui.app import LunaApp
from luna_tui.tui.screens.boxes.base import BoxScreen
from luna_tui.tui.screens.boxes.budget import BudgetBox
from luna_tui.tui.screens.boxes.edit import EditBox
from luna_tui.tui.screens.boxes.mode import ModeBox
from luna_tui.tui.screens.boxes.palette import PaletteBox
from luna_tui.tui.screens.boxes.retry import RetryBox
from luna_tui.tui.screens.boxes.skip import SkipBox
from luna_tui.tui.screens.boxes.workers import WorkersBox
from luna_tui.tui.screens.help import HelpScreen
from luna_tui.tui.screens.run_screen import RunScreen
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.screens.subtask_screen import SubtaskScreen
from luna_tui.tui.views.boxes.retry import retry_after_end

BOXES: dict[str, type[BoxScreen]] = {
    "m": ModeBox,
    "w": WorkersBox,
    "b": BudgetBox,
    "r": RetryBox,
    "i": SkipBox,
    "e": EditBox,
    "x": StopMenu,
    "q": StopMenu,
    "colon": PaletteBox,
}
SELECTED = {"r": ("bad",), "i": ("slow",), "e": ("bad",), "x": ("slow",)}
"""What the keys that act on a selection are tried on."""


def choose(app: LunaApp, *subtasks: str) -> None:
    """Mark these, so that the keys act on them."""
    app.viewing.marked = set(subtasks)


@pytest.mark.parametrize("key", BOXES)
def test_a_key_opens_its_box_and_esc_changes_nothing(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        await pilot.press(key)
        assert isinstance(app.screen, BOXES[key])
        await pilot.press("escape")
        assert isinstance(app.screen, RunScreen)
        assert control.calls == []

    drive(steps, records=scene())


@pytest.mark.parametrize("key", BOXES)
def test_a_box_is_opened_from_every_screen_that_shows_the_run(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        for place in ("exclamation_mark", "t", "v", "L", *(() if key in "rie" else ("l",))):
            await pilot.press(place)
            here = app.screen
            assert not isinstance(here, RunScreen)
            await pilot.press(key)
            assert isinstance(app.screen, BOXES[key]), place
            await pilot.press("escape")
            assert app.screen is here
        assert control.calls == []

    drive(steps, records=scene())


@pytest.mark.parametrize("key", BOXES)
@pytest.mark.parametrize("size", [(24, 6), (44, 16), (200, 60)], ids=str)
def test_a_box_that_is_open_follows_the_size_of_the_terminal(key: str, size: tuple[int, int]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        await pilot.press(key)
        await pilot.resize_terminal(*size)
        await pilot.pause()
        for panel in app.screen.query("LinesPanel"):
            if panel.region.width:
                assert panel.region.right <= size[0]
                assert panel.region.bottom <= size[1]
        assert isinstance(app.screen, BOXES[key])

    drive(steps, records=scene())


@pytest.mark.parametrize("key", BOXES)
def test_the_end_of_the_run_closes_a_box_and_nothing_is_sent(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        await pilot.press(key)
        session = app._session
        assert isinstance(session, StillSession)
        last = session.state()
        session.state().apply(Record(last.seq + 1, last.at, last.run, ended()))
        app._frame()
        await pilot.pause()
        assert not isinstance(app.screen, BoxScreen)
        assert app.notice == "The run has ended; nothing was changed."
        assert control.calls == []

    drive(steps, records=scene())


@pytest.mark.parametrize("key", [k for k in BOXES if k not in ("q", "colon")] + ["p", "u"])
@pytest.mark.parametrize(
    ("records", "live", "says"),
    [
        (scene(), False, "A replay takes no commands."),
        (scene(ended()), True, "This run takes no commands any more."),
    ],
    ids=["replay", "ended"],
)
def test_a_replay_and_an_ended_run_refuse_with_one_line(
    key: str, records: tuple[Record, ...], live: bool, says: str
) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        app._reported = True
        app.open("run")
        choose(app, *SELECTED.get(key, ()))
        await pilot.press(key)
        over = retry_after_end(app.state_now()[0]) if key == "r" else ""
        assert app.notice == (over or says)
        assert not isinstance(app.screen, BoxScreen)
        assert control.calls == []

    drive(steps, records=records, live=live)


def test_retry_after_the_end_names_the_command_that_does_it() -> None:
    state = fold(scene(ended()))
    failed = len(state.troubled)
    assert failed > 1
    assert (
        retry_after_end(state) == f"The run has ended; luna-tui retry {state.run} tries the {failed} again."
    )
    assert retry_after_end(fold(scene())) == ""


def test_the_present_mode_is_under_the_cursor_and_enter_on_it_changes_nothing() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("m")
        assert "> b   balanced  now" in shown(app)
        await pilot.press("enter")
        assert control.calls == []
        await pilot.press("m", "j", "enter")
        assert control.calls == [("mode", Mode.AGGRESSIVE, "user")]
        assert app.notice == "Mode aggressive. u takes it back."
        await pilot.press("u")
        assert control.calls[1:] == [("mode", Mode.BALANCED, "user")]
        assert app.notice == "Taken back: mode balanced again."

    drive(steps, records=scene())


@pytest.mark.parametrize(("key", "mode"), [("c", Mode.CONSERVATIVE), ("a", Mode.AGGRESSIVE)])
def test_a_letter_chooses_a_mode(key: str, mode: Mode) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("m", key)
        assert control.calls == [("mode", mode, "user")]

    drive(steps, records=scene())


@pytest.mark.parametrize("key", ["m", "x", "r"])
def test_a_click_moves_the_cursor_and_takes_nothing(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        await pilot.press(key)
        box = app.screen
        assert isinstance(box, BoxScreen)
        other = next(c for n, c in enumerate(box._body.panel.cells) if n != box.at)
        await pilot.click("#box", offset=(other.column + 3, other.row))
        assert box._keys[box.at] == other.key
        assert app.screen is box
        assert control.calls == []

    drive(steps, records=scene())


@pytest.mark.parametrize(
    ("keys", "count"),
    [
        (("plus",), 16),
        (("plus", "plus", "minus"), 16),
        (("up",), None),
        (("3", "0"), 30),
        (("3", "0", "backspace"), 3),
        (("9", "9", "9"), 256),
        (("0",), 1),
        (("a",), Staffing.AUTO),
        (("a", "t"), None),
        (("2", "0", "j", "j", "k", "k"), 20),
    ],
    ids=str,
)
def test_workers_are_counted_typed_or_left_to_the_limits(
    keys: tuple[str, ...], count: int | Staffing | None
) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("w", *keys)
        assert control.calls == []
        await pilot.press("enter")
        assert control.calls == ([] if count is None else [("workers", count, "user")])

    drive(steps, records=scene())


def test_workers_above_the_table_and_above_what_is_useful_are_told() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("w")
        assert "18 workers are useful at this token rate" in shown(app)
        assert "ETA  1:40 ±0:36   binds  critical path" in shown(app)
        assert "above the table" not in shown(app)
        await pilot.press("2", "5")
        assert "25 workers, above the table's 15 for tier2 balanced" in shown(app)
        assert "; 7 would wait" in shown(app)
        await pilot.press("3")
        assert "ETA  2:20   binds  the number of workers" not in shown(app)
        await pilot.press("backspace", "backspace", "backspace", "3")
        assert "ETA  2:20   binds  the number of workers" in shown(app)

    drive(steps, records=scene())


def test_workers_are_taken_back_to_what_decided_before() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("w", "8", "enter", "u")
        assert control.calls == [("workers", 8, "user"), ("workers", Staffing.TABLE, "user")]

    drive(steps, records=scene())


@pytest.mark.parametrize(
    ("keys", "usd"),
    [
        (("5",), 5.0),
        (("1", "full_stop", "5", "0"), 1.5),
        (("comma", "5"), 0.5),
        (("backspace",), None),
        ((), None),
    ],
    ids=str,
)
def test_a_budget_is_typed(keys: tuple[str, ...], usd: float | None) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("b", *keys, "enter")
        assert control.calls == ([] if usd is None else [("budget", usd, "user")])
        if usd is not None:
            assert app.notice == f"Budget ${usd:.2f}. u takes it back."
            await pilot.press("u")
            assert control.calls[1:] == [("budget", None, "user")]

    drive(steps, records=scene())


def test_the_budget_box_says_what_is_spent_and_what_a_cap_below_it_does() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("b")
        assert "spent      $0.66" in shown(app)
        assert "in flight  about $0.24" in shown(app)
        assert "Without a cap nothing is held." in shown(app)
        await pilot.press("full_stop", "5")
        assert "Already spent: nothing that costs money would start any more." in shown(app)

    drive(steps, records=scene())


def test_a_retry_names_what_comes_with_it_and_enter_does_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad", "worse", "good", "queued", "m1")
        await pilot.press("r")
        said = shown(app)
        assert "Retry 3 subtasks" in said
        assert "2.06 2.07 3.01" in said
        assert "and 1 that was skipped for want of it: 3.04" in said
        assert "overloaded: 1 in the last 30 s over all workers, the cause may" in said
        assert "left out: 2.01 is ok already, 2.09 has not run yet" in said
        assert "> r   retry all 4" in said
        assert "about $0.46 and 1:10" in said
        await pilot.press("enter")
        assert control.calls == [("retry", ("bad", "worse", "m1"), None, "user")]
        assert app.notice == "3 are tried again."
        assert app.viewing.marked == {"good", "queued"}
        await pilot.press("u")
        assert app.notice == "A retry cannot be taken back."
        await pilot.press("u")
        assert app.notice == "There is nothing to take back."
        assert len(control.calls) == 1

    drive(steps, records=scene())


def test_a_retry_of_what_runs_says_what_it_wastes_and_the_cursor_is_on_leaving_it() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "slow")
        await pilot.press("r")
        assert "stops it and starts again; wastes 550 tokens, $0.06" in shown(app)
        await pilot.press("enter")
        assert control.calls == []
        await pilot.press("r", "r")
        assert control.calls == [("retry", ("slow",), None, "user")]

    drive(steps, records=scene())


@pytest.mark.parametrize(
    ("key", "subtask", "says"),
    [
        ("r", "good", "2.01 is ok already."),
        ("r", "queued", "2.09 has not run yet."),
        ("r", "m1", "3.01 needs 2.06, retry that."),
        ("i", "bad", "2.06 has ended already."),
        ("e", "shell", "2.10 is a command: only prompts can be edited."),
        ("e", "long", "Only the first 1999 characters of 2.11 are known here; it is not edited."),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(key: str, subtask: str, says: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, subtask)
        await pilot.press(key)
        assert app.notice == says
        assert len(says) <= 80
        assert isinstance(app.screen, RunScreen)

    drive(steps, records=scene())


@pytest.mark.parametrize("key", ["r", "e"])
def test_nothing_is_tried_again_in_a_run_that_is_stopping(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad")
        await pilot.press(key)
        assert app.notice == "The run is stopping; nothing is tried again."

    stop = CancelRequested(by="user", scope=Scope.RUN, manner=Manner.FINISH)
    drive(steps, records=scene(stop))


def test_keys_that_come_before_the_box_is_there_go_to_the_box() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        for key, character in (("w", "w"), ("7", "7"), ("enter", "\r")):
            app.post_message(Key(key, character))
        await pilot.pause()
        await pilot.pause()
        assert control.calls == [("workers", 7, "user")]

    drive(steps, records=scene())


def test_a_skip_shows_what_is_lost_and_what_had_not_begun_comes_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "slow", "queued", "good")
        await pilot.press("i")
        said = shown(app)
        assert "Skip 2 subtasks" in said
        assert "needed by 1 directly: 3.02" in said
        assert "in all 2 more are lost" in said
        assert "stops it; wastes 550 tokens, $0.06" in said
        assert "left out: 2.01 has ended already" in said
        await pilot.press("enter")
        assert control.calls == []
        await pilot.press("i", "i")
        assert control.calls == [("skip", ("slow", "queued"), "user")]
        assert app.notice == "2 skipped. u takes back what had not begun."
        await pilot.press("u")
        assert control.calls[1:] == [("retry", ("queued",), None, "user")]
        assert app.notice == "Taken back: 1 in line again."

    drive(steps, records=scene())


def test_a_skip_that_loses_nothing_is_done_with_enter() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "m3")
        await pilot.press("i")
        assert "Nothing else needs it." in shown(app)
        await pilot.press("enter")
        assert control.calls == [("skip", ("m3",), "user")]

    drive(steps, records=scene())


def test_a_prompt_is_edited_and_sent_as_a_new_try() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad")
        await pilot.press("e", "enter", "q", "question_mark", "escape")
        said = shown(app)
        assert "> enter send it: try 2, the old one is kept" in said
        assert "about $0.12 and 0:40" in said
        await pilot.press("enter")
        prompt = "Look at bad.\nSay what it does.\nq?"
        assert control.calls == [("retry", ("bad",), prompt, "user")]
        assert app.notice == "Sent as a new try; the old one is kept. It cannot be taken back."
        await pilot.press("e")
        assert isinstance(app.screen, EditBox)
        assert app.screen.area.text == prompt

    drive(steps, records=scene())


def test_changes_are_dropped_only_when_that_is_chosen() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad")
        await pilot.press("e", "z", "escape", "escape")
        box = app.screen
        assert isinstance(box, EditBox)
        assert box.editing
        await pilot.press("z", "escape", "e", "z", "escape", "d")
        assert isinstance(app.screen, RunScreen)
        assert box.area.text.endswith("zzz")
        assert control.calls == []

    drive(steps, records=scene())


def test_what_is_pasted_into_a_prompt_is_data() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad")
        await pilot.press("e")
        box = app.screen
        assert isinstance(box, EditBox)
        box.area.post_message(Paste("\x1b]52;c;cGF3bmVk\x07[@click=app.quit]x[/]\n\u202etwo"))
        await pilot.pause()
        assert box.area.text.endswith("does.[@click=app.quit]x[/]\n\ufffdtwo")

    drive(steps, records=scene())


def test_a_prompt_that_the_outline_cut_is_edited_when_the_plan_is_at_hand() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "long")
        await pilot.press("e")
        assert isinstance(app.screen, EditBox)
        assert app.screen.area.text == "x" * 5_000

    drive(steps, records=scene(), prompt_of={"long": "x" * 5_000}.get)


def test_only_one_prompt_is_edited_at_a_time() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad", "worse")
        await pilot.press("e")
        assert app.notice == "Edit one prompt at a time: 2 are marked."

    drive(steps, records=scene())


def test_the_stop_menu_ends_all_that_are_marked() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "slow", "late", "good")
        await pilot.press("x")
        said = shown(app)
        assert "s   2 marked subtasks" in said
        assert "drops 1.1k tok, about $0.12 used" in said
        assert "W   wave 2 now: keeps 5, drops 2 in flight" in said
        assert "A   all now: keeps 10, drops 2 in flight" in said
        await pilot.press("s")
        stop = (Scope.SUBTASK, Manner.NOW, None)
        assert control.calls == [("cancel", *stop, "slow", "user"), ("cancel", *stop, "late", "user")]
        await pilot.press("u")
        assert app.notice == "A stop cannot be taken back."

    drive(steps, records=scene())


def test_an_undo_goes_on_before_what_cannot_be_taken_back() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("m", "c", "x", "w", "u")
        assert app.notice == "A stop cannot be taken back; u goes on to: mode balanced again."
        await pilot.press("u")
        assert control.calls[-1] == ("mode", Mode.BALANCED, "user")

    drive(steps, records=scene())


@pytest.mark.parametrize("keys", [("d",), ("q", "d"), ("x", "d"), ("colon", *"detach", "enter")], ids=str)
def test_leaving_the_screen_stops_nothing(keys: tuple[str, ...]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press(*keys)
        await pilot.pause()
        assert app._exit
        assert app.viewing.away
        assert app.return_code == 0
        assert control.calls == []

    drive(steps, records=scene())


def test_a_paused_run_is_left_only_after_it_was_said_that_it_stays_paused() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("d")
        assert "It is paused, and stays so until somebody comes back." in shown(app)
        assert "> d   leave; the run goes on, luna-tui attach comes back" in shown(app)
        await pilot.press("escape", "q")
        assert "> esc keep watching" in shown(app)
        assert not app._exit
        await pilot.press("d")
        assert app.viewing.away

    drive(steps, records=scene(RunPaused(by="user")))


class Rooted(Parting):
    """A run that cannot go on without its terminal."""

    @property
    def why_stays(self) -> str:
        return "it has no legs"


@pytest.mark.parametrize("keys", [("d",), ("q", "d"), ("x", "d")], ids=str)
def test_where_the_run_would_not_go_on_d_says_why_and_stays(keys: tuple[str, ...]) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press(*keys)
        assert app.notice == "The run would not go on without this terminal: it has no legs."
        assert not app._exit
        assert isinstance(app.screen, RunScreen)

    drive(steps, records=scene(), parting=Rooted())


@pytest.mark.parametrize(
    ("records", "live"), [(scene(), False), (scene(ended()), True)], ids=["replay", "ended"]
)
def test_d_only_leaves_where_no_run_of_this_process_is_on(records: tuple[Record, ...], live: bool) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("d")
        assert app._exit
        assert not app.viewing.away

    drive(steps, records=records, live=live, parting=Rooted())


@pytest.mark.parametrize(
    ("records", "live"), [(scene(), False), (scene(ended()), True)], ids=["replay", "ended"]
)
def test_q_leaves_at_once_where_nothing_runs(records: tuple[Record, ...], live: bool) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("q")
        assert app._exit

    drive(steps, records=records, live=live)


def test_ctrl_c_in_a_box_asks_what_to_stop_and_keeps_the_box() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, "bad")
        for key in ("m", "e"):
            await pilot.press(key)
            box = app.screen
            await pilot.press("ctrl+c")
            assert isinstance(app.screen, StopMenu)
            await pilot.press("escape")
            assert app.screen is box
            await pilot.press("escape")
        assert control.calls == []

    drive(steps, records=scene())


def type_of(text: str) -> list[str]:
    names = {" ": "space", ".": "full_stop", "$": "dollar_sign", "-": "minus"}
    return [names.get(c, c) for c in text]


@pytest.mark.parametrize(
    ("text", "box", "says"),
    [
        ("mode aggr", ModeBox, "> a   aggressive"),
        ("workers 12", WorkersBox, "workers  12"),
        ("workers auto", WorkersBox, "workers  auto"),
        ("budget 4.50", BudgetBox, "cap      $4.50"),
        ("budget none", BudgetBox, "empty = no cap"),
        ("retry failed", RetryBox, "Retry 2 subtasks"),
        ("retry 2.06", RetryBox, "2.06 bad work"),
        ("skip late", SkipBox, "2.05 late work"),
        ("edit worse", EditBox, "Edit the prompt of 2.07"),
        ("cancel late", StopMenu, "> s   this subtask 2.05 late work"),
        ("cancel wave 2", StopMenu, "> w   wave 2:"),
        ("cancel run", StopMenu, "> a   all: finish"),
        ("quit", StopMenu, "> esc keep watching"),
        ("open fast", SubtaskScreen, "2.03"),
        ("help", HelpScreen, "MOVE"),
    ],
)
def test_a_command_opens_what_its_key_opens(text: str, box: type[Any], says: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("colon", *type_of(text), "enter")
        await pilot.pause()
        assert isinstance(app.screen, box)
        assert says in shown(app)
        assert control.calls == []

    drive(steps, records=scene())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("retry nope", "There is no subtask nope."),
        ("cancel wave 9", "There is no wave 9."),
        ("workers many", "many is no number of workers: a number, auto or table."),
        ("budget lots", "lots is no amount in USD."),
        ("theme none", "No theme none; there are colour-blind, dark, high-contrast, light, mono, solarized."),
        ("resume", "It is not paused."),
        ("undo", "There is nothing to take back."),
    ],
)
def test_a_command_that_cannot_be_done_says_why(text: str, says: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("colon", *type_of(text), "enter")
        await pilot.pause()
        assert app.notice == says
        assert control.calls == []

    drive(steps, records=scene())


def test_pause_and_themes_are_commands_too() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("colon", *type_of("pause"), "enter")
        assert control.calls == [("pause", "user")]
        assert app.notice == "Paused; the 2 in flight end by themselves. u takes it back."
        await pilot.press("colon", *type_of("theme li"), "enter")
        assert app.palette.name == "light"
        await pilot.press("colon", *type_of("show limits"), "enter")
        assert type(app.screen).__name__ == "LimitsScreen"

    drive(steps, records=scene())


def test_tab_completes_up_recalls_and_an_unknown_word_names_the_nearest() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("colon", "m", "o", "tab")
        box = app.screen
        assert isinstance(box, PaletteBox)
        assert box.text == "mode"
        await pilot.press("down", "tab", "enter", "escape")
        await pilot.press("colon", *type_of("show plan"), "enter", "escape")
        await pilot.press("colon", "up")
        box = app.screen
        assert isinstance(box, PaletteBox)
        assert box.text == "show plan"
        await pilot.press("up", "up")
        assert box.text == "mode conservative"
        await pilot.press("down", "down")
        assert box.text == ""
        await pilot.press(*type_of("wrokers"))
        assert "No command is called that; the nearest is workers, tab takes it." in shown(app)
        await pilot.press("enter")
        assert app.screen is box
        await pilot.press("tab")
        assert box.text == "workers"
        await pilot.press("escape")
        assert control.calls == []

    drive(steps, records=scene())


def test_what_is_pasted_into_the_palette_is_one_line_of_data() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("colon")
        box = app.screen
        assert isinstance(box, PaletteBox)
        box.post_message(Paste("work\x1b[2Jers\n12\n"))
        await pilot.pause()
        assert box.text == "workers 12"
        assert control.calls == []

    drive(steps, records=scene())


def test_the_help_shows_the_keys_this_user_has() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("question_mark")
        said = shown(app)
        assert "f6 ctrl+o  " not in said
        await pilot.press("G", "question_mark", "question_mark")
        lines = app.screen.lines()  # type: ignore[attr-defined]
        rows = ["".join(s.text for s in line) for line in lines]
        assert [r for r in rows if r.isupper()] == [
            "MOVE", "THIS SCREEN", "ACT", "GO", "SCREEN", "STATES", "WORDS",
        ]  # fmt: skip
        assert any(r.split()[:2] == ["f6", "Z"] and "Mode" in r for r in rows)
        assert any(r.split()[:1] == ["esc"] for r in rows)

    drive(steps, records=scene(), keymap={"run.mode": "f6,Z"})


@pytest.mark.parametrize("key", BOXES)
def test_keys_typed_behind_the_one_that_closes_a_box_close_nothing_else(key: str) -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        choose(app, *SELECTED.get(key, ()))
        await pilot.press("t")
        here = app.screen
        await pilot.press(key)
        box = app.screen
        for behind in ("escape", "escape", "escape"):
            (box.focused or box).post_message(Key(behind, None))
        await pilot.pause()
        assert app.screen in (here, app.get_screen("run"))
        assert control.calls == []

    drive(steps, records=scene())


def test_a_key_behind_the_one_that_closes_the_stop_menu_stops_nothing_and_goes_to_the_screen_below() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("x")
        box = app.screen
        for behind, character in (("escape", None), ("A", "A"), ("t", "t")):
            box.post_message(Key(behind, character))
        await pilot.pause()
        assert app.screen is app.get_screen("timeline")
        assert control.calls == []

    drive(steps, records=scene())


def test_a_run_that_stops_is_neither_paused_nor_said_to_be() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, control: RecordingControl) -> None:
        await pilot.press("p")
        assert "Stopping: nothing more starts." in app.notice
        assert control.calls == []

    drive(steps, records=scene(CancelRequested(scope=Scope.RUN, manner=Manner.FINISH, by="user")))


def test_a_notice_is_gone_with_the_next_key_even_when_that_key_does_nothing() -> None:
    async def steps(pilot: Pilot[None], app: LunaApp, _control: RecordingControl) -> None:
        app.say("Paused for a test.")
        assert "Paused for a test." in shown(app)
        await pilot.press("0")
        assert "Paused for a test." not in shown(app)

    drive(steps)
