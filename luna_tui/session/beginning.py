"""Where a run begins: in a directory of its own, or where an earlier process left it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from luna_tui import __version__
from luna_tui.core.events import JournalRepaired
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.core.state import RunState
from luna_tui.storage.config import Config
from luna_tui.storage.paths import RunDir, create_run, new_run_id

if TYPE_CHECKING:
    from luna_tui.simulator.faults import Fault
    from luna_tui.simulator.settings import SimulatorSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorChoice:
    """How the embedded simulator behaves when it is the provider."""

    speed: float = 1.0
    """Divides every latency; the limits refill at the pace of the session's clock all the same."""
    faults: tuple[Fault, ...] = ()
    settings: SimulatorSettings | None = None
    """The whole service, instead of the above and the tier's limits."""

    def kept(self) -> dict[str, Any]:
        """As JSON, for a process that goes on with the run; `settings` is not kept."""
        return {"speed": self.speed, "faults": [asdict(fault) for fault in self.faults]}

    @classmethod
    def from_kept(cls, value: Mapping[str, Any]) -> SimulatorChoice:
        """What `kept` gave; the defaults where that cannot be used."""
        from luna_tui.simulator.faults import Fault, FaultKind

        try:
            faults = [Fault(**{**f, "kind": FaultKind(f["kind"])}) for f in value.get("faults", ())]
            return cls(speed=float(value.get("speed", 1.0)), faults=tuple(faults))
        except (TypeError, ValueError, KeyError):
            return cls()


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The run directory, ready to be written."""

    run_dir: RunDir
    lock: int | None = None
    """Its lock, where that is held already."""
    past: Past | None = None
    state: RunState = field(default_factory=RunState)
    """The fold of what earlier processes did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A directory of its own."""

    run: str | None = None
    """Its id; None = a new one."""
    demo: bool = False
    content: bytes | None = None
    """The plan file, where that is not what now stands at the plan's source."""
    takes_over: Past | None = None
    """Results of another run."""

    def open(
        self, plan: Plan, config: Config, simulator: SimulatorChoice, now: datetime, rng: random.Random
    ) -> Opened:
        """Make the directory and write how it begins; LunaError(74) when the disk refuses."""
        from luna_tui.storage.outputs import FileOutputs
        from luna_tui.storage.reports import write_start
        from luna_tui.storage.run_meta import Decided

        run_dir = create_run(self.run or new_run_id(now, rng))
        simulated = config.provider == "simulator"
        write_start(
            run_dir,
            plan,
            version=__version__,
            started_at=now.isoformat(timespec="seconds"),
            decided=Decided(
                settings=settings_kept(config),
                simulator=simulator.kept() if simulated else {},
                demo=self.demo,
                resumed_from=self.takes_over.run if self.takes_over is not None else "",
            ),
            content=self.content,
        )
        if self.takes_over is not None:
            store = FileOutputs(run_dir)
            for event, output in self.takes_over.found:
                store.save_result(event, output)
        return Opened(run_dir=run_dir, past=self.takes_over)


@dataclass(frozen=True, slots=True, kw_only=True)
class GoingOn:
    """The directory of a run whose process is gone."""

    run_dir: RunDir
    lock: int
    past: Past
    state: RunState
    """The fold of `past.records`; the session goes on with it."""
    to_run: frozenset[str]
    """All that is going to run."""

    def open(
        self, plan: Plan, config: Config, simulator: SimulatorChoice, now: datetime, rng: random.Random
    ) -> Opened:
        """Move aside what is torn of the journal; LunaError(74) when the disk refuses."""
        from luna_tui.storage.journal_repair import repair

        done = repair(self.run_dir, lock=self.lock)
        self.state.finished = None  # for whoever looks before the run goes on
        past = self.past
        if done is not None:
            past = replace(past, repaired=JournalRepaired(lines=done.lines, where=done.where))
        return Opened(run_dir=self.run_dir, lock=self.lock, past=past, state=self.state)


def settings_kept(config: Config) -> dict[str, Any]:
    """What another process needs of the configuration to go on as this one began."""
    return {
        "run.provider": config.provider,
        "run.model": config.model,
        "run.max_tokens": config.max_tokens,
        "run.tier": config.tier,
        "run.mode": config.mode.value,
        "run.workers": str(config.workers) if isinstance(config.workers, str) else config.workers,
        "run.timeout": config.timeout,
        "run.wave_timeout": config.wave_timeout,
        "run.retries": config.retries,
        "run.budget_usd": config.budget_usd,
    }
