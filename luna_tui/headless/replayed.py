"""A replay in plain sentences: at the pace of the run on a terminal, at once where nobody waits."""

from __future__ import annotations

import os
import select
from collections.abc import Callable

from luna_tui.core.figures import clock
from luna_tui.core.places import NoPlace, understood_place
from luna_tui.core.telling import line, status_sentences
from luna_tui.core.tongue import _
from luna_tui.headless.printer import LinePrinter
from luna_tui.session.replay import ReplaySession

_POLL_S = 0.2
_READ_BYTES = 4_096
_KEPT_CHARS = 256
"""Of a line that is typed."""


class PlainReplay:
    """Tells a journal; with `keys` it takes letters and places with enter."""

    def __init__(self, session: ReplaySession, lines: LinePrinter, *, keys: int | None = None) -> None:
        """`keys` is the descriptor that they come from."""
        self._session = session
        self._player = session.player
        self._lines = lines
        self._keys = keys
        self._typed = ""
        self._left = False

    def tell_all(self) -> None:
        """Everything from the position on, without a pause."""
        self._tell_from(self._player.count - 1)
        while not self._player.ended:
            before = self._player.count
            self._player.step(1)
            self._tell_from(before)
        self.say_state()

    def follow(self, now: Callable[[], float]) -> None:
        """Play until the end is told, or until somebody leaves; `now` counts real seconds."""
        if self._keys is not None:
            self.say_help()
        self._tell_from(self._player.count - 1)
        self._player.play()
        at = now()
        while not self._left and (self._player.playing or self._keys is not None):
            self._wait()
            passed_s, at = now() - at, now()
            self._play_on(passed_s)

    def say_state(self) -> None:
        """How the run stood at the position."""
        for text in status_sentences(self._session.state(), self._session.now_s()):
            self._say(text)

    def say_help(self) -> None:
        """What can be typed."""
        self._lines.say(
            _(
                "Type and enter. s: say the state now. p: pause, or go on. ] and [: next problem, and the "
                "one before. 1:23, 50 % or #812: go there. q: leave."
            )
        )

    def take(self, text: str) -> None:
        """Take in what was typed; a line counts when enter has been pressed."""
        *lines, self._typed = (self._typed + text).split("\n")
        self._typed = self._typed[-_KEPT_CHARS:]
        for typed in lines:
            self._do(typed.strip())

    def _do(self, typed: str) -> None:
        player = self._player
        match typed:
            case "q":
                self._left = True
            case "s":
                self.say_state()
            case "p":
                player.play(not player.playing)
                self._say(_("Playing.") if player.playing else _("Paused."))
            case "]" | "[":
                if player.to_landmark(1 if typed == "]" else -1) is None:
                    self._say(_("There is no other problem."))
                else:
                    self._tell_from(player.count - 1)
            case "":
                pass
            case _text:
                place = understood_place(typed, player.total_s, player.last_number)
                if isinstance(place, NoPlace):
                    self._say(place.why)
                    self.say_help()
                else:
                    player.go_to(place)
                    self.say_state()

    def _play_on(self, passed_s: float) -> None:
        was_on, before = self._player.playing, self._player.count
        self._player.advance(passed_s)
        self._tell_from(before)
        if was_on and self._player.ended:
            self.say_state()

    def _tell_from(self, before: int) -> None:
        """Records after so many, up to the position."""
        state = self._session.state()
        for record in self._session.records[before : self._player.count]:
            text = line(state, record)
            if text is not None:
                self._lines.say(text)

    def _say(self, text: str) -> None:
        self._lines.say(f"{clock(self._session.now_s())} {text}")

    def _wait(self) -> None:
        """Until something is typed, or a little."""
        due_s = self._player.due_s
        pause_s = _POLL_S if due_s is None else min(_POLL_S, due_s)
        given = [] if self._keys is None else [self._keys]
        if not select.select(given, [], [], pause_s)[0] or self._keys is None:
            return
        try:
            raw = os.read(self._keys, _READ_BYTES)
        except OSError:
            raw = b""
        if raw:
            self.take(raw.decode("utf-8", "ignore"))
        else:
            self._keys = None
