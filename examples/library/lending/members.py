"""Who may borrow, and how much."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How many books a member may have at once."""

    CHILD = 3
    ADULT = 6
    TEACHER = 30


@dataclass(frozen=True)
class Member:
    """A person with a card."""

    card: str
    name: str
    level: Level = Level.ADULT

    @property
    def most_books(self) -> int:
        """Books at once."""
        return self.level.value


def card_number(number: int) -> str:
    """The text on a card, with a digit that checks it."""
    if number < 0:
        raise ValueError("cards are numbered from 0")
    return f"L{number:06d}-{sum(map(int, str(number))) % 10}"


def is_card(text: str) -> bool:
    """Whether a text is what stands on a card."""
    head, _, check = text.partition("-")
    if not head.startswith("L") or not head[1:].isdigit():
        return False
    return card_number(int(head[1:])) == f"{head}-{check}"
