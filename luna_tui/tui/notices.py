"""Say what matters to somebody who looks elsewhere: bell, desktop notification, window title, a command."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from luna_tui.core.clean import clean_line

EVERY_S = 60.0
"""At most one notice in this time."""
QUIET_S = 60.0
"""Time without a problem after which the next one is news."""
_LONGEST = 200


class Occasion(StrEnum):
    """What is worth a notice, the most important first."""

    ENDED = "ended"
    ASK = "ask"
    HELD = "held"
    PROBLEM = "problem"
    FORECAST = "forecast"


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to say."""

    occasion: Occasion
    text: str
    run: str = ""

    def as_json(self) -> str:
        """The event a command gets on its standard input."""
        return json.dumps({"event": self.occasion.value, "run": self.run, "text": self.text})


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """What stands now; an empty text = it does not."""

    run: str = ""
    problem: str = ""
    ask: str = ""
    """What was asked for last."""
    asked_at: float = 0.0
    """Instant of it, in seconds of the run."""
    held: str = ""
    forecast: str = ""
    ended: str = ""

    def of(self, occasion: Occasion) -> str:
        """The text of one occasion."""
        return str(getattr(self, occasion.value))


@dataclass(slots=True)
class Herald:
    """Decides what to say and when; says each thing once, and nothing to somebody who is looking."""

    _standing: dict[Occasion, str] = field(default_factory=dict)
    _problem_at: float = float("-inf")
    _said_at: float = float("-inf")
    _asked_at: float = float("-inf")
    """The newest request that is known."""
    _pending: dict[Occasion, str] = field(default_factory=dict)

    def look(self, signs: Signs, at: float, *, focused: bool) -> Notice | None:
        """The notice for this moment, or None. `at` is in seconds on any clock that only goes forward."""
        for occasion in Occasion:
            text = signs.of(occasion)
            if text and self._is_news(occasion, signs, at):
                self._pending[occasion] = text
            elif not text:
                self._pending.pop(occasion, None)
            self._standing[occasion] = text
        if signs.problem:
            self._problem_at = at
        if signs.ask:
            self._asked_at = max(self._asked_at, signs.asked_at)
        if focused:
            self._pending.clear()
        if not self._pending or at - self._said_at < EVERY_S:
            return None
        first = next(o for o in Occasion if o in self._pending)
        self._said_at = at
        return Notice(first, self._pending.pop(first), signs.run)

    def _is_news(self, occasion: Occasion, signs: Signs, at: float) -> bool:
        """Requests are news one by one; anything else when it did not stand before."""
        if occasion is Occasion.ASK:
            return signs.asked_at > self._asked_at
        if self._standing.get(occasion):
            return False
        return occasion is not Occasion.PROBLEM or at - self._problem_at >= QUIET_S


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """How a notice is said; each can be turned off."""

    bell: bool = True
    osc: str = "9"
    """9 (iTerm2, WezTerm, Windows Terminal, kitty), 777 (foot, ghostty, urxvt), or off."""
    title: bool = True
    """Progress in the window's title."""
    tmux: bool = False
    """The terminal is inside tmux, which hands on only what is wrapped."""
    hook: Callable[[str], None] | None = None
    """Takes the notice as JSON and returns at once."""

    def sequences(self, notice: Notice) -> str:
        """Bytes for the terminal, as text."""
        text = clean_line(notice.text)[:_LONGEST].replace(";", ",")
        if self.osc == "9":
            said = self._wrapped(f"\x1b]9;{text}\x07")
        elif self.osc == "777":
            said = self._wrapped(f"\x1b]777;notify;luna-tui;{text}\x07")
        else:
            said = ""
        return said + ("\x07" if self.bell else "")

    def titled(self, text: str) -> str:
        """Bytes that set the window's title; tmux takes them unwrapped, as its pane's title."""
        return f"\x1b]2;{clean_line(text)[:_LONGEST]}\x07" if self.title else ""

    @property
    def keep_title(self) -> str:
        """Bytes that put the title aside."""
        return "\x1b[22;2t" if self.title else ""

    @property
    def restore_title(self) -> str:
        """Bytes that bring it back."""
        return "\x1b[23;2t" if self.title else ""

    def _wrapped(self, sequence: str) -> str:
        """For tmux: in a passthrough, with every escape doubled."""
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\" if self.tmux else sequence


SILENT = Channels(bell=False, osc="off", title=False)
"""Nothing is said and no title is set."""
