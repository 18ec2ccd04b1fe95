"""What a report says beyond the sums of its run: causes, what was given up for them, what can be done now."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from luna_tui.core.outlook import Means
from luna_tui.core.parts import SubtaskState
from luna_tui.core.past import Traces, coming_back, gone_wrong, unfinished
from luna_tui.core.problem_facts import Cause, Failure, Problem
from luna_tui.core.problems import problems
from luna_tui.core.state import RunState
from luna_tui.core.words import BAD, GOOD, ErrorKind, Kind, RunStatus, Status

_SHORT = 4
"""Characters at the end of an id that we made ourselves: enough to name the run."""
_BY_PERSON = "skipped by "
_FAILED = (Cause.TIMED_OUT, Cause.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Subtasks that failed or timed out for one cause."""

    status: Status
    """FAILED or TIMED_OUT."""
    kind: str
    """Of `ErrorKind`; empty when only the reason is known."""
    code: int | None
    """HTTP status or exit code of the last one."""
    message: str
    """Of the last one."""
    subtasks: tuple[str, ...]
    tries: int
    """Most that one of them made."""
    blocked: tuple[str, ...]
    """Ids that need one of them directly and could not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAside:
    """Subtasks that were cancelled or skipped for one reason."""

    status: Status
    reason: str
    subtasks: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What more work would cost, by what like subtasks took in this run; None where that is unknown."""

    usd: float | None
    spread_usd: float | None
    """One standard deviation of the sum."""
    seconds: float | None
    """On as many workers as the run had."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A command that goes on from here."""

    verb: str
    """`resume`, `retry`, `replay` or `show`."""
    command: str
    subtasks: int = 0
    """How many it would run, those included that were skipped for want of others."""
    with_them: int = 0
    """Of these, how many were skipped for want of others."""
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """What a run cost."""

    usd: float | None
    """None = unknown; 0 when nothing was used that could have a price."""
    at_least: bool
    """Something was used whose price is not known."""
    failed_tries: int
    failed_usd: float | None
    """Of `usd`, what went into attempts that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """Who worked on a run, one after another."""

    count: int
    away_s: float
    """Seconds of wall clock in which nobody did."""
    interrupted: int
    """Attempts that ended with their process, or because a person wanted a new try."""


def money_of(state: RunState) -> Money:
    """What it cost so far."""
    usd = state.cost_usd if state.finished is None else state.finished.cost_usd
    if usd is None and not (state.unpriced or state.tokens.input or state.tokens.output):
        usd = 0.0
    known = usd is not None or not state.unpriced
    return Money(
        usd=usd,
        at_least=state.unpriced and usd is not None,
        failed_tries=state.tracks.failed_tries,
        failed_usd=state.tracks.failed_usd if known else None,
    )


def processes_of(state: RunState) -> Processes:
    """Who worked on it; goes through all attempts."""
    kinds = Counter(t.error_kind for s in state.subtasks.values() for t in s.tries if t.error_kind)
    away_s = sum(seconds for _, seconds in state.away)
    return Processes(
        count=1 + len(state.away), away_s=away_s, interrupted=kinds.get(ErrorKind.INTERRUPTED, 0)
    )


def retries_of(state: RunState) -> int:
    """Attempts beyond the first of each subtask."""
    return sum(max(0, len(s.tries) - 1) for s in state.subtasks.values())


def stopped_by(state: RunState) -> str:
    """Who or what ended the run early, as its own last record says; empty when nothing did."""
    end = state.finished
    return end.reason if end is not None and end.status in (RunStatus.CANCELLED, RunStatus.HELD) else ""


def failures_of(state: RunState) -> tuple[Failed, ...]:
    """What failed or timed out, grouped by cause as on the problems screen, the most urgent first."""
    return tuple(_failed(p) for p in problems(state, state.at) if p.cause in _FAILED)


def _failed(p: Problem) -> Failed:
    facts = p.facts
    assert isinstance(facts, Failure)
    return Failed(
        status=Status.TIMED_OUT if p.cause is Cause.TIMED_OUT else Status.FAILED,
        kind=facts.kind,
        code=facts.status,
        message=facts.message,
        subtasks=p.subtasks,
        tries=facts.tries,
        blocked=p.blocks,
    )


def set_aside(state: RunState) -> tuple[SetAside, ...]:
    """What was cancelled or skipped, by reason, in plan order; goes through all subtasks."""
    groups: dict[tuple[Status, str], list[str]] = {}
    for s in state.subtasks.values():
        if s.status is not None and s.status not in GOOD and s.status not in BAD:
            groups.setdefault((s.status, s.reason), []).append(s.id)
    return tuple(
        SetAside(status=status, reason=reason, subtasks=tuple(ids))
        for (status, reason), ids in groups.items()
    )


def offers(state: RunState) -> tuple[Offer, ...]:
    """The commands that go on from here, what is left to do first; goes through all subtasks."""
    if not state.run:
        return ()
    name = run_word(state.run)
    found = []
    left = coming_back(state, unfinished(state))
    if state.finished is None or state.not_saved:
        left |= {s.id for s in state.subtasks.values() if s.status is None}
    if left:
        found.append(_offer(state, "resume", name, left, named=left))
    named = _gone_wrong(state)
    if named and state.finished is not None:
        found.append(_offer(state, "retry", name, coming_back(state, named) - left, named=set(named)))
    found.append(Offer(verb="replay", command=f"luna-tui replay {name}"))
    found.append(Offer(verb="show", command=f"luna-tui show {name} --json"))
    return tuple(found)


class Offered:
    """The offers of one run, worked out again only after something happened. For one thread."""

    def __init__(self) -> None:
        self._found: tuple[Offer, ...] = ()
        self._seq = -1

    def of(self, state: RunState) -> tuple[Offer, ...]:
        """The offers of a run that ended; none while it goes on."""
        if state.finished is None:
            return ()
        if self._seq != state.seq:
            self._found, self._seq = offers(state), state.seq
        return self._found


def run_word(run: str) -> str:
    """What names a run on the command line: the last characters of an id that was made up, else all of it."""
    made_up = run.count("-") == 2 and len(run.rpartition("-")[2]) == _SHORT
    return run[-_SHORT:] if made_up else run


def _gone_wrong(state: RunState) -> tuple[str, ...]:
    by_person = {s.id for s in state.subtasks.values() if s.reason.startswith(_BY_PERSON)}
    return gone_wrong(state, Traces(skipped=by_person))


def _offer(state: RunState, verb: str, name: str, ids: Collection[str], *, named: Collection[str]) -> Offer:
    return Offer(
        verb=verb,
        command=f"luna-tui {verb} {name}",
        subtasks=len(ids),
        with_them=len(set(ids).difference(named)),
        estimate=estimate(state, (state.subtasks[i] for i in ids)),
    )


def estimate(state: RunState, again: Iterable[SubtaskState]) -> Estimate:
    """What doing these would cost, by the means of their waves."""
    waves = Counter[str]()
    asking = Counter[str]()
    for s in again:
        waves[s.wave] += 1
        asking[s.wave] += s.planned.kind is Kind.CLAUDE
    means = Means(state)
    usd = variance = 0.0
    work_s: float | None = 0.0
    known = not +asking or (state.cost_usd is not None and not state.unpriced)
    for name, count in waves.items():
        wave = state.waves[name]
        asked, took = means.asking(wave), means.of(wave)
        if asking[name]:
            known = known and asked.asked > 0
            usd += asking[name] * asked.mean_usd
            variance += asking[name] * asked.spread_usd**2
        work_s = work_s + count * took.mean_s if work_s is not None and took.ends else None
    at_once = max(1, min(sum(waves.values()), state.max_workers))
    return Estimate(
        usd=usd if known else None,
        spread_usd=math.sqrt(variance) if known else None,
        seconds=None if work_s is None else work_s / at_once,
    )
