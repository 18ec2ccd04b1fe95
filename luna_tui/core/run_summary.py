"""What is known of a kept run and of a plan file at a glance, without the run itself."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from luna_tui.core.events import Tokens
from luna_tui.core.words import GOOD, Status

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MADE_ID = re.compile(r"\d{8}-\d{6}-(?P<end>[a-z0-9]{4})")


class KeptStatus(StrEnum):
    """How a kept run stands."""

    RUNNING = "running"
    """Some process writes it."""
    INTERRUPTED = "interrupted"
    """It has no end, and nobody writes it."""
    HELD = "held"
    CANCELLED = "cancelled"
    FAILED = "failed"
    SUCCEEDED = "succeeded"
    UNREADABLE = "unreadable"
    """There is no record in it that can be used."""


RESUMABLE: frozenset[KeptStatus] = frozenset({KeptStatus.INTERRUPTED, KeptStatus.HELD, KeptStatus.CANCELLED})
"""Runs that can go on from where they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """One kept run."""

    run: str
    status: KeptStatus
    began: datetime
    """UTC; where nothing in it says so, when its files were made."""
    plan: str = ""
    """Name of the plan; may hold what a terminal would obey."""
    wall_s: float | None = None
    """Seconds from its beginning to its end, or so far; None = not known."""
    counts: Mapping[Status, int] = field(default_factory=dict)
    """Subtasks by how they ended."""
    subtasks: int = 0
    tokens: Tokens = field(default_factory=Tokens)
    cost_usd: float | None = None
    """None = no price is known."""
    throttled: int = 0
    """Answers with 429."""
    size_bytes: int = 0
    """What it takes on the disk."""
    workspace: str = ""
    plan_file: str = ""
    """Path of the plan when it was started; empty = not known."""
    plan_sha256: str = ""
    """Digest of the plan as it ran; empty = not known."""
    host: str = ""
    version: str = ""
    folder: str = ""
    wrong: tuple[str, ...] = ()
    """What of it is damaged or missing, in sentences; only what was looked at."""

    @property
    def good(self) -> int:
        """Subtasks that ended well."""
        return sum(n for status, n in self.counts.items() if status in GOOD)

    @property
    def bad(self) -> int:
        """Subtasks that ended otherwise."""
        return sum(self.counts.values()) - self.good

    @property
    def resumable(self) -> bool:
        """Whether it can go on from where it is."""
        return self.status in RESUMABLE

    @property
    def over(self) -> bool:
        """Whether it ended by itself, well or not."""
        return self.status in (KeptStatus.SUCCEEDED, KeptStatus.FAILED)


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """A file that looks like a plan."""

    path: str
    name: str
    subtasks: int = 0
    waves: int = 0
    problems: tuple[str, ...] = ()
    """Why it cannot be run; the first few of them."""


def short_names(runs: Iterable[str]) -> dict[str, str]:
    """Id -> the shortest name that means only this run; ids that a person chose stay whole."""
    ids = list(runs)
    found: dict[str, str] = {}
    for run in ids:
        made = _MADE_ID.fullmatch(run)
        found[run] = made["end"] if made and _only(made["end"], run, ids) else run
    return found


def _only(name: str, run: str, ids: Iterable[str]) -> bool:
    return not any(other.startswith(name) or other.endswith(name) for other in ids if other != run)


def read_instant(text: str) -> datetime | None:
    """The instant of an RFC 3339 text; None when it is none."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def instant(seconds: float) -> datetime:
    """The instant that many seconds after 1970 began."""
    return EPOCH + timedelta(seconds=seconds)


def summary_data(summary: RunSummary) -> dict[str, Any]:
    """Everything of a summary, for scripts."""
    tokens = summary.tokens
    return {
        "run": summary.run,
        "status": summary.status.value,
        "resumable": summary.resumable,
        "plan": summary.plan,
        "started_at": summary.began.isoformat(timespec="seconds"),
        "wall_s": summary.wall_s,
        "subtasks": summary.subtasks,
        "counts": {str(status): n for status, n in sorted(summary.counts.items())},
        "tokens": {
            "input": tokens.input,
            "output": tokens.output,
            "cache_read": tokens.cache_read,
            "cache_write": tokens.cache_write,
        },
        "cost_usd": summary.cost_usd,
        "throttled": summary.throttled,
        "size_bytes": summary.size_bytes,
        "workspace": summary.workspace,
        "plan_file": summary.plan_file,
        "plan_sha256": summary.plan_sha256,
        "host": summary.host,
        "version": summary.version,
        "folder": summary.folder,
        "wrong": list(summary.wrong),
    }
