"""Draw the sum of a run at its end, from the same fold that every front end makes of its events."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from queue import SimpleQueue

from luna_tui.core.events import Record, RunFinished, SubtaskOutput
from luna_tui.core.metrics import measure
from luna_tui.core.state import RunState
from luna_tui.core.words import GOOD, RunStatus, Status

_DIGITS = 6
"""Of every figure, as the journal writes it: whoever reads it back has the very same numbers."""


class Tally:
    """Figures of `run_finished`. A subscriber of the bus: records come one at a time, in order.

    Whoever publishes holds locks that others wait for, so records are only put aside there, and
    folded by whoever calls `catch_up` now and then.
    """

    def __init__(self) -> None:
        self._state = RunState()
        self._aside: SimpleQueue[Record] = SimpleQueue()
        self._lock = threading.Lock()
        """Protects `_state`; only one thread folds at a time."""

    def follow(self, record: Record) -> None:
        """Take a record in; texts are not counted."""
        if not isinstance(record.event, SubtaskOutput):
            self._aside.put(record)

    def catch_up(self) -> None:
        """Fold what was put aside."""
        with self._lock:
            for _ in range(self._aside.qsize()):
                self._state.apply(self._aside.get())

    def status(self, *, cancelled: bool) -> RunStatus:
        """How the run ended; a run that only lost what a person cancelled counts as cancelled."""
        self.catch_up()
        if cancelled:
            return RunStatus.CANCELLED
        return wave_status(self._state.counts)

    def finished(self, status: RunStatus, now_s: float, *, throttled: int, reason: str) -> RunFinished:
        """The last event of the run, which ended at `now_s` on the scale of `Record.at`."""
        self.catch_up()
        state = self._state
        found = measure(state, now_s)
        return RunFinished(
            status=status,
            counts={str(s): n for s, n in sorted(state.counts.items())},
            wall_s=round(found.wall_s, _DIGITS),
            sum_s=round(found.sum_s, _DIGITS),
            speedup=_rounded(found.speedup),
            bound_s=round(found.bound_s, _DIGITS),
            efficiency=_rounded(found.efficiency),
            tokens=state.tokens,
            cost_usd=None if state.unpriced else _rounded(state.cost_usd),
            throttled=throttled,
            reason=reason,
            bounds={name: round(s, _DIGITS) for name, s in found.bounds.items()},
            bound_by=found.bound_by,
            lost={cause: round(s, _DIGITS) for cause, s in found.lost.items()},
        )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def wave_status(counts: Mapping[Status, int]) -> RunStatus:
    """The status that these ends add up to."""
    bad = {s for s, n in counts.items() if n and s not in GOOD}
    if not bad:
        return RunStatus.SUCCEEDED
    return RunStatus.CANCELLED if bad <= {Status.CANCELLED} else RunStatus.FAILED
