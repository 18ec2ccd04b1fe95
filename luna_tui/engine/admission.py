"""Decide who is let through: one line, three pages of books, and gates. Pure: every verb is told the time."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator

from luna_tui.core.events import LimitsObserved
from luna_tui.core.limits import Limits
from luna_tui.core.words import LIMIT_REASONS, Mode, WaitReason
from luna_tui.engine.limiter_books import Books, Ticket, input_of, ticket_of
from luna_tui.engine.limiter_gates import Overload, Pause, Ramp, SlowStart
from luna_tui.engine.limiter_needs import MeanNeeds
from luna_tui.engine.runner import Demand, Refusal, ServerLimits, Usage


class Admission:
    """Strictly in order: only the first in line is ever admitted, so a large request is never overtaken.

    Every verb acts at `now`, admits whom it can and returns the tickets that have news: those
    admitted, and those that wait for another reason than before. Not thread-safe. The same verbs at
    the same instants give the same decisions.
    """

    def __init__(self, limits: Limits, mode: Mode, now: float) -> None:
        self.books = Books(limits, mode, now)
        """What is used, held and foreseen; read it, change it only through the verbs."""
        self._line: list[tuple[int, Ticket]] = []
        """A heap by place; tickets that left it are dropped when they come up."""
        self._waiting = 0
        self._ahead = [0.0, 0.0, 0.0]
        """What all in the line need together."""
        self._places = itertools.count()
        self._pause = Pause()
        self._overload = Overload()
        self._start = SlowStart()
        self._ramp = Ramp()
        self._needs = MeanNeeds()
        self.throttled = 0
        """429 answers so far."""
        self.first_since: float | None = None
        """Since when the first in line waits for a limit; None while none does."""
        self.due_at: float | None = None
        """When the first in line is due if nothing changes; None = when a running request changes it."""

    @property
    def first(self) -> Ticket | None:
        """The first in line."""
        while self._line and not _waits(self._line[0][1]):
            heapq.heappop(self._line)
        return self._line[0][1] if self._line else None

    @property
    def paused_until(self) -> float:
        """Instant until which a refusal holds everybody; 0 = there was none."""
        return max(0.0, self._pause.until)

    def pause_until(self, instant: float) -> None:
        """Another process on the same key was refused and told to wait."""
        self._pause.until = max(self._pause.until, instant)

    def join(self, now: float, demand: Demand, *, again: Ticket | None = None) -> tuple[Ticket, list[Ticket]]:
        """A request comes to the line: at its end, or `again` at the place it was refused from."""
        self._drain(now)
        place = next(self._places) if again is None else again.place
        ticket = ticket_of(place, demand)
        ticket.reason, ticket.expected_s = self._verdict(ticket, self._ahead)
        self._shift(ticket, +1)
        heapq.heappush(self._line, (place, ticket))
        return ticket, self._advance()

    def leave(self, now: float, ticket: Ticket) -> list[Ticket]:
        """The request gave up before it was sent: it leaves the line, or gives back what it was given."""
        if ticket.closed:
            return []
        if ticket.admitted_at is not None:
            return self.refund(now, ticket)
        self._drain(now)
        ticket.closed = True
        self._shift(ticket, -1)
        return self._advance()

    def answered(self, now: float, ticket: Ticket, told: ServerLimits) -> list[Ticket]:
        """The head of an answer came, with what its headers tell of the limits."""
        self._drain(now)
        self.books.believe(ticket, told)
        self._answer(ticket)
        return self._advance()

    def observe(self, now: float, told: ServerLimits) -> list[Ticket]:
        """Headers came that belong to no open ticket."""
        self._drain(now)
        self.books.believe(None, told)
        return self._advance()

    def correct(self, now: float, ticket: Ticket, usage: Usage) -> list[Ticket]:
        """The server counted this much (totals) of a running request; more output may follow."""
        if ticket.closed:
            return []
        self._drain(now)
        self._answer(ticket)
        self.books.correct(ticket, usage)
        return self._advance()

    def settle(self, now: float, ticket: Ticket, usage: Usage) -> list[Ticket]:
        """The request ended; book what it really used. Only the first end of a ticket counts."""
        if ticket.closed:
            return []
        self._drain(now)
        self._answer(ticket)
        ticket.closed = True
        self.books.settle(ticket, usage)
        admitted_at = now if ticket.admitted_at is None else ticket.admitted_at
        self._needs.learn(input_of(usage), usage.output_tokens, now - admitted_at)
        self._pause.passed(admitted_at)
        self._overload.passed()
        return self._advance()

    def refund(self, now: float, ticket: Ticket) -> list[Ticket]:
        """Nothing was used; give everything back. Only the first end of a ticket counts."""
        if ticket.closed:
            return []
        self._drain(now)
        self._give_back(ticket)
        return self._advance()

    def refused(self, now: float, ticket: Ticket | None, refusal: Refusal) -> list[Ticket]:
        """A 429 came: nobody is admitted for as long as the server says, and the books learn from it."""
        self._drain(now)
        self.throttled += 1
        self._start.refused()
        pause_s = self._pause.begin(now, refusal.retry_after_s)
        if ticket is not None and not ticket.closed:
            self._give_back(ticket)
            if refusal.ramp and ticket.admitted_at is not None:
                self._ramp.refused(now, ticket.admitted_at, self.books.itpm.truth.rate)
            elif refusal.dimension is not None:
                self.books.refused(ticket, refusal.dimension, pause_s)
        return self._advance() + self._tell_everybody()

    def overloaded(self, now: float, ticket: Ticket | None) -> list[Ticket]:
        """A 529 came: the service is short of room, not we of limits. None = its use is settled."""
        self._drain(now)
        self._overload.came(now)
        if ticket is not None and not ticket.closed:
            self._give_back(ticket)
        return self._advance()

    def use(self, now: float, *, limits: Limits | None = None, mode: Mode | None = None) -> list[Ticket]:
        """Use other limits or another share from now on; who waits is judged anew at once."""
        self._drain(now)
        self.books.use(limits, mode)
        return self._advance() + self._tell_everybody()

    def advance(self, now: float) -> list[Ticket]:
        """Let time pass."""
        self._drain(now)
        return self._advance()

    def snapshot(self, now: float) -> LimitsObserved:
        """The books as an event; changes nothing but the time."""
        self._drain(now)
        waiting: dict[str, int] = {}
        for _, reason, _ in self._verdicts():
            waiting[str(reason)] = waiting.get(str(reason), 0) + 1
        books = self.books
        return LimitsObserved(
            rpm=books.gauge(WaitReason.RPM),
            itpm=books.gauge(WaitReason.ITPM),
            otpm=books.gauge(WaitReason.OTPM),
            throttled=self.throttled,
            waiting=waiting,
            useful_workers=self._needs.useful_workers(
                (books.rpm.policy.rate, books.itpm.policy.rate, books.otpm.policy.rate),
                (books.rpm.room(), books.itpm.room(), books.otpm.room() - books.otpm.expected),
                books.otpm.running,
            ),
        )

    def _answer(self, ticket: Ticket) -> None:
        if not ticket.answered and not ticket.closed and ticket.admitted_at is not None:
            self.books.answer(ticket)
            self._start.ended(ticket.tokens_in, answered=True)

    def _give_back(self, ticket: Ticket) -> None:
        ticket.closed = True
        if ticket.admitted_at is None:
            self._shift(ticket, -1)
            return
        if not ticket.answered:
            self._start.ended(ticket.tokens_in, answered=False)
        self.books.refund(ticket)

    def _advance(self) -> list[Ticket]:
        """Admit from the head of the line as long as it fits."""
        news: list[Ticket] = []
        while (ticket := self.first) is not None:
            reason, wait_s = self._obstacle(ticket)
            if reason is not None:
                if reason is not ticket.reason:
                    news.append(ticket)
                ticket.reason, ticket.expected_s = reason, None if wait_s is None else round(wait_s, 1)
                self.due_at = None if wait_s is None else self.books.now + wait_s
                self._first_waits(reason)
                return news
            self._admit(ticket)
            news.append(ticket)
        self.due_at = self.first_since = None
        return news

    def _first_waits(self, reason: WaitReason) -> None:
        if reason not in LIMIT_REASONS:
            self.first_since = None
        elif self.first_since is None:
            self.first_since = self.books.now

    def _admit(self, ticket: Ticket) -> None:
        heapq.heappop(self._line)
        self.first_since = None
        self._shift(ticket, -1)
        self.books.admit(ticket)
        self._start.sent(ticket.tokens_in)
        self._ramp.count(self.books.now, ticket.tokens_in)

    def _obstacle(self, ticket: Ticket) -> tuple[WaitReason | None, float | None]:
        """Why the first in line may not go, and for how many seconds; (None, 0) = it may."""
        now, books = self.books.now, self.books
        pauses = (self._pause, WaitReason.RETRY_AFTER), (self._overload.pause, WaitReason.BACKOFF)
        for pause, reason in pauses:
            if pause.holds(now):
                return reason, pause.left_s(now)
        if not books.fits(ticket):
            return self._longest(books.waits_s(ticket))
        ramp_s = self._ramp.wait_s(now, books.itpm.truth.rate)
        if ramp_s > 0.0:
            return WaitReason.RAMP, ramp_s
        told = books.itpm.reading is not None
        if not self._start.admits(ticket.tokens_in, books.itpm.limit, books.rpm.limit, told=told):
            return WaitReason.RAMP, None
        return None, 0.0

    @staticmethod
    def _longest(waits_s: tuple[float | None, ...]) -> tuple[WaitReason, float | None]:
        reasons = (WaitReason.RPM, WaitReason.ITPM, WaitReason.OTPM)
        unknown = [r for r, wait_s in zip(reasons, waits_s, strict=True) if wait_s is None]
        if unknown:
            return unknown[0], None
        known = [0.0 if wait_s is None else wait_s for wait_s in waits_s]
        longest = max(known)
        return reasons[known.index(longest)], max(longest, _LEAST_WAIT_S)

    def _verdict(self, ticket: Ticket, ahead: list[float]) -> tuple[WaitReason, float]:
        reason, seconds = self.books.shortage((ahead[0], ahead[1], ahead[2]), ticket)
        first = self.first
        if seconds <= 0.0 and first is not None and first.reason is not None:
            reason = first.reason
        if self._pause.holds(self.books.now):
            reason, seconds = WaitReason.RETRY_AFTER, max(self._pause.left_s(self.books.now), seconds)
        return reason, round(seconds, 1)

    def _verdicts(self) -> Iterator[tuple[Ticket, WaitReason, float | None]]:
        """Why and for about how many seconds each ticket in the line waits, in order, in one pass."""
        ahead = [0.0, 0.0, 0.0]
        for _, ticket in sorted((e for e in self._line if _waits(e[1])), key=lambda entry: entry[0]):
            if ahead == [0.0, 0.0, 0.0] and ticket.reason is not None:
                yield ticket, ticket.reason, ticket.expected_s
            else:
                yield ticket, *self._verdict(ticket, ahead)
            ahead[0] += ticket.requests
            ahead[1] += ticket.tokens_in
            ahead[2] += ticket.tokens_out

    def _tell_everybody(self) -> list[Ticket]:
        news = []
        for ticket, reason, expected_s in list(self._verdicts()):
            if reason is not ticket.reason:
                news.append(ticket)
            ticket.reason, ticket.expected_s = reason, expected_s
        return news

    def _shift(self, ticket: Ticket, sign: int) -> None:
        self._waiting += sign
        if self._waiting == 0:
            self._ahead = [0.0, 0.0, 0.0]
            return
        self._ahead[0] += sign * ticket.requests
        self._ahead[1] += sign * ticket.tokens_in
        self._ahead[2] += sign * ticket.tokens_out

    def _drain(self, now: float) -> None:
        self.books.drain(now)


_LEAST_WAIT_S = 0.001
"""A first in line that does not fit is not due at once, whatever rounding says."""


def _waits(ticket: Ticket) -> bool:
    return ticket.admitted_at is None and not ticket.closed
