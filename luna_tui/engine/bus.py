"""Number events and hand them to subscribers, in one order that everybody sees."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from luna_tui.core.events import Event, Record, SubtaskOutput
from luna_tui.core.rounding import DIGITS, as_written
from luna_tui.engine.clock import Clock

_log = logging.getLogger(__name__)

Subscriber = Callable[[Record], None]
"""Called in order of `seq`, from the thread that delivers; must return at once and never wait."""


class Subscribers:
    """Everybody who is told of each record; one thread at a time delivers."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects that nobody is forgotten when two come at once."""
        self._all: tuple[Subscriber, ...] = ()

    def add(self, subscriber: Subscriber) -> None:
        """Deliver every later record to `subscriber`."""
        with self._lock:
            self._all = (*self._all, subscriber)

    def deliver(self, record: Record) -> None:
        """Tell everybody; a subscriber that raises is logged and dropped."""
        for subscriber in self._all:
            try:
                subscriber(record)
            except Exception:  # noqa: BLE001 - a subscriber must not end the run
                _log.exception("a subscriber of the run's events failed and was removed")
                with self._lock:
                    self._all = tuple(s for s in self._all if s is not subscriber)


class EventBus:
    """The one place where a fact of the run gets its number and its instant."""

    def __init__(self, run: str, clock: Clock, *, seq: int = 0, at_s: float = 0.0) -> None:
        """`seq` and `at_s` are those of the last record of an earlier process; 0 = a new run."""
        self._run = run
        self._clock = clock
        self._from_s = at_s
        self._began_at = clock.now() - at_s
        self._lock = threading.Lock()
        """Protects `_seq` and the order of delivery."""
        self._seq = seq
        self._subscribers = Subscribers()

    def now_s(self) -> float:
        """Seconds since the run began; the scale of `Record.at`."""
        return self._clock.now() - self._began_at

    def go_on(self) -> None:
        """Work goes on only now: what passed since the bus was made is no time of a run that began before."""
        if self._from_s:
            self._began_at = self._clock.now() - self._from_s

    def subscribe(self, subscriber: Subscriber) -> None:
        """Deliver every later record to `subscriber`."""
        self._subscribers.add(subscriber)

    def publish(self, event: Event) -> Record:
        """Number the event and deliver it; a subscriber that raises is logged and dropped.

        Its numbers are those that the journal writes: a replay then folds the very same ones.
        """
        event = as_written(event)
        with self._lock:
            self._seq += 1
            record = Record(self._seq, round(self.now_s(), DIGITS), self._run, event)
            self._subscribers.deliver(record)
        return record


class Inbox:
    """Records on their way to a front end that reads at its own pace.

    When the reader falls behind, texts of one attempt are joined, so the number of records is
    bounded by the subtasks and the rare events, not by the time the reader was away.
    """

    _JOIN_ABOVE = 4_000

    def __init__(self) -> None:
        self._lock = threading.Lock()
        """Protects `_records` and `_join_above`."""
        self._records: list[Record] = []
        self._join_above = self._JOIN_ABOVE

    def put(self, record: Record) -> None:
        """Take a record in; never waits for the reader."""
        with self._lock:
            self._records.append(record)
            if len(self._records) > self._join_above:
                self._records = _join_outputs(self._records)
                self._join_above = self._JOIN_ABOVE + 2 * len(self._records)

    def drain(self) -> list[Record]:
        """All records since the last call, in order of `seq`."""
        with self._lock:
            records, self._records = self._records, []
            self._join_above = self._JOIN_ABOVE
            return records

    def waiting(self) -> tuple[Record, ...]:
        """The same, left where they are."""
        with self._lock:
            return tuple(self._records)


def _join_outputs(records: list[Record]) -> list[Record]:
    """Join the texts of each attempt into its last output record; `seq` stays ascending."""
    texts: dict[tuple[str, int], list[str]] = {}
    last: dict[tuple[str, int], int] = {}
    for place, record in enumerate(records):
        if isinstance(record.event, SubtaskOutput):
            key = (record.event.subtask, record.event.attempt)
            texts.setdefault(key, []).append(record.event.text)
            last[key] = place
    joined: list[Record] = []
    for place, record in enumerate(records):
        event = record.event
        if not isinstance(event, SubtaskOutput):
            joined.append(record)
            continue
        key = (event.subtask, event.attempt)
        if last[key] == place:
            whole = SubtaskOutput(
                wave=event.wave, subtask=event.subtask, attempt=event.attempt, text="".join(texts[key])
            )
            joined.append(Record(record.seq, record.at, record.run, whole))
    return joined
