"""A subtask between take-off and landing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from luna_tui.core.plan import Subtask
from luna_tui.core.words import Status
from luna_tui.engine.cancel import CancelToken
from luna_tui.engine.deadlines import Deadline
from luna_tui.engine.limiter import Ticket
from luna_tui.engine.runner import AttemptError, Missed


@dataclass(frozen=True, slots=True)
class Ending:
    """An end that was decided from outside the attempt: a timeout or a cancellation."""

    status: Status
    reason: str


@dataclass(slots=True, eq=False)
class Flight:
    """One subtask that holds a worker. All fields are protected by the desk's lock."""

    subtask: Subtask
    wave: str
    worker: int
    token: CancelToken
    before: int = 0
    """Attempts that began in earlier flights of the subtask."""
    attempt: int = 0
    """The one that is made or prepared; `before` until there is one."""
    begun: int = 0
    """The last one that began."""
    running: bool = False
    """An attempt is in flight now; also while it waits in its midst, for a limit or a person."""
    works_since: float | None = None
    """Since when the attempt in flight works; None while it waits, and between attempts."""
    spent_s: float = 0.0
    """Seconds of work in attempts, up to `works_since`; those of earlier flights included."""
    spent_before_s: float = 0.0
    """Those of all attempts before the last one that began."""
    timer_since: float | None = None
    """Since when the timeout's clock runs; None while it stands."""
    timer_spent_s: float = 0.0
    deadline: Deadline | None = None
    ending: Ending | None = None
    again: bool = False
    """A person wants a new try: its end is not told, and another flight follows."""
    asked: bool = False
    """A person asked for this flight, so it may try again even in a wave that was asked to end."""
    landed: bool = False
    came_to: Status | None = None
    """How it ended, from the moment it landed."""
    abandoned: bool = False
    give_up: Callable[[], None] | None = None
    """Settles what the current attempt holds of the limits, when its thread will not."""
    successor: Flight | None = None
    """What its thread flies next, when that was known as it landed."""
    refused: Ticket | None = None
    """The ticket that a 429 refused; the next attempt waits at its place in the line."""
    failures: int = 0
    refusals: int = 0
    """429 and 529 answers, which say nothing about the subtask."""
    judged: AttemptError | None = None
    """An error of a further request that was counted already, and ends its attempt for good."""
    missed: Missed | None = None
    """The last output that was not what the plan expects."""
    texts: list[str] = field(default_factory=list)
    """Cleaned text of the current attempt."""
    reserved_usd: float = 0.0
    """What its current attempt may still cost, as the budget counts it."""

    @property
    def started(self) -> bool:
        """At least one attempt of this flight began."""
        return self.begun > self.before

    @property
    def goes_on(self) -> bool:
        """An attempt is in flight that nobody wants replaced."""
        return self.running and not self.again

    def then(self, subtask: Subtask, token: CancelToken) -> Flight:
        """The flight that follows when a person wanted a new try: the same worker, everything else afresh."""
        return Flight(
            subtask, self.wave, self.worker, token,
            before=self.begun, attempt=self.begun, begun=self.begun,
            spent_s=self.spent_s, asked=True, refused=self.refused,
        )  # fmt: skip

    def afresh(self) -> None:
        """Give it all its retries and its whole time once more, where it is."""
        self.asked = True
        self.failures = self.refusals = 0
        self.timer_spent_s = 0.0
