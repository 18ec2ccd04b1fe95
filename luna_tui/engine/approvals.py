"""Put what agents ask for to a person, remember what was allowed for longer, and wait for nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from luna_tui.core.clean import clean, short_line, visible
from luna_tui.core.events import ApprovalDecided, ApprovalRequested, Event
from luna_tui.core.past import Past
from luna_tui.core.redaction import NO_REDACTION, Redaction
from luna_tui.core.tool_events import DETAIL_CHARS
from luna_tui.core.words import Asking, Decision, GrantScope, WaitReason
from luna_tui.engine.desk import FlightDesk
from luna_tui.engine.flight import Flight
from luna_tui.engine.runner import Reply, Request

LINE_CHARS = 1_000
"""Longest summary and pattern of a request."""
REASON_CHARS = 20_000
"""Longest answer of a person."""
NOBODY = "nobody can be asked in a headless run"
ALLOWED = "everything that is asked is allowed beforehand"
_BY = "config"
"""Who decided where nobody is asked."""


@dataclass(slots=True, eq=False)
class _Open:
    """A request that waits for a person."""

    name: str
    flight: Flight
    request: Request
    all_decided: threading.Event
    """Of the requests that were put at once."""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True)
class _Grant:
    """What needs no asking any more."""

    tool: str
    pattern: str
    subtask: str
    """Empty = of the whole run."""

    def covers(self, flight: Flight, request: Request) -> bool:
        """Whether this request is allowed by it."""
        return (
            not request.question
            and (self.tool, self.pattern) == (request.tool, request.pattern)
            and self.subtask in ("", flight.subtask.id)
        )


class Approvals:
    """The requests of a run; every method takes the desk's lock."""

    def __init__(
        self,
        desk: FlightDesk,
        publish: Callable[[Event], object],
        *,
        asking: Asking,
        answers: bool,
        on_ask: Callable[[Flight], object],
        on_answer: Callable[[Flight, Callable[[], None]], object],
        on_end: Callable[[Flight], object],
        redaction: Redaction = NO_REDACTION,
        past: Past | None = None,
    ) -> None:
        """`answers` = somebody is there who can answer questions, though all else is allowed beforehand."""
        self._desk = desk
        self._publish = publish
        self._asking = asking
        self._answers = answers
        self._on_ask = on_ask
        """Told, under the lock, that a flight waits for a person from now on."""
        self._on_answer = on_answer
        """Told, under the lock, that it has its answers; calls back once it may go on."""
        self._on_end = on_end
        """Told, under the lock, that it ends and wants none."""
        self._redaction = redaction
        self._asked = 0 if past is None else past.asked
        """Requests so far, in all processes of the run: each has a name of its own."""
        self._open: dict[str, _Open] = {}
        """By name."""
        self._grants: set[_Grant] = set()
        for e in () if past is None else past.grants:
            self._grants.add(_Grant(e.tool, e.pattern, "" if e.scope is GrantScope.RUN else e.subtask))

    def ask(self, flight: Flight, requests: Sequence[Request]) -> tuple[Reply, ...]:
        """Put all of them at once and wait; a reply to each, in order. Raises Cancelled.

        What is allowed already is not told of; what nobody is asked about is told of and decided.
        """
        asked = [self._shown(request) for request in requests]
        with self._desk.lock:
            self._desk.raise_if_ending(flight)
            left = [request for request in asked if not self._granted(flight, request)]
            waiting = [request for request in left if self._needs_person(request)]
            if waiting:
                self._desk.wait(flight, WaitReason.APPROVAL, None, timed=False)
            done = threading.Event()
            opened = {id(request): self._put(flight, request, done) for request in left}
            for request in left:
                if not self._needs_person(request):
                    self._answer_for_nobody(opened[id(request)])
            if waiting:
                self._on_ask(flight)
        if waiting:
            self._wait(flight, done)
        with self._desk.lock:
            replies = (opened[id(request)].reply if id(request) in opened else None for request in asked)
            return tuple(reply or Reply(allowed=True) for reply in replies)

    def decide(
        self, name: str, decision: Decision, *, by: str, scope: GrantScope = GrantScope.ONCE, reason: str = ""
    ) -> None:
        """A person has decided; what is no longer asked, or cannot be decided so, is ignored."""
        with self._desk.lock:
            request = self._open.get(name)
            if request is None or decision is Decision.WITHDRAWN or request.flight.ending is not None:
                return
            if decision is Decision.DENY or request.request.question or not request.request.pattern:
                scope = GrantScope.ONCE
            reason = clean(self._redaction.text(reason))[:REASON_CHARS]
            self._answer(request, decision, by=by, scope=scope, reason=reason)
            if scope is GrantScope.ONCE:
                return
            subtask = "" if scope is GrantScope.RUN else request.flight.subtask.id
            grant = _Grant(request.request.tool, request.request.pattern, subtask)
            self._grants.add(grant)
            for other in list(self._open.values()):
                if grant.covers(other.flight, other.request) and other.flight.ending is None:
                    self._answer(other, decision, by=by, scope=scope, reason="")

    def _put(self, flight: Flight, request: Request, done: threading.Event) -> _Open:
        """Tell of it, and have it wait."""
        self._asked += 1
        opened = _Open(f"a{self._asked}", flight, request, done)
        self._open[opened.name] = opened
        self._publish(
            ApprovalRequested(
                wave=flight.wave,
                subtask=flight.subtask.id,
                attempt=flight.attempt,
                approval=opened.name,
                tool=request.tool,
                summary=request.summary,
                detail=request.detail,
                pattern=request.pattern,
                question=request.question,
            )
        )
        return opened

    def _answer_for_nobody(self, opened: _Open) -> None:
        allowed = self._asking is Asking.ALLOW and not opened.request.question
        decision, reason = (Decision.ALLOW, ALLOWED) if allowed else (Decision.DENY, NOBODY)
        self._close(opened, decision, by=_BY, reason=reason)

    def _close(
        self,
        opened: _Open,
        decision: Decision,
        *,
        by: str,
        scope: GrantScope = GrantScope.ONCE,
        reason: str,
    ) -> None:
        """Tell how it was decided."""
        flight, request = opened.flight, opened.request
        del self._open[opened.name]
        allowed = decision is Decision.ALLOW
        opened.reply = Reply(allowed=allowed, text="" if allowed and not request.question else reason)
        self._publish(
            ApprovalDecided(
                wave=flight.wave,
                subtask=flight.subtask.id,
                approval=opened.name,
                tool=request.tool,
                decision=decision,
                by=by,
                scope=scope,
                pattern="" if scope is GrantScope.ONCE else request.pattern,
                reason=reason,
            )
        )

    def _answer(self, opened: _Open, decision: Decision, *, by: str, scope: GrantScope, reason: str) -> None:
        """With its last request decided a flight goes on, or waits for a worker, which is told before."""
        flight = opened.flight

        def go() -> None:
            opened.all_decided.set()
            self._desk.go_on(flight)

        if not any(o.flight is flight and o is not opened for o in self._open.values()):
            self._on_answer(flight, go)
        self._close(opened, decision, by=by, scope=scope, reason=reason)

    def _wait(self, flight: Flight, done: threading.Event) -> None:
        try:
            flight.token.wait(done)
        except BaseException:
            with self._desk.lock:
                self._withdraw(flight)
            raise

    def _withdraw(self, flight: Flight) -> None:
        """The flight ends, so nothing is asked for it any more."""
        for opened in [o for o in self._open.values() if o.flight is flight]:
            if flight.landed:
                del self._open[opened.name]
            else:
                self._close(opened, Decision.WITHDRAWN, by="", reason="")
        self._on_end(flight)

    def _granted(self, flight: Flight, request: Request) -> bool:
        return any(grant.covers(flight, request) for grant in self._grants)

    def _needs_person(self, request: Request) -> bool:
        match self._asking:
            case Asking.PERSON:
                return True
            case Asking.ALLOW:
                return request.question and self._answers
            case Asking.DENY:
                return False

    def _shown(self, request: Request) -> Request:
        """As a person may see it: text of a model is data.

        Nothing of it may hide, and a pattern that cannot be shown as it is could cover more than is read.
        """
        pattern = self._line(request.pattern)
        return Request(
            tool=self._line(request.tool),
            summary=self._line(visible(request.summary)),
            detail=_cut(clean(visible(self._redaction.text(request.detail)))),
            pattern=pattern if pattern == request.pattern else "",
            question=request.question,
        )

    def _line(self, text: str) -> str:
        return short_line(self._redaction.text(text), LINE_CHARS)


def _cut(detail: str) -> str:
    """At most `DETAIL_CHARS` characters, the last of which say how much is left out."""
    if len(detail) <= DETAIL_CHARS:
        return detail
    kept = DETAIL_CHARS - 100
    return f"{detail[:kept]}\n({len(detail) - kept:,} more characters are not shown)"
