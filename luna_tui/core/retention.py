"""Which kept runs go when there are too many, too large or too old ones; never one that can go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from luna_tui.core.run_summary import KeptStatus, RunSummary

GIGABYTE = 1_000_000_000
HALF_MADE = timedelta(hours=1)
"""A run without a record may be one that another process makes at this moment, unless it is older."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepLimits:
    """How much is kept of runs that are over; 0 = no limit."""

    runs: int = 100
    gigabytes: float = 1.0
    days: float = 30.0


def removable(run: RunSummary, now: datetime) -> bool:
    """Whether it may be removed at all: it is over, or nothing of it can be used and it is not new."""
    return run.over or (run.status is KeptStatus.UNREADABLE and now - run.began > HALF_MADE)


def to_remove(
    runs: Iterable[RunSummary], limits: KeepLimits, now: datetime, spared: frozenset[str] = frozenset()
) -> tuple[RunSummary, ...]:
    """The runs that have to go, the oldest first.

    Runs that are on or can go on are neither counted nor removed; those in `spared` are counted.
    """
    counted = sorted((r for r in runs if removable(r, now)), key=lambda r: (r.began, r.run))
    left, size = len(counted), sum(r.size_bytes for r in counted)
    gone: list[RunSummary] = []
    for run in counted:
        if run.run in spared:
            continue
        if not (_too_old(run, limits, now) or _too_many(left, limits) or _too_large(size, limits)):
            break
        gone.append(run)
        left, size = left - 1, size - run.size_bytes
    return tuple(gone)


def _too_old(run: RunSummary, limits: KeepLimits, now: datetime) -> bool:
    return limits.days > 0 and (now - run.began).total_seconds() > limits.days * 86_400


def _too_many(count: int, limits: KeepLimits) -> bool:
    return 0 < limits.runs < count


def _too_large(size_bytes: int, limits: KeepLimits) -> bool:
    return 0 < limits.gigabytes * GIGABYTE < size_bytes
