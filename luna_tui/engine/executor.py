"""Run a plan on daemon threads of its own."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from luna_tui.core.attempt_use import AttemptUse, with_request
from luna_tui.core.errors import LunaError
from luna_tui.core.events import (
    Attached,
    Detached,
    JournalFailed,
    JournalSaved,
    JournalSlowed,
    LimitsObserved,
    RunStarted,
    SubtaskFinished,
    TerminalLost,
    UsageRecorded,
)
from luna_tui.core.expectations import Expectations, PerRequest
from luna_tui.core.limits import TIERS, TierLimits, WorkerRule, worker_rule
from luna_tui.core.outline import outline
from luna_tui.core.past import Past
from luna_tui.core.plan import Plan
from luna_tui.core.prices import Price
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.words import GOOD, Asking, Kind, Mode, RunStatus, Staffing, Status, WaitReason
from luna_tui.engine.approvals import Approvals
from luna_tui.engine.attempts import Pilot, RunSurroundings
from luna_tui.engine.budget import Spending
from luna_tui.engine.bus import EventBus
from luna_tui.engine.clock import Clock
from luna_tui.engine.commands import EngineControl
from luna_tui.engine.continuing import carry_on, learn_from
from luna_tui.engine.crew import Crew
from luna_tui.engine.deadlines import DeadlineThread
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Ending, Flight
from luna_tui.engine.floor import Floor
from luna_tui.engine.limiters import Limiters
from luna_tui.engine.outputs import NoOutputs, OutputStore
from luna_tui.engine.retry import RetryPolicy
from luna_tui.engine.runner import Runner
from luna_tui.engine.settling import Settler
from luna_tui.engine.tally import Tally
from luna_tui.engine.turns import Passage
from luna_tui.engine.workspaces import Changes, PlanWorkspace, Workspaces

MAX_GHOSTS = 64
"""Abandoned threads beyond which nothing more is started."""
SAMPLE_S = 1.0
"""Seconds between two samples of the limiter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """What was decided before the start."""

    mode: Mode
    tier: str
    provider: str
    version: str
    workers: int | Staffing = Staffing.TABLE
    """A number, what the table gives the tier in the mode, or as many as the limits can use."""
    tiers: Mapping[str, TierLimits] = field(default_factory=lambda: TIERS)
    prices: Mapping[str, Price] = field(default_factory=dict)
    run_dir: str = ""
    """Absolute path; empty when the run keeps nothing."""
    budget_usd: float | None = None
    """The most it may spend; None = no cap."""
    hold_for_person: bool = False
    """Somebody can raise the budget, so a run in which all is held waits; else it ends as held."""
    asking: Asking = Asking.DENY
    """Who answers what agents ask for."""
    sandbox: str = ""
    """What holds the commands of agents; empty = no agent runs commands."""
    redaction: Redaction = NO_REDACTION
    """What is taken out of every text before it is published or kept."""

    def rule(self, mode: Mode) -> WorkerRule:
        """How many workers there may be in a mode."""
        return self.rule_of(self.workers, mode)

    def rule_of(self, workers: int | Staffing, mode: Mode) -> WorkerRule:
        """How many workers there may be when this is asked for."""
        return worker_rule(workers, self.tier, mode, self.tiers)


def _settled_at_once(_: int) -> bool:
    """Of a run that keeps nothing."""
    return True


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
        limiter: Limiters,
        store: OutputStore,
        rng: random.Random,
        settle: Callable[[int], bool] = _settled_at_once,
        past: Past | None = None,
        workspaces: Workspaces | None = None,
        changes: Changes | None = None,
    ) -> None:
        """`past` = what earlier processes did of this run, or another run whose results are taken over.

        `settle(seq)` waits, at most a moment, until a record is durable; False = it is not yet.
        `workspaces` None = all work in the plan's; `changes` None = there are none to settle.
        """
        self._plan = plan
        self._settings = settings
        self._bus = bus
        self._clock = clock
        self._limiter = limiter
        self._store = store
        self._settle = settle
        self._tally = Tally()
        bus.subscribe(self._tally.follow)
        self._expectations = Expectations(plan)
        self._past = past
        if past is not None:
            learn_from(past, plan, self._tally, self._expectations)
        self._used: dict[str, tuple[AttemptUse, PerRequest]] = {}
        """Subtask -> what its last attempt used, as far as known: sums, and what tells of one request."""
        self._results: dict[str, str] = dict(past.results) if past is not None else {}
        self._needed = {d for s in plan.subtasks() for d in s.depends_on}
        self._ghosts = 0
        self._sampled: LimitsObserved | None = None
        self._deadlines = DeadlineThread(clock)
        self._desk = FlightDesk(
            bus,
            clock,
            self._deadlines,
            on_start=lambda flight: self._floor.on_start(flight),
            on_usage=self._use,
            save=None if isinstance(store, NoOutputs) else self._save,
            on_end=self._on_end,
            redaction=settings.redaction,
        )
        self._crew = Crew(self._work, self._desk.lock)
        self._floor = self._make_floor(settings)
        if past is not None:
            self._floor.restore(past)
        self._approvals = self._make_approvals(settings)
        self._pilot = self._make_pilot(runners, RetryPolicy(rng), workspaces or PlanWorkspace(plan.workspace))
        self.control = self._make_control(changes)
        """The door for commands."""

    def _make_control(self, changes: Changes | None) -> EngineControl:
        return EngineControl(
            self._bus,
            self._desk.lock,
            self._floor,
            self._limiter,
            self._approvals,
            Settler(changes, self._bus.publish),
            mode=self._settings.mode,
            staffing=self._settings.workers,
            rule_of=self._settings.rule_of,
            redaction=self._settings.redaction,
        )

    def left_alone(self) -> None:
        """Nobody watches any more: what only a person could change no longer waits for one."""
        self._floor.left_alone()

    def _make_floor(self, settings: RunSettings) -> Floor:
        return Floor(
            self._plan,
            self._desk,
            self._clock,
            self._deadlines,
            rule=settings.rule(settings.mode),
            expectations=self._expectations,
            spending=Spending(
                prices=settings.prices,
                cap_usd=settings.budget_usd,
                hold_for_person=settings.hold_for_person,
            ),
            publish=self._bus.publish,
            book_end=self._book_end,
            crew=self._crew,
        )

    def _make_approvals(self, settings: RunSettings) -> Approvals:
        return Approvals(
            self._desk,
            self._bus.publish,
            asking=settings.asking,
            answers=settings.hold_for_person,
            on_ask=self._floor.on_ask,
            on_answer=self._floor.on_answer,
            on_end=self._floor.ask_no_more,
            redaction=settings.redaction,
            past=self._past,
        )

    def _make_pilot(
        self, runners: Mapping[Kind, Runner], retry: RetryPolicy, workspaces: Workspaces
    ) -> Pilot:
        return Pilot(
            self._desk,
            runner_of=lambda flight: runners[flight.subtask.kind],
            passage=Passage(
                self._desk,
                limiter_of=self._limiter.of,
                budget=self._floor.budget,
                admit=self._floor.admit,
                settle=self._wait_settled,
                retry=retry,
                may_retry=self._floor.may_retry,
                on_spend_limit=lambda message: self.control.stop_admission(message),
                redaction=self._settings.redaction,
            ),
            store=self._store,
            clock=self._clock,
            deadlines=self._deadlines,
            surroundings=RunSurroundings(
                workspace=self._plan.workspace,
                run_dir=self._settings.run_dir,
                prices=self._settings.prices,
                redaction=self._settings.redaction,
            ),
            expect=self._expectations.expect,
            budget=self._floor.budget,
            ask=self._approvals.ask,
            workspaces=workspaces,
        )

    def run(self) -> RunStatus:
        """Run every wave; returns how the run ended, after `run_finished` was published."""
        past = self._past
        self._bus.go_on()
        self._bus.publish(
            RunStarted(
                started_at=self._clock.wall().isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                plan=outline(self._plan, self._settings.redaction),
                mode=self._settings.mode,
                tier=self._settings.tier,
                max_workers=self._floor.rule.most,
                automatic=self._floor.rule.automatic,
                provider=self._settings.provider,
                version=self._settings.version,
                budget_usd=self._floor.budget.cap_usd,
                resumed_from=None if past is None else past.run,
                away_s=None if past is None else past.away_s,
                sandbox=self._settings.sandbox,
            )
        )
        if past is not None:
            carry_on(past, self._floor, self._bus.publish)
        self._sample()
        self._floor.run()
        self._crew.close()
        self._deadlines.close()
        return self._finish()

    def tell(self, event: Attached | Detached | TerminalLost) -> bool:
        """Make it an event of the run; False before the run has begun, and once it is over."""
        with self._desk.lock:
            on = self._floor.begun and not self._floor.over
            if on:
                self._bus.publish(event)
            return on

    def not_saved(self, message: str, saved_seq: int = 0) -> None:
        """Events or results are not saved any more: admit nothing until `saved_again`, let what runs finish.

        The run ends when that takes long and nothing is in flight. `saved_seq` = the last event that
        is saved, 0 = not known.
        """
        with self._desk.lock:
            self._floor.not_saved(message)
            self._bus.publish(JournalFailed(message=message, saved_seq=saved_seq))

    def saved_again(self, after_s: float, lost: int) -> None:
        """All is saved after so many seconds, except for `lost` events: admission goes on."""
        with self._desk.lock:
            self._bus.publish(JournalSaved(after_s=round(after_s, 3), lost=lost))
            self._floor.saved()

    def saved_slowly(self, sync_s: float) -> None:
        """The disk took so many seconds to save something."""
        self._bus.publish(JournalSlowed(sync_s=round(sync_s, 3)))

    def _wait_settled(self, flight: Flight, seq: int) -> None:
        """No attempt has an effect before its start is on disk, and none ends before its changes are."""
        while not self._settle(seq):
            flight.token.raise_if_cancelled()
            self._floor.keeping.wait(flight)

    def _finish(self) -> RunStatus:
        self.control.finish()
        self._sample()
        stopping = self._floor.ends.stopping
        ending = self._floor.why_ended
        status = self._tally.status(cancelled=stopping is not None and stopping.status is Status.CANCELLED)
        if self._floor.held_to_the_end:
            status = RunStatus.HELD
        self._bus.publish(
            self._tally.finished(
                status,
                self._bus.now_s(),
                throttled=self._throttled(self._limiter.snapshot()),
                reason=ending.reason if ending is not None and status is not RunStatus.SUCCEEDED else "",
            )
        )
        return status

    def _throttled(self, sample: LimitsObserved) -> int:
        return sample.throttled + (0 if self._past is None else self._past.throttled)

    def _work(self) -> None:
        """Body of a worker's thread."""
        flight: Flight | None = None
        while (flight := (flight.successor if flight else None) or self._crew.take()) is not None:
            results = {i: self._results[i] for i in flight.subtask.depends_on if i in self._results}
            self._pilot.fly(flight, results)
            if flight.abandoned:
                with self._desk.lock:
                    self._ghosts -= 1
                return

    def _use(self, event: UsageRecorded) -> None:
        sums, each = self._used.get(event.subtask, (None, PerRequest()))
        if sums is None or sums.attempt != event.attempt:
            each = PerRequest()
        self._used[event.subtask] = with_request(sums, event), each.plus(event)

    def _on_end(self, flight: Flight, event: SubtaskFinished, output: str) -> None:
        if flight.abandoned:
            self._note_ghost()
        sums, each = self._used.pop(event.subtask, (None, PerRequest()))
        if event.status is Status.SUCCEEDED and not flight.again:
            # Earlier attempts that failed say nothing of how long one takes.
            seconds = event.duration_s
            if event.attempts > 1:
                seconds = flight.spent_s - flight.spent_before_s
            known = sums is not None and sums.attempt == event.attempt
            self._expectations.learn(flight.subtask, each if known else None, seconds)
        self._floor.on_end(flight, event, output)

    def _note_ghost(self) -> None:
        self._ghosts += 1
        if self._ghosts > MAX_GHOSTS:
            reason = f"{self._ghosts} threads ignored their cancellation"
            self._floor.ends.stop(Ending(Status.SKIPPED, reason))

    def _book_end(self, event: SubtaskFinished, output: str) -> None:
        if event.status in GOOD and event.subtask in self._needed:
            self._results[event.subtask] = output
        self._bus.publish(event)

    def _save(self, event: SubtaskFinished, output: str) -> None:
        try:
            used, _ = self._used.get(event.subtask, (None, None))
            self._store.save_result(event, output, used)
        except (OSError, LunaError) as error:
            self.not_saved(str(error))

    def _sample(self) -> None:
        """Publish the limiter's figures when they changed, and keep the sums up to date, once a second."""
        self._tally.catch_up()
        sample = self._limiter.snapshot()
        with self._desk.lock:
            cap, spent, reserved = self._floor.budget.figures
            waiting = dict(sample.waiting)
            if self._floor.budget.held:
                waiting[WaitReason.BUDGET.value] = len(self._floor.budget.held)
            sample = replace(
                sample, budget_usd=cap, spent_usd=spent, reserved_usd=reserved, waiting=waiting,
                throttled=self._throttled(sample),
            )  # fmt: skip
            if sample != self._sampled:
                self._sampled = sample
                self._bus.publish(sample)
        self._deadlines.arm(self._clock.now() + SAMPLE_S, self._sample)
