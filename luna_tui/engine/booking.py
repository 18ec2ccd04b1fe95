"""The limiter's side of one request: a ticket that is corrected, settled or refunded once."""

from __future__ import annotations

from luna_tui.core.words import ErrorKind
from luna_tui.engine.limiter import RateLimiter, Ticket
from luna_tui.engine.runner import AttemptError, Demand, Refusal, ServerLimits, Usage

_NOT_COUNTED = frozenset(
    {
        ErrorKind.RATE_LIMITED,
        ErrorKind.OVERLOADED,
        ErrorKind.UNREACHABLE,
        ErrorKind.AUTHENTICATION,
        ErrorKind.CREDENTIALS_MISSING,
        ErrorKind.WORKSPACE,
        ErrorKind.TOOLS,
    }
)
"""Failures after which the server counted no tokens, unless it said so."""


class Booking:
    """What one request holds of the limits."""

    def __init__(self, limiter: RateLimiter, ticket: Ticket | None, demand: Demand | None) -> None:
        """`ticket` None = it needs no permit."""
        self._limiter = limiter
        self._ticket = ticket
        self.demand = demand
        """What it was expected to take."""
        self._known: Usage | None = None
        self._settled = ticket is None
        self.sent = False
        """It went out, so it counts even when no answer says what it used."""

    def answered(self, limits: ServerLimits, refused: bool) -> None:
        """Headers came, of an answer or of a refusal."""
        if refused or self._ticket is None:
            self._limiter.observe(limits)
        else:
            self._limiter.answered(self._ticket, limits)

    def use(self, usage: Usage, final: bool) -> None:
        """The server counted this much; `final` = nothing follows."""
        self._known = usage
        if self._ticket is None or self._settled:
            return
        if final:
            self._limiter.settle(self._ticket, usage)
            self._settled = True
        else:
            self._limiter.correct(self._ticket, usage)

    def failed(self, error: AttemptError) -> Ticket | None:
        """It came to nothing; returns the ticket whose place in the line is kept, after a 429."""
        self.sent = error.kind not in _NOT_COUNTED
        if error.kind is ErrorKind.RATE_LIMITED:
            self._settled = True
            refusal = Refusal(retry_after_s=error.retry_after_s, dimension=error.dimension, ramp=error.ramp)
            self._limiter.refused(self._ticket, refusal)
            return self._ticket
        if error.kind is ErrorKind.OVERLOADED:
            # What an answer that broke off used is settled as always.
            self._limiter.overloaded(None if self._known else self._ticket)
        return None

    def close(self) -> None:
        """Nothing more comes: what was sent unanswered counts as estimated, what was refused does not."""
        if self._settled or self._ticket is None or self.demand is None:
            return
        self._settled = True
        if not self.sent and self._known is None:
            self._limiter.refund(self._ticket)
            return
        estimate = Usage(
            model="", input_tokens=self.demand.input_tokens, output_tokens=self.demand.output_tokens
        )
        self._limiter.settle(self._ticket, self._known or estimate)

    def give_back(self) -> None:
        """Nothing of it was sent, and nothing will be; what was answered stays as it is."""
        if not self._settled and self._ticket is not None and self._known is None:
            self._settled = True
            self._limiter.refund(self._ticket)

    def give_up(self) -> None:
        """Its thread will not close it: whatever is held counts as sent."""
        self.sent = True
        self.close()
