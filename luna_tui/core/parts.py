"""What is known of one subtask and of one wave, as the fold builds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from luna_tui.core.counters import Chains, Silences, Sums
from luna_tui.core.events import PlannedSubtask
from luna_tui.core.spans import Span, Try
from luna_tui.core.words import RunStatus, Status, WaitReason


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
    """First start since it last came in line."""
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
    row_s: float = 0.0
    """Seconds of the longest row that ends with it, each needing the one before; 0 until it ended."""
    undone: tuple[Span, ...] = ()
    """From each end to the retry that undid it."""
    unmet: int = 0
    """Subtasks it needs that have not ended well."""
    chain: int = 1
    """Subtasks in the longest row that begins with it, one needing the other."""
    asked: int | None = None
    """`seq` of the record with which it took its place in the limiter's line; a refusal keeps the place."""
    silent_s: float = 0.0
    """Longest silence of the current attempt that is over, the time to its first token included."""
    stirred_at: float | None = None
    """When the current attempt last did something other than speak: a turn, a tool, an answer of a person."""

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
    timed_from: float | None = None
    """Since when its timeout counts, where that is not its start: another process goes on with it."""
    stood_s: float = 0.0
    """Seconds since then that its timeout did not count, for a person was waited for."""
    stands_since: float | None = None
    """Since when it does not count; None while it does."""
    ended_at: float | None = None
    status: RunStatus | None = None
    end_reason: str = ""
    most: int | None = None
    """Workers that the plan allows it at once; None = as many as the run has."""
    reopened: bool = False
    """It had ended, and a person had subtasks of it tried again."""
    ended: int = 0
    good: int = 0
    cached: int = 0
    """Of the good ones, those that took nothing."""
    failed: int = 0
    """Those that timed out included."""
    skipped: int = 0
    on: int = 0
    """Running or waiting."""
    blocked: int = 0
    """Not taken yet, and something they need has not ended well."""
    asking: int = 0
    """Not ended, and they ask a model."""
    sums: Sums = field(default_factory=Sums)
    chains: Chains = field(default_factory=Chains)
    silences: Silences = field(default_factory=Silences)

    def left_s(self, now_s: float) -> float | None:
        """Seconds left until its timeout, never negative; None where it has none, or has not begun."""
        since = self.started_at if self.timed_from is None else self.timed_from
        if self.timeout <= 0 or since is None:
            return None
        until = now_s if self.stands_since is None else self.stands_since
        return max(0.0, since + self.stood_s + self.timeout - until)

    @property
    def untouched(self) -> int:
        """Not taken yet."""
        return len(self.subtasks) - self.ended - self.on
