"""A plan whose subtasks do nothing, run by the real engine: what is left is our own cost."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from luna_tui.core.events import Record
from luna_tui.core.limits import TIERS
from luna_tui.core.plan import Plan, Subtask, Wave
from luna_tui.core.words import Kind, Mode, RunStatus
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import SystemClock
from luna_tui.engine.executor import RunSettings, WaveExecutor
from luna_tui.engine.limiters import Limiters
from luna_tui.engine.outputs import NoOutputs
from luna_tui.engine.runner import AttemptContext, Demand, Work
from luna_tui.storage.journal import JournalWriter
from luna_tui.storage.paths import RunDir, create_run

WORKERS = 16


class NoopRunner:
    """Answers at once."""

    def demand(self, work: Work) -> Demand | None:
        """No permit."""
        return None

    def run(self, work: Work, context: AttemptContext) -> str:
        """The shortest result."""
        return "x"

    def close(self) -> None:
        """Nothing to close."""


def noop_plan(count: int) -> Plan:
    """One parallel wave of `count` subtasks with the default timeout."""
    subtasks = tuple(Subtask(id=f"s{n:06d}", title=f"Subtask {n}", prompt="x") for n in range(count))
    return Plan(name="noop", waves=(Wave(name="wave", subtasks=subtasks, timeout=0.0),), workspace="/")


def run_noops(
    plan: Plan,
    *,
    subscribers: tuple[Callable[[Record], None], ...] = (),
    settle: Callable[[int], bool] = lambda _: True,
) -> None:
    """Run `plan` to its end; the journal, if any, is the caller's to close."""
    clock = SystemClock()
    bus = EventBus("benchmark", clock)
    runner = NoopRunner()
    executor = WaveExecutor(
        plan,
        RunSettings(mode=Mode.BALANCED, tier="tier2", provider="none", version="0", workers=WORKERS),
        bus=bus,
        clock=clock,
        runners={Kind.CLAUDE: runner},
        limiter=Limiters(TIERS["tier2"].limits, Mode.BALANCED, clock),
        store=NoOutputs(),
        rng=random.Random(1),
        settle=settle,
    )
    for subscriber in subscribers:
        bus.subscribe(subscriber)
    if executor.run() is not RunStatus.SUCCEEDED:
        raise RuntimeError("the run did not succeed")


@contextmanager
def scratch_run(name: str = "benchmark") -> Iterator[RunDir]:
    """A run directory that vanishes."""
    earlier = os.environ.get("XDG_STATE_HOME")
    with tempfile.TemporaryDirectory(prefix="luna-benchmark-") as folder:
        os.environ["XDG_STATE_HOME"] = str(Path(folder))
        try:
            yield create_run(name)
        finally:
            if earlier is None:
                del os.environ["XDG_STATE_HOME"]
            else:
                os.environ["XDG_STATE_HOME"] = earlier


def open_journal(run_dir: RunDir) -> JournalWriter:
    """A journal whose failure ends the benchmark."""
    return JournalWriter(run_dir, on_failure=_refuse)


def close_journal(journal: JournalWriter) -> None:
    """Wait until everything is durable."""
    if not journal.close(60.0):
        raise RuntimeError("the journal was not written to its end")


def _refuse(message: str) -> None:
    raise RuntimeError(message)
