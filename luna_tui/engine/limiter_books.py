"""The limiter's books: three pages, the tickets that hold something in them, and what is learnt."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, field

from luna_tui.core.bucket import Bucket
from luna_tui.core.events import Gauge
from luna_tui.core.limits import SHARES, Limits
from luna_tui.core.words import Mode, WaitReason
from luna_tui.engine.limiter_output import OutputPage
from luna_tui.engine.limiter_page import Page, Sight
from luna_tui.engine.runner import Demand, ServerLimit, ServerLimits, Usage

_LEARN = 0.1
"""Weight of a new observation in a fading mean."""
_FIRST_SPEED = 60.0
_FASTEST = 1_000.0
_LEAST_TOKENS = 20
"""Answers shorter than this say nothing about speed."""
_LONGEST_RESET_S = 3_600.0
_RECENT_S = 5.0
_STALE_SHARE = 0.05
"""Use that an answer cannot tell together with "full again by now", unless it is old or skewed."""


@dataclass(slots=True, eq=False)
class Ticket:
    """One request's place in the line, then its hold on the limits; protected by the limiter's lock."""

    place: int
    """Order in the line, ascending; a refused request comes back to its old one."""
    tokens_in: float
    tokens_out: float
    """Expected output."""
    most_out: float
    """The most it can be: `max_tokens`."""
    requests: float = 1.0
    wake: threading.Event = field(default_factory=threading.Event)
    """Set when the ticket is admitted, becomes the first, or waits for another reason than before."""
    reason: WaitReason | None = None
    expected_s: float | None = None
    admitted_at: float | None = None
    """Instant of admission; None = in the line, or refused."""
    answered: bool = False
    """The server said something, so its request and input are used."""
    closed: bool = False
    """Settled, refunded or given up; nothing changes it any more."""
    counted: float = 0.0
    """Input tokens booked as used."""
    counted_at: float = 0.0
    """Instant of the answer that confirmed them."""
    produced: float = 0.0
    speed: float = 0.0
    first_at: float | None = None
    """Instant at which it was first known to produce."""
    sights: tuple[Sight, Sight, Sight] | None = None

    @property
    def left_out(self) -> float:
        """Output tokens it is still expected to produce."""
        return max(0.0, self.tokens_out - self.produced)


class Books:
    """Books for one credential and model family. Not thread-safe; never goes back in time."""

    def __init__(self, limits: Limits, mode: Mode, now: float) -> None:
        self.now = now
        self.rpm, self.itpm = Page(*_full()), Page(*_full())
        self.otpm = OutputPage(*_full())
        self._pages = {WaitReason.RPM: self.rpm, WaitReason.ITPM: self.itpm, WaitReason.OTPM: self.otpm}
        self.mode = mode
        self.error = 0.25
        """Mean relative error of the estimates of input, learnt."""
        self.speed = _FIRST_SPEED
        """Mean output tokens a second of one answer, learnt."""
        self.use(limits, mode)

    def use(self, limits: Limits | None = None, mode: Mode | None = None) -> None:
        """Change the limits, the mode or both from this instant on."""
        self.mode = mode or self.mode
        for reason, page in self._pages.items():
            page.use(_of(limits, reason) if limits else round(page.limit), SHARES[self.mode])

    def drain(self, now: float) -> None:
        """Let time pass until `now`; every other method acts at that instant."""
        passed = now - self.now
        if passed > 0.0:
            self.now = now
            for page in self._pages.values():
                page.drain(passed, now)

    def fits(self, ticket: Ticket) -> bool:
        """Whether the ticket can be admitted now without passing a limit in any dimension."""
        return (
            self.rpm.fits(ticket.requests)
            and self.itpm.fits(ticket.tokens_in)
            and self.otpm.fits_answer(ticket.tokens_out, ticket.most_out, self.speed)
        )

    def waits_s(self, ticket: Ticket) -> tuple[float | None, float | None, float | None]:
        """Seconds until the ticket fits by itself, per dimension; None when an answer must come first."""
        return (
            self.rpm.wait_s(ticket.requests),
            self.itpm.wait_s(ticket.tokens_in),
            self.otpm.answer_wait_s(ticket.tokens_out, ticket.most_out, self.speed),
        )

    def admit(self, ticket: Ticket) -> None:
        """Hold what a ticket needs, in all dimensions."""
        ticket.admitted_at = self.now
        ticket.speed = self.speed
        self.rpm.send(ticket.requests)
        self.itpm.send(ticket.tokens_in)
        self.otpm.begin(ticket.tokens_out, ticket.most_out, ticket.speed)
        ticket.sights = (
            self.rpm.sight(ticket.requests),
            self.itpm.sight(ticket.tokens_in),
            self.otpm.sight_of(ticket.most_out),
        )

    def answer(self, ticket: Ticket) -> None:
        """The server answered: the request and its input are used."""
        if ticket.answered or ticket.admitted_at is None:
            return
        ticket.answered = True
        self.otpm.certain += ticket.most_out
        self.rpm.confirm(ticket.requests, ticket.requests, ticket.admitted_at)
        self.itpm.confirm(ticket.tokens_in, ticket.tokens_in, ticket.admitted_at)
        ticket.counted, ticket.counted_at = ticket.tokens_in, self.now

    def correct(self, ticket: Ticket, usage: Usage) -> None:
        """Use so far of a running request: its input is certain, its output goes on."""
        self.answer(ticket)
        tokens_in = input_of(usage)
        if ticket.tokens_in > 0.0:
            off = abs(tokens_in - ticket.tokens_in) / max(tokens_in, ticket.tokens_in)
            self.error += _LEARN * (off - self.error)
        if tokens_in != ticket.counted and ticket.admitted_at is not None:
            self.itpm.count(tokens_in - ticket.counted, ticket.admitted_at, ticket.counted_at)
            ticket.counted = tokens_in
        produced = float(max(0, usage.output_tokens))
        foreseen = ticket.left_out
        before, ticket.produced = ticket.produced, produced
        self.otpm.produce(produced - before, foreseen - ticket.left_out)
        if ticket.first_at is None and produced > 0.0:
            ticket.first_at = self.now

    def settle(self, ticket: Ticket, usage: Usage) -> None:
        """All that a request used, now that it ended."""
        self.correct(ticket, usage)
        self._learn_speed(ticket)
        self._end_output(ticket)

    def refund(self, ticket: Ticket) -> None:
        """The request used nothing, as far as the server said."""
        if not ticket.answered and ticket.admitted_at is not None:
            self.rpm.release(ticket.requests, ticket.admitted_at)
            self.itpm.release(ticket.tokens_in, ticket.admitted_at)
        self._end_output(ticket)

    def _end_output(self, ticket: Ticket) -> None:
        self.otpm.end(
            ticket.left_out, ticket.most_out, ticket.speed, ticket.produced, answered=ticket.answered
        )

    def _learn_speed(self, ticket: Ticket) -> None:
        """How fast answers are produced, from their first word to their last."""
        seconds = 0.0 if ticket.first_at is None else self.now - ticket.first_at
        if ticket.produced >= _LEAST_TOKENS and seconds > 0.0:
            speed = min(_FASTEST, max(1.0, ticket.produced / seconds))
            self.speed += _LEARN * (speed - self.speed)

    def believe(self, ticket: Ticket | None, told: ServerLimits) -> None:
        """Take over the limits of an answer's headers, and hold what remains against the books."""
        words = (told.rpm, told.itpm, told.otpm)
        for place, (page, word) in enumerate(zip(self._pages.values(), words, strict=True)):
            if word is None or not _credible(word):
                continue
            if word.limit != round(page.limit):
                page.anchor(word.limit, SHARES[self.mode], word.remaining)
            elif not _stale(word):
                sight = ticket.sights[place] if ticket is not None and ticket.sights else page.sight(0.0)
                self._compare(page, sight, word)

    def _compare(self, page: Page, sight: Sight, word: ServerLimit) -> None:
        if isinstance(page, OutputPage):
            if page.judge(sight, word.remaining) or page.proofs:
                return
            doubt = page.doubt()
        else:
            doubt = self.error * page.held
        page.compare(sight, word, doubt, self.now)

    def refused(self, ticket: Ticket, reason: WaitReason, retry_after_s: float) -> None:
        """The server refused the ticket in one dimension, and said when it will have room."""
        page = self._pages[reason]
        need = {WaitReason.RPM: ticket.requests, WaitReason.ITPM: ticket.tokens_in}.get(reason, 1.0)
        recent = page.reading if self.now - page.read_at < _RECENT_S else None
        page.refuse(need, retry_after_s, promised=recent is not None and recent.remaining >= 2 * need)

    def shortage(self, ahead: tuple[float, float, float], ticket: Ticket) -> tuple[WaitReason, float]:
        """The dimension that keeps a ticket waiting longest behind `ahead`, and about how many seconds."""
        needs = (ticket.requests, ticket.tokens_in, ticket.tokens_out)
        worst, worst_s = WaitReason.RPM, 0.0
        for (reason, page), before, need in zip(self._pages.items(), ahead, needs, strict=True):
            if page is self.otpm:
                seconds = self.otpm.answer_wait_s(before + need, ticket.most_out, self.speed) or 0.0
            else:
                seconds = page.shortage_s(before, need)
            if seconds > worst_s:
                worst, worst_s = reason, seconds
        return worst, worst_s

    def gauge(self, reason: WaitReason) -> Gauge:
        """The figures of a dimension for people: what is reserved is not in `settled`, whose part above
        the cap is a debt that drains first."""
        page = self._pages[reason]
        cap, limit = page.policy.size, page.truth.size
        held = self.otpm.expected if page is self.otpm and not self.otpm.reserving else page.held
        binding = page.truth.used - (limit - cap) + page.margin
        return Gauge(
            limit=round(page.limit),
            cap=round(cap),
            settled=round(max(page.policy.used - page.held, binding, 0.0)),
            reserved=round(held),
            server_remaining=page.reading.remaining if page.reading else None,
            server_age_s=round(self.now - page.read_at, 1) if page.reading else None,
            foreign=round(page.foreign_rate * 60.0),
        )


def ticket_of(place: int, demand: Demand) -> Ticket:
    """A ticket that holds nothing yet; negative demands count as none."""
    expected = float(max(0, demand.output_tokens))
    return Ticket(
        place=place,
        requests=float(max(0, demand.requests)),
        tokens_in=float(max(0, demand.input_tokens)),
        tokens_out=expected,
        most_out=max(expected, float(demand.max_output_tokens)),
    )


def input_of(usage: Usage) -> float:
    """Cache reads do not count towards input tokens per minute; cache writes do."""
    return float(max(0, usage.input_tokens) + max(0, usage.cache_write_tokens))


def _credible(word: ServerLimit) -> bool:
    """False for numbers that cannot be."""
    return word.limit > 0 and 0 <= word.remaining <= word.limit


def _stale(word: ServerLimit) -> bool:
    """Whether the answer is older than the minute it tells about, or its clock cannot be ours."""
    if word.reset_s is None:
        return False
    used = word.limit - word.remaining
    return not math.isfinite(word.reset_s) or (
        word.reset_s > _LONGEST_RESET_S or (word.reset_s <= 0 and used > _STALE_SHARE * word.limit)
    )


def _of(limits: Limits, reason: WaitReason) -> int:
    return {WaitReason.RPM: limits.rpm, WaitReason.ITPM: limits.itpm}.get(reason, limits.otpm)


def _full() -> tuple[Bucket, Bucket]:
    """Two buckets that hold all of their limit at once, whatever limit they are given later."""
    return Bucket(60.0, 1.0), Bucket(60.0, 1.0)
