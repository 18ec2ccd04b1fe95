"""What every subtask of a plan is expected to take, before anything ran: time, tokens, money."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from luna_tui.core import turn_costs
from luna_tui.core.expectations import LIKELY_SHARE_OF_MAX, Expectations, Expected
from luna_tui.core.limits import family
from luna_tui.core.packing import MOST_SUBTASKS
from luna_tui.core.plan import Plan, Subtask
from luna_tui.core.prices import Price, cost_usd, price_of
from luna_tui.core.ranking import Ranking
from luna_tui.core.rehearsal import Job
from luna_tui.core.templates import names
from luna_tui.core.tools import WEB
from luna_tui.core.words import Kind

GUESSED_SHARES = (0.3, LIKELY_SHARE_OF_MAX, 1.0)
"""Low, likely and high output of an unknown prompt, as shares of `max_tokens`."""
TOLD_SHARES = (0.8, 1.0, 1.5)
"""The same as shares of what the plan's author expects, never above `max_tokens`."""
_RESULT = "results."


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure in three cases."""

    low: float = 0.0
    likely: float = 0.0
    high: float = 0.0

    def plus(self, other: Spread) -> Spread:
        """Both together, case by case."""
        return Spread(self.low + other.low, self.likely + other.likely, self.high + other.high)


NOTHING = Spread()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expense:
    """What one subtask is expected to take when every attempt succeeds."""

    subtask: Subtask
    job: Job
    """The likely case, for a rehearsal."""
    seconds: Spread
    input_tokens: Spread = NOTHING
    """Its own prompt, and the answers of others that are filled into it; of an agent, all that its
    turns send and the service has not kept."""
    output_tokens: Spread = NOTHING
    cost_usd: Spread | None = NOTHING
    """None = the price of its model is not known."""
    turns: int = 1
    """Requests, likely; more than one only of agents."""

    @property
    def asks(self) -> bool:
        """It asks Claude."""
        return self.subtask.kind is Kind.CLAUDE

    @property
    def told(self) -> bool:
        """The plan's author told how long the answer will be."""
        return self.subtask.estimate.output_tokens is not None


class Survey:
    """A plan with what it is expected to take; worked out once, whatever the limits and workers are."""

    def __init__(self, plan: Plan, prices: Mapping[str, Price]) -> None:
        self.plan, self.prices = plan, prices
        expectations = Expectations(plan)
        subtasks = tuple(plan.subtasks())
        places = self.places = {s.id: place for place, s in enumerate(subtasks)}
        """Place of every subtask."""
        self.needs: tuple[tuple[int, ...], ...] = tuple(
            tuple(places[i] for i in s.depends_on if i in places) for s in subtasks
        )
        """By place in the plan: the places that must have succeeded before."""
        self.expenses = _expenses(subtasks, expectations, prices)
        """By place in the plan."""
        self.jobs = tuple(e.job for e in self.expenses)
        """The likely case; the other two follow."""
        self.quick_jobs = tuple(
            _job(e, e.seconds.low, e.input_tokens.low, e.output_tokens.low) for e in self.expenses
        )
        self.slow_jobs = tuple(
            _job(e, e.seconds.high, e.input_tokens.high, e.output_tokens.high) for e in self.expenses
        )
        self.waves = _scopes(plan)
        """Places of every wave."""
        self.ids = tuple(tuple(s.id for s in wave.subtasks) for wave in plan.waves)
        """Ids of every wave."""
        dependents: list[list[int]] = [[] for _ in subtasks]
        for place, needs in enumerate(self.needs):
            for need in needs:
                dependents[need].append(place)
        self._ranking = Ranking(subtasks, dependents, expectations)
        self._orders: dict[tuple[range, int], list[int]] = {}

    def order(self, scope: range, workers: int) -> list[int]:
        """The places of `scope` in the order in which the engine would hand them out to so many workers."""
        # Only starts that are planned ahead depend on the number of workers, and only for so few.
        key = (scope, workers if len(scope) <= MOST_SUBTASKS else 0)
        found = self._orders.get(key)
        if found is None:
            self._ranking.enter(scope, workers)
            found = self._orders[key] = sorted(scope, key=self._ranking.turn)
        return found


def _job(e: Expense, seconds: float, tokens_in: float, tokens_out: float) -> Job:
    return replace(
        e.job, seconds=max(seconds, 1e-3), input_tokens=round(tokens_in), output_tokens=round(tokens_out)
    )


def _scopes(plan: Plan) -> tuple[range, ...]:
    found, start = [], 0
    for wave in plan.waves:
        found.append(range(start, start + len(wave.subtasks)))
        start += len(wave.subtasks)
    return tuple(found)


def _expenses(
    subtasks: Sequence[Subtask], expectations: Expectations, prices: Mapping[str, Price]
) -> tuple[Expense, ...]:
    answers = {s.id: _answer(s, expectations) for s in subtasks if s.kind is Kind.CLAUDE}
    found = []
    for s in subtasks:
        expected, price = expectations.expect(s), price_of(prices, s.model)
        seconds = expected.seconds
        if s.kind is not Kind.CLAUDE:
            shares = TOLD_SHARES if s.estimate.seconds is not None else (1.0, 1.0, 1.0)
            found.append(Expense(subtask=s, job=Job(seconds), seconds=_shares(seconds, shares)))
        elif s.tools:
            found.append(_agent(s, expected, expectations.turns(s), answers, price))
        else:
            taken, given = _filled(s, expected, answers), answers[s.id]
            job = Job(seconds, family(s.model), round(taken.likely), round(given.likely))
            cost = None if price is None else _cost(price, taken, given)
            found.append(
                Expense(
                    subtask=s, job=job, seconds=_seconds(s, seconds, given),
                    input_tokens=taken, output_tokens=given, cost_usd=cost,
                )
            )  # fmt: skip
    return tuple(found)


def _agent(
    s: Subtask, expected: Expected, likely_turns: float, answers: Mapping[str, Spread], price: Price | None
) -> Expense:
    """An attempt of several turns; what the author told of it is of all of them."""
    estimate = s.estimate
    first, answer = _filled(s, expected, answers), answers[s.id]
    turns = [max(1, min(s.max_turns, round(likely_turns * share))) for share in turn_costs.TURN_SHARES]
    said = _shares(float(s.max_tokens), turn_costs.SAID_SHARES)
    if estimate.output_tokens is not None:
        said = answer
    result = turn_costs.RESULT_CHARS * expected.input_tokens_per_char
    cases = []
    for n, (prompt, between, last) in enumerate(
        zip(_cases(first), _cases(said), _cases(answer), strict=True)
    ):
        course = turn_costs.Course(
            turns=turns[n],
            first_tokens=prompt + turn_costs.TOOL_TOKENS * len(s.tools),
            said_tokens=between,
            answer_tokens=last,
            result_tokens=result,
            searches=int(WEB[0] in s.tools),
        )
        cases.append(turn_costs.conversation_cost(course, price))
    taken, given = _ordered(*(c.input_tokens for c in cases)), _ordered(*(c.output_tokens for c in cases))
    cost = None if price is None else _ordered(*(c.cost_usd or 0.0 for c in cases))
    if estimate.output_tokens is not None:
        given = _shares(float(estimate.output_tokens), TOLD_SHARES)
    if estimate.input_tokens is not None:
        taken = _shares(float(estimate.input_tokens), (1.0, 1.0, 1.0))
        cost = None if price is None else _cost(price, taken, given)
    job = Job(expected.seconds, family(s.model), round(taken.likely), round(given.likely), turns[1])
    return Expense(
        subtask=s, job=job, seconds=_seconds(s, expected.seconds, given),
        input_tokens=taken, output_tokens=given, cost_usd=cost, turns=turns[1],
    )  # fmt: skip


def _filled(s: Subtask, expected: Expected, answers: Mapping[str, Spread]) -> Spread:
    """Input of the first request: the prompt, and the answers that are filled into it."""
    taken = _shares(float(expected.input_tokens), (1.0, 1.0, 1.0))
    if s.depends_on and (s.tools or s.estimate.input_tokens is None):
        for i in _results(s):
            taken = taken.plus(answers.get(i, NOTHING))
    return taken


def _answer(s: Subtask, expectations: Expectations) -> Spread:
    """Output of one request; that of an agent's last one."""
    told = s.estimate.output_tokens
    if told is None:
        base, shares = float(s.max_tokens), GUESSED_SHARES
    else:
        base, shares = told / expectations.turns(s), TOLD_SHARES
    return Spread(*(float(max(1, min(s.max_tokens, round(base * share)))) for share in shares))


def _seconds(s: Subtask, likely_s: float, given: Spread) -> Spread:
    """As long as its answers, where nobody told how long it takes."""
    if s.estimate.seconds is not None:
        return _shares(likely_s, TOLD_SHARES)
    found = [likely_s * part / max(1.0, given.likely) for part in _cases(given)]
    if s.timeout > 0:
        found = [min(s.timeout, seconds) for seconds in found]
    return Spread(found[0], likely_s, max(likely_s, found[2]))


def _shares(base: float, shares: tuple[float, float, float]) -> Spread:
    return Spread(*(base * share for share in shares))


def _ordered(low: float, likely: float, high: float) -> Spread:
    """A longer conversation may be cheaper, once the service keeps it."""
    return Spread(min(low, likely), likely, max(likely, high))


def _cases(spread: Spread) -> tuple[float, float, float]:
    return spread.low, spread.likely, spread.high


def _results(s: Subtask) -> tuple[str, ...]:
    """Ids of subtasks whose answers are filled into the prompt."""
    used = dict.fromkeys((*names(s.prompt), *names(s.system)))
    return tuple(name[len(_RESULT) :] for name in used if name.startswith(_RESULT))


def _cost(price: Price, taken: Spread, given: Spread) -> Spread:
    pairs = zip(_cases(taken), _cases(given), strict=True)
    return Spread(*(cost_usd(price, round(i), round(o)) for i, o in pairs))
