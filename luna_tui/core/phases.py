"""Tell from the text of a plan that is being written how far its author is."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.planning import Phase

_WRITTEN = {p.value: p for p in (Phase.ANALYSIS, Phase.STRATEGY, Phase.DECOMPOSITION)}
_CHARS_PER_TOKEN = 3.5
_KEY_CHARS = 64


@dataclass(frozen=True, slots=True)
class Turn:
    """A phase began or ended."""

    phase: Phase
    began: bool
    tokens: int = 0
    """Of the phase, once it has ended; about."""


class PhaseReader:
    """Reads one answer, in pieces of any size: a JSON object whose members are the phases, in their order.

    Whatever stands before the object is passed over; text that is no JSON has no phases.
    """

    def __init__(self) -> None:
        self.phase: Phase | None = None
        """The one that is being written."""
        self.subtasks = 0
        """Begun so far."""
        self._characters = 0
        """Of the phase."""
        self._depth = 0
        self._in_string = self._escaped = False
        self._string: list[str] = []
        """The last string, as far as it may be a key."""

    @property
    def tokens(self) -> int:
        """Of the phase that is being written, about."""
        return round(self._characters / _CHARS_PER_TOKEN)

    def feed(self, text: str) -> list[Turn]:
        """Take more of the text; the phases that began or ended in it, in order."""
        turns: list[Turn] = []
        for character in text:
            self._characters += 1
            if self._in_string:
                self._read_string(character)
            else:
                self._read(character, turns)
        return turns

    def _read_string(self, character: str) -> None:
        if self._escaped:
            self._escaped = False
        elif character == "\\":
            self._escaped = True
        elif character == '"':
            self._in_string = False
            return
        if len(self._string) < _KEY_CHARS:
            self._string.append(character)

    def _read(self, character: str, turns: list[Turn]) -> None:
        if self._depth == 0:
            self._depth = 1 if character == "{" else 0
        elif character == '"':
            self._in_string = True
            self._string.clear()
        elif character == ":":
            self._read_key("".join(self._string), turns)
        elif character in "{[":
            self._depth += 1
        elif character in "}]":
            self._depth -= 1
            if self._depth == 0:
                self._turn_to(None, turns)

    def _read_key(self, key: str, turns: list[Turn]) -> None:
        if self._depth == 1 and key in _WRITTEN:
            self._turn_to(_WRITTEN[key], turns)
        elif key == "id" and self.phase is Phase.DECOMPOSITION:
            self.subtasks += 1

    def _turn_to(self, phase: Phase | None, turns: list[Turn]) -> None:
        if self.phase is not None:
            turns.append(Turn(self.phase, began=False, tokens=self.tokens))
        self.phase, self._characters = phase, 0
        if phase is not None:
            turns.append(Turn(phase, began=True))
