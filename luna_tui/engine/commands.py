"""Commands from people and scripts: say who asked for what, then do it, in that order."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

from luna_tui.core.clean import clean
from luna_tui.core.events import (
    BudgetChanged,
    CancelRequested,
    ModeChanged,
    RetryRequested,
    RunPaused,
    RunResumed,
    SkipRequested,
    WorkersChanged,
)
from luna_tui.core.limits import WorkerRule
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import Decision, GrantScope, Manner, Mode, Scope, Staffing, Status
from luna_tui.engine.approvals import Approvals
from luna_tui.engine.bus import EventBus
from luna_tui.engine.flight import Ending
from luna_tui.engine.floor import Floor
from luna_tui.engine.limiters import Limiters
from luna_tui.engine.settling import Settler


class EngineControl:
    """The RunControl of a live run. Every method returns at once and is safe from any thread."""

    def __init__(
        self,
        bus: EventBus,
        lock: threading.RLock,
        floor: Floor,
        limiter: Limiters,
        approvals: Approvals,
        settler: Settler,
        *,
        mode: Mode,
        staffing: int | Staffing,
        rule_of: Callable[[int | Staffing, Mode], WorkerRule],
        redaction: Redaction = NO_REDACTION,
    ) -> None:
        self._bus = bus
        self._lock = lock
        """The desk's: no start can slip between a command's event and its effect."""
        self._floor = floor
        self._limiter = limiter
        self._approvals = approvals
        self._settler = settler
        self._mode = mode
        self._staffing = staffing
        """Where the number of workers comes from; with the table every mode has its own."""
        self._rule_of = rule_of
        self._redaction = redaction

    def cancel(
        self, scope: Scope, manner: Manner, *, by: str, wave: str | None = None, subtask: str | None = None
    ) -> None:
        """End a subtask, a wave or the run; running threads are unblocked when the manner is now."""
        ending = Ending(Status.CANCELLED, f"cancelled by {by}")
        with self._lock:
            self._bus.publish(CancelRequested(by=by, scope=scope, manner=manner, wave=wave, subtask=subtask))
            tokens = self._floor.ends.decide(
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
            if self._staffing is Staffing.TABLE:
                self._use(self._rule_of(Staffing.TABLE, mode), by=by)

    def set_workers(self, workers: int | Staffing, *, by: str) -> None:
        """Use this many workers from now on, whatever the mode, or what the table or the limits give."""
        with self._lock:
            self._staffing = workers
            self._use(self._rule_of(workers, self._mode), by=by)

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

    def retry(self, subtasks: Sequence[str], *, by: str, prompt: str | None = None) -> None:
        """Make new tries; what is in flight is ended for it, what waits for a limit keeps its place.

        Ends are undone; what was skipped for want of a subtask comes back with it. Whatever needs
        something that ended badly and is not tried again stays as it is. Each has all its retries
        and its whole time once more, and runs beside the wave that is open if its own is over. A
        `prompt` counts for Claude subtasks only and is a template as in the plan; one that never
        began just gets it. Does nothing once the run was asked to end.
        """
        ending = Ending(Status.CANCELLED, f"tried again by {by}")

        def announce(named: Sequence[str], requeued: Sequence[str]) -> None:
            said = None if prompt is None else self._redaction.text(clean(prompt))
            self._bus.publish(
                RetryRequested(by=by, subtasks=tuple(named), requeued=tuple(requeued), prompt=said)
            )

        with self._lock:
            if not self._takes_changes or self._floor.ends.stopping is not None:
                return
            tokens = self._floor.returns.retry(subtasks, ending, announce, prompt=prompt)
        for token in tokens:
            token.cancel(ending.reason)

    def skip(self, subtasks: Sequence[str], *, by: str) -> None:
        """End these as skipped, those that run at once; `retry` brings them back."""
        ending = Ending(Status.SKIPPED, f"skipped by {by}")

        def announce(hit: Sequence[str]) -> None:
            self._bus.publish(SkipRequested(by=by, subtasks=tuple(hit)))

        with self._lock:
            if not self._takes_changes:
                return
            tokens = self._floor.ends.skip(subtasks, ending, announce)
        for token in tokens:
            token.cancel(ending.reason)

    def set_budget(self, usd: float | None, *, by: str) -> None:
        """Spend at most this much, from now on; what is in flight goes on. None = no cap."""
        if usd is not None and math.isnan(usd):
            return
        to = None if usd is None or usd == math.inf else max(0.0, usd)
        with self._lock:
            before = self._floor.budget.cap_usd
            if self._floor.over or to == before:
                return
            self._bus.publish(BudgetChanged(by=by, from_=before, to=to))
            self._floor.budget.set_cap(to)

    def decide(
        self,
        approval: str,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str = "",
    ) -> None:
        """Allow or deny what an agent asks for, or answer its question; see RunControl."""
        self._approvals.decide(approval, decision, by=by, scope=scope, reason=reason)

    def settle_changes(self, subtask: str, *, accept: bool, by: str) -> None:
        """Take over or throw away what a subtask changed, while the run is on and after it."""
        with self._lock:
            if self._takes_changes:
                self._settler.begin(subtask, accept=accept, by=by)
            elif self._floor.over:
                self._settler.begin_late(subtask, accept=accept, by=by)

    def finish(self) -> None:
        """The run is over and takes nothing more: wait for what was begun and takes its time."""
        self._settler.wait()

    def stop_admission(self, reason: str) -> None:
        """Let what runs finish and start nothing more; the rest ends as cancelled for this reason."""
        with self._lock:
            tokens = self._floor.ends.decide(
                Ending(Status.CANCELLED, reason), Manner.FINISH, wave=None, subtask=None
            )
        for token in tokens:
            token.cancel(reason)

    @property
    def _takes_changes(self) -> bool:
        """Subtasks that nobody was told of yet, and those of a run that is over, stay as they are."""
        return self._floor.begun and not self._floor.over

    def _use(self, rule: WorkerRule, *, by: str) -> None:
        before = self._floor.rule
        if rule != before:
            event = WorkersChanged(by=by, from_=before.most, to=rule.most, automatic=rule.automatic)
            self._bus.publish(event)
            self._floor.set_rule(rule)
