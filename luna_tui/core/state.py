"""Fold events into the state that every front end shows: same events, same state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import assert_never

from luna_tui.core.events import (
    AttemptFailed,
    CancelRequested,
    JournalFailed,
    LimitsObserved,
    ModeChanged,
    PlannedSubtask,
    PlanOutline,
    Record,
    RunFinished,
    RunPaused,
    RunResumed,
    RunStarted,
    SubtaskFinished,
    SubtaskOutput,
    SubtaskStarted,
    SubtaskWaiting,
    ThreadAbandoned,
    ThreadReturned,
    Tokens,
    ToolCalled,
    ToolFinished,
    UsageRecorded,
    WaveFinished,
    WaveStarted,
    WorkersChanged,
)
from luna_tui.core.spans import Span, Try
from luna_tui.core.words import Manner, Mode, RunStatus, Scope, Status, WaitReason

OUTPUT_TAIL_CHARS = 16_384
"""Text kept per subtask for the screen; the whole text is in its output file."""
LOG_RECORDS = 2_000
"""Records kept for the event log; the journal has all of them."""


@dataclass(slots=True)
class SubtaskState:
    """Everything known of one subtask."""

    planned: PlannedSubtask
    wave: str
    label: str
    """`2.09`: wave number and place in the wave, both from 1."""
    status: Status | None = None
    """None until it ended."""
    running: bool = False
    """An attempt is in flight."""
    waiting: WaitReason | None = None
    waiting_since: float = 0.0
    expected_s: float | None = None
    worker: int | None = None
    attempt: int = 0
    started_at: float | None = None
    """First start."""
    ended_at: float | None = None
    first_output_at: float | None = None
    """Of the current attempt."""
    last_output_at: float | None = None
    tool: str | None = None
    tail: str = ""
    """Last `OUTPUT_TAIL_CHARS` characters of the current attempt."""
    chars: int = 0
    """Characters received in the current attempt."""
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cost_usd: float | None = None
    tries: list[Try] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    reason: str = ""
    duration_s: float = 0.0
    output_file: str | None = None
    ghost: bool = False
    """A thread that ignored the cancellation of this subtask is still there."""
    cancel_requested: bool = False

    @property
    def id(self) -> str:
        """The id in the plan."""
        return self.planned.id


@dataclass(slots=True)
class WaveState:
    """Everything known of one wave."""

    name: str
    number: int
    """From 1."""
    parallel: bool
    timeout: float
    subtasks: tuple[str, ...]
    reason: str = ""
    workers: int = 0
    started_at: float | None = None
    ended_at: float | None = None
    status: RunStatus | None = None
    end_reason: str = ""
    most: int | None = None
    """Workers that the plan allows it at once; None = as many as the run has."""


@dataclass(slots=True)
class RunState:
    """The run as every front end sees it; built by `apply`, in order of `seq`."""

    run: str = ""
    seq: int = 0
    at: float = 0.0
    """Instant of the last record, seconds since the run began."""
    started_at: str = ""
    plan: PlanOutline = field(default_factory=lambda: PlanOutline(name="", waves=()))
    mode: Mode = Mode.BALANCED
    tier: str = ""
    provider: str = ""
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
    limits: LimitsObserved | None = None
    limits_at: float = 0.0
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    """Known costs added up; None when none is known."""
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
    log: list[Record] = field(default_factory=list)
    """The last records that are worth a line: no output, no limit samples."""
    not_saved: str = ""
    """Why events are no longer saved; empty while they are."""
    finished: RunFinished | None = None

    def apply(self, record: Record) -> None:
        """Take one record in; a record already seen changes nothing."""
        if record.seq <= self.seq:
            return
        self.seq, self.at, self.run = record.seq, record.at, record.run
        event = record.event
        if not isinstance(event, SubtaskOutput | LimitsObserved | UsageRecorded):
            self.log.append(record)
            if len(self.log) > LOG_RECORDS + 200:
                del self.log[:200]
        match event:
            case RunStarted():
                _start_run(self, event, record.at)
            case WaveStarted() | WaveFinished():
                _apply_wave(self, event, record.at)
            case (
                SubtaskWaiting()
                | SubtaskStarted()
                | SubtaskOutput()
                | ToolCalled()
                | ToolFinished()
                | UsageRecorded()
                | AttemptFailed()
                | SubtaskFinished()
                | ThreadAbandoned()
                | ThreadReturned()
            ):
                subtask = self.subtasks.get(event.subtask)
                if subtask is not None:
                    _apply_subtask(self, subtask, event, record.at)
            case LimitsObserved():
                self.limits, self.limits_at = event, record.at
                for name, gauge in (("rpm", event.rpm), ("itpm", event.itpm), ("otpm", event.otpm)):
                    self.caps[name] = max(gauge.cap, self.caps.get(name, 0))
            case ModeChanged():
                self.mode = event.to
            case WorkersChanged():
                self.max_workers, self.automatic = event.to, event.automatic
                self.staff.append((record.at, event.to))
            case RunPaused():
                self.paused = True
                self.pauses.append(Span("paused", record.at))
            case RunResumed():
                self.paused = False
                if self.pauses:
                    self.pauses[-1].end_at = record.at
            case CancelRequested():
                _apply_cancel(self, event)
            case JournalFailed():
                self.not_saved = event.message
            case RunFinished():
                self.finished = event
            case _:
                assert_never(event)

    def wave_of(self, subtask: SubtaskState) -> WaveState:
        """The wave a subtask belongs to."""
        return self.waves[subtask.wave]

    @property
    def open_waves(self) -> tuple[WaveState, ...]:
        """The waves that have begun and not ended, in plan order; several when waves are only labels."""
        return tuple(w for w in self.waves.values() if w.started_at is not None and w.ended_at is None)

    @property
    def current_wave(self) -> WaveState | None:
        """The first wave that is open, else the last one that started, else the first."""
        for wave in self.open_waves:
            return wave
        started = [w for w in self.waves.values() if w.started_at is not None]
        return started[-1] if started else next(iter(self.waves.values()), None)


def fold(records: Iterable[Record]) -> RunState:
    """The state after `records`."""
    state = RunState()
    for record in records:
        state.apply(record)
    return state


def _start_run(state: RunState, event: RunStarted, at: float) -> None:
    state.staff.append((at, event.max_workers))
    state.started_at, state.plan = event.started_at, event.plan
    state.mode, state.tier, state.provider = event.mode, event.tier, event.provider
    state.max_workers, state.automatic = event.max_workers, event.automatic
    state.version = event.version
    for number, wave in enumerate(event.plan.waves, 1):
        ids = tuple(s.id for s in wave.subtasks)
        most = wave.max_workers if wave.parallel else 1
        state.waves[wave.name] = WaveState(
            wave.name, number, wave.parallel, wave.timeout, subtasks=ids, most=most
        )
        width = max(2, len(str(len(ids))))
        for place, planned in enumerate(wave.subtasks, 1):
            label = f"{number}.{place:0{width}d}"
            state.subtasks[planned.id] = SubtaskState(planned, wave.name, label)


def _apply_wave(state: RunState, event: WaveStarted | WaveFinished, at: float) -> None:
    wave = state.waves.get(event.wave)
    if wave is None:
        return
    match event:
        case WaveStarted():
            wave.parallel, wave.reason, wave.workers = event.parallel, event.reason, event.workers
            wave.started_at = at
        case WaveFinished():
            wave.status, wave.end_reason, wave.ended_at = event.status, event.reason, at


def _apply_cancel(state: RunState, event: CancelRequested) -> None:
    match event.scope:
        case Scope.RUN:
            state.stopping = event.manner
            hit = list(state.subtasks.values())
        case Scope.WAVE:
            hit = [s for s in state.subtasks.values() if s.wave == event.wave]
        case Scope.SUBTASK:
            hit = [s for s in state.subtasks.values() if s.id == event.subtask]
    for subtask in hit:
        if subtask.status is None and not (event.manner is Manner.FINISH and subtask.running):
            subtask.cancel_requested = True


_SubtaskEvent = (
    SubtaskWaiting
    | SubtaskStarted
    | SubtaskOutput
    | ToolCalled
    | ToolFinished
    | UsageRecorded
    | AttemptFailed
    | SubtaskFinished
    | ThreadAbandoned
    | ThreadReturned
)


def _apply_subtask(state: RunState, s: SubtaskState, event: _SubtaskEvent, at: float) -> None:
    match event:
        case SubtaskWaiting():
            s.waiting, s.waiting_since, s.expected_s = event.reason, at, event.expected_s
            s.running = False
            _hold(state, s, event.worker)
            _begin_span(s, f"wait:{event.reason}", at)
        case SubtaskStarted():
            _start_attempt(state, s, event, at)
        case SubtaskOutput():
            s.chars += len(event.text)
            s.tail = (s.tail + event.text)[-OUTPUT_TAIL_CHARS:]
            s.last_output_at = at
            s.first_output_at = at if s.first_output_at is None else s.first_output_at
        case ToolCalled():
            s.tool = event.summary or event.tool
        case ToolFinished():
            s.tool = None
        case UsageRecorded():
            _add_usage(state, s, event)
        case AttemptFailed():
            _fail_attempt(state, s, event, at)
        case SubtaskFinished():
            _finish_subtask(state, s, event, at)
        case ThreadAbandoned():
            s.ghost = True
            state.ghosts += 1
        case ThreadReturned():
            s.ghost = False
            state.ghosts = max(0, state.ghosts - 1)


def _start_attempt(state: RunState, s: SubtaskState, event: SubtaskStarted, at: float) -> None:
    s.waiting, s.running, s.attempt = None, True, event.attempt
    s.started_at = at if s.started_at is None else s.started_at
    s.first_output_at = s.last_output_at = None
    s.tail, s.chars, s.tool, s.expected_s = "", 0, None, None
    s.tries.append(Try(event.attempt, at))
    _hold(state, s, event.worker)
    _begin_span(s, "run", at)


def _add_usage(state: RunState, s: SubtaskState, event: UsageRecorded) -> None:
    s.input_tokens += event.input_tokens
    s.output_tokens += event.output_tokens
    s.cache_read_tokens += event.cache_read_tokens
    state.tokens = state.tokens.plus(event)
    if event.cost_usd is None:
        state.unpriced = True
    else:
        s.cost_usd = (s.cost_usd or 0.0) + event.cost_usd
        state.cost_usd = (state.cost_usd or 0.0) + event.cost_usd


def _fail_attempt(state: RunState, s: SubtaskState, event: AttemptFailed, at: float) -> None:
    s.running = False
    if s.tries and s.tries[-1].number == event.attempt:
        last = s.tries[-1]
        last.ended_at, last.error_kind, last.message = at, event.error_kind, event.message
        last.status, last.delay_s = event.status, event.delay_s
    if event.status == 429:
        state.throttled_at.append(at)
    _end_span(s, at)


def _finish_subtask(state: RunState, s: SubtaskState, event: SubtaskFinished, at: float) -> None:
    if s.status is None:
        state.counts[event.status] = state.counts.get(event.status, 0) + 1
    s.status, s.reason, s.ended_at = event.status, event.reason, at
    s.running, s.waiting, s.expected_s, s.tool = False, None, None, None
    s.duration_s, s.output_file, s.attempt = event.duration_s, event.output_file, event.attempt
    if s.tries and s.tries[-1].ended_at is None:
        s.tries[-1].ended_at = at
    _end_span(s, at)
    if s.worker is not None and state.workers.get(s.worker) == s.id:
        del state.workers[s.worker]


def _hold(state: RunState, s: SubtaskState, worker: int | None) -> None:
    if worker is not None:
        s.worker = worker
        state.workers[worker] = s.id


def _begin_span(s: SubtaskState, phase: str, at: float) -> None:
    _end_span(s, at)
    s.spans.append(Span(phase, at))


def _end_span(s: SubtaskState, at: float) -> None:
    if s.spans and s.spans[-1].end_at is None:
        s.spans[-1].end_at = at
