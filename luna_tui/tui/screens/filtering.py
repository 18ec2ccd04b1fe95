"""Ask for a filter or for a text to find, with what matches counted while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import islice

from luna_tui.core.filter import FilterMistake, completions, filtered, parse_filter
from luna_tui.core.state import RunState
from luna_tui.core.tongue import _
from luna_tui.tui.screens.asking import Asking, Question
from luna_tui.tui.screens.base import LunaScreen
from luna_tui.tui.views.asking import Said

MOST_COUNTED = 20_000
"""Subtasks looked at for each key that is typed, so that the next key never waits."""


def ask_filter(
    screen: LunaScreen,
    now: str,
    use: Callable[[str], None],
    count: Callable[[str], tuple[int, int]] | None = None,
) -> None:
    """Let a filter be typed, beginning with the one in force; `use` gets the new one, empty for none.

    `count` tells (matching, all) of what the screen lists; without it subtasks are counted.
    """
    luna = screen.luna

    def says(text: str) -> Said:
        state, now_s = luna.state_now()
        mistake = parse_filter(text, tuple(state.waves))
        if isinstance(mistake, FilterMistake):
            return Said(str(mistake), wrong=True)
        if count is None and len(state.subtasks) > MOST_COUNTED:
            said = _("{n} of the first {m} match")
        else:
            said = _("{n} of {m} match")
        matching, of = count(text) if count is not None else _subtasks(state, now_s, text)
        return Said(said.format(n=f"{matching:,}", m=f"{of:,}"))

    def words(text: str, at: int) -> tuple[int, tuple[str, ...]]:
        return completions(text, at, tuple(luna.state_now()[0].waves))

    _ask(screen, Question("filter", "/", now, says, words), use)


def ask_find(screen: LunaScreen, now: str, use: Callable[[str], None], count: Callable[[str], int]) -> None:
    """Let a text be typed that is to be found; `count` tells in how many places it is."""

    def says(text: str) -> Said:
        return Said(_("{n} found").format(n=count(text)) if text else "")

    _ask(screen, Question("find", "\\", now, says), use)


def _ask(screen: LunaScreen, question: Question, use: Callable[[str], None]) -> None:
    screen.app.push_screen(Asking(question), partial(_given, use))


def _given(use: Callable[[str], None], text: str | None) -> None:
    if text is not None:
        use(text)


def _subtasks(state: RunState, now_s: float, text: str) -> tuple[int, int]:
    found = filtered(state, now_s, text)
    of = min(MOST_COUNTED, len(state.subtasks))
    if isinstance(found, FilterMistake):
        return 0, of
    return sum(map(found, islice(state.subtasks.values(), of))), of
