"""Run a plan wave by wave on daemon threads of its own."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field

from luna_tui.core.errors import LunaError
from luna_tui.core.events import (
    JournalFailed,
    LimitsObserved,
    RunStarted,
    SubtaskFinished,
    WaveFinished,
    WaveStarted,
)
from luna_tui.core.limits import TIERS, TierLimits, workers_for
from luna_tui.core.outline import outline
from luna_tui.core.plan import Plan, Wave
from luna_tui.core.prices import Price
from luna_tui.core.words import GOOD, Kind, Mode, OnFailure, RunStatus, Status
from luna_tui.engine.attempts import Pilot, RunSurroundings
from luna_tui.engine.board import WaveBoard
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import Clock
from luna_tui.engine.commands import EngineControl
from luna_tui.engine.crew import Crew
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight
from luna_tui.engine.floor import Floor, WaveInProgress
from luna_tui.engine.limiter import RateLimiter
from luna_tui.engine.outputs import OutputStore
from luna_tui.engine.retry import RetryPolicy
from luna_tui.engine.runner import Runner
from luna_tui.engine.tally import Tally, wave_status

MAX_GHOSTS = 64
"""Abandoned threads beyond which no further wave is started."""
SAMPLE_S = 1.0
"""Seconds between two samples of the limiter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What was decided before the start."""

    mode: Mode
    tier: str
    provider: str
    version: str
    workers: int | None = None
    """Fixed number of workers; None = what the table gives the tier in the mode."""
    tiers: Mapping[str, TierLimits] = field(default_factory=lambda: TIERS)
    prices: Mapping[str, Price] = field(default_factory=dict)
    run_dir: str = ""
    """Absolute path; empty when the run keeps nothing."""


class WaveExecutor:
    """Runs one plan once. `run` blocks; `control` takes commands from any thread meanwhile."""

    def __init__(
        self,
        plan: Plan,
        settings: RunSettings,
        *,
        bus: EventBus,
        clock: Clock,
        runners: Mapping[Kind, Runner],
        limiter: RateLimiter,
        store: OutputStore,
        rng: random.Random,
    ) -> None:
        self._plan = plan
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self._limiter = limiter
        self._store = store
        self._tally = Tally(plan)
        self._statuses: dict[str, Status] = {}
        self._results: dict[str, str] = {}
        self._needed = {d for s in plan.subtasks() for d in s.depends_on}
        self._wave_workers: dict[str, int] = {}
        self._ghosts = 0
        self._sampled: LimitsObserved | None = None
        self._deadlines = DeadlineThread(clock)
        self._desk = FlightDesk(
            bus,
            clock,
            self._deadlines,
            on_start=lambda flight: self._floor.on_start(flight),
            on_usage=self._tally.use,
            save=self._save,
            on_end=self._on_end,
        )
        self._floor = Floor(
            self._desk,
            clock,
            self._deadlines,
            workers=settings.workers or workers_for(settings.tier, settings.mode, settings.tiers),
            book_end=self._book_end,
        )
        self._crew = Crew(self._work)
        self._pilot = self._make_pilot(runners, RetryPolicy(rng))
        self.control = self._make_control()
        """The door for commands."""
        self._current: Wave | None = None

    def _make_pilot(self, runners: Mapping[Kind, Runner], retry: RetryPolicy) -> Pilot:
        return Pilot(
            self._desk,
            runner_of=lambda flight: runners[flight.subtask.kind],
            limiter=self._limiter,
            store=self._store,
            clock=self._clock,
            deadlines=self._deadlines,
            retry=retry,
            surroundings=RunSurroundings(
                workspace=self._plan.workspace, run_dir=self._settings.run_dir, prices=self._settings.prices
            ),
            admit=self._floor.admit,
            may_retry=self._floor.may_retry,
            on_spend_limit=lambda message: self.control.stop_admission(message),
        )

    def _make_control(self) -> EngineControl:
        settings = self._settings
        return EngineControl(
            self._bus,
            self._desk.lock,
            self._floor,
            self._limiter,
            mode=settings.mode,
            table=None if settings.workers else lambda m: workers_for(settings.tier, m, settings.tiers),
            on_more_workers=self._crew_for_current,
        )

    def run(self) -> RunStatus:
        """Run every wave; returns how the run ended, after `run_finished` was published."""
        began_at = self._clock.now()
        self._bus.publish(
            RunStarted(
                started_at=self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                plan=outline(self._plan),
                mode=self._settings.mode,
                tier=self._settings.tier,
                max_workers=self._floor.workers,
                provider=self._settings.provider,
                version=self._settings.version,
            )
        )
        self._sample()
        for wave in self._plan.waves:
            if not self._run_wave(wave):
                break
        self._skip_rest()
        self._floor.close()
        self._deadlines.close()
        return self._finish(began_at)

    def not_saved(self, message: str) -> None:
        """Events or results can no longer be saved: admit nothing more, let what runs finish."""
        self._bus.publish(JournalFailed(message=message))
        self.control.stop_admission(f"not saved: {message}")

    def _run_wave(self, wave: Wave) -> bool:
        """Run one wave; False when no further wave may start."""
        if self._floor.stopping is not None:
            return False
        if self._ghosts > MAX_GHOSTS:
            self._floor.stopping = Ending(
                Status.SKIPPED, f"{self._ghosts} threads ignored their cancellation"
            )
            return False
        parallel, reason = self._how(wave)
        workers = self._floor.workers_for(wave, parallel=parallel)
        began_at = self._clock.now()
        self._wave_workers[wave.name] = workers
        self._current = wave
        progress = WaveInProgress(wave, WaveBoard(wave, self._statuses), parallel)
        self._bus.publish(WaveStarted(wave=wave.name, parallel=parallel, reason=reason, workers=workers))
        self._crew_for_current()
        self._floor.run_wave(progress)
        self._current = None
        status = wave_status(progress.counts)
        self._bus.publish(
            WaveFinished(
                wave=wave.name,
                status=status,
                counts={str(s): n for s, n in sorted(progress.counts.items())},
                wall_s=self._clock.now() - began_at,
                reason=progress.ended_by.reason if progress.ended_by else "",
            )
        )
        if status is not RunStatus.SUCCEEDED and self._plan.on_failure is OnFailure.STOP:
            self._floor.stopping = self._floor.stopping or Ending(
                Status.SKIPPED, f"wave {wave.name} did not succeed and the plan says stop"
            )
        return self._floor.stopping is None

    def _how(self, wave: Wave) -> tuple[bool, str]:
        """Whether a wave runs in parallel, and the reason in words."""
        count = len(wave.subtasks)
        workers = self._floor.workers_for(wave, parallel=True)
        if not wave.parallel:
            return False, "sequential: the plan says parallel = false"
        if count == 1:
            return False, "sequential: one subtask"
        if workers == 1:
            return False, "sequential: one worker"
        return True, f"parallel: {count} subtasks on {min(workers, count)} workers"

    def _skip_rest(self) -> None:
        ending = self._floor.stopping
        if ending is None:
            return
        with self._desk.lock:
            for wave in self._plan.waves:
                for subtask in wave.subtasks:
                    if subtask.id not in self._statuses:
                        self._book_end(
                            SubtaskFinished(
                                wave=wave.name,
                                subtask=subtask.id,
                                attempt=0,
                                status=ending.status,
                                duration_s=0.0,
                                attempts=0,
                                reason=ending.reason,
                            ),
                            "",
                        )

    def _finish(self, began_at: float) -> RunStatus:
        self._sample()
        ending = self._floor.stopping
        cancelled = ending is not None and ending.status is Status.CANCELLED
        status = self._tally.status(cancelled=cancelled)
        self._bus.publish(
            self._tally.finished(
                status,
                self._clock.now() - began_at,
                workers=self._wave_workers,
                throttled=self._limiter.snapshot().throttled,
                reason=ending.reason if ending is not None else "",
            )
        )
        return status

    def _work(self, worker: int) -> None:
        """Body of a worker's thread."""
        while (flight := self._floor.take(worker)) is not None:
            results = {i: self._results[i] for i in flight.subtask.depends_on if i in self._results}
            self._pilot.fly(flight, results)
            if flight.abandoned:
                with self._desk.lock:
                    self._ghosts -= 1
                return

    def _crew_for_current(self) -> None:
        wave = self._current
        if wave is not None:
            workers = self._floor.workers_for(wave, parallel=self._how(wave)[0])
            with self._desk.lock:
                self._wave_workers[wave.name] = max(self._wave_workers.get(wave.name, 0), workers)
            self._crew.ensure(min(workers, len(wave.subtasks)))

    def _on_end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        if flight.abandoned:
            self._ghosts += 1
            self._crew.replace(flight.worker)
        self._floor.on_end(flight, event, output)

    def _book_end(self, event: SubtaskFinished, output: str) -> None:
        self._statuses[event.subtask] = event.status
        if event.status in GOOD and event.subtask in self._needed:
            self._results[event.subtask] = output
        self._tally.end(event)
        self._bus.publish(event)

    def _save(self, event: SubtaskFinished, output: str) -> None:
        try:
            self._store.save_result(event, output)
        except (OSError, LunaError) as error:
            self.not_saved(str(error))

    def _sample(self) -> None:
        """Publish the limiter's figures when they changed, once a second."""
        sample = self._limiter.snapshot()
        if sample != self._sampled:
            self._sampled = sample
            self._bus.publish(sample)
        self._deadlines.arm(self._clock.now() + SAMPLE_S, self._sample)
