"""Facts that follow from a command: who asked for what, one event per action."""

from __future__ import annotations

from dataclasses import dataclass

from luna_tui.core.words import Manner, Mode, Scope


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeChanged:
    """The share of the limits changed."""

    by: str
    from_: Mode
    to: Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkersChanged:
    """The number of workers changed."""

    by: str
    from_: int
    to: int
    automatic: bool = False
    """From now on the limits decide, and `to` is only a ceiling."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPaused:
    """Admission stopped; what is in flight goes on."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    """Admission goes on."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRequested:
    """Somebody asked for an end; what follows is what the engine did about it."""

    by: str
    scope: Scope
    manner: Manner
    wave: str | None = None
    subtask: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequested:
    """Somebody asked for new tries; an end that a subtask had before is undone."""

    by: str
    subtasks: tuple[str, ...]
    """Those that were named and can be tried again, or were given another prompt."""
    requeued: tuple[str, ...]
    """All that are going to be tried again, what was skipped for want of them included."""
    prompt: str | None = None
    """What replaces the prompt of `subtasks`, cleaned; None = they keep theirs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SkipRequested:
    """Somebody asked that these end as skipped; those that had ended are not among them."""

    by: str
    subtasks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetChanged:
    """The run may spend more or less; None = no cap."""

    by: str
    from_: float | None
    to: float | None
