"""How far a planning is, folded from its records."""

from __future__ import annotations

from dataclasses import dataclass, field

from luna_tui.core.planning import (
    Phase,
    PhaseFinished,
    PhaseStarted,
    PlanningCancelled,
    PlanningFailed,
    PlanningProgressed,
    PlanningRecord,
    PlanningRequestFailed,
    PlanningStarted,
    PlanningWaiting,
    PlanProposed,
    PlanRepaired,
)


@dataclass(slots=True)
class Step:
    """A phase of one round."""

    phase: Phase
    round: int
    """0 = the first plan, 1 and 2 = repairs."""
    began_at: float
    tokens: int = 0
    subtasks: int = 0
    """Written so far."""
    seconds: float = 0.0
    """As far as is known."""
    done: bool = False


@dataclass(slots=True)
class PlanningProgress:
    """The fold; the same records give the same."""

    started: PlanningStarted | None = None
    steps: list[Step] = field(default_factory=list)
    repairs: list[PlanRepaired] = field(default_factory=list)
    hitch: PlanningWaiting | PlanningRequestFailed | None = None
    """What the request waits for, or why it is sent again; None = it goes on."""
    end: PlanProposed | PlanningFailed | PlanningCancelled | None = None
    at: float = 0.0
    """Of the last record, in seconds since the beginning."""

    @property
    def tokens(self) -> int:
        """Written in all phases, about."""
        return sum(step.tokens for step in self.steps)

    def take(self, record: PlanningRecord) -> None:
        """The next record."""
        self.at = record.at
        match record.event:
            case PlanningStarted() as started:
                self.started = started
            case PlanningWaiting() as waiting:
                self.hitch = waiting
            case PlanningRequestFailed() as failed:
                self.hitch = failed
                self.steps = [s for s in self.steps if s.round != len(self.repairs)]
            case PhaseStarted(phase=phase, round=round_):
                self.hitch = None
                self.steps.append(Step(phase, round_, record.at))
            case PlanningProgressed() as more:
                self._grow(more, record.at)
            case PhaseFinished() as finished:
                self._finish(finished)
            case PlanRepaired() as repaired:
                self.repairs.append(repaired)
            case PlanProposed() | PlanningFailed() | PlanningCancelled() as end:
                self.hitch, self.end = None, end

    def _grow(self, more: PlanningProgressed, at: float) -> None:
        if self.steps:
            step = self.steps[-1]
            step.tokens, step.subtasks, step.seconds = more.tokens, more.subtasks, at - step.began_at

    def _finish(self, finished: PhaseFinished) -> None:
        if self.steps:
            step = self.steps[-1]
            step.tokens, step.seconds, step.done = finished.tokens, finished.seconds, True
