"""What the home screen is made of, and what can be asked for there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from luna_tui.core.comparison import Comparison
from luna_tui.core.run_summary import PlanSummary, RunSummary
from luna_tui.core.state import RunState


class Verb(StrEnum):
    """A command of the program that the home screen can hand over to; the value is its name there."""

    RUN = "run"
    PLAN = "plan"
    DEMO = "demo"
    ATTACH = "attach"
    RESUME = "resume"
    RETRY = "retry"
    REPLAY = "replay"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the home screen was left for."""

    verb: Verb
    what: str = ""
    """A run, the path of a plan, or a goal to be planned; empty for the demo."""


@dataclass(frozen=True, slots=True)
class PlanningPrice:
    """What it may cost to have a goal planned."""

    model: str
    likely_usd: float | None
    """The first plan is good; None = the price of the model is not known."""
    most_usd: float | None
    """The longest answers, and every repair."""


@dataclass(frozen=True, slots=True)
class HomeContents:
    """What there is, at one look."""

    runs: tuple[RunSummary, ...]
    """The newest first."""
    plans: tuple[PlanSummary, ...]
    """Of the folder the program was started in, by name."""


class HomeSource(Protocol):
    """Finds what the home screen shows. Every method but `now` may wait for the disk: call it aside."""

    folder: str
    """Whose plans are listed."""
    home: str
    """The folder that is written `~`; empty = none."""
    offered: frozenset[Verb]
    """Commands that this program has."""

    def now(self) -> datetime:
        """The date and time, UTC."""
        ...

    def look(self) -> HomeContents | None:
        """What there is; None when nothing changed since the last look."""
        ...

    def state(self, run: str) -> RunState:
        """The fold of a run; LunaError when it cannot be read."""
        ...

    def compare(self, before: str, after: str) -> Comparison:
        """What changed from one run to another; LunaError when one cannot be read."""
        ...

    def planning_price(self) -> PlanningPrice:
        """What a planning in this folder may cost; LunaError when none can be had, as without a key."""
        ...

    def stop(self, run: str, *, now: bool) -> str:
        """Ask a run that is on to stop; what came of it, in one line.

        `now` ends what is in flight; else that has some seconds to end by itself, which are waited for.
        """
        ...
