"""A run that no process works on any more, as its journal left it."""

from __future__ import annotations

import threading

from luna_tui.core.errors import ExitCode, LunaError
from luna_tui.core.events import Record
from luna_tui.core.state import RunState, fold
from luna_tui.core.tongue import _
from luna_tui.core.words import Watching
from luna_tui.engine.clock import Clock, SystemClock
from luna_tui.engine.control import RunControl
from luna_tui.storage.journal import read_journal
from luna_tui.storage.paths import RunDir


class KeptSession:
    """A Session that stands still at the last record that was saved."""

    def __init__(self, run_dir: RunDir, *, clock: Clock | None = None) -> None:
        """Read the journal; LunaError when it is empty or cannot be read."""
        read = read_journal(run_dir.path)
        if not read.records:
            raise LunaError("nothing to show", f"the journal of {run_dir.run} is empty", code=ExitCode.USAGE)
        self.run_dir = run_dir
        """Where the run is kept."""
        self.ended = threading.Event()
        """Set: nothing more can come."""
        self.ended.set()
        self._clock = clock or SystemClock()
        self._state = fold(read.records)
        self._heard = [f"{d.path}:{d.line}: {d.reason}" for d in read.damaged[:1]]
        if self._state.finished is None:
            self._heard.append(gone_words(run_dir.run))

    @property
    def clock(self) -> Clock:
        """Of this process."""
        return self._clock

    @property
    def watching(self) -> Watching:
        """Lost when the run had not ended."""
        return Watching.REPLAY if self._state.finished is not None else Watching.LOST

    @property
    def control(self) -> RunControl | None:
        """Nobody is there to take commands."""
        return None

    def state(self) -> RunState:
        """Always the same."""
        return self._state

    def since(self, seq: int) -> tuple[Record, ...]:
        """Records of the log after `seq`."""
        return tuple(r for r in self._state.log if r.seq > seq)

    def now_s(self) -> float:
        """The instant of the last record."""
        return self._state.at

    def heard(self) -> tuple[str, ...]:
        """Lines for whoever is there, since the last call."""
        heard, self._heard = tuple(self._heard), []
        return heard

    def close(self) -> None:
        """Nothing is open."""


def gone_words(run: str) -> str:
    """That a run has lost its process, and what helps."""
    return _("The run's process is gone. Go on with it: luna-tui resume {run}").format(run=run)
