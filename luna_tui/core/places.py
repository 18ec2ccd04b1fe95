"""Understand where somebody wants to go in a replay: `1:23`, `83`, `50 %`, `#812`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from luna_tui.core.clean import clean_line
from luna_tui.core.figures import clock
from luna_tui.core.tongue import _

_NUMBER = re.compile(r"\d{1,9}(?:[.,]\d{1,6})?")
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,6}):(\d{1,2}(?:[.,]\d{1,6})?)")
_EVENT = re.compile(r"#\s*(\d{1,12})")


@dataclass(frozen=True, slots=True)
class Place:
    """An instant, or an event."""

    at_s: float = 0.0
    number: int | None = None
    """`seq` of the last record that has happened there; None = the instant counts."""


@dataclass(frozen=True, slots=True)
class NoPlace:
    """What was typed is no place of this journal, and why."""

    why: str


def understood_place(text: str, total_s: float, last_number: int) -> Place | NoPlace:
    """The place meant in a journal that ends at `total_s` with record `last_number`."""
    wanted = text.strip()
    if found := _EVENT.fullmatch(wanted):
        number = int(found[1])
        if 1 <= number <= last_number:
            return Place(number=number)
        return NoPlace(_("there are events #1 to #{n}").format(n=last_number))
    if wanted.endswith("%") and _NUMBER.fullmatch(part := wanted[:-1].rstrip()):
        share = _value(part)
        return Place(total_s * share / 100) if share <= 100 else NoPlace(_("0 % to 100 %"))
    at_s = _seconds(wanted)
    if at_s is None:
        said = clean_line(wanted)[:20]
        return NoPlace(_("{text} is no place: 1:23, 83, 50 % or #812").format(text=said))
    if at_s >= total_s + 1.0:
        return NoPlace(_("the journal ends at {time}").format(time=clock(total_s)))
    return Place(min(at_s, total_s))


def _seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return _value(text)
    found = _CLOCK.fullmatch(text)
    if found is None:
        return None
    return int(found[1] or 0) * 3600 + int(found[2]) * 60 + _value(found[3])


def _value(text: str) -> float:
    return float(text.replace(",", "."))
