"""The places of a journal at which a reader wants to stop: what went wrong, and where the budget held."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from luna_tui.core.events import (
    AttemptFailed,
    Event,
    JournalFailed,
    Record,
    RunFinished,
    SubtaskFinished,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
)
from luna_tui.core.words import BAD, RunStatus, WaitReason

AT_ONCE_S = 0.05
"""What happens within this time of the one before is the same stop: forty timeouts are one."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """A stop; whoever is there has seen what happened."""

    count: int
    """Records up to it, those that happened at once included."""
    at: float
    """Instant of the last of them."""
    seq: int
    """Of the first record that made it one."""
    held: bool = False
    """The budget held something; else something went wrong."""
    times: int = 1
    """How much happened at once."""


def landmarks(records: Iterable[Record]) -> tuple[Landmark, ...]:
    """All stops of a journal, in its order."""
    seen = _Seen()
    found: list[Landmark] = []
    for count, record in enumerate(records, 1):
        what = seen.what(record.event)
        if what is None:
            continue
        held = what is _What.HELD
        last = found[-1] if found else None
        if last is not None and last.held is held and record.at - last.at <= AT_ONCE_S:
            found[-1] = Landmark(count, record.at, last.seq, held, last.times + (what is not _What.END))
        elif what is not _What.END:
            found.append(Landmark(count, record.at, record.seq, held))
    return tuple(found)


class _What(Enum):
    """What a record is to somebody who looks for trouble."""

    PROBLEM = auto()
    HELD = auto()
    END = auto()
    """The end that follows from a problem: whoever stops there wants to see it too."""


class _Seen:
    """What is known of the records before, so that one trouble is told once."""

    def __init__(self) -> None:
        self._failed: set[tuple[str, int]] = set()
        """Attempts whose failure is a stop already; the end of their subtask is none."""
        self._held: set[str] = set()

    def what(self, event: Event) -> _What | None:
        """None = nothing."""
        match event:
            case SubtaskWaiting(reason=WaitReason.BUDGET):
                begins = not self._held
                self._held.add(event.subtask)
                return _What.HELD if begins else None
            case SubtaskWaiting() | SubtaskStarted():
                self._held.discard(event.subtask)
            case AttemptFailed(will_retry=False):
                self._failed.add((event.subtask, event.attempt))
                return _What.PROBLEM
            case SubtaskFinished():
                self._held.discard(event.subtask)
                if event.status in BAD:
                    told = (event.subtask, event.attempt) in self._failed
                    return _What.END if told else _What.PROBLEM
            case JournalFailed() | ThreadAbandoned():
                return _What.PROBLEM
            case RunFinished(status=RunStatus.HELD):
                return _What.HELD
        return None
