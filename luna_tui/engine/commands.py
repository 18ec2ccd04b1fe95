"""Commands from people and scripts: say who asked for what, then do it, in that order."""

from __future__ import annotations

import threading
from collections.abc import Callable

from luna_tui.core.events import CancelRequested, ModeChanged, RunPaused, RunResumed, WorkersChanged
from luna_tui.core.limits import WorkerRule
from luna_tui.core.words import Manner, Mode, Scope, Status
from luna_tui.engine.bus import EventBus
from luna_tui.engine.flight import Ending
from luna_tui.engine.floor import Floor
from luna_tui.engine.limiters import Limiters


class EngineControl:
    """The RunControl of a live run. Every method returns at once and is safe from any thread."""

    def __init__(
        self,
        bus: EventBus,
        lock: threading.RLock,
        floor: Floor,
        limiter: Limiters,
        *,
        mode: Mode,
        table: Callable[[Mode], WorkerRule] | None,
    ) -> None:
        self._bus = bus
        self._lock = lock
        """The desk's: no start can slip between a command's event and its effect."""
        self._floor = floor
        self._limiter = limiter
        self._mode = mode
        self._table = table
        """Workers per mode; None when the mode does not decide their number."""

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """End a subtask, a wave or the run; running threads are unblocked when the manner is now."""
        ending = Ending(Status.CANCELLED, f"cancelled by {by}")
        with self._lock:
            self._bus.publish(CancelRequested(by=by, scope=scope, manner=manner, wave=wave, subtask=subtask))
            tokens = self._floor.decide(
                ending,
                manner,
                wave=wave if scope is Scope.WAVE else None,
                subtask=subtask if scope is Scope.SUBTASK else None,
            )
        for token in tokens:
            token.cancel(ending.reason)

    def set_mode(self, mode: Mode, *, by: str) -> None:
        """Use another share of the limits, and the table's workers where the table decides."""
        with self._lock:
            if mode is self._mode:
                return
            self._bus.publish(ModeChanged(by=by, from_=self._mode, to=mode))
            self._mode = mode
            self._limiter.set_mode(mode)
            if self._table is not None:
                self._use(self._table(mode), by=by)

    def set_workers(self, workers: int, *, by: str) -> None:
        """Use this many workers from now on, whatever the mode; at least 1."""
        with self._lock:
            self._table = None
            self._use(WorkerRule(max(1, workers)), by=by)

    def pause(self, *, by: str) -> None:
        """Admit nothing more until `resume`."""
        with self._lock:
            if self._floor.set_paused(True):
                self._bus.publish(RunPaused(by=by))

    def resume(self, *, by: str) -> None:
        """Admit again."""
        with self._lock:
            if self._floor.set_paused(False):
                self._bus.publish(RunResumed(by=by))

    def stop_admission(self, reason: str) -> None:
        """Let what runs finish and start nothing more; the rest ends as cancelled for this reason."""
        with self._lock:
            tokens = self._floor.decide(
                Ending(Status.CANCELLED, reason), Manner.FINISH, wave=None, subtask=None
            )
        for token in tokens:
            token.cancel(reason)

    def _use(self, rule: WorkerRule, *, by: str) -> None:
        before = self._floor.rule
        if rule != before:
            event = WorkersChanged(by=by, from_=before.most, to=rule.most, automatic=rule.automatic)
            self._bus.publish(event)
            self._floor.set_rule(rule)
