"""One run as a front end sees it, whoever feeds it: an engine, a journal or another process."""

from __future__ import annotations

from typing import Protocol

from luna_tui.core.events import Record
from luna_tui.core.state import RunState
from luna_tui.core.words import Watching
from luna_tui.engine.clock import Clock
from luna_tui.engine.control import RunControl


class Session(Protocol):
    """One run, whoever feeds it. A front end reads `state()` at its own pace and never blocks the run."""

    @property
    def clock(self) -> Clock:
        """The clock of the run; a replay has a manual one."""
        ...

    @property
    def watching(self) -> Watching:
        """Where the run goes on, and what may be asked of it."""
        ...

    @property
    def control(self) -> RunControl | None:
        """Commands; None when the run cannot be changed from here."""
        ...

    def state(self) -> RunState:
        """The fold of all records so far. Call from one thread only; the object is reused."""
        ...

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records after `seq` that are worth a line, as far back as the state's log reaches."""
        ...

    def now_s(self) -> float:
        """Seconds since the run began, the same scale as `Record.at`; stands still after the end."""
        ...
