"""Carries notices and the window's title from the run to the terminal, once a second at most."""

from __future__ import annotations

from collections.abc import Mapping

from luna_tui.core.state import RunState
from luna_tui.tui.notices import Channels, Herald, Signs
from luna_tui.tui.views.signs import (
    ended_words,
    forecast_words,
    found_problems,
    held_words,
    newest_ask,
    problem_words,
    title,
)


class Announcer:
    """What to send to the terminal besides the screen."""

    def __init__(self, channels: Channels) -> None:
        self._channels = channels
        self._herald = Herald()
        self._title = ""
        self._second = -1

    def begin(self) -> str:
        """Put the terminal's own title aside."""
        return self._channels.keep_title

    def end(self) -> str:
        """Bring it back."""
        return self._channels.restore_title if self._title else ""

    def news(
        self, state: RunState, now_s: float, at: float, *, focused: bool, dismissed: Mapping[str, str]
    ) -> str:
        """Bytes for this moment; a hook is called on the way. `at` is in seconds on the clock of the app."""
        if int(at) == self._second:
            return ""
        self._second = int(at)
        found = found_problems(state, now_s, dismissed)
        ask, asked_at = newest_ask(state)
        signs = Signs(
            run=state.run,
            ask=ask,
            asked_at=asked_at,
            problem=problem_words(state, now_s, found),
            held=held_words(state),
            forecast=forecast_words(state, now_s, found),
            ended=ended_words(state),
        )
        notice = self._herald.look(signs, at, focused=focused)
        text = title(state, now_s, found)
        said = self._channels.titled(text) if text != self._title else ""
        self._title = text
        if notice is None:
            return said
        if self._channels.hook is not None:
            self._channels.hook(notice.as_json())
        return said + self._channels.sequences(notice)
