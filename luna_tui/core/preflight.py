"""What a plan will take on these limits and workers, wave by wave, before anything is spent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core.limits import AUTO_WORKERS, LOCAL_WORKERS, Limits, WorkerRule
from luna_tui.core.makespan import Load, token_bounds
from luna_tui.core.metrics import CRITICAL_PATH, WORKERS
from luna_tui.core.plan import Subtask, Wave
from luna_tui.core.rehearsal import LIMITS, Books, Job, rehearse
from luna_tui.core.schedule import critical_path
from luna_tui.core.survey import Expense, Spread, Survey
from luna_tui.core.words import Kind, Mode, Schedule

_MOST_TRIED = 1_000
"""Subtasks above which an even sample of them stands for all where other numbers of workers are tried."""
_NO_FASTER = 1.01
_BY_LIMIT = 1.05
"""A limit binds where it makes a wave longer than this times what it would be without limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On what terms the plan would run."""

    tier: str
    mode: Mode
    caps: Limits
    """What the mode may use of the tier's limits."""
    rule: WorkerRule
    budget_usd: float | None = None
    """None = no budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What a wave, or all of the plan, is expected to take when every attempt succeeds."""

    number: int
    """Of the wave, from 1; 0 = all of the plan."""
    name: str
    subtasks: int
    asks: int
    """Subtasks that ask Claude."""
    workers: int
    """Subtasks at once, at most."""
    useful: int
    """Workers beyond which it would not be faster."""
    input_tokens: Spread
    output_tokens: Spread
    cost_usd: Spread | None
    """None = the price of a model is not known."""
    seconds: float | None
    """Likely; None where waves are labels, so that only all of the plan has a time."""
    quick_s: float
    """The same in the low case; 0 where `seconds` is None."""
    slow_s: float
    """In the high case."""
    least_s: float
    """No schedule on these limits and workers is shorter, with the same lengths."""
    bound_by: str
    """What makes it as long as it is: `critical_path`, `workers`, `rpm`, `itpm`, `otpm`; empty = nothing."""
    path: tuple[str, ...] = ()
    """Ids of the longest chain."""
    timeout_s: float = 0.0
    """The wave's own limit of time; 0 = none."""

    @property
    def too_long(self) -> bool:
        """It would probably meet its own limit of time."""
        return self.seconds is not None and 0.0 < self.timeout_s < self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Agents:
    """Subtasks that use tools."""

    count: int
    turns: int
    """Requests that they are expected to make in all."""
    tools: tuple[str, ...]
    """All that are granted to any of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """What a plan will take, and where the figures come from."""

    terms: Terms
    waves: tuple[Prospect, ...]
    total: Prospect
    unpriced: tuple[str, ...]
    """Models without a known price."""
    told: int
    """Subtasks whose length of answer the plan's author told."""
    guessed: int
    """Subtasks whose length of answer is a share of their `max_tokens`."""
    held: tuple[int, int, int] | None
    """Subtasks that the budget would hold in the low, likely and high case; None = cannot be told."""
    checks: int = 0
    """Claude subtasks whose output a command judges."""
    agents: Agents | None = None
    """None = there are none."""
    apart: int = 0
    """Subtasks that work in a workspace of their own."""


@dataclass(frozen=True, slots=True)
class _Course:
    """How a part of the plan goes by."""

    end_at: float
    useful: int
    bound_by: str
    path: tuple[str, ...]
    least_s: float
    quick_s: float = 0.0
    slow_s: float = 0.0


def preflight(survey: Survey, terms: Terms) -> Preflight:
    """Rehearse the plan; n log n in its subtasks, and about a second for a hundred thousand."""
    waves = survey.plan.waves
    books, at = Books(terms.caps), 0.0
    prospects: list[Prospect] = []
    as_one = survey.plan.schedule is Schedule.DAG
    for number, (wave, scope) in enumerate(zip(waves, survey.waves, strict=True), 1):
        workers = _workers(wave, terms.rule)
        course = None
        if not as_one:
            course = _course(survey, scope, workers, _most(wave), books, at)
            at, began_at = course.end_at, at
        prospects.append(
            _prospect(
                survey.expenses[scope.start : scope.stop], number, wave.name, workers, course,
                seconds=at - began_at if course is not None else None, timeout_s=wave.timeout,
            )
        )  # fmt: skip
    return Preflight(
        terms=terms,
        waves=tuple(prospects),
        total=_total(survey, terms, prospects, at),
        unpriced=tuple(dict.fromkeys(e.subtask.model for e in survey.expenses if e.cost_usd is None)),
        told=sum(e.asks and e.told for e in survey.expenses),
        guessed=sum(e.asks and not e.told for e in survey.expenses),
        held=_held(survey.expenses, terms.budget_usd),
        checks=sum(e.asks and _is_judged(e.subtask) for e in survey.expenses),
        agents=_agents(survey.expenses),
        apart=sum(e.subtask.isolate is not None for e in survey.expenses),
    )


def _agents(expenses: Sequence[Expense]) -> Agents | None:
    mine = [e for e in expenses if e.asks and e.subtask.tools]
    if not mine:
        return None
    tools = dict.fromkeys(tool for e in mine for tool in e.subtask.tools)
    return Agents(count=len(mine), turns=sum(e.turns for e in mine), tools=tuple(tools))


def _is_judged(subtask: Subtask) -> bool:
    return subtask.expect is not None and bool(subtask.expect.command)


def _most(wave: Wave) -> int:
    """Workers that the plan itself allows a wave."""
    return min(wave.max_workers or len(wave.subtasks), len(wave.subtasks)) if wave.parallel else 1


def _workers(wave: Wave, rule: WorkerRule) -> int:
    local = rule.automatic and not any(s.kind is Kind.CLAUDE for s in wave.subtasks)
    return max(1, min(rule.most, _most(wave), LOCAL_WORKERS if local else rule.most))


def _course(survey: Survey, scope: range, workers: int, most: int, books: Books, at: float) -> _Course:
    """Rehearse the places of `scope`; `books` then stand as they do at the end.

    `most` = workers that could be of use if there were as many as one likes.
    """
    if not scope:
        return _Course(at, 0, "", (), 0.0)
    before = books.copy()

    every = -(-len(scope) // _MOST_TRIED)

    def ends_s(count: int, through: Books, step: int = every, jobs: Sequence[Job] = survey.jobs) -> float:
        order = survey.order(scope, count)[::step]
        return rehearse(jobs, order, survey.needs, count, through, at) - at

    seconds = ends_s(workers, books, 1)
    sampled_s = seconds if every == 1 else ends_s(workers, before.copy())
    quick_s, slow_s = (
        seconds * ends_s(workers, before.copy(), jobs=jobs) / max(1e-9, sampled_s)
        for jobs in (survey.quick_jobs, survey.slow_jobs)
    )
    path, path_s = _chain(survey, scope)
    work_s = sum(survey.jobs[place].seconds for place in scope)
    free_s = ends_s(workers, Books(None)) if every == 1 else max(path_s, work_s / workers)
    waits = {name: books.waited_s[name] - before.waited_s[name] for name in LIMITS}
    if seconds > free_s * _BY_LIMIT and max(waits.values()) > 0.0:
        bound_by = max(waits, key=waits.__getitem__)
    else:
        bound_by = CRITICAL_PATH if seconds <= path_s * _BY_LIMIT else WORKERS
    useful = _fewest(lambda count: ends_s(count, before.copy()), max(1, min(most, AUTO_WORKERS)))
    return _Course(
        at + seconds, useful, bound_by, path, max(path_s, work_s / workers),
        min(quick_s, seconds), max(slow_s, seconds),
    )  # fmt: skip


def _fewest(ends_s: Callable[[int], float], most: int) -> int:
    """The fewest workers that are about as fast as `most`."""
    enough_s = ends_s(most) * _NO_FASTER
    low, high = 1, most
    while low < high:
        middle = (low + high) // 2
        if ends_s(middle) <= enough_s:
            high = middle
        else:
            low = middle + 1
    return low


def _chain(survey: Survey, scope: range) -> tuple[tuple[str, ...], float]:
    """The longest chain among the places of `scope`: ids and seconds."""
    expenses = survey.expenses[scope.start : scope.stop]
    if not any(need in scope for place in scope for need in survey.needs[place]):
        longest = max(expenses, key=lambda e: e.job.seconds)
        return (longest.subtask.id,), longest.job.seconds
    durations = {e.subtask.id: e.job.seconds for e in expenses}
    return critical_path(durations, {e.subtask.id: e.subtask.depends_on for e in expenses})


def _fluid_s(survey: Survey, scope: Sequence[int], caps: Limits) -> Mapping[str, float]:
    """What the limits alone demand, from a fresh start: the longest over all families."""
    loads: dict[str, list[Load]] = {}
    for place in scope:
        job = survey.jobs[place]
        if job.family:
            load = Load(job.seconds, job.input_tokens, job.output_tokens, job.requests)
            loads.setdefault(job.family, []).append(load)
    found = dict.fromkeys(LIMITS, 0.0)
    for mine in loads.values():
        for bound in token_bounds(mine, caps):
            found[bound.name] = max(found[bound.name], bound.seconds)
    return found


def _prospect(
    expenses: Sequence[Expense],
    number: int,
    name: str,
    workers: int,
    course: _Course | None,
    *,
    seconds: float | None,
    timeout_s: float = 0.0,
) -> Prospect:
    costs = [e.cost_usd for e in expenses if e.cost_usd is not None]
    return Prospect(
        number=number,
        name=name,
        subtasks=len(expenses),
        asks=sum(e.asks for e in expenses),
        workers=workers,
        useful=course.useful if course is not None else workers,
        input_tokens=_sum([e.input_tokens for e in expenses]),
        output_tokens=_sum([e.output_tokens for e in expenses]),
        cost_usd=_sum(costs) if len(costs) == len(expenses) else None,
        seconds=seconds,
        quick_s=course.quick_s if course is not None else 0.0,
        slow_s=course.slow_s if course is not None else 0.0,
        least_s=course.least_s if course is not None else 0.0,
        bound_by=course.bound_by if course is not None else "",
        path=course.path if course is not None else (),
        timeout_s=timeout_s,
    )


def _sum(parts: Sequence[Spread]) -> Spread:
    return Spread(sum(p.low for p in parts), sum(p.likely for p in parts), sum(p.high for p in parts))


def _total(survey: Survey, terms: Terms, waves: Sequence[Prospect], ended_at: float) -> Prospect:
    everything = range(len(survey.expenses))
    workers = max((w.workers for w in waves), default=1)
    fluid_s = _fluid_s(survey, everything, terms.caps)
    if survey.plan.schedule is Schedule.DAG:
        most = len(everything)
        workers = max(1, min(terms.rule.most, most))
        course = _course(survey, everything, workers, most, Books(terms.caps), 0.0)
        ended_at = course.end_at
    else:
        course = _longest(waves)
    least_s = max(course.least_s, *fluid_s.values())
    course = replace(course, end_at=ended_at, least_s=min(least_s, ended_at))
    return _prospect(survey.expenses, 0, "", workers, course, seconds=ended_at)


def _longest(waves: Sequence[Prospect]) -> _Course:
    """One after another: what binds is what binds for the longest time."""
    lengths: dict[str, float] = {}
    for wave in waves:
        lengths[wave.bound_by] = lengths.get(wave.bound_by, 0.0) + (wave.seconds or 0.0)
    bound_by = max(lengths, key=lengths.__getitem__, default="")
    mine = [w for w in waves if w.bound_by == bound_by]
    longest = max(mine, key=lambda w: w.seconds or 0.0, default=None)
    return _Course(
        end_at=0.0,
        useful=max((w.useful for w in waves), default=0),
        bound_by=bound_by,
        path=longest.path if longest is not None else (),
        least_s=sum(w.least_s for w in waves),
        quick_s=sum(w.quick_s for w in waves),
        slow_s=sum(w.slow_s for w in waves),
    )


def _held(expenses: Sequence[Expense], budget_usd: float | None) -> tuple[int, int, int] | None:
    """Subtasks that would not fit into the budget, in the order of the plan."""
    costs = [e.cost_usd for e in expenses if e.asks and e.cost_usd is not None]
    if budget_usd is None or len(costs) < sum(e.asks for e in expenses):
        return None
    return (
        _over([c.low for c in costs], budget_usd),
        _over([c.likely for c in costs], budget_usd),
        _over([c.high for c in costs], budget_usd),
    )


def _over(costs: Sequence[float], budget_usd: float) -> int:
    spent, held = 0.0, 0
    for cost in costs:
        if spent + cost > budget_usd:
            held += 1
        else:
            spent += cost
    return held
