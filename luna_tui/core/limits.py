"""Tiers, modes and workers: the tables, and what a mode may use of a tier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from luna_tui.core.reasons import mode_word
from luna_tui.core.tongue import _
from luna_tui.core.words import Mode, Staffing

SHARES: Mapping[Mode, float] = {
    Mode.CONSERVATIVE: 0.75,
    Mode.BALANCED: 0.85,
    Mode.AGGRESSIVE: 0.95,
}
"""Share of every limit that a mode may use."""


_FAMILY = re.compile(r"claude-(?:[0-9][0-9-]*-)?([a-z]+)")


def family(model: str) -> str:
    """`claude-haiku-5-5` -> `haiku`; a name of another shape is a family of its own."""
    match = _FAMILY.match(model)
    return match[1] if match else model


@dataclass(frozen=True, slots=True)
class Limits:
    """Requests, input tokens and output tokens per minute."""

    rpm: int
    itpm: int
    otpm: int


@dataclass(frozen=True, slots=True)
class TierLimits:
    """One row of the tier table."""

    limits: Limits
    workers: Mapping[Mode, int | None]
    """Workers per mode; None = as many as the limits can use."""


def _workers(
    conservative: int | None, balanced: int | None, aggressive: int | None
) -> Mapping[Mode, int | None]:
    return {
        Mode.CONSERVATIVE: conservative,
        Mode.BALANCED: balanced,
        Mode.AGGRESSIVE: aggressive,
    }


TIERS: Mapping[str, TierLimits] = {
    "tier1": TierLimits(Limits(50, 30_000, 8_000), _workers(3, 4, 5)),
    "tier2": TierLimits(Limits(1_000, 450_000, 90_000), _workers(10, 15, 20)),
    "tier3": TierLimits(Limits(2_000, 800_000, 160_000), _workers(15, 20, 30)),
    "tier4": TierLimits(Limits(4_000, 2_000_000, 400_000), _workers(20, 30, 40)),
    "start": TierLimits(Limits(1_000, 2_000_000, 400_000), _workers(None, None, None)),
    "build": TierLimits(Limits(5_000, 5_000_000, 1_000_000), _workers(None, None, None)),
    "scale": TierLimits(Limits(10_000, 10_000_000, 2_000_000), _workers(None, None, None)),
}
"""Published limits of autumn 2025 and the newer named tiers; a starting value that headers correct."""

DEFAULT_TIER = "tier2"
DEFAULT_MODE = Mode.BALANCED
AUTO_WORKERS = 256
"""Most workers where the limits decide: what one process can stream at once."""
LINE_AHEAD = 4
"""Subtasks that wait for a limit at once where the limits decide: enough that the limiter never runs
dry while a thread wakes, few enough that the order is decided late."""
LOCAL_WORKERS = 40
"""Most commands and functions at once where the limits decide, since they do not bind those."""


@dataclass(frozen=True, slots=True)
class WorkerRule:
    """How many subtasks may hold a worker."""

    most: int
    """Workers at once, at least 1."""
    line_ahead: int | None = None
    """Hand nothing more out while this many wait for a limit; None = whenever a worker is free."""

    @property
    def automatic(self) -> bool:
        """The limits decide, and `most` is only a ceiling."""
        return self.line_ahead is not None


def worker_rule(
    workers: int | Staffing, tier: str, mode: Mode, tiers: Mapping[str, TierLimits] = TIERS
) -> WorkerRule:
    """The rule of a number, of the table, or of the limits; KeyError for an unknown tier."""
    count = tiers[tier].workers[mode] if workers is Staffing.TABLE else workers
    if count is None or isinstance(count, Staffing):
        return WorkerRule(AUTO_WORKERS, LINE_AHEAD)
    return WorkerRule(max(1, count))


def above_table(
    workers: int | Staffing, tier: str, mode: Mode, tiers: Mapping[str, TierLimits] = TIERS
) -> str:
    """A sentence when a number of workers exceeds what the table gives; else empty."""
    table = worker_rule(Staffing.TABLE, tier, mode, tiers)
    if isinstance(workers, Staffing) or table.automatic or workers <= table.most:
        return ""
    said = _("{n} workers, above the table's {most} for {tier} {mode}")
    return said.format(n=workers, most=table.most, tier=tier, mode=mode_word(mode))


def caps(limits: Limits, mode: Mode) -> Limits:
    """What a mode may use of `limits`, rounded down."""
    share = SHARES[mode]
    return Limits(int(limits.rpm * share), int(limits.itpm * share), int(limits.otpm * share))
