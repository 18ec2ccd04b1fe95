"""Run benchmark plans through whole sessions of their own, in compressed time, in a folder that goes away."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState
from luna_tui.core.words import GOOD, Manner, Scope, Staffing
from luna_tui.engine.clock import Clock, ScaledClock, SystemClock
from luna_tui.session import LiveSession
from luna_tui.storage.config import Config
from luna_tui.storage.paths import private_dir, state_dir

_QUIET_S = 2.0
"""Seconds a stopped run has to come to its end."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan and the number of workers it gets."""

    plan: Plan
    workers: int | Staffing
    speed: float | None
    """Seconds of the run in one real second; None = real time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one trial went."""

    wall_s: float
    """From the start of the run to its end, in seconds of the run."""
    workers: int
    """That the wave really had."""
    failed: int
    throttled: int


class Stopped(Exception):
    """The user has ended the benchmark."""


class Laboratory:
    """Runs trials, each in a session with its own engine, journal and simulator; used by one thread."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._sessions: list[LiveSession] = []
        self._stopped = False

    def together(self, trials: Sequence[Trial]) -> list[Outcome]:
        """Run all at once and wait for each; Stopped when `stop` was called before."""
        if self._stopped:
            raise Stopped
        self._sessions = [self._session(trial) for trial in trials]
        for session in self._sessions:
            session.warm()
        for session in self._sessions:
            threading.Thread(target=session.run, name="luna-bench", daemon=True).start()
        for session in self._sessions:
            while not session.ended.wait(0.5):
                session.state()
        return [_outcome(session.state()) for session in self._sessions]

    def stop(self) -> None:
        """Cancel what runs, and wait a moment for it; nothing starts any more."""
        self._stopped = True
        for session in self._sessions:
            session.control.cancel(Scope.RUN, Manner.NOW, by="bench")
        for session in self._sessions:
            session.ended.wait(_QUIET_S)

    def _session(self, trial: Trial) -> LiveSession:
        clock: Clock = SystemClock() if trial.speed is None else ScaledClock(trial.speed)
        return LiveSession(trial.plan, replace(self._config, workers=trial.workers), clock=clock)


@contextmanager
def passing_folder() -> Iterator[None]:
    """Keep the runs of this process in a folder that is removed at the end, on the disk where runs live."""
    folder = tempfile.mkdtemp(prefix="bench-", dir=private_dir(state_dir()))
    before = os.environ.get("XDG_STATE_HOME")
    os.environ["XDG_STATE_HOME"] = folder
    try:
        yield
    finally:
        if before is None:
            del os.environ["XDG_STATE_HOME"]
        else:
            os.environ["XDG_STATE_HOME"] = before
        shutil.rmtree(folder, ignore_errors=True)


def _outcome(state: RunState) -> Outcome:
    end = state.finished
    assert end is not None, "a session that has ended has told its end"
    bad = sum(n for status, n in state.counts.items() if status not in GOOD)
    return Outcome(end.wall_s, max(w.workers for w in state.waves.values()), bad, end.throttled)
