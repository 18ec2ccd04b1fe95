"""Open the box of an action, or say in one line why there is nothing to open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from luna_tui.core.words import Mode, Staffing
from luna_tui.tui.screens.boxes.budget import BudgetBox
from luna_tui.tui.screens.boxes.edit import EditBox
from luna_tui.tui.screens.boxes.mode import ModeBox
from luna_tui.tui.screens.boxes.retry import RetryBox
from luna_tui.tui.screens.boxes.skip import SkipBox
from luna_tui.tui.screens.boxes.workers import WorkersBox
from luna_tui.tui.screens.stop_menu import StopMenu
from luna_tui.tui.views.boxes.edit import edit_refusal, known_prompt
from luna_tui.tui.views.boxes.retry import refusal, retry_after_end, retry_offer, why_no_retry
from luna_tui.tui.views.boxes.skip import skip_offer

if TYPE_CHECKING:
    from luna_tui.tui.app import LunaApp


def open_mode(luna: LunaApp, wanted: Mode | None = None) -> None:
    """The mode box, with a mode already chosen where one is given."""
    if luna.commands() is not None:
        luna.push_screen(ModeBox(luna.state_now()[0].mode, wanted))


def open_workers(luna: LunaApp, wanted: int | Staffing | None = None) -> None:
    """The workers box, with a number already typed where one is given."""
    if luna.commands() is not None:
        luna.push_screen(WorkersBox(wanted))


def open_budget(luna: LunaApp, wanted: str | None = None) -> None:
    """The budget box, with an amount already typed where one is given."""
    if luna.commands() is not None:
        luna.push_screen(BudgetBox(wanted))


def open_retry(luna: LunaApp, subtasks: Sequence[str]) -> None:
    """The retry box for those that can be tried again; once the run has ended, the command that does it."""
    state = luna.state_now()[0]
    if over := retry_after_end(state):
        luna.say(over)
        return
    if luna.commands() is None:
        return
    offer = retry_offer(state, subtasks)
    if why := why_no_retry(state):
        luna.say(why)
    elif offer.ids:
        luna.push_screen(RetryBox(subtasks, loses=bool(offer.running)))
    else:
        luna.say(refusal(offer.left_out))


def open_skip(luna: LunaApp, subtasks: Sequence[str]) -> None:
    """The skip box for those that have not ended."""
    if luna.commands() is None:
        return
    offer = skip_offer(luna.state_now()[0], subtasks)
    if offer.ids:
        luna.push_screen(SkipBox(subtasks, loses=bool(offer.running or offer.lost)))
    else:
        luna.say(refusal(offer.left_out))


def open_edit(luna: LunaApp, subtasks: Sequence[str]) -> None:
    """The edit box for one prompt that is known whole."""
    if luna.commands() is None:
        return
    state = luna.state_now()[0]
    one = subtasks[0] if len(subtasks) == 1 else ""
    whole = luna.acts.prompts.get(one) or luna.settings.prompt_of(one)
    why_not = edit_refusal(state, subtasks, whole)
    prompt = None if why_not else known_prompt(state.subtasks[one], whole)
    if prompt is None:
        luna.say(why_not)
    else:
        luna.push_screen(EditBox(one, prompt))


def open_stop(
    luna: LunaApp, subtasks: Sequence[str], *, wave: str | None = None, cursor: str = "esc"
) -> None:
    """The stop menu; the cursor is on the safe choice unless another one was asked for."""
    if luna.commands() is not None:
        luna.push_screen(StopMenu(subtasks, wave=wave, cursor=cursor))


def open_leave(luna: LunaApp, *, cursor: str = "esc") -> None:
    """Leave at once where the run would not end by it; else ask."""
    if luna.would_end():
        luna.push_screen(StopMenu((), leaving=True, cursor=cursor))
    else:
        luna.exit()
