"""Facts of a run: one frozen class per event, in the past tense, never changed after publication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from luna_tui.core.command_events import BudgetChanged as BudgetChanged
from luna_tui.core.command_events import CancelRequested as CancelRequested
from luna_tui.core.command_events import ModeChanged as ModeChanged
from luna_tui.core.command_events import RetryRequested as RetryRequested
from luna_tui.core.command_events import RunPaused as RunPaused
from luna_tui.core.command_events import RunResumed as RunResumed
from luna_tui.core.command_events import SkipRequested as SkipRequested
from luna_tui.core.command_events import WorkersChanged as WorkersChanged
from luna_tui.core.presence_events import Attached as Attached
from luna_tui.core.presence_events import Detached as Detached
from luna_tui.core.presence_events import JournalRepaired as JournalRepaired
from luna_tui.core.presence_events import JournalSaved as JournalSaved
from luna_tui.core.presence_events import JournalSlowed as JournalSlowed
from luna_tui.core.presence_events import TerminalLost as TerminalLost
from luna_tui.core.tool_events import ApprovalDecided as ApprovalDecided
from luna_tui.core.tool_events import ApprovalRequested as ApprovalRequested
from luna_tui.core.tool_events import ChangedFile as ChangedFile
from luna_tui.core.tool_events import ChangesAccepted as ChangesAccepted
from luna_tui.core.tool_events import ChangesDropped as ChangesDropped
from luna_tui.core.tool_events import ChangesRefused as ChangesRefused
from luna_tui.core.tool_events import ToolCalled as ToolCalled
from luna_tui.core.tool_events import ToolFinished as ToolFinished
from luna_tui.core.tool_events import TurnFailed as TurnFailed
from luna_tui.core.tool_events import TurnStarted as TurnStarted
from luna_tui.core.tool_events import WorkspaceChanged as WorkspaceChanged
from luna_tui.core.words import (
    ErrorKind,
    Isolation,
    Kind,
    Mode,
    RunStatus,
    Schedule,
    Status,
    WaitReason,
)

RECORD_VERSION = 1
"""`v` of a record; rises only when a reader must change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedSubtask:
    """What `run_started` tells of a subtask."""

    id: str
    title: str
    kind: Kind = Kind.CLAUDE
    depends_on: tuple[str, ...] = ()
    timeout: float = 0.0
    retries: int = 0
    model: str = ""
    prompt: str = ""
    """Prompt template or command line, at most 2,000 characters, for the subtask screen."""
    tools: tuple[str, ...] = ()
    """What it may use, as the plan names it."""
    max_turns: int = 0
    """Requests one attempt may make; 0 = it uses no tools."""
    isolate: Isolation | None = None
    """How it gets a workspace of its own; None = it works in that of the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWave:
    """What `run_started` tells of a wave."""

    name: str
    parallel: bool
    subtasks: tuple[PlannedSubtask, ...]
    timeout: float = 0.0
    max_workers: int | None = None
    """Its own limit below the run's; None = none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOutline:
    """The plan as every front end needs it, without the attached files."""

    name: str
    waves: tuple[PlannedWave, ...]
    goal: str = ""
    schedule: Schedule = Schedule.WAVES


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStarted:
    """First record of every run, and of each process that goes on with one; it carries the wall clock."""

    started_at: str
    """RFC 3339, UTC."""
    plan: PlanOutline
    mode: Mode
    tier: str
    max_workers: int
    provider: str
    version: str
    resumed_from: str | None = None
    """The run it goes on with: its own id when a later process continues the same journal, and then
    `at` counts on from the last record; another id when it took over results of that run."""
    away_s: float | None = None
    """Seconds of wall clock since the last record of the process before; None = the first process."""
    automatic: bool = False
    """The limits decide how many work, and `max_workers` is only a ceiling."""
    budget_usd: float | None = None
    """The most it may spend; None = no cap."""
    sandbox: str = ""
    """What holds commands of agents: `bubblewrap`, `landlock`, `none` or `refused`; empty = they run none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveStarted:
    """A wave begins; `reason` says in words why it is parallel or sequential."""

    wave: str
    parallel: bool
    reason: str
    workers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveFinished:
    """A wave ended; `counts` maps each status name to its number of subtasks.

    A wave of which a person had subtasks tried again ends once more.
    """

    wave: str
    status: RunStatus
    counts: Mapping[str, int]
    wall_s: float
    reason: str = ""
    """Why it did not succeed: "timed out after 120 s", "cancelled by user"; empty when it did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskWaiting:
    """A subtask waits; the reason holds until its next event."""

    wave: str
    subtask: str
    reason: WaitReason
    attempt: int
    """The attempt that will start after the wait."""
    worker: int | None = None
    """Worker whose slot it holds while waiting."""
    expected_s: float | None = None
    """Forecast of the wait; None = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskStarted:
    """An attempt was admitted and is being worked on."""

    wave: str
    subtask: str
    attempt: int
    worker: int
    title: str
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskOutput:
    """Text that arrived since the last such event of this attempt, cleaned and coalesced."""

    wave: str
    subtask: str
    attempt: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRecorded:
    """Tokens that one request used, as the server counted them."""

    wave: str
    subtask: str
    attempt: int
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    searches: int = 0
    """Searches of the web that the service did and charges for."""
    cost_usd: float | None = None
    """None = the price of the model is not known."""
    expected_input_tokens: int | None = None
    """What was expected before it was sent, cached ones included; None = nothing was."""
    expected_output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptFailed:
    """An attempt failed; the subtask ends only with `subtask_finished`."""

    wave: str
    subtask: str
    attempt: int
    error_kind: ErrorKind
    message: str
    status: int | None = None
    """HTTP status or exit code, where there is one."""
    will_retry: bool = False
    delay_s: float | None = None
    """Pause before the next attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtaskFinished:
    """The terminal event of a subtask: one, and one more each time a person had it tried again."""

    wave: str
    subtask: str
    attempt: int
    """Attempts begun; 0 when it never started."""
    status: Status
    duration_s: float
    """Seconds in all its attempts; the sequential time of the subtask."""
    attempts: int
    reason: str = ""
    output: str = ""
    """At most `OUTPUT_HEAD_CHARS` characters; the whole text is in `output_file`."""
    output_file: str | None = None
    """Relative to the run directory."""
    worker: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadAbandoned:
    """A thread ignored its cancellation; its worker slot was given to a new thread."""

    wave: str
    subtask: str
    attempt: int
    worker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadReturned:
    """An abandoned thread came back; its late result was dropped."""

    wave: str
    subtask: str
    attempt: int
    worker: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """One dimension of the limiter at one instant; all amounts per minute."""

    limit: int
    cap: int
    settled: int
    reserved: int
    server_remaining: int | None = None
    server_age_s: float | None = None
    foreign: int = 0
    """What others are believed to use, per minute."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsObserved:
    """A sample of the limiter, at most one a second."""

    rpm: Gauge
    itpm: Gauge
    otpm: Gauge
    throttled: int
    """429 answers in this run so far."""
    waiting: Mapping[str, int] = field(default_factory=dict)
    """Subtasks waiting now, by dimension."""
    family: str = ""
    """Family of models whose limits these are: the one closest to them."""
    useful_workers: int | None = None
    """Workers that the limits can keep busy at the mean size and length of answers; None = not known yet."""
    budget_usd: float | None = None
    """The most the run may spend; None = no cap."""
    spent_usd: float | None = None
    """Cost of the answers so far, where their price is known; None = no price is known."""
    reserved_usd: float | None = None
    """What those in flight are expected to cost; None = no price is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFailed:
    """Events can no longer be saved; the run admits nothing until `journal_saved`."""

    message: str
    saved_seq: int = 0
    """The last event that is saved; 0 = not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Token totals of a run."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0

    def plus(self, used: UsageRecorded) -> Tokens:
        """The totals with one more use."""
        return Tokens(
            input=self.input + used.input_tokens,
            output=self.output + used.output_tokens,
            cache_read=self.cache_read + used.cache_read_tokens,
            cache_write=self.cache_write + used.cache_write_tokens,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    """Last record of a run that ended by itself or by request."""

    status: RunStatus
    counts: Mapping[str, int]
    wall_s: float
    sum_s: float
    """Time the subtasks took one after another: the sum of their attempts."""
    speedup: float | None
    bound_s: float | None
    """No schedule on these workers with these dependencies could have been shorter."""
    efficiency: float | None
    tokens: Tokens
    cost_usd: float | None
    throttled: int
    reason: str = ""
    bounds: Mapping[str, float] = field(default_factory=dict)
    """Seconds that no schedule could beat, by name: critical_path, workers, rpm, itpm, otpm."""
    bound_by: str = ""
    """The one of them that binds."""
    lost: Mapping[str, float] = field(default_factory=dict)
    """Seconds beyond the bound, by cause; they add up to `wall_s - bound_s`."""


Event = (
    RunStarted
    | WaveStarted
    | WaveFinished
    | SubtaskWaiting
    | SubtaskStarted
    | SubtaskOutput
    | TurnStarted
    | TurnFailed
    | ToolCalled
    | ToolFinished
    | ApprovalRequested
    | ApprovalDecided
    | WorkspaceChanged
    | ChangesAccepted
    | ChangesDropped
    | ChangesRefused
    | UsageRecorded
    | AttemptFailed
    | SubtaskFinished
    | ThreadAbandoned
    | ThreadReturned
    | LimitsObserved
    | ModeChanged
    | WorkersChanged
    | RunPaused
    | RunResumed
    | CancelRequested
    | RetryRequested
    | SkipRequested
    | BudgetChanged
    | JournalFailed
    | JournalSaved
    | JournalSlowed
    | JournalRepaired
    | TerminalLost
    | Attached
    | Detached
    | RunFinished
)
"""Every event; a new feature starts by adding its class here."""

OUTPUT_HEAD_CHARS = 2_000
"""Longest `output` kept inside `subtask_finished`."""


@dataclass(frozen=True, slots=True)
class Record:
    """An event with its place in a run: the one shape on the bus, in the journal and on `--events`."""

    seq: int
    """Counts from 1 without a gap."""
    at: float
    """Seconds since the run began, on the monotonic clock."""
    run: str
    event: Event
