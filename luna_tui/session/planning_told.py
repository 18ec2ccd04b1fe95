"""From the records of a request to events of the planning it belongs to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from luna_tui.core.events import AttemptFailed, Record, SubtaskOutput, SubtaskStarted, SubtaskWaiting
from luna_tui.core.phases import PhaseReader, Turn
from luna_tui.core.planning import (
    Phase,
    PhaseFinished,
    PhaseStarted,
    PlanningEvent,
    PlanningProgressed,
    PlanningRequestFailed,
    PlanningWaiting,
)
from luna_tui.engine.clock import Clock

_EVERY_S = 1.0


class PhaseTeller:
    """Follows one request; told by one thread at a time."""

    def __init__(
        self,
        tell: Callable[[PlanningEvent], None],
        clock: Clock,
        round: int,
        on_text: Callable[[str], None] = lambda text: None,
    ) -> None:
        """`on_text` is handed what the model writes, as it comes."""
        self._tell = tell
        self._on_text = on_text
        self._clock = clock
        self._round = round
        self._reader = PhaseReader()
        self._began_at = 0.0
        """Of the phase."""
        self._progressed_at = 0.0

    def follow(self, record: Record) -> None:
        """One record of the request."""
        match record.event:
            case SubtaskWaiting(reason=reason, expected_s=expected_s):
                self._tell(PlanningWaiting(reason=reason, expected_s=expected_s))
            case SubtaskStarted():
                self._reader = PhaseReader()
            case SubtaskOutput(text=text):
                self._on_text(text)
                for turn in self._reader.feed(text):
                    self._turn(turn)
                self._progress()
            case AttemptFailed() as failed:
                self._tell(
                    PlanningRequestFailed(
                        error_kind=failed.error_kind,
                        message=failed.message,
                        status=failed.status,
                        will_retry=failed.will_retry,
                        delay_s=failed.delay_s,
                    )
                )

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """A phase in which no model writes."""
        self._turn(Turn(phase, began=True))
        yield
        self._turn(Turn(phase, began=False))

    def _turn(self, turn: Turn) -> None:
        now = self._clock.now()
        if turn.began:
            self._began_at = self._progressed_at = now
            self._tell(PhaseStarted(phase=turn.phase, round=self._round))
        else:
            seconds = round(now - self._began_at, 3)
            self._tell(PhaseFinished(phase=turn.phase, tokens=turn.tokens, seconds=seconds))

    def _progress(self) -> None:
        reader, now = self._reader, self._clock.now()
        if reader.phase is not None and now - self._progressed_at >= _EVERY_S:
            self._progressed_at = now
            self._tell(PlanningProgressed(phase=reader.phase, tokens=reader.tokens, subtasks=reader.subtasks))
