"""Facts of a planning: a model is asked for a plan, and what comes of it; the shape of records of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from luna_tui.core.events import RECORD_VERSION
from luna_tui.core.records import plain_object, wire_name
from luna_tui.core.rounding import DIGITS
from luna_tui.core.words import ErrorKind, WaitReason

MOST_REPAIRS = 2
"""How often a model is shown what is wrong with its plan."""


class Phase(StrEnum):
    """What of a plan is being made, in this order; all but the last are written by the model."""

    ANALYSIS = "analysis"
    """What the goal asks for."""
    STRATEGY = "strategy"
    """How it can be split."""
    DECOMPOSITION = "decomposition"
    """Waves and subtasks."""
    VALIDATION = "validation"
    """The checks that every plan file passes; done here, and no model is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningStarted:
    """First record of every planning; it carries the wall clock."""

    started_at: str
    """RFC 3339, UTC."""
    goal: str
    model: str
    provider: str
    workspace: str
    """Absolute path."""
    tools: tuple[str, ...] = ()
    """What subtasks may be granted."""
    commands: bool = False
    """The model may write commands that run on this machine."""
    replans: str = ""
    """The run whose rest is planned anew; empty = a plan from nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningWaiting:
    """The request cannot be sent yet."""

    reason: WaitReason
    expected_s: float | None = None
    """None = unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningRequestFailed:
    """A request came to nothing; what was told of its phases is void."""

    error_kind: ErrorKind
    message: str
    status: int | None = None
    """HTTP status, where there is one."""
    will_retry: bool = False
    delay_s: float | None = None
    """Pause before it is sent again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStarted:
    """The first character of a phase arrived, or the checks began."""

    phase: Phase
    round: int = 0
    """0 = the first plan, 1 and 2 = repairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningProgressed:
    """More of a phase arrived; at most once a second."""

    phase: Phase
    tokens: int
    """Of the phase, about."""
    subtasks: int = 0
    """Written so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseFinished:
    """A phase is complete."""

    phase: Phase
    tokens: int
    """About; the service counts only the whole answer."""
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRepaired:
    """The plan cannot be used as it is; the model is shown what is wrong and writes it anew."""

    round: int
    """1 or 2."""
    problems: tuple[str, ...]
    """One sentence each, located where that is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanProposed:
    """Last record of a planning that led to a plan; nothing of it has started."""

    name: str
    waves: int
    subtasks: int
    repairs: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """Of the planning; None = the price of the model is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningFailed:
    """Last record of a planning without a plan."""

    reason: str
    problems: tuple[str, ...] = ()
    """Of the last plan."""
    raw_file: str = ""
    """Absolute path of what the model answered last; empty when it answered nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningCancelled:
    """Last record of a planning that somebody ended; nothing is kept."""

    by: str


PlanningEvent = (
    PlanningStarted
    | PlanningWaiting
    | PlanningRequestFailed
    | PhaseStarted
    | PlanningProgressed
    | PhaseFinished
    | PlanRepaired
    | PlanProposed
    | PlanningFailed
    | PlanningCancelled
)


@dataclass(frozen=True, slots=True)
class PlanningRecord:
    """An event with its number and its instant."""

    seq: int
    """From 1 without a gap."""
    at: float
    """Seconds since the planning began."""
    planning: str
    """Its id; stands where records of a run have the run's."""
    event: PlanningEvent


def planning_line(record: PlanningRecord) -> str:
    """One line of NDJSON without its line end; safe to print, since everything beyond ASCII is escaped."""
    head: dict[str, Any] = {
        "v": RECORD_VERSION,
        "seq": record.seq,
        "at": round(record.at, DIGITS),
        "type": wire_name(type(record.event)),
        "run": record.planning,
    }
    return json.dumps(head | plain_object(record.event), separators=(",", ":"), allow_nan=False)
