"""Fold events into the state that every front end shows: same events, same state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import assert_never

from luna_tui.core.agents import AgentEvent, Ask, Changes, SettledEvent, apply_agent
from luna_tui.core.counters import Estimates, TriedTime, Troubled
from luna_tui.core.events import (
    Attached,
    AttemptFailed,
    BudgetChanged,
    CancelRequested,
    Detached,
    JournalFailed,
    JournalRepaired,
    JournalSaved,
    JournalSlowed,
    LimitsObserved,
    ModeChanged,
    PlanOutline,
    Record,
    RetryRequested,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SkipRequested,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    TerminalLost,
    ThreadAbandoned,
    ThreadReturned,
    Tokens,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)
from luna_tui.core.folding import (
    apply_keeping,
    apply_limits,
    apply_output,
    apply_pause,
    apply_request,
    apply_subtask,
    apply_wave,
    start_run,
)
from luna_tui.core.parts import SubtaskState as SubtaskState
from luna_tui.core.parts import WaveState as WaveState
from luna_tui.core.samples import Sample, Throttle
from luna_tui.core.spans import Span
from luna_tui.core.tracks import Tracks
from luna_tui.core.words import Manner, Mode, Status

LOG_RECORDS = 2_000
"""Records kept for the event log; the journal has all of them."""


@dataclass(slots=True)
class RunState:
    """The run as every front end sees it; built by `apply`, in order of `seq`."""

    run: str = ""
    seq: int = 0
    at: float = 0.0
    """Instant of the last record, seconds since the run began."""
    started_at: str = ""
    """Wall clock of the first process, RFC 3339."""
    resumed_from: str = ""
    """Another run whose results it took over."""
    away: list[tuple[float, float]] = field(default_factory=list)
    """When another process went on with the run, and the seconds of wall clock that nobody had worked."""
    plan: PlanOutline = field(default_factory=lambda: PlanOutline(name="", waves=()))
    mode: Mode = Mode.BALANCED
    tier: str = ""
    provider: str = ""
    """Who answers: `anthropic`, or `simulator`, whose figures are what the same would have cost."""
    version: str = ""
    max_workers: int = 0
    automatic: bool = False
    """The limits decide how many work, and `max_workers` is only a ceiling."""
    paused: bool = False
    stopping: Manner | None = None
    """The whole run was asked to end."""
    waves: dict[str, WaveState] = field(default_factory=dict)
    subtasks: dict[str, SubtaskState] = field(default_factory=dict)
    """By id, in plan order."""
    workers: dict[int, str] = field(default_factory=dict)
    """Worker number -> id of the subtask that holds it now."""
    budget_usd: float | None = None
    """The most the run may spend; None = no cap."""
    limits: LimitsObserved | None = None
    limits_at: float = 0.0
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    """Known costs added up; None when none is known."""
    estimates: Estimates = field(default_factory=Estimates)
    unpriced: bool = False
    """Some usage had no known price, so `cost_usd` is a lower bound."""
    staff: list[tuple[float, int]] = field(default_factory=list)
    """Since when how many workers were allowed; the first instant is the start of the run."""
    pauses: list[Span] = field(default_factory=list)
    caps: dict[str, int] = field(default_factory=dict)
    """`rpm`, `itpm`, `otpm` -> the most that the mode allowed a minute at any time."""
    throttled_at: list[float] = field(default_factory=list)
    """Instants of 429 answers."""
    counts: dict[Status, int] = field(default_factory=dict)
    ghosts: int = 0
    tracks: Tracks = field(default_factory=Tracks)
    """The past, indexed for pictures of it."""
    live: dict[str, SubtaskState] = field(default_factory=dict)
    """Subtasks that were taken and have not ended, in order of taking: running, waiting, or about to."""
    ended: int = 0
    on: int = 0
    """Running or waiting."""
    running: int = 0
    troubled: Troubled = field(default_factory=Troubled)
    holders: dict[int, SubtaskState] = field(default_factory=dict)
    """Worker number -> who holds it now or had it last."""
    feeds: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Id -> ids that need it directly, in plan order."""
    opened: dict[int, WaveState] = field(default_factory=dict)
    """Number -> wave, of those that have begun and not ended."""
    begun: WaveState | None = None
    """Of the waves that have begun, the last one of the plan."""
    tried: TriedTime = field(default_factory=TriedTime)
    samples: list[Sample] = field(default_factory=list)
    """How full the limits were over the run; coarser the longer it takes."""
    throttles: list[Throttle] = field(default_factory=list)
    """The last answers with 429."""
    log: list[Record] = field(default_factory=list)
    """The last records that are worth a line: no output, no limit samples."""
    asks: dict[str, Ask] = field(default_factory=dict)
    """Requests that wait for a person, by name, the oldest first."""
    changes: dict[str, Changes] = field(default_factory=dict)
    """Id -> what the subtask changed in a workspace of its own."""
    sandbox: str = ""
    """What holds the commands of agents; empty = no agent runs commands."""
    viewers: int = 0
    """Other programs that watch."""
    not_saved: str = ""
    """Why events are no longer saved; empty while they are."""
    saved_before: int = 0
    """The last event that was saved when `not_saved` began; 0 = not known."""
    slow_disk_at: float = 0.0
    """When the disk last took unusually long."""
    slow_disk_s: float = 0.0
    """How long that was; 0 = never."""
    finished: RunFinished | None = None

    def apply(self, record: Record) -> None:
        """Take one record in; a record already seen changes nothing."""
        if record.seq <= self.seq:
            return
        self.seq, self.at, self.run = record.seq, record.at, record.run
        event = record.event
        if isinstance(event, SubtaskOutput):
            subtask = self.subtasks.get(event.subtask)
            if subtask is not None:
                apply_output(subtask, event.text, record.at)
            return
        if not isinstance(event, LimitsObserved | UsageRecorded):
            self.log.append(record)
            if len(self.log) > LOG_RECORDS + 200:
                del self.log[:200]
        if isinstance(event, AgentEvent | SettledEvent):
            apply_agent(self, event, record.at)
            return
        match event:
            case RunStarted():
                start_run(self, event, record.at)
            case WaveStarted() | WaveFinished():
                apply_wave(self, event, record.at)
            case (
                SubtaskWaiting()
                | SubtaskStarted()
                | UsageRecorded()
                | AttemptFailed()
                | SubtaskFinished()
                | ThreadAbandoned()
                | ThreadReturned()
            ):
                subtask = self.subtasks.get(event.subtask)
                if subtask is not None:
                    apply_subtask(self, subtask, event, record.at)
            case LimitsObserved():
                apply_limits(self, event, record.at)
            case ModeChanged():
                self.mode = event.to
            case WorkersChanged():
                self.max_workers, self.automatic = event.to, event.automatic
                self.staff.append((record.at, event.to))
            case RunPaused() | RunResumed():
                apply_pause(self, event, record.at)
            case CancelRequested() | RetryRequested() | SkipRequested():
                apply_request(self, event, record.at)
            case BudgetChanged():
                self.budget_usd = event.to
            case JournalFailed() | JournalSaved() | JournalSlowed() | JournalRepaired():
                apply_keeping(self, event, record.at)
            case TerminalLost() | Attached() | Detached():
                apply_keeping(self, event, record.at)
            case RunFinished():
                self.finished = event
            case _:
                assert_never(event)

    def become(self, other: RunState) -> None:
        """Take the place of another state, which is not to be used any more."""
        for name in _FIELDS:
            setattr(self, name, getattr(other, name))

    @property
    def simulated(self) -> bool:
        """Nothing of it costs money."""
        return self.provider == "simulator"

    @property
    def saved_seq(self) -> int:
        """The last event that is known to be saved; what is shown was saved before, while all is."""
        return self.saved_before if self.not_saved else self.seq

    def wave_of(self, subtask: SubtaskState) -> WaveState:
        """The wave a subtask belongs to."""
        return self.waves[subtask.wave]

    @property
    def open_waves(self) -> tuple[WaveState, ...]:
        """The waves that have begun and not ended, in plan order; several when waves are only labels."""
        return tuple(wave for _, wave in sorted(self.opened.items()))

    @property
    def current_wave(self) -> WaveState | None:
        """The first wave that is open, else the last one that started, else the first."""
        if self.opened:
            return self.opened[min(self.opened)]
        return self.begun or next(iter(self.waves.values()), None)


_FIELDS = tuple(f.name for f in fields(RunState))


def fold(records: Iterable[Record]) -> RunState:
    """The state after `records`."""
    state = RunState()
    for record in records:
        state.apply(record)
    return state
