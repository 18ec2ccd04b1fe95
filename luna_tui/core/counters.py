"""Numbers that the fold keeps while records come, so that no frame has to count subtasks."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luna_tui.core.events import UsageRecorded
    from luna_tui.core.parts import SubtaskState

_STEP = math.log(1.05)
"""Silences that differ by less than a twentieth count as the same."""
_SHORTEST_S = 0.01


@dataclass(slots=True)
class Sums:
    """Sums over subtasks that went well themselves, not from a cache: what means are made of."""

    ends: int = 0
    seconds: float = 0.0
    seconds_squared: float = 0.0
    asked: int = 0
    """Those of them that asked a model; the sums below are theirs."""
    usd: float = 0.0
    usd_squared: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0

    def add(self, s: SubtaskState, sign: int, *, asks: bool) -> None:
        """Add one subtask, or take it out again with a `sign` of -1."""
        seconds, usd = sign * s.duration_s, s.cost_usd
        self.ends += sign
        self.seconds += seconds
        self.seconds_squared += seconds * s.duration_s
        if asks:
            self.asked += sign
            if usd is not None:
                self.usd += sign * usd
                self.usd_squared += sign * usd * usd
            self.input_tokens += sign * s.input_tokens
            self.output_tokens += sign * s.output_tokens

    def plus(self, other: Sums) -> Sums:
        """Both together."""
        return Sums(
            self.ends + other.ends,
            self.seconds + other.seconds,
            self.seconds_squared + other.seconds_squared,
            self.asked + other.asked,
            self.usd + other.usd,
            self.usd_squared + other.usd_squared,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
        )

    @property
    def mean_s(self) -> float:
        """Mean seconds of attempts; 0 when there are none."""
        return self.seconds / self.ends if self.ends else 0.0

    @property
    def spread_s(self) -> float:
        """Standard deviation of the seconds."""
        return _deviation(self.ends, self.seconds, self.seconds_squared)

    @property
    def mean_usd(self) -> float:
        """Mean cost of one that asked a model."""
        return self.usd / self.asked if self.asked else 0.0

    @property
    def spread_usd(self) -> float:
        """Standard deviation of the cost."""
        return _deviation(self.asked, self.usd, self.usd_squared)


def _deviation(count: int, total: float, squares: float) -> float:
    return math.sqrt(max(0.0, squares / count - (total / count) ** 2)) if count else 0.0


@dataclass(slots=True)
class Estimates:
    """What requests were expected to take against what they took; only of those of which both are known."""

    requests: int = 0
    expected_in: int = 0
    used_in: int = 0
    expected_out: int = 0
    used_out: int = 0

    def note(self, used: UsageRecorded) -> None:
        """One more request."""
        if used.expected_input_tokens is None or used.expected_output_tokens is None:
            return
        self.requests += 1
        self.expected_in += used.expected_input_tokens
        self.used_in += used.input_tokens + used.cache_read_tokens + used.cache_write_tokens
        self.expected_out += used.expected_output_tokens
        self.used_out += used.output_tokens

    @property
    def input_error(self) -> float | None:
        """How far off the expectations were in all, as a part of what was used: -0.04 = too low by 4 %."""
        return self.expected_in / self.used_in - 1.0 if self.used_in else None

    @property
    def output_error(self) -> float | None:
        """The same of output."""
        return self.expected_out / self.used_out - 1.0 if self.used_out else None


@dataclass(slots=True)
class Chains:
    """How many subtasks that have not ended begin a chain of dependencies of each length."""

    counts: list[int] = field(default_factory=lambda: [0, 0])
    longest: int = 0
    """The longest chain that is left; 0 when all ended."""

    def add(self, length: int) -> None:
        """One more has not ended."""
        if length >= len(self.counts):
            self.counts.extend([0] * (length + 1 - len(self.counts)))
        self.counts[length] += 1
        self.longest = max(self.longest, length)

    def drop(self, length: int) -> None:
        """One has ended."""
        counts = self.counts
        counts[length] -= 1
        while self.longest and not counts[self.longest]:
            self.longest -= 1


@dataclass(slots=True)
class Silences:
    """The longest silence of each attempt that went well, in steps of 5 %; bounded by the number of steps."""

    attempts: int = 0
    counts: dict[int, int] = field(default_factory=dict)
    """Step -> attempts."""
    _p95_s: float | None = field(default=None, compare=False, repr=False)
    """Worked out when it is asked for."""

    def add(self, silence_s: float) -> None:
        """One attempt more."""
        step = math.ceil(math.log(max(_SHORTEST_S, silence_s)) / _STEP)
        self.attempts += 1
        self.counts[step] = self.counts.get(step, 0) + 1
        self._p95_s = None

    @property
    def p95_s(self) -> float:
        """Seconds that at least 95 of 100 attempts were never silent for longer than; 0 without attempts."""
        if self._p95_s is None:
            due = math.ceil(0.95 * self.attempts)
            seen = 0
            for step in sorted(self.counts):
                seen += self.counts[step]
                if seen >= due:
                    self._p95_s = math.exp(step * _STEP)
                    break
        return self._p95_s or 0.0


@dataclass(slots=True)
class TriedTime:
    """Seconds of work in attempts, without going through them."""

    closed_s: float = 0.0
    open: int = 0
    opened_s: float = 0.0
    """Sum of the instants at which the open ones began."""

    def begin(self, at: float) -> None:
        """An attempt began."""
        self.open += 1
        self.opened_s += at

    def end(self, began_at: float, at: float) -> None:
        """It ended."""
        self.open -= 1
        self.opened_s -= began_at
        self.closed_s += at - began_at

    def reopen(self, began_at: float, ended_at: float) -> None:
        """One that ended goes on."""
        self.begin(began_at)
        self.closed_s -= ended_at - began_at

    def until(self, now_s: float) -> float:
        """Their sum, those that are open taken up to `now_s`."""
        return self.closed_s + self.open * now_s - self.opened_s


@dataclass(slots=True)
class Troubled:
    """Subtasks that went wrong, by kind, each kind in the order in which it happened."""

    ghosts: dict[str, SubtaskState] = field(default_factory=dict)
    """Their threads ignore the cancellation."""
    timed_out: dict[str, SubtaskState] = field(default_factory=dict)
    failed: dict[str, SubtaskState] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.ghosts) + len(self.timed_out) + len(self.failed)

    def __iter__(self) -> Iterator[SubtaskState]:
        """The most urgent kind first."""
        yield from self.ghosts.values()
        yield from self.timed_out.values()
        yield from self.failed.values()

    def __contains__(self, subtask_id: object) -> bool:
        return any(subtask_id in kind for kind in (self.ghosts, self.timed_out, self.failed))

    def drop(self, subtask_id: str) -> None:
        """It is well, or of another kind from now on."""
        for kind in (self.ghosts, self.timed_out, self.failed):
            kind.pop(subtask_id, None)
